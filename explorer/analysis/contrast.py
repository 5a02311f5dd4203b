"""How far apart two things of one kind are: pictures, codes, token maps; and how unsure a run was.

Shapes: B batch, H W pixels, h w a grid, V codes, C code dimension.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from explorer.token_maps import TokenMaps

VISIBLE = 8 / 255  # a difference of pixel values that an attentive eye sees


def moved_share(before_3HW: Tensor, after_3HW: Tensor, limit: float = VISIBLE) -> float:
    """The share of pixels, 0 to 1, of which red, green or blue differs by more than `limit`.

    Pictures in [0,1]. ValueError for pictures of different shapes.
    """
    if before_3HW.shape != after_3HW.shape:
        raise ValueError(
            f"pictures of one shape are compared, not {tuple(before_3HW.shape)} and {tuple(after_3HW.shape)}"
        )
    moved_HW = (before_3HW - after_3HW).abs().amax(0) > limit
    return float(moved_HW.double().mean())


def code_distance(codebook_VC: Tensor, first: int, second: int) -> float:
    """Euclidean distance between two codes. ValueError for numbers that are no codes."""
    V = len(codebook_VC)
    for code in (first, second):
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code < V:
            raise ValueError(f"there is no code {str(code)[:40]!r}; codes go from 0 to {V - 1}")
    return float((codebook_VC[first].double() - codebook_VC[second].double()).norm())


def differing_tokens(first: TokenMaps, second: TokenMaps) -> list[int]:
    """For each scale the number of tokens that differ. ValueError for maps of different grids."""
    if first.grids != second.grids or first.batch != second.batch:
        raise ValueError(f"token maps of one shape are compared, not {first.grids} and {second.grids}")
    return [int((a != b).sum()) for a, b in zip(first, second, strict=True)]


def mean_bits(entropies_Bhw: Iterable[Tensor]) -> float | None:
    """Mean of entropies given in nats, in bits. NaN cells were not predicted; None when no cell was."""
    values = torch.cat([entropy_Bhw.flatten().double() for entropy_Bhw in entropies_Bhw] or [torch.zeros(0)])
    known = values[~values.isnan()]
    return float(known.mean()) / math.log(2) if len(known) else None
