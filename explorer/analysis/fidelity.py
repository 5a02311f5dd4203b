"""How close a picture is to another. Images are (B,3,H,W) in [0,1]; every measure is given per image."""

import torch
import torch.nn.functional as F
from torch import Tensor

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5


def psnr(image_BCHW: Tensor, reference_BCHW: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, (B,): -10 log10 of the mean squared error. Infinite when equal."""
    _check_pair(image_BCHW, reference_BCHW)
    return -10 * (image_BCHW.double() - reference_BCHW.double()).square().mean((1, 2, 3)).log10().float()


def ssim(image_BCHW: Tensor, reference_BCHW: Tensor) -> Tensor:
    """Structural similarity, (B,), 1 when equal (Wang et al. 2004).

    Gaussian window of 11x11 with sigma 1.5, constants 0.01 and 0.03, population variances, mean over the
    three channels and all windows that lie inside the picture. Needs pictures of at least 11x11.
    """
    _check_pair(image_BCHW, reference_BCHW)
    if min(image_BCHW.shape[2:]) < SSIM_WINDOW:
        size = "x".join(str(side) for side in image_BCHW.shape[2:])
        raise ValueError(f"SSIM needs pictures of at least {SSIM_WINDOW}x{SSIM_WINDOW}, these are {size}")
    a, b = image_BCHW.double(), reference_BCHW.double()
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    var_a = _window_mean(a * a) - mean_a**2
    var_b = _window_mean(b * b) - mean_b**2
    covariance = _window_mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    return (luminance * structure).mean((1, 2, 3)).float()


def error_map(image_BCHW: Tensor, reference_BCHW: Tensor) -> Tensor:
    """(B,H,W) in [0,1]: the absolute difference, averaged over the channels."""
    _check_pair(image_BCHW, reference_BCHW)
    return (image_BCHW - reference_BCHW).abs().mean(1)


def _window_mean(x_BCHW: Tensor) -> Tensor:
    offsets = torch.arange(SSIM_WINDOW, dtype=x_BCHW.dtype) - SSIM_WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    weights = (weights / weights.sum()).expand(x_BCHW.shape[1], 1, 1, -1)
    along_x = F.conv2d(x_BCHW, weights, groups=x_BCHW.shape[1])
    return F.conv2d(along_x, weights.transpose(2, 3), groups=x_BCHW.shape[1])


def _check_pair(a: Tensor, b: Tensor) -> None:
    if a.ndim != 4 or a.shape != b.shape:
        raise ValueError(
            f"two image batches of one shape (B,3,H,W) are needed, got {tuple(a.shape)} and {tuple(b.shape)}"
        )
