"""Token maps whose squares are little pictures: one sprite per map, its tiles arranged as the cells are.

Shapes: N tokens, H W pixels, d pixels of a swatch, s pixels of a tile. Cells are numbered row by row from 0.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from explorer.figures.difference import LIMITS
from explorer.token_maps import Grid

BLOCK = 8  # of a JPEG: tiles are whole blocks, so that none bleeds into its neighbour
SMALLEST, LARGEST = 3 * BLOCK, 12 * BLOCK  # a tile's side, by how many there are
SPRITE = 256  # about the side of a sprite where tiles may be between the two
QUALITY = 92
GREY = 128  # adds nothing; also what stands where there is no token
SHARE = 0.99  # of all changes lie within the limit; the rest is cut off


@dataclass(frozen=True)
class Sprite:
    """image: the tiles, (rows x side, columns x side) pixels. side: of a tile, in pixels."""

    image: Image.Image
    side: int

    @property
    def uri(self) -> str:
        buffer = io.BytesIO()
        self.image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def swatch_sprite(swatches: Mapping[int, np.ndarray], grid: Grid) -> Sprite:
    """swatches: bytes (d,d,3) by cell; a cell without one is grey."""
    return _sheet(swatches, grid)


def own_part(picture_3HW: Tensor, grid: Grid, cell: int) -> Tensor:
    """What lies under a cell, (3,h,w): the parts of all cells share the picture out without overlap."""
    h, w = grid
    i, j = divmod(cell, w)
    H, W = picture_3HW.shape[-2:]
    if H < h or W < w:
        raise ValueError(f"a picture of {H} x {W} pixels cannot be shared out among {h} x {w} cells")
    rows, columns = (
        [round(at * side / n) for at in (first, first + 1)] for first, side, n in ((i, H, h), (j, W, w))
    )
    return picture_3HW[:, slice(*rows), slice(*columns)]


def limit_of(changes: Mapping[int, Tensor]) -> float:
    """The change at the ends of the scale, one of LIMITS: 99 % of all values lie within it."""
    sizes = np.concatenate([np.zeros(1), *(change.abs().flatten().numpy() for change in changes.values())])
    largest = float(np.quantile(sizes, SHARE))
    return next((limit for limit in LIMITS if largest <= limit), LIMITS[-1])


def signed_sprite(changes: Mapping[int, Tensor], grid: Grid, limit: float) -> Sprite:
    """changes: (3,h,w) by cell, in [-1,1]. Grey is no change; each channel is drawn up or down from there."""
    tiles = {}
    for cell, change_3hw in changes.items():
        shown = GREY + (change_3hw / limit).clamp(-1, 1) * (255 - GREY)
        tiles[cell] = shown.round().byte().permute(1, 2, 0).numpy()
    return _sheet(tiles, grid)


def _sheet(tiles: Mapping[int, np.ndarray], grid: Grid) -> Sprite:
    h, w = grid
    side = min(LARGEST, max(SMALLEST, SPRITE // max(h, w) // BLOCK * BLOCK))
    sheet = Image.new("RGB", (w * side, h * side), (GREY, GREY, GREY))
    for cell, pixels_HW3 in tiles.items():
        tile = Image.fromarray(np.ascontiguousarray(pixels_HW3)).resize(
            (side, side), Image.Resampling.BICUBIC
        )
        sheet.paste(tile, (cell % w * side, cell // w * side))
    return Sprite(sheet, side)
