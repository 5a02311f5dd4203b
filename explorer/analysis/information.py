"""Bits: what tokens cost as they are, and how many a generator needs for them.

Shapes: B batch, K scales, V codes, h w the grid of one scale.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.token_maps import Grid

RGB_BITS = 24  # of one uncompressed pixel


@dataclass(frozen=True)
class Rate:
    """Size of one image's tokens, each stored as a plain number of log2(V) bits: no entropy coding."""

    bits_per_token: float
    tokens: tuple[int, ...]  # K
    pixels: int

    @property
    def bits(self) -> tuple[float, ...]:
        return tuple(count * self.bits_per_token for count in self.tokens)

    @property
    def total(self) -> float:
        return sum(self.bits)

    @property
    def per_pixel(self) -> float:
        return self.total / self.pixels

    @property
    def times_smaller(self) -> float:
        """Than the same picture as uncompressed 24-bit RGB."""
        return RGB_BITS * self.pixels / self.total


def rate(grids: Sequence[Grid], vocab_size: int, image_hw: Grid) -> Rate:
    """ValueError for a codebook of fewer than 2 codes: its tokens say nothing."""
    if vocab_size < 2:
        raise ValueError(
            f"a codebook of {vocab_size} code gives tokens of 0 bits, at least 2 codes are needed"
        )
    return Rate(math.log2(vocab_size), tuple(h * w for h, w in grids), image_hw[0] * image_hw[1])


def surprise(score: Sequence[Tensor]) -> list[Tensor]:
    """K tensors (B,h,w): -log2 of the likelihood of each token, in bits, from `Generator.score`.

    0 bits: the generator was certain of it. log2(V) bits: as likely as every other code. NaN stays NaN.
    """
    return [-log_likelihood / math.log(2) for log_likelihood in score]


def in_bits(nats: Tensor) -> Tensor:
    """Natural units of information, as `GenerationStep.entropy` has them, in bits. NaN stays NaN."""
    return nats / math.log(2)


def total_bits(surprise_KBhw: Sequence[Tensor]) -> Tensor:
    """(B,) float64: the bits of all tokens of each image, which is -log2 of the image's likelihood."""
    return sum(bits.double().flatten(1).sum(1) for bits in surprise_KBhw)
