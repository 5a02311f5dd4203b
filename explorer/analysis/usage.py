"""Which codes are used, how often, at which scale.

"Codebook usage" has several definitions; each number here says which one it is and over how many tokens it
was
counted: n tokens cannot touch more than n codes. Shapes: K scales, V codes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.token_maps import TokenMaps


def count_tokens(maps: Iterable[TokenMaps], vocab_size: int) -> Tensor:
    """Counts (K,V) int64 of every id at every scale, over all images; unknown tokens (-1) are not counted.

    Counts of two sets of images add up to those of both. ValueError for ids >= vocab_size, maps with
    another number of scales than the first, or no maps at all.
    """
    counts_KV = None
    for one in maps:
        if counts_KV is None:
            counts_KV = torch.zeros(len(one), vocab_size, dtype=torch.int64)
        if len(one) != len(counts_KV):
            raise ValueError(f"maps with {len(one)} scales among maps with {len(counts_KV)} scales")
        for k, ids in enumerate(one):
            known = ids[ids >= 0]
            if known.numel() and known.max() >= vocab_size:
                raise ValueError(
                    f"scale {k + 1} holds the id {int(known.max())}, the codebook has {vocab_size} codes"
                )
            counts_KV[k] += torch.bincount(known, minlength=vocab_size)
    if counts_KV is None:
        raise ValueError("no token maps were given, at least 1 is needed")
    return counts_KV


@dataclass(frozen=True)
class Usage:
    """How a set of tokens uses a codebook."""

    tokens: int  # how many tokens were counted
    vocab_size: int
    distinct: int  # codes that occur at least once among these tokens
    perplexity: (
        float  # exp(entropy) of the code frequencies: the size of an evenly used codebook as diverse as this
    )

    @property
    def dead(self) -> int:
        """Codes that do not occur among these tokens; another set of images may use them."""
        return self.vocab_size - self.distinct

    @property
    def share(self) -> float:
        """distinct / vocab_size."""
        return self.distinct / self.vocab_size

    def __str__(self) -> str:
        return (
            f"{self.distinct} of {self.vocab_size} codes occur at least once in {self.tokens} tokens "
            f"(perplexity {self.perplexity:.0f})"
        )


def usage(counts_V: Tensor) -> Usage:
    """Of one row of counts (V), or of the sum over scales: `usage(counts_KV.sum(0))`. 0 without tokens."""
    tokens = int(counts_V.sum())
    shares = counts_V[counts_V > 0].double() / max(tokens, 1)
    perplexity = float(torch.exp(-(shares * shares.log()).sum())) if tokens else 0.0
    return Usage(tokens, len(counts_V), int((counts_V > 0).sum()), perplexity)


def usage_by_scale(counts_KV: Tensor) -> list[Usage]:
    return [usage(counts_V) for counts_V in counts_KV]


def scale_preference(counts_KV: Tensor) -> Tensor:
    """(V,) float32: the mean scale (from 1) at which a code occurs; NaN for a code that never does.

    Every scale weighs the same. Finer scales hold many more tokens, so frequencies within each scale are
    compared, not counts.
    """
    frequency_KV = counts_KV.double() / counts_KV.sum(1, keepdim=True).clamp_min(1)
    scales_K = torch.arange(1, len(counts_KV) + 1, dtype=torch.float64)
    return ((scales_K @ frequency_KV) / frequency_KV.sum(0)).float()
