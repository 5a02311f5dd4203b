"""Figures of attention rows, on rows made by hand."""

import math

import pytest
import torch

from explorer.analysis.attention import centres, head_name, mean_distance, scale_shares, spread_bits

GRIDS = ((1, 1), (2, 2))
PLACES = ((1, 0, 0), (2, 0, 0), (2, 0, 1), (2, 1, 0), (2, 1, 1))  # next-scale: the first holds the class
RASTER = ((0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 0))


def test_shares_of_the_scales():
    rows = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.0], [1.0, 0, 0, 0, 0]])
    torch.testing.assert_close(
        scale_shares(rows, PLACES, 1, 2), torch.tensor([[0.1, 0.0, 0.9], [1.0, 0.0, 0.0]])
    )
    torch.testing.assert_close(
        scale_shares(torch.tensor([0.25, 0.75, 0, 0]), RASTER, 1, 1), torch.tensor([0.25, 0.75])
    )


def test_spread():
    rows = torch.tensor([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]])
    torch.testing.assert_close(spread_bits(rows), torch.tensor([0.0, 2.0, 1.0]))


def test_centres_are_on_a_picture_of_side_one():
    found = centres(PLACES, GRIDS)
    assert found[0].tolist() == [0.5, 0.5] and found[2].tolist() == [0.25, 0.75]
    assert centres(RASTER, ((2, 2),))[0].isnan().all()


def test_distance_leaves_the_class_out():
    row = torch.tensor([0.6, 0.3, 0.0, 0.0, 0.1])
    found = mean_distance(row, PLACES, GRIDS, (2, 0, 0), 1)
    assert float(found) == pytest.approx(0.25 * math.hypot(0.5, 0.5))  # a quarter of the rest, at the corner
    raster = mean_distance(torch.tensor([0.5, 0.0, 0.5, 0.0]), RASTER, ((2, 2),), (1, 0, 0), 1)
    assert float(raster) == pytest.approx(0.5)
    assert mean_distance(torch.tensor([1.0, 0, 0, 0, 0]), PLACES, GRIDS, (2, 0, 0), 1).isnan()


@pytest.mark.parametrize(
    "shares, distance, spread, name",
    [
        ([0.7, 0.1, 0.2], 0.1, 0.5, "the class"),
        ([0.1, 0.8, 0.1], 0.1, 0.5, "scale 1, near this place"),
        ([0.1, 0.1, 0.8], 0.6, 0.5, "its own map, far from this place"),
        ([0.1, 0.1, 0.8], 0.3, math.log2(5), "everything alike"),
        ([0.4, 0.3, 0.3], 0.3, 0.5, "mixed"),
    ],
)
def test_names_of_heads(shares, distance, spread, name):
    assert head_name(torch.tensor(shares), distance, spread, 5, 2) == name
