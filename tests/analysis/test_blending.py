"""What lies outside the part that was drawn again keeps its pixels, exactly."""

import pytest
import torch

from explorer.analysis.blending import blend, inside_weight


def pictures(side: int = 32):
    draw = torch.Generator().manual_seed(3)
    return torch.rand(3, side, side, generator=draw), torch.rand(3, side, side, generator=draw)


def test_outside_is_the_old_picture_and_deep_inside_the_new_one():
    before, after = pictures()
    kept = torch.ones(4, 4, dtype=torch.bool)
    kept[1:3, 1:4] = False  # rows 8..23, columns 8..31
    found = blend(before, after, kept)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[8:24, 8:32] = True
    assert found.feather == 4
    assert torch.equal(found.picture_3HW[:, ~inside], before[:, ~inside])
    torch.testing.assert_close(found.picture_3HW[:, 13:19, 13:32], after[:, 13:19, 13:32])
    edge = found.picture_3HW[:, 15, 8]  # the first pixel inside has a fifth of the new picture
    torch.testing.assert_close(edge, before[:, 15, 8] + 0.2 * (after - before)[:, 15, 8])
    assert found.picture_3HW.min() >= 0 and found.picture_3HW.max() <= 1


def test_the_weight_rises_by_equal_steps_from_the_border():
    kept = torch.zeros(1, 8, dtype=torch.bool)
    kept[0, :2] = True
    assert inside_weight(kept, 3)[0].tolist() == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1, 1])
    assert inside_weight(kept, 0)[0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1]


def test_the_share_of_changed_outside_pixels_is_counted():
    before = torch.full((3, 16, 16), 0.5)
    after = before.clone()
    kept = torch.zeros(2, 2, dtype=torch.bool)
    kept[0] = True  # the upper half: 128 pixels
    after[:, 8:] = 1.0  # inside does not count
    after[1, 0, :8] = 0.5 + 9 / 255  # 8 pixels, in one channel
    after[1, 1, :8] = 0.5 + 7 / 255  # too little to be seen
    assert blend(before, after, kept).changed_outside == 8 / 128


def test_what_cannot_be_blended():
    before, after = pictures()
    with pytest.raises(ValueError, match="pictures of one size"):
        blend(before, after[:, :16], torch.eye(4).bool())
    for mask in (torch.ones(4, 4), torch.zeros(4, 4)):
        with pytest.raises(ValueError, match="a part that is kept"):
            blend(before, after, mask.bool())
