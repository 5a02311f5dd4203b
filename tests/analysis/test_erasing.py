"""Which code says least."""

import pytest
import torch

from explorer.analysis.erasing import least_code


def test_beside_others_the_code_closest_to_nothing_adds_least():
    contributions_VC = torch.tensor([[3.0, 3.0], [0.5, -0.5], [4.0, 2.0], [0.0, 0.9]])
    assert least_code(contributions_VC, beside_others=True) == 1


def test_alone_it_is_the_code_closest_to_the_mean():
    contributions_VC = torch.tensor([[3.0, 3.0], [0.0, 0.0], [4.0, 2.0], [5.0, 4.0]])
    assert contributions_VC.mean(0).tolist() == [3.0, 2.25]
    assert least_code(contributions_VC, beside_others=False) == 0


def test_no_code_says_less():
    contributions_VC = torch.randn(200, 8, generator=torch.Generator().manual_seed(1))
    norms = contributions_VC.norm(dim=1)
    assert norms[least_code(contributions_VC, True)] == norms.min()
    away = (contributions_VC - contributions_VC.mean(0)).norm(dim=1)
    assert away[least_code(contributions_VC, False)] == away.min()


def test_equal_codes_give_the_first_and_no_codes_are_refused():
    assert least_code(torch.zeros(5, 3), True) == 0
    with pytest.raises(ValueError, match="of shape"):
        least_code(torch.zeros(0, 3), True)
