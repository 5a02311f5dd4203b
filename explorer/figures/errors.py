"""How wrong each pixel is, as pictures whose grey values are read back as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

# The end of the scale is one of these, so that pictures can be compared.
LIMITS = (0.05, 0.1, 0.25, 0.5, 1.0)
WITHIN = 0.95  # of the pixels lie below the end of the scale; the others are drawn as the end


@dataclass(frozen=True)
class ErrorPictures:
    """pictures: one grey picture per scale, 0 = no error, 255 = `limit` or more. means: of the errors."""

    pictures: tuple[Image.Image, ...]
    limit: float
    means: tuple[float, ...]


def error_pictures(errors_KHW: Tensor | Sequence[Tensor]) -> ErrorPictures:
    """Errors in [0,1], (H,W) each, sizes may differ; all on one scale so that they can be compared."""
    errors = [error_HW.numpy() for error_HW in errors_KHW]
    reach = float(np.quantile(np.concatenate([error_HW.ravel() for error_HW in errors]), WITHIN))
    limit = next((limit for limit in LIMITS if reach <= limit), LIMITS[-1])
    grey = [(np.clip(error_HW / limit, 0, 1) * 255).round().astype(np.uint8) for error_HW in errors]
    means = tuple(float(error_HW.mean()) for error_HW in errors)
    return ErrorPictures(tuple(Image.fromarray(grey_HW) for grey_HW in grey), limit, means)
