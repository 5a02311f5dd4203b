"""Means with intervals and the way through, against sums made by hand and against chance itself."""

import pytest
import torch

from explorer.analysis.order_prices import along, difference, mean_interval


def test_a_mean_and_its_interval_by_hand():
    found = mean_interval(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    error = (5 / 3) ** 0.5 / 2  # sample variance 5/3, four values
    assert found.mean == 2.5
    assert found.low == pytest.approx(2.5 - 1.959964 * error) and found.high == pytest.approx(
        2.5 + 1.959964 * error
    )
    assert found.excludes_zero and not mean_interval(torch.tensor([-1.0, 1.0])).excludes_zero
    with pytest.raises(ValueError, match="at least 2"):
        mean_interval(torch.tensor([1.0]))


def test_an_interval_holds_the_mean_as_often_as_it_says():
    draw = torch.Generator().manual_seed(0)
    samples = torch.randn(2000, 60, generator=draw) * 3 + 1
    held = [(found := mean_interval(row)).low <= 1 <= found.high for row in samples]
    assert 0.93 < sum(held) / len(held) < 0.97


def test_differences_are_paired():
    """Pictures that differ a lot, orders that differ by a little and always the same: no doubt about it."""
    bits_PN = torch.randn(20, 4, generator=torch.Generator().manual_seed(1)) * 5 + 9
    found = difference(bits_PN + 0.01, bits_PN)
    assert found.mean == pytest.approx(0.01, abs=1e-5) and found.excludes_zero
    assert found.high - found.low < 1e-4 < mean_interval(bits_PN.mean(1)).high - found.mean
    with pytest.raises(ValueError, match="same pictures"):
        difference(bits_PN, bits_PN[:3])


def test_the_way_follows_each_pictures_own_order():
    bits_PN = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    orders_PN = torch.tensor([[2, 0, 1], [0, 1, 2]])
    assert along(bits_PN, orders_PN).tolist() == [6.5, 10.5, 16.0]
