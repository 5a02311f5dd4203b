"""What a generator could see of a kept part, and how well the parts meet, against brute force."""

import itertools

import pytest
import torch

from explorer.analysis.completion import (
    StepView,
    kept_change,
    mean_view,
    next_scale_views,
    on_grid,
    raster_views,
    seam,
)
from explorer.token_maps import keep_masks

GRIDS = ((1, 1), (2, 2), (3, 3), (6, 6))


def half(grid, side: str) -> torch.Tensor:
    mask = torch.zeros(grid, dtype=torch.bool)
    h, w = grid
    rows = {"top": slice(0, h // 2), "bottom": slice(h // 2, h)}.get(side, slice(0, h))
    columns = {"left": slice(0, w // 2), "right": slice(w // 2, w)}.get(side, slice(0, w))
    mask[rows, columns] = True
    return mask


def brute_raster(mask: torch.Tensor) -> list[StepView]:
    kept = mask.flatten().tolist()
    return [
        StepView(n + 1, 1, 1, sum(kept[:n]), sum(kept[:n]) / sum(kept))
        for n, one in enumerate(kept)
        if not one
    ]


def brute_next_scale(masks: list[torch.Tensor]) -> list[StepView]:
    h, w = masks[-1].shape
    views = []
    for k, mask in enumerate(masks):
        drawn = int((~mask).sum())
        if not drawn:
            continue
        in_view = set()
        for coarse in masks[:k]:
            for i, j in itertools.product(range(h), range(w)):
                y, x = int((i + 0.5) * coarse.shape[0] / h), int((j + 0.5) * coarse.shape[1] / w)
                if masks[-1][i, j] and coarse[y, x]:
                    in_view.add((i, j))
        seen = sum(int(coarse.sum()) for coarse in masks[:k])
        views.append(StepView(k + 1, k + 1, drawn, seen, len(in_view) / int(masks[-1].sum())))
    return views


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right", "spots"])
def test_views_equal_a_count_by_hand(side):
    finest = (
        torch.rand(6, 6, generator=torch.Generator().manual_seed(3)) < 0.4
        if side == "spots"
        else half((6, 6), side)
    )
    masks = [mask[0] for mask in keep_masks(finest, GRIDS, 1)]
    found, expected = next_scale_views(masks), brute_next_scale(masks)
    assert [vars(one) for one in found] == [pytest.approx(vars(one)) for one in expected]
    assert raster_views(finest) == brute_raster(finest)


def test_raster_order_sees_all_of_the_top_none_of_the_bottom_and_some_of_the_left():
    def share(side):
        mask = half((6, 6), side)
        return mean_view(raster_views(mask), int(mask.sum()))[0]

    assert share("top") == 1 and share("bottom") == 0
    # in row i (from 1) of 6, i of the 6 rows of the kept left half have been passed
    assert share("left") == pytest.approx(sum(range(1, 7)) / 36)
    assert share("right") == pytest.approx(sum(range(0, 6)) / 36)


def test_next_scale_order_sees_the_same_whatever_half_is_kept():
    def shares(side):
        masks = [mask[0] for mask in keep_masks(half((6, 6), side), GRIDS, 1)]
        return mean_view(next_scale_views(masks), sum(int(mask.sum()) for mask in masks))

    assert shares("top") == pytest.approx(shares("bottom"))
    assert shares("top") == pytest.approx(shares("left"))
    assert 0 < shares("top")[0] < shares("top")[1] == 1


def test_a_mean_needs_something_drawn_and_something_kept():
    with pytest.raises(ValueError, match="0 tokens are drawn"):
        mean_view(raster_views(torch.ones(2, 2, dtype=torch.bool)), 4)
    with pytest.raises(ValueError, match="0 kept"):
        mean_view(raster_views(torch.zeros(2, 2, dtype=torch.bool)), 0)


def test_a_mask_on_another_grid_follows_the_middle_of_its_cells():
    mask = half((6, 6), "left")
    assert torch.equal(on_grid(mask, (6, 6)), mask)
    assert torch.equal(on_grid(mask, (12, 12)), half((12, 12), "left"))
    assert on_grid(mask, (2, 2)).tolist() == [[True, False]] * 2


def brute_jump(image, mask, cell) -> float:
    _, H, W = image.shape
    jumps = []
    for y, x in itertools.product(range(H), range(W)):
        for v, u in ((y, x + 1), (y + 1, x)):
            if v < H and u < W and mask[y // cell, x // cell] != mask[v // cell, u // cell]:
                jumps += (image[:, y, x] - image[:, v, u]).abs().tolist()
    return sum(jumps) / len(jumps)


def test_the_seam_is_the_mean_jump_over_its_pixels():
    draw = torch.Generator().manual_seed(1)
    image, original = torch.rand(2, 3, 9, 9, generator=draw).unbind(0)
    mask = torch.rand(3, 3, generator=draw) < 0.5
    found = seam(image, original, mask)
    assert found.jump == pytest.approx(brute_jump(image, mask, 3))
    assert found.original == pytest.approx(brute_jump(original, mask, 3))
    assert found.ratio == pytest.approx(found.jump / found.original)
    assert seam(original, original, mask).ratio == 1
    assert seam(image, torch.zeros(3, 9, 9), mask).ratio is None
    with pytest.raises(ValueError, match="no seam"):
        seam(image, original, torch.ones(3, 3, dtype=torch.bool))


def test_the_change_of_the_kept_part_does_not_look_at_the_rest():
    before = torch.zeros(3, 4, 4)
    after = before.clone()
    after[:, :2] = 0.5
    after[:, 2:] = 1.0
    assert kept_change(after, before, half((2, 2), "top")) == pytest.approx(0.5)
    assert kept_change(after, before, half((2, 2), "bottom")) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="one size"):
        kept_change(after, before[:, :3], half((2, 2), "top"))
