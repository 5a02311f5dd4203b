"""The contact sheet: every picture in its place, enlarged smoothly."""

import numpy as np
import pytest
from PIL import Image

from explorer.figures.contact_sheet import GAP, LINE, MARGIN, Tile, captioned_sheet, contact_sheet


def test_pictures_stand_in_their_rows():
    colours = [["red", "lime"], ["blue", "black"], ["gray", "cyan"]]
    rows = [[Image.new("RGB", (20, 10), colour) for colour in row] for row in colours]
    sheet = contact_sheet(rows, ["a", "garbage_truck", "c"], zoom=3)
    assert sheet.height == 3 * 30 + 2 * GAP
    pixels = np.asarray(sheet)
    left = sheet.width - 2 * (60 + GAP)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            y, x = r * (30 + GAP), left + c * (60 + GAP)
            assert (pixels[y : y + 30, x : x + 60] == np.asarray(picture)[0, 0]).all()
    label = pixels[30 + GAP : 60 + GAP, :left]
    assert label.min() < 128  # the name stands left of its row


def test_uneven_rows_are_refused():
    picture = Image.new("RGB", (8, 8))
    with pytest.raises(ValueError, match="2 names for 1 rows"):
        contact_sheet([[picture]], ["a", "b"])
    with pytest.raises(ValueError, match=r"\[1, 2\]"):
        contact_sheet([[picture], [picture, picture]], ["a", "b"])


def test_captioned_pictures_stand_under_their_token_maps():
    colours = ["#ff0000", "#00ff00", "#0000ff"]
    tiles = [
        Tile(
            Image.new("RGB", (64, 32), colour), ["Scale 1", "3 ms"], [["#111111", None], [colour, "#222222"]]
        )
        for colour in colours
    ]
    sheet = captioned_sheet(tiles, "A run", columns=2)
    pixels = np.asarray(sheet)
    step, top, height = 192 + MARGIN, 2 * MARGIN + LINE, 96
    row = 2 * height + MARGIN // 2 + 2 * LINE + MARGIN
    assert sheet.size == (MARGIN + 2 * step, top + 2 * row)
    for n, colour in enumerate(colours):
        x, y = MARGIN + n % 2 * step, top + n // 2 * row
        assert (pixels[y : y + 48, x : x + 96] == 0x11).all()  # the first token
        expected = tuple(bytes.fromhex(colour[1:]))
        assert (pixels[y + 48 : y + 96, x : x + 96] == expected).all()  # the token below it
        unknown = pixels[y : y + 48, x + 96 : x + 192]
        assert (unknown == 255).all(2).any() and (unknown != 255).any()  # white with a cross
        below = y + height + MARGIN // 2
        assert (pixels[below : below + height, x : x + 192] == expected).all()
        assert pixels[below + height : below + height + 2 * LINE, x : x + 192].min() < 128  # the caption
    assert pixels[MARGIN : MARGIN + LINE].min() < 128  # the title
    assert (pixels[top + row :, MARGIN + step :] == 255).all()  # no fourth tile


def test_a_long_title_is_cut_and_no_tiles_are_refused():
    tile = Tile(Image.new("RGB", (64, 64)), ["x" * 200])
    sheet = captioned_sheet([tile], "t" * 400)
    assert sheet.width < 300
    assert (np.asarray(sheet)[:, -2:] == 255).all()  # nothing runs into the edge
    with pytest.raises(ValueError, match="at least one picture"):
        captioned_sheet([], "none")
