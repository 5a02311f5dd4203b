"""A colour for every code: similar codes look similar.

The first three principal components of the codebook become the three axes of OKLab, a colour space in which
equal distances look equally different (Ottosson 2020). Lightness stays between 35 and 80 %, so that
outlines show on every colour. Shapes: V codes, C code dimension.
"""

import torch
from torch import Tensor

from explorer.analysis.projection import principal_components

LIGHTNESS = (0.35, 0.80)
CHROMA = 0.1  # calm beside a photo, and inside sRGB for nearly all hues at these lightnesses

# Ottosson 2020, https://bottosson.github.io/posts/oklab/
_LAB_TO_LMS = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_LMS_TO_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def codebook_colours(codebook_VC: Tensor) -> Tensor:
    """sRGB bytes (V,3) for the codes.

    Each principal component is squashed by the normal distribution function of its own spread, so that a
    handful of outliers does not push all other codes into grey; equal codes get equal colours and the order
    along each component is kept. The result depends on the codebook alone (components have a fixed sign).
    """
    scores_V3 = principal_components(codebook_VC, 3).scores
    spread_3 = scores_V3.square().mean(0).sqrt()
    # A component without spread carries no information: its axis stays at the middle.
    relative_V3 = torch.where(
        spread_3 > 1e-12, scores_V3 / spread_3.clamp_min(1e-12), torch.zeros_like(scores_V3)
    )
    share_V3 = torch.erf(relative_V3 / 2**0.5)  # -1..1
    low, high = LIGHTNESS
    lab_V3 = share_V3 * torch.tensor([(high - low) / 2, CHROMA, CHROMA], dtype=torch.float64)
    lab_V3[:, 0] += (low + high) / 2
    return _encode_srgb(oklab_to_linear_rgb(_into_gamut(lab_V3)))


def oklab_to_linear_rgb(lab_V3: Tensor) -> Tensor:
    """Linear sRGB (V,3); values outside [0,1] are colours that sRGB does not have."""
    lms_V3 = lab_V3 @ torch.tensor(_LAB_TO_LMS, dtype=lab_V3.dtype).T
    return lms_V3**3 @ torch.tensor(_LMS_TO_RGB, dtype=lab_V3.dtype).T


def _into_gamut(lab_V3: Tensor) -> Tensor:
    """Lower the chroma of colours that sRGB lacks, no more than needed; lightness and hue stay."""
    fits_V = torch.where(_is_srgb(lab_V3), 1.0, 0.0).to(lab_V3.dtype)  # greys always fit: factor 0
    misses_V = torch.ones_like(fits_V)
    for _ in range(16):
        middle_V = (fits_V + misses_V) / 2
        good_V = _is_srgb(_with_chroma(lab_V3, middle_V))
        fits_V, misses_V = torch.where(good_V, middle_V, fits_V), torch.where(good_V, misses_V, middle_V)
    return _with_chroma(lab_V3, fits_V)


def _with_chroma(lab_V3: Tensor, factor_V: Tensor) -> Tensor:
    return torch.cat([lab_V3[:, :1], lab_V3[:, 1:] * factor_V[:, None]], dim=1)


def _is_srgb(lab_V3: Tensor) -> Tensor:
    rgb_V3 = oklab_to_linear_rgb(lab_V3)
    return ((rgb_V3 >= 0) & (rgb_V3 <= 1)).all(1)


def _encode_srgb(linear_V3: Tensor) -> Tensor:
    linear_V3 = linear_V3.clamp(0, 1)
    encoded = torch.where(linear_V3 <= 0.0031308, 12.92 * linear_V3, 1.055 * linear_V3 ** (1 / 2.4) - 0.055)
    return (encoded * 255).round().to(torch.uint8)
