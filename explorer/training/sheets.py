"""Sheets of pictures: one row per tensor."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explorer.writing import written_whole


def save_sheet(rows: Sequence[Tensor], path: Path, gap: int = 2) -> None:
    """Write rows of pictures, each (B,3,H,W) in [-1,1], as one PNG on white.

    ValueError when it cannot be written.
    """
    height, width = rows[0].shape[-2:]
    columns = max(len(row) for row in rows)
    sheet = np.full((len(rows) * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        pixels = (
            ((row.float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        )
        for c, picture in enumerate(pixels):
            y, x = r * (height + gap), c * (width + gap)
            sheet[y : y + height, x : x + width] = picture
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        Image.fromarray(sheet).save(temporary)
