"""Pictures as data URIs, so that one message to the page carries everything it shows."""

import base64
import io

import numpy as np
from PIL import Image
from torch import Tensor

EXACT_PIXELS = 256 * 256  # up to here PNG: exact, and small enough


def data_uri(image_3HW: Tensor) -> str:
    """One picture (3,H,W) in [0,1] as a data URI: PNG up to 256 x 256 pixels, JPEG above."""
    pixels = (image_3HW.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return picture_uri(Image.fromarray(pixels))


def bytes_uri(pixels_HW3: np.ndarray) -> str:
    """One picture of bytes (H,W,3) as a data URI."""
    return picture_uri(Image.fromarray(pixels_HW3))


def picture_uri(picture: Image.Image) -> str:
    exact = picture.width * picture.height <= EXACT_PIXELS
    kind, options = ("PNG", {"compress_level": 3}) if exact else ("JPEG", {"quality": 92})
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
