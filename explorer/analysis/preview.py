"""A picture from f_hat without the decoder: one linear map per cell, fitted by least squares.

Good enough to watch an image appear; always labelled as a preview. Shapes: N images, C code dimension, h w
the grid.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

RIDGE = 1e-4  # relative; keeps the fit stable when a channel hardly varies


def fit_preview(f_hat_NChw: Tensor, image_N3HW: Tensor) -> Tensor:
    """Weights (C+1,3) of the best affine map from f_hat's channels to the mean colour of each cell.

    f_hat_NChw: final f_hats of some images. image_N3HW: those images in [0,1], or their decoded versions.
    """
    if len(f_hat_NChw) != len(image_N3HW):
        raise ValueError(f"{len(f_hat_NChw)} f_hats and {len(image_N3HW)} images; they must be pairs")
    colours = F.interpolate(image_N3HW.double(), size=f_hat_NChw.shape[-2:], mode="area")
    inputs_MC = _with_one(f_hat_NChw.double())
    targets_M3 = colours.permute(0, 2, 3, 1).reshape(-1, 3)
    normal_CC = inputs_MC.T @ inputs_MC
    penalty = RIDGE * normal_CC.diagonal().clone()
    penalty[-1] = 0  # the constant is free
    return torch.linalg.solve(normal_CC + torch.diag(penalty + 1e-12), inputs_MC.T @ targets_M3).float()


def apply_preview(f_hat_BChw: Tensor, weight: Tensor) -> Tensor:
    """Preview images (B,3,h,w) in [0,1], one pixel per cell of the finest grid."""
    B, C, h, w = f_hat_BChw.shape
    if tuple(weight.shape) != (C + 1, 3):
        raise ValueError(f"the preview weights have shape {tuple(weight.shape)}, f_hat needs {(C + 1, 3)}")
    colours_M3 = _with_one(f_hat_BChw.float()) @ weight.float()
    return colours_M3.view(B, h, w, 3).permute(0, 3, 1, 2).clamp(0, 1).contiguous()


def preview_change(f_BChw: Tensor, weight: Tensor) -> Tensor:
    """What adding f to an f_hat changes in the preview's colours, (B,3,h,w): signed, not cut off."""
    if len(weight) != f_BChw.shape[1] + 1:
        raise ValueError(
            f"the preview weights have shape {tuple(weight.shape)}, f has {f_BChw.shape[1]} channels"
        )
    return torch.einsum("bchw,cd->bdhw", f_BChw.float(), weight[:-1].float())


def _with_one(f_BChw: Tensor) -> Tensor:
    """(B*h*w, C+1): one row per cell, with a constant 1 at the end."""
    rows_MC = f_BChw.permute(0, 2, 3, 1).reshape(-1, f_BChw.shape[1])
    return torch.cat([rows_MC, torch.ones_like(rows_MC[:, :1])], dim=1)
