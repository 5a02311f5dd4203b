"""PSNR and SSIM against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from explorer.analysis.fidelity import error_map, psnr, ssim


def pair(height: int = 40, width: int = 52):
    draw = torch.Generator().manual_seed(0)
    a = torch.rand(3, 3, height, width, generator=draw)
    a = torch.nn.functional.avg_pool2d(a, 3, 1, 1)
    noise = torch.randn(a.shape, generator=draw) * torch.tensor([0.01, 0.05, 0.2]).view(3, 1, 1, 1)
    return a, (a + noise).clamp(0, 1)


def as_numpy(image_CHW: torch.Tensor) -> np.ndarray:
    return image_CHW.permute(1, 2, 0).double().numpy()


def test_psnr_equals_scikit_image():
    a, b = pair()
    for row, value in enumerate(psnr(b, a)):
        assert value.item() == pytest.approx(
            peak_signal_noise_ratio(as_numpy(a[row]), as_numpy(b[row]), data_range=1), abs=1e-4
        )
    assert psnr(a, a).isinf().all()


@pytest.mark.parametrize("size", [(40, 52), (11, 11), (64, 64)])
def test_ssim_equals_scikit_image(size):
    a, b = pair(*size)
    for row, value in enumerate(ssim(b, a)):
        expected = structural_similarity(
            as_numpy(a[row]),
            as_numpy(b[row]),
            data_range=1,
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert value.item() == pytest.approx(expected, abs=1e-5)
    assert torch.allclose(ssim(a, a), torch.ones(3))


def test_error_map():
    a, b = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    b[0, 0, 1, 0] = 0.6
    assert torch.allclose(error_map(a, b), torch.tensor([[[0.0, 0.0], [0.2, 0.0]]]))


def test_sizes_are_checked():
    a, b = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9)
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\).*\(1, 3, 8, 9\)"):
        psnr(a, b)
    with pytest.raises(ValueError, match="11x11.*8x8"):
        ssim(a, a)
