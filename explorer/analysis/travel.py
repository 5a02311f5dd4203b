"""How far a flipped token reaches: which pixels and tokens change, and how far away from it.

Shapes: K scales, h w a grid, H W the picture. Scales count from 1, cells from 0, row by row.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.neighbours import nearest_codes
from explorer.token_maps import Grid

PLACES_SEED = 5


@dataclass(frozen=True)
class Affected:
    """What changed between two pictures.

    share: of all pixels, 0 to 1, that changed: one of their three channels by more than the threshold.
    outside: share of all pixels, 0 to 1, that changed although they lie outside the token's own cell.
    reach: pixels from the middle of the token's cell to the farthest changed pixel; 0 without any.
    offset: pixels from the middle of the token's cell to the centroid of the changed pixels.
    """

    share: float
    outside: float
    reach: float
    offset: float


@dataclass(frozen=True)
class Place:
    """One token of a picture: scale from 1, cell from 0 within the scale's map, row by row."""

    scale: int
    cell: int


def affected(
    before_3HW: Tensor, after_3HW: Tensor, threshold: float, cell: tuple[int, int], grid: Grid
) -> Affected:
    """Pictures in [0,1] of one size; threshold in the same unit; cell (row, column) of the flipped token."""
    changed_HW = change(before_3HW, after_3HW) > threshold
    H, W = changed_HW.shape
    (row, column), (h, w) = cell, grid
    y_HW, x_HW = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    middle_y, middle_x = (row + 0.5) * H / h, (column + 0.5) * W / w
    inside_HW = ((y_HW - middle_y).abs() < H / h / 2) & ((x_HW - middle_x).abs() < W / w / 2)
    count = int(changed_HW.sum())
    if not count:
        return Affected(0.0, 0.0, 0.0, 0.0)
    y_N, x_N = y_HW[changed_HW].double(), x_HW[changed_HW].double()
    return Affected(
        share=count / (H * W),
        outside=int((changed_HW & ~inside_HW).sum()) / (H * W),
        reach=float(torch.hypot(y_N - middle_y, x_N - middle_x).max()),
        offset=math.hypot(float(y_N.mean()) - middle_y, float(x_N.mean()) - middle_x),
    )


def change(before_3HW: Tensor, after_3HW: Tensor) -> Tensor:
    """(H,W): the largest absolute difference among the three channels."""
    if before_3HW.shape != after_3HW.shape or before_3HW.ndim != 3:
        raise ValueError(
            f"two pictures (3,H,W) of one size are needed, got {tuple(before_3HW.shape)} and "
            f"{tuple(after_3HW.shape)}"
        )
    return (after_3HW - before_3HW).abs().amax(0)


def keep_up_to(grids: Sequence[Grid], place: Place) -> list[Tensor]:
    """K bool maps: what stays when everything after a token is drawn again.

    With many scales a map is drawn at once, so all of the token's own scale stays. With one scale (raster)
    the token and what comes before it stay.
    """
    if len(grids) > 1:
        return [torch.full(grid, k <= place.scale) for k, grid in enumerate(grids, start=1)]
    h, w = grids[0]
    return [(torch.arange(h * w) <= place.cell).view(h, w)]


def changed_tokens(
    before_Khw: Sequence[Tensor], after_Khw: Sequence[Tensor], drawn_Khw: Sequence[Tensor]
) -> list[list[tuple[int, int]]]:
    """Per scale and row: (tokens that differ, tokens drawn), counted where `drawn` is True."""
    return [
        [
            (int(((a != b) & drawn).sum()), int(drawn.sum()))
            for a, b, drawn in zip(before_hw, after_hw, drawn_hw, strict=True)
        ]
        for before_hw, after_hw, drawn_hw in zip(before_Khw, after_Khw, drawn_Khw, strict=True)
    ]


def written_before(grids: Sequence[Grid], place: Place) -> float:
    """Share of the picture's tokens, 0 to 1, that are known before the step that draws this one.

    With many scales these are the tokens of coarser scales, with one scale the earlier tokens.
    """
    sizes = [h * w for h, w in grids]
    before = sum(sizes[: place.scale - 1]) if len(grids) > 1 else place.cell
    return before / sum(sizes)


def spread_places(grids: Sequence[Grid], count: int) -> list[Place]:
    """About `count` tokens, evenly over the steps, in their order; the same every time.

    With many scales every scale gets count / K of its cells, drawn at random without repeats (fewer where it
    has fewer); with one scale the tokens are evenly spaced from the first to the last.
    """
    if len(grids) == 1:
        last = grids[0][0] * grids[0][1] - 1
        cells = np.linspace(0, last, min(count, last + 1)).round().astype(int)
        return [Place(1, int(cell)) for cell in dict.fromkeys(cells)]
    draw = np.random.default_rng(PLACES_SEED)
    each = max(1, round(count / len(grids)))
    places = []
    for k, (h, w) in enumerate(grids, start=1):
        cells = np.sort(draw.choice(h * w, size=min(each, h * w), replace=False))
        places += [Place(k, int(cell)) for cell in cells]
    return places


def means_by_place(places: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    """(place, mean of its values), by place: several flips at one place of the sequence become one point."""
    found: dict[float, list[float]] = {}
    for place, value in zip(places, values, strict=True):
        found.setdefault(place, []).append(value)
    return [(place, sum(found[place]) / len(found[place])) for place in sorted(found)]


def other_code(codebook_VC: Tensor, code: int, how: str, seed: int = 0) -> int:
    """A code other than this one: how = "random" (a function of seed and code), "nearest", "farthest".

    Distances are Euclidean between codes. ValueError for another word or a codebook of one code.
    """
    V = len(codebook_VC)
    if V < 2:
        raise ValueError(f"a codebook of {V} code has no other code")
    if how == "random":
        drawn = int(np.random.default_rng([seed, code]).integers(V - 1))
        return drawn + (drawn >= code)
    if how not in ("nearest", "farthest"):
        raise ValueError(f"another code is found by random, nearest or farthest, not {how!r}")
    ids_1N, _ = nearest_codes(codebook_VC, [code], V - 1)
    return int(ids_1N[0, 0 if how == "nearest" else -1])
