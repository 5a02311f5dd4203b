"""Orders are permutations with the shape their name promises; a pace draws every cell once."""

import pytest
import torch

from explorer import orders
from explorer.analysis.scan_orders import jumps

GRIDS = [(1, 1), (1, 5), (4, 4), (8, 8), (16, 16), (5, 7), (3, 8), (8, 3), (6, 6), (9, 4), (2, 32)]
NAMES = (*orders.SCAN_ORDERS, orders.RANDOM)


def places(name: str, h: int, w: int) -> list[tuple[int, int]]:
    return [divmod(cell, w) for cell in orders.scan_order(name, h, w).tolist()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("h", "w"), GRIDS)
def test_every_order_is_a_permutation(name, h, w):
    order = orders.scan_order(name, h, w, seed=3)
    assert order.dtype == torch.int64
    assert sorted(order.tolist()) == list(range(h * w))
    steps = orders.steps_of(order, h, w)
    assert [int(steps.flatten()[cell]) for cell in order] == list(range(h * w))


def test_orders_of_a_small_grid_are_as_drawn_by_hand():
    assert orders.raster(2, 3).tolist() == [0, 1, 2, 3, 4, 5]
    assert orders.serpentine(3, 3).tolist() == [0, 1, 2, 5, 4, 3, 6, 7, 8]
    assert orders.spiral(3, 3).tolist() == [0, 1, 2, 5, 8, 7, 6, 3, 4]
    assert orders.spiral_outwards(3, 3).tolist() == [4, 3, 6, 7, 8, 5, 2, 1, 0]
    assert orders.z_curve(4, 4).tolist() == [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]
    assert orders.hilbert(2, 2).tolist() in ([0, 1, 3, 2], [0, 2, 3, 1])


@pytest.mark.parametrize("side", [2, 4, 8, 16, 32])
def test_hilbert_only_ever_goes_to_a_neighbour(side):
    path = places("hilbert", side, side)
    assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in zip(path, path[1:], strict=False))
    assert jumps(orders.hilbert(side, side), side) == 0


@pytest.mark.parametrize(("h", "w"), [(4, 8), (8, 4), (16, 32)])
def test_hilbert_stays_unbroken_on_half_of_a_square(h, w):
    assert jumps(orders.hilbert(h, w), w) == 0


