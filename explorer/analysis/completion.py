"""Completing a picture of which a part is kept: what a generator could see, and how well the parts meet.

A next-scale model predicts a whole map from all coarser maps, so of the kept tokens it sees those of coarser
scales; those of its own scale are put in afterwards. A raster model sees what comes earlier in raster order.

Shapes: K scales, h w a grid, H W the picture. Masks are bool, True = kept. Steps and scales count from 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.token_maps import Grid


@dataclass(frozen=True)
class StepView:
    """What was in view at one step that drew something.

    drawn: tokens that this step drew and that stayed. seen: kept tokens in view. area: share of the kept part
    of the picture over which at least one kept token was in view, 0 to 1.
    """

    step: int
    scale: int
    drawn: int
    seen: int
    area: float


@dataclass(frozen=True)
class Seam:
    """Mean absolute jump of colour between neighbouring pixels on either side of the seam, in 0 to 1.

    jump: in the completed picture. original: in the picture that the same tokenizer makes of the source's own
    tokens. ratio: jump / original; None where the original has no jump at all.
    """

    jump: float
    original: float
    ratio: float | None


def on_grid(mask_hw: Tensor, grid: Grid) -> Tensor:
    """The mask on another grid (h,w): a cell is kept where the middle of it is."""
    return F.interpolate(mask_hw[None, None].float(), size=grid, mode="nearest-exact")[0, 0] > 0.5


def next_scale_views(masks_Khw: Sequence[Tensor]) -> list[StepView]:
    """One entry per scale that draws anything."""
    finest_hw = masks_Khw[-1]
    covered_hw = torch.zeros_like(finest_hw)
    views, seen = [], 0
    for k, mask_hw in enumerate(masks_Khw, start=1):
        drawn = int((~mask_hw).sum())
        if drawn:
            views.append(StepView(k, k, drawn, seen, _share(covered_hw, finest_hw)))
        seen += int(mask_hw.sum())
        covered_hw = covered_hw | on_grid(mask_hw, tuple(finest_hw.shape))
    return views


def raster_views(mask_hw: Tensor) -> list[StepView]:
    """One entry per token that is drawn, in raster order."""
    kept_N = mask_hw.flatten()
    before_N = kept_N.long().cumsum(0) - kept_N.long()
    total = max(int(kept_N.sum()), 1)
    return [
        StepView(n + 1, 1, 1, int(before_N[n]), int(before_N[n]) / total)
        for n in range(len(kept_N))
        if not kept_N[n]
    ]


def mean_view(views: Sequence[StepView], kept: int) -> tuple[float, float]:
    """Means over all drawn tokens, 0 to 1: share of the `kept` tokens in view, share of the kept part."""
    drawn = sum(view.drawn for view in views)
    if not drawn or not kept:
        raise ValueError(f"{drawn} tokens are drawn and {kept} kept; both must be at least 1")
    tokens = sum(view.drawn * view.seen for view in views) / (drawn * kept)
    return tokens, sum(view.drawn * view.area for view in views) / drawn


def seam(image_3HW: Tensor, original_3HW: Tensor, mask_hw: Tensor) -> Seam:
    """How visible the border between the kept and the drawn part is. Pictures in [0,1], of one size."""
    _check_pair(image_3HW, original_3HW)
    kept_HW = on_grid(mask_hw, tuple(image_3HW.shape[1:]))
    jump, original = _jump(image_3HW, kept_HW), _jump(original_3HW, kept_HW)
    return Seam(jump, original, jump / original if original > 0 else None)


def kept_change(image_3HW: Tensor, original_3HW: Tensor, mask_hw: Tensor) -> float:
    """Mean absolute difference of two pictures in [0,1] over the kept part, 0 to 1."""
    _check_pair(image_3HW, original_3HW)
    kept_HW = on_grid(mask_hw, tuple(image_3HW.shape[1:]))
    return float((image_3HW - original_3HW).abs()[:, kept_HW].double().mean())


def _jump(image_3HW: Tensor, kept_HW: Tensor) -> float:
    """Over all pairs of neighbours (right, below) of which exactly one is kept. ValueError without any."""
    image_3HW = image_3HW.double()
    across = (image_3HW[:, :, 1:] - image_3HW[:, :, :-1]).abs()[:, kept_HW[:, 1:] != kept_HW[:, :-1]]
    down = (image_3HW[:, 1:] - image_3HW[:, :-1]).abs()[:, kept_HW[1:] != kept_HW[:-1]]
    jumps = torch.cat([across.flatten(), down.flatten()])
    if not len(jumps):
        raise ValueError("there is no seam: all of the picture is kept, or nothing")
    return float(jumps.mean())


def _share(part_hw: Tensor, of_hw: Tensor) -> float:
    return int((part_hw & of_hw).sum()) / max(int(of_hw.sum()), 1)


def _check_pair(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(f"two pictures of one size are needed, got {tuple(a.shape)} and {tuple(b.shape)}")
