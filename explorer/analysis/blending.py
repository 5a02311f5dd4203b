"""A picture of which only a part was drawn again: what lies outside keeps its pixels.

Kept tokens are exact, kept pixels are not: a decoder looks at neighbouring cells, and a coarse token that was
drawn anew reaches the whole picture. So the new picture is laid over the old one inside the part only.

Shapes: H W pixels, h w the finest grid; pictures are (3,H,W) in [0,1], masks bool with True = kept.
"""

from dataclasses import dataclass

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from explorer.analysis.completion import on_grid

VISIBLE = 8 / 255  # a pixel that moves by more than this in any channel counts as changed


@dataclass(frozen=True, eq=False)
class Blend:
    """picture_3HW: the old one outside, the new one inside. feather: pixels over which the new one fades in.

    changed_outside: share of the outside pixels that the new picture itself moves by more than `VISIBLE`.
    """

    picture_3HW: Tensor
    feather: int
    changed_outside: float


def blend(before_3HW: Tensor, after_3HW: Tensor, kept_hw: Tensor) -> Blend:
    """Outside the drawn part every pixel is exactly the old one; the seam lies inside, half a cell wide.

    ValueError for pictures of two sizes, or a mask that keeps all or nothing.
    """
    if before_3HW.shape != after_3HW.shape:
        raise ValueError(
            f"pictures of one size are blended, not {tuple(before_3HW.shape)} and {tuple(after_3HW.shape)}"
        )
    if bool(kept_hw.all()) or not bool(kept_hw.any()):
        raise ValueError("a blend needs a part that is kept and a part that is drawn")
    H, W = before_3HW.shape[1:]
    feather = min(H // kept_hw.shape[0], W // kept_hw.shape[1]) // 2
    kept_HW = on_grid(kept_hw, (H, W))
    weight_HW = inside_weight(kept_HW, feather)
    picture = torch.where(kept_HW, before_3HW, before_3HW + weight_HW * (after_3HW - before_3HW))
    moved_HW = (after_3HW - before_3HW).abs().amax(0) > VISIBLE
    return Blend(picture, feather, float(moved_HW[kept_HW].float().mean()))


def inside_weight(kept_HW: Tensor, feather: int) -> Tensor:
    """(H,W) float32: 0 where kept; inside it rises by equal steps over `feather` pixels to 1."""
    distance_HW = torch.from_numpy(distance_transform_edt(~kept_HW.numpy())).float()
    return (distance_HW / (feather + 1)).clamp_max(1)
