"""Pictures made of numbers."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.figures.difference import difference, diverging, gradient
from explorer.figures.images import data_uri


def read(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_small_pictures_are_exact_and_large_ones_jpeg():
    image = torch.rand(3, 16, 24)
    shown = np.asarray(read(data_uri(image)))
    assert np.array_equal(shown, (image * 255).round().byte().permute(1, 2, 0).numpy())
    assert read(data_uri(torch.rand(3, 300, 300))).format == "JPEG"


def test_the_difference_is_signed_and_its_scale_fits():
    before, after = torch.full((3, 4, 4), 0.5), torch.full((3, 4, 4), 0.5)
    after[:, 0, 0] += 0.2
    after[:, 3, 3] -= 0.2
    found = difference(before, after)
    assert found.limit == 0.25 and found.mean == pytest.approx(2 * 0.2 / 16)
    lighter, darker, same = found.pixels[0, 0].astype(int), found.pixels[3, 3].astype(int), found.pixels[1, 1]
    assert lighter[0] > lighter[2] and darker[2] > darker[0] and np.ptp(same) <= 4
    assert difference(before, before).mean == 0


def test_the_scale_ends_at_its_anchors_and_the_legend_names_them():
    ends = diverging(np.array([[-9.0, -1.0, 0.0, 1.0]]))[0].tolist()
    assert (
        ends[0] == ends[1] and f"rgb{tuple(ends[0])}" in gradient() and f"rgb{tuple(ends[3])}" in gradient()
    )


def test_two_sizes_cannot_be_compared():
    with pytest.raises(ValueError, match="one size"):
        difference(torch.zeros(3, 4, 4), torch.zeros(3, 5, 4))
