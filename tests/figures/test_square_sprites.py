"""Sprites of token maps: tiles where the cells are, grey for no change."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.figures.squares import GREY, limit_of, own_part, signed_sprite, swatch_sprite


def tile(sprite, cell: int, columns: int) -> np.ndarray:
    side = sprite.side
    i, j = divmod(cell, columns)
    pixels = np.asarray(sprite.image)
    return pixels[i * side : (i + 1) * side, j * side : (j + 1) * side].astype(int)


def test_every_swatch_lies_where_its_cell_is_and_an_empty_cell_is_grey():
    colours = {0: (250, 0, 0), 4: (0, 240, 0), 5: (0, 0, 230)}
    swatches = {cell: np.full((8, 8, 3), colour, np.uint8) for cell, colour in colours.items()}
    sprite = swatch_sprite(swatches, (2, 3))
    assert sprite.image.size == (3 * sprite.side, 2 * sprite.side)
    for cell in range(6):
        assert (tile(sprite, cell, 3) == colours.get(cell, (GREY,) * 3)).all()
    sent = Image.open(io.BytesIO(base64.b64decode(sprite.uri.partition(",")[2])))
    assert np.abs(np.asarray(sent).astype(int) - np.asarray(sprite.image).astype(int)).max() < 4


@pytest.mark.parametrize("grid", [(1, 1), (8, 8), (13, 13), (32, 32), (2, 5)])
def test_tiles_are_whole_blocks_of_a_jpeg(grid):
    side = swatch_sprite({}, grid).side
    assert side % 8 == 0 and 24 <= side <= 96


@pytest.mark.parametrize("grid", [(1, 1), (3, 3), (6, 6), (2, 5)])
def test_the_parts_of_all_cells_are_the_picture(grid):
    h, w = grid
    picture = torch.rand(3, 16, 20)
    rows = [torch.cat([own_part(picture, grid, i * w + j) for j in range(w)], 2) for i in range(h)]
    assert torch.equal(torch.cat(rows, 1), picture)


def test_more_cells_than_pixels_are_refused():
    with pytest.raises(ValueError, match="4 x 4 pixels .* 6 x 6 cells"):
        own_part(torch.zeros(3, 4, 4), (6, 6), 0)


def test_changes_go_up_and_down_from_grey():
    changes = {0: torch.full((3, 4, 4), 0.0999), 1: torch.full((3, 4, 4), -0.05), 3: torch.zeros(3, 4, 4)}
    assert limit_of(changes) == 0.1
    sprite = signed_sprite(changes, (2, 2), 0.1)
    means = [tile(sprite, cell, 2).mean() for cell in range(4)]
    assert means[0] == pytest.approx(255, abs=1) and means[1] == pytest.approx(GREY - 63.5, abs=1)
    assert means[2] == means[3] == GREY


def test_a_rare_strong_change_does_not_flatten_the_others():
    change = torch.full((3, 20, 20), 0.04)
    change[0, 0, 0] = 0.9
    assert limit_of({0: change}) == 0.05
    assert limit_of({}) == 0.05
