"""How far a flip reaches, against brute force; which tokens stay; which code is another one."""

import itertools
import math

import pytest
import torch

from explorer.analysis.travel import (
    Place,
    affected,
    change,
    changed_tokens,
    keep_up_to,
    means_by_place,
    other_code,
    spread_places,
    written_before,
)

GRIDS = ((1, 1), (2, 2), (3, 3))


def brute_affected(before, after, threshold, cell, grid):
    _, H, W = before.shape
    (row, column), (h, w) = cell, grid
    points = [
        (y, x)
        for y, x in itertools.product(range(H), range(W))
        if max(abs(float(after[c, y, x]) - float(before[c, y, x])) for c in range(3)) > threshold
    ]
    inside = [(y, x) for y, x in points if y * h // H == row and x * w // W == column]
    my, mx = (row + 0.5) * H / h, (column + 0.5) * W / w
    away = [math.hypot(y + 0.5 - my, x + 0.5 - mx) for y, x in points]
    centre = [sum(p[n] + 0.5 for p in points) / len(points) for n in (0, 1)]
    return {
        "share": len(points) / (H * W),
        "outside": (len(points) - len(inside)) / (H * W),
        "reach": max(away),
        "offset": math.hypot(centre[0] - my, centre[1] - mx),
    }


@pytest.mark.parametrize("threshold", [0.02, 0.2, 0.6])
@pytest.mark.parametrize("cell, grid", [((0, 0), (1, 1)), ((1, 2), (2, 3)), ((3, 0), (4, 2))])
def test_affected_area_equals_a_count_by_hand(threshold, cell, grid):
    before, after = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(2)).unbind(0)
    found = affected(before, after, threshold, cell, grid)
    assert vars(found) == pytest.approx(brute_affected(before, after, threshold, cell, grid), rel=1e-5)


def test_equal_pictures_are_not_affected_and_one_pixel_is_where_it_is():
    before = torch.zeros(3, 8, 8)
    assert vars(affected(before, before, 0, (0, 0), (2, 2))) == {
        "share": 0, "outside": 0, "reach": 0, "offset": 0,
    }  # fmt: skip
    after = before.clone()
    after[1, 1, 7] = 1.0  # 5.5 right of the middle of the top left cell, half a pixel above it
    found = affected(before, after, 0.5, (0, 0), (2, 2))
    assert (found.share, found.outside) == (1 / 64, 1 / 64)
    assert found.reach == found.offset == pytest.approx(math.hypot(5.5, 0.5))
    with pytest.raises(ValueError, match="one size"):
        change(before, before[:, :4])


def test_of_many_scales_all_of_the_flipped_one_stays_of_one_scale_what_comes_before():
    kept = keep_up_to(GRIDS, Place(2, 1))
    assert [bool(one.all()) for one in kept] == [True, True, False] and not kept[2].any()
    (raster,) = keep_up_to(((2, 3),), Place(1, 3))
    assert raster.tolist() == [[True, True, True], [True, False, False]]
    assert written_before(GRIDS, Place(1, 0)) == 0
    assert written_before(GRIDS, Place(3, 8)) == 5 / 14
    assert written_before(((2, 3),), Place(1, 3)) == 0.5


def test_changed_tokens_are_counted_where_they_were_drawn():
    before = [torch.tensor([[1, 2], [3, 4]])]
    after = [torch.tensor([[9, 2], [8, 7]])]
    drawn = [torch.tensor([[False, True], [True, True]])]
    assert changed_tokens(before, after, drawn) == [[(0, 1), (2, 2)]]


@pytest.mark.parametrize("count", [2, 6, 12, 48])
def test_flips_are_spread_over_all_steps_without_repeats(count):
    places = spread_places(GRIDS, count)
    assert places == spread_places(GRIDS, count) and len(set(places)) == len(places)
    assert {place.scale for place in places} == {1, 2, 3}
    assert all(0 <= place.cell < GRIDS[place.scale - 1][0] ** 2 for place in places)
    raster = spread_places(((4, 4),), count)
    assert (raster[0].cell, raster[-1].cell) == (0, 15) and len(raster) == min(count, 16)
    assert [place.cell for place in raster] == sorted({place.cell for place in raster})


def test_means_of_flips_at_one_place():
    assert means_by_place([0.5, 0.0, 0.5], [1.0, 0.25, 0.0]) == [(0.0, 0.25), (0.5, 0.5)]


def test_another_code_is_never_the_same():
    codebook = torch.tensor([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [9.0, 0.0]])
    assert other_code(codebook, 1, "nearest") == 0 and other_code(codebook, 1, "farthest") == 3
    drawn = {other_code(codebook, 2, "random", seed) for seed in range(60)}
    assert drawn == {0, 1, 3}
    assert other_code(codebook, 2, "random", 7) == other_code(codebook, 2, "random", 7)
    with pytest.raises(ValueError, match="not 'sideways'"):
        other_code(codebook, 0, "sideways")
    with pytest.raises(ValueError, match="no other code"):
        other_code(codebook[:1], 0, "random")
