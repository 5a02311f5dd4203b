"""What authors did to their training pictures, further ways than those of images.py: named by what they do.

Both scale the picture so that it just covers the target and cut out the centre. The authors give it for
squares; for rectangles the side that is scarcer takes the place of the shorter side. Sizes are (H, W).
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from explorer.tokenizers.images import MAX_PIXELS, Size


def covering_lanczos(rgb: Image.Image, size: Size) -> Image.Image:
    """DALL-E (MODELS.md 5): Lanczos. Smaller pictures, which the authors refuse, are enlarged alike."""
    H, W = size
    h, w = _covering(rgb, size)
    rgb = rgb.resize((w, h), Image.Resampling.LANCZOS)
    return _cut(rgb, round((h - H) / 2), round((w - W) / 2), size)


def covering_bilinear(rgb: Image.Image, size: Size) -> Image.Image:
    """VQGAN (MODELS.md 4.2): OpenCV's bilinear, which looks at four pixels however much it shrinks.

    Written from the description, against no reference: OpenCV's fixed-point rounding may differ by one.
    """
    h, w = _covering(rgb, size)
    if (h, w) != (rgb.height, rgb.width):
        pixels_1CHW = torch.from_numpy(np.array(rgb)).permute(2, 0, 1).unsqueeze(0).float()
        pixels_1CHW = F.interpolate(pixels_1CHW, (h, w), mode="bilinear", align_corners=False)
        rgb = Image.fromarray(pixels_1CHW[0].round().byte().permute(1, 2, 0).numpy())
    return _cut(rgb, (h - size[0]) // 2, (w - size[1]) // 2, size)


def stretched_bilinear(rgb: Image.Image, size: Size) -> Image.Image:
    """ViT-VQGAN's validation (VITVQGAN.md 3.1): exactly the target's size, the proportions are not kept."""
    H, W = size
    return rgb.resize((W, H), Image.Resampling.BILINEAR)


def _covering(rgb: Image.Image, size: Size) -> Size:
    """The picture's size once it just covers the target; ValueError where that is huge."""
    H, W = size
    scale = max(H / rgb.height, W / rgb.width)
    h, w = max(H, round(rgb.height * scale)), max(W, round(rgb.width * scale))
    if h * w > MAX_PIXELS:
        raise ValueError(
            f"a picture of {rgb.width} x {rgb.height} pixels is too elongated for the reference "
            f"preprocessing, which would resize it to {w} x {h}; use crop or letterbox"
        )
    return h, w


def _cut(rgb: Image.Image, top: int, left: int, size: Size) -> Image.Image:
    return rgb.crop((left, top, left + size[1], top + size[0]))
