"""What orders do to neighbours: figures equal counts made cell by cell."""

import statistics

import pytest
import torch

from explorer import orders
from explorer.analysis import scan_orders as figures

GRIDS = [(1, 1), (1, 5), (4, 4), (8, 8), (16, 16), (5, 7), (3, 8), (8, 3), (6, 6), (9, 4), (2, 32)]
NAMES = (*orders.SCAN_ORDERS, orders.RANDOM)


def places(name: str, h: int, w: int) -> list[tuple[int, int]]:
    return [divmod(cell, w) for cell in orders.scan_order(name, h, w).tolist()]


def across(i: int, j: int, h: int, w: int) -> list[tuple[int, int]]:
    near = [(i - 1, j), (i, j - 1), (i, j + 1), (i + 1, j)]
    return [(y, x) for y, x in near if 0 <= y < h and 0 <= x < w]


def around(i: int, j: int, h: int, w: int) -> list[tuple[int, int]]:
    near = [(i + y, j + x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
    return [(y, x) for y, x in near if 0 <= y < h and 0 <= x < w]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("h", "w"), [(1, 5), (4, 4), (8, 8), (5, 7), (6, 3)])
def test_figures_equal_counts_made_cell_by_cell(name, h, w):
    path = places(name, h, w)
    when = {place: t for t, place in enumerate(path)}
    distances = []
    for i in range(h):
        for j in range(w):
            distances += [abs(when[i, j] - when[near]) for near in across(i, j, h, w) if near > (i, j)]
    found = figures.locality(orders.steps_of(orders.scan_order(name, h, w), h, w))
    assert sorted(found.distances_E.tolist()) == sorted(distances)
    assert found.mean == pytest.approx(statistics.mean(distances))
    assert found.median == statistics.median(distances)
    assert found.longest == max(distances)
    for (i, j), t in when.items():
        near, round_about = across(i, j, h, w), around(i, j, h, w)
        known = [place for place in near if when[place] < t]
        assert int(found.known_4_hw[i, j]) == len(known)
        assert float(found.share_4_hw[i, j]) == pytest.approx(len(known) / len(near))
        assert int(found.look_back_hw[i, j]) == max((t - when[place] for place in known), default=0)
        known_8 = [place for place in round_about if when[place] < t]
        assert int(found.known_8_hw[i, j]) == len(known_8)
        assert float(found.share_8_hw[i, j]) == pytest.approx(len(known_8) / len(round_about))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("h", "w"), [(4, 4), (5, 7), (16, 16)])
def test_each_pair_of_neighbours_is_known_from_one_side_and_the_farthest_look_back_is_the_longest(name, h, w):
    found = figures.locality(orders.steps_of(orders.scan_order(name, h, w, seed=1), h, w))
    pairs = h * (w - 1) + w * (h - 1)
    assert len(found.distances_E) == pairs
    assert int(found.known_4_hw.sum()) == pairs
    assert int(found.look_back_hw.max()) == found.longest


def test_raster_rows_are_one_apart_and_columns_a_row():
    found = figures.locality(orders.steps_of(orders.raster(6, 9), 6, 9))
    assert sorted(set(found.distances_E.tolist())) == [1, 9]
    assert found.longest == 9


def test_jumps_are_the_steps_that_leave_the_neighbourhood():
    path = places("z-curve", 8, 8)
    far = [1 for (a, b), (c, d) in zip(path, path[1:], strict=False) if abs(a - c) + abs(b - d) != 1]
    assert figures.jumps(orders.z_curve(8, 8), 8) == len(far)
    assert figures.jumps(orders.raster(5, 7), 7) == 4


def test_bins_double_and_hold_every_distance_once():
    bins = figures.doubling_bins(63)
    assert bins == [(0, 0), (1, 1), (2, 3), (4, 7), (8, 15), (16, 31), (32, 63)]
    distances = torch.tensor([0, 1, 2, 3, 4, 63, 40, 0])
    assert figures.counts_in(distances, bins) == [2, 1, 2, 1, 0, 0, 2]
    assert figures.doubling_bins(64)[-1] == (64, 127)


def test_figures_need_neighbours():
    with pytest.raises(ValueError, match="at least 2 cells"):
        figures.locality(torch.zeros(1, 1, dtype=torch.int64))


# Next-scale


@pytest.mark.parametrize(
    ("grid", "other"), [((8, 8), (6, 6)), ((4, 4), (1, 1)), ((3, 5), (2, 3)), ((2, 2), (5, 4))]
)
def test_overlaps_equal_a_count_on_fine_rulings(grid, other):
    (h, w), (m, n) = grid, other
    for i in range(h):
        for j in range(w):
            over = [
                (y, x)
                for y in range(m)
                for x in range(n)
                # cell [i/h, (i+1)/h) against [y/m, (y+1)/m): compared as whole numbers over h*m
                if i * m < (y + 1) * h and y * h < (i + 1) * m and j * n < (x + 1) * w and x * w < (j + 1) * n
            ]
            assert int(figures.overlaps(grid, other)[i, j]) == len(over)


def test_cells_of_one_map_know_coarser_tokens_but_none_of_their_own_map():
    grids = ((1, 1), (2, 2), (3, 3), (4, 6))
    first, *later = figures.next_scale_steps(grids)
    assert first.within is None and first.covered_4 is None and int(first.coarser_hw.sum()) == 0
    for k, step in enumerate(later, start=1):
        assert step.step == k and step.tokens == grids[k][0] * grids[k][1]
        assert step.within.longest == 0 and int(step.within.known_8_hw.sum()) == 0
        assert step.covered_4 == step.covered_8 == 1
        assert torch.equal(step.coarser_hw, sum(figures.overlaps(grids[k], grid) for grid in grids[:k]))


def test_without_a_coarser_map_nothing_is_covered():
    (only,) = figures.next_scale_steps([(4, 4)])
    assert only.covered_4 == only.covered_8 == 0
    assert only.within.mean == 0


@pytest.mark.parametrize(("h", "w"), GRIDS)
def test_schedules_grow_from_one_cell_to_the_whole_grid(h, w):
    grids = figures.next_scale_grids(h, w)
    assert grids[0] == (1, 1) and grids[-1] == (h, w)
    for (a, b), (c, d) in zip(grids, grids[1:], strict=False):
        assert a <= c and b <= d and a * b < c * d


def test_the_schedule_of_sixteen_is_the_published_one():
    assert [h for h, _ in figures.next_scale_grids(16, 16)] == [1, 2, 3, 4, 5, 6, 8, 10, 13, 16]