@pytest.mark.parametrize("name", ["z-curve", "hilbert"])
@pytest.mark.parametrize("side", [4, 8, 16])
def test_curves_finish_a_quarter_before_they_start_the_next(name, side):
    quarter = side * side // 4
    found = [(i // (side // 2), j // (side // 2)) for i, j in places(name, side, side)]
    runs = [set(found[at : at + quarter]) for at in range(0, side * side, quarter)]
    assert all(len(run) == 1 for run in runs)
    assert len(set.union(*runs)) == 4


@pytest.mark.parametrize("name", ["z-curve", "hilbert"])
@pytest.mark.parametrize(("h", "w"), [(5, 7), (6, 6), (7, 5), (3, 8)])
def test_other_grids_are_the_enclosing_curve_without_what_lies_outside(name, h, w):
    whole = [place for place in places(name, 8, 8) if place[0] < h and place[1] < w]
    if name == "hilbert" and h > w:  # laid along the longer side: the transposed grid, transposed
        whole = [(i, j) for j, i in places(name, w, h)]
    assert places(name, h, w) == whole


@pytest.mark.parametrize(("h", "w"), [(4, 4), (8, 8), (5, 7), (6, 6), (1, 8)])
def test_squares_of_powers_of_two_are_the_ones_that_need_no_skipping(h, w):
    assert orders.fills_its_square(h, w) == ((h, w) in [(4, 4), (8, 8)])


@pytest.mark.parametrize(("h", "w"), GRIDS)
def test_serpentine_and_spirals_never_jump(h, w):
    for order in (orders.serpentine(h, w), orders.spiral(h, w), orders.spiral_outwards(h, w)):
        assert jumps(order, w) == 0


def test_random_is_the_same_for_a_seed_and_another_for_others():
    one, again, other = (orders.scan_order("random", 8, 8, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_what_is_no_order_is_told():
    with pytest.raises(ValueError, match="raster, .*random, not 'zigzag'"):
        orders.scan_order("zigzag", 4, 4)
    with pytest.raises(ValueError, match="1 to 4096 rows, not 0"):
        orders.scan_order("raster", 0, 4)
    with pytest.raises(ValueError, match="each of the cells 0..3 once"):
        orders.steps_of(torch.tensor([0, 1, 1, 3]), 2, 2)


def test_an_order_by_name_or_by_its_cells():
    assert torch.equal(orders.as_order("spiral", (3, 4)), orders.spiral(3, 4))
    assert torch.equal(orders.as_order("random", (3, 4), seed=7), orders.shuffled(3, 4, 7))
    painted = [5, 4, 3, 2, 1, 0]
    for given in (painted, tuple(painted), torch.tensor(painted)):
        assert orders.as_order(given, (2, 3)).tolist() == painted
    for wrong in ([0, 1, 2], [0, 1, 2, 3, 4, 4], [0, 1, 2, 3, 4, 6], []):
        with pytest.raises(ValueError, match="each of the cells 0..5 once"):
            orders.as_order(wrong, (2, 3))
    with pytest.raises(ValueError, match="a cell of an order"):
        orders.as_order([0, 1, 2, 3, 4, 5.0], (2, 3))


@pytest.mark.parametrize("N", [1, 2, 7, 12, 64])
@pytest.mark.parametrize("per_step", [1, 2, 5, 12, 64, "cosine", "cosine-1", "cosine-2", "cosine-7"])
def test_a_pace_hides_fewer_cells_at_every_step_until_none_is_left(N, per_step):
    steps = per_step if isinstance(per_step, int) else int(per_step.partition("-")[2] or 1)
    if steps > N:
        with pytest.raises(ValueError, match=f"{steps} .*map of {N} tokens"):
            orders.hidden_after(N, per_step)
        return
    counts = orders.hidden_after(N, per_step)
    assert counts[-1] == 0
    assert all(before > after for before, after in zip((N, *counts), counts, strict=False))
    if isinstance(per_step, int):
        assert len(counts) == -(-N // per_step)
        assert set(orders.step_sizes(N, N, per_step)[:-1]) <= {per_step}
    elif per_step != "cosine":
        assert len(counts) == steps


def test_the_cosine_pace_of_64_tokens_in_8_steps():
    """Counted by hand: floor(64 cos(pi t / 16))."""
    assert orders.hidden_after(64, "cosine-8") == (62, 59, 53, 45, 35, 24, 12, 0)
    assert orders.hidden_after(64, "cosine") == orders.hidden_after(64, "cosine-8")
    assert orders.step_sizes(64, 64, "cosine") == (2, 3, 6, 8, 10, 11, 12, 12)
    assert orders.hidden_after(64, "4") == orders.hidden_after(64, 4)


@pytest.mark.parametrize("per_step", [1, 5, "cosine-5"])
def test_a_run_that_goes_on_has_the_steps_that_were_left(per_step):
    whole = orders.step_sizes(12, 12, per_step)
    for done in range(len(whole) + 1):
        assert orders.step_sizes(12 - sum(whole[:done]), 12, per_step) == whole[done:]
    for hidden in range(13):
        assert sum(orders.step_sizes(hidden, 12, per_step)) == hidden


@pytest.mark.parametrize("per_step", [0, -1, 1.5, True, "fast", "cosine-", "cosine-0", "cosine-x", ""])
def test_what_is_no_pace_is_told(per_step):
    with pytest.raises(ValueError, match="per step|steps"):
        orders.hidden_after(16, per_step)
