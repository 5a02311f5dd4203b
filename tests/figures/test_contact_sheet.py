"""The contact sheet: every picture in its place, enlarged smoothly."""

import numpy as np
import pytest
from PIL import Image

from explorer.figures.contact_sheet import GAP, contact_sheet


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
