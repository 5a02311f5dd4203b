"""Which tokens are hidden: shares as MaskGIT draws them, cells at random, the mean over orders."""

import math

import pytest
import torch

from explorer.training.masking import hidden_by_cosine, hidden_cells, hidden_evenly
from explorer.training.photos import random_state


def test_shares_follow_the_cosine():
    """r uniform: the share cos(pi r / 2) has mean 2 / pi, and is below s with chance 1 - 2 acos(s) / pi."""
    N = 64
    hidden_BN = hidden_by_cosine(20000, N, random_state(0, 1))
    count_B = hidden_BN.sum(1)
    assert (count_B.min(), count_B.max()) == (1, N)
    share_B = (count_B - 0.5) / N  # counts are rounded up
    assert share_B.mean() == pytest.approx(2 / math.pi, abs=0.01)
    for s in (0.25, 0.5, 0.9):
        assert (share_B < s).float().mean() == pytest.approx(1 - 2 * math.acos(s) / math.pi, abs=0.015)
    assert (hidden_BN.float().mean(0) - hidden_BN.float().mean()).abs().max() < 0.02  # no cell is preferred


def test_even_numbers_of_hidden_tokens():
    count_B = hidden_evenly(64, 16, random_state(0, 2)).sum(1)
    assert torch.bincount(count_B, minlength=17).tolist() == [0] + [4] * 16


def test_exactly_as_many_cells_as_asked():
    counts = torch.tensor([1, 3, 5])
    assert hidden_cells(counts, 5, random_state(0)).sum(1).tolist() == [1, 3, 5]


def test_the_mean_over_hidden_tokens_is_the_mean_over_orders():
    """A price that depends on what is visible: the mean over all orders, counted, against the estimate."""
    N = 4
    weight_N = torch.tensor([1.0, 2.0, 4.0, 8.0])

    def price(cell: int, visible_N: torch.Tensor) -> float:
        return float(weight_N[cell] / (1 + (weight_N * visible_N).sum()))

    total, orders = 0.0, torch.cartesian_prod(*[torch.arange(N)] * N)
    orders = [order for order in orders.tolist() if len(set(order)) == N]
    for order in orders:
        seen_N = torch.zeros(N)
        for cell in order:
            total += price(cell, seen_N) / N / len(orders)
            seen_N[cell] = 1
    hidden_BN = hidden_evenly(8000, N, random_state(0, 3))
    found = [
        sum(price(cell, ~hidden_N) for cell in hidden_N.nonzero()[:, 0].tolist()) / int(hidden_N.sum())
        for hidden_N in hidden_BN
    ]
    assert sum(found) / len(found) == pytest.approx(total, rel=0.02)
