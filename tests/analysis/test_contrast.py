"""Small comparisons: pixels that moved, codes apart, tokens that differ, uncertainty in bits."""

import math

import pytest
import torch

from explorer.analysis.contrast import code_distance, differing_tokens, mean_bits, moved_share
from explorer.token_maps import TokenMaps


def test_the_moved_share_counts_pixels_with_any_channel_beyond_the_limit():
    torch.manual_seed(0)
    before, after = torch.rand(3, 7, 5), torch.rand(3, 7, 5)
    limit = 0.3
    brute = sum(
        any(abs(float(before[c, y, x] - after[c, y, x])) > limit for c in range(3))
        for y in range(7)
        for x in range(5)
    )
    assert moved_share(before, after, limit) == pytest.approx(brute / 35)
    assert moved_share(before, before) == 0


def test_a_difference_of_exactly_the_limit_is_not_beyond_it():
    before = torch.zeros(3, 1, 2)
    after = before.clone()
    after[1, 0, 0], after[1, 0, 1] = 0.25, 0.5
    assert moved_share(before, after, 0.25) == 0.5


def test_pictures_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 2, 2\) and \(3, 2, 3\)"):
        moved_share(torch.zeros(3, 2, 2), torch.zeros(3, 2, 3))


def test_code_distance_is_euclidean_and_checks_its_codes():
    codebook = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])
    assert code_distance(codebook, 0, 1) == pytest.approx(5)
    assert code_distance(codebook, 1, 2) == code_distance(codebook, 2, 1) == pytest.approx(4)
    for bad in (-1, 3, True, "1", 1.0, None):
        with pytest.raises(ValueError, match="0 to 2"):
            code_distance(codebook, 0, bad)


def test_differing_tokens_are_counted_per_scale():
    first = TokenMaps((torch.tensor([[[1]]]), torch.tensor([[[1, 2], [3, 4]]])))
    second = TokenMaps((torch.tensor([[[1]]]), torch.tensor([[[1, 0], [3, 0]]])))
    assert differing_tokens(first, second) == [0, 2]
    with pytest.raises(ValueError, match="one shape"):
        differing_tokens(first, TokenMaps((torch.tensor([[[1]]]),)))


def test_mean_bits_weighs_every_predicted_cell_alike():
    log2 = math.log(2)
    wide = torch.tensor([[[1.0, 3.0], [float("nan"), 2.0]]]) * log2
    assert mean_bits([torch.tensor([[[6.0]]]) * log2, wide]) == pytest.approx(3)
    assert mean_bits([torch.full((1, 1, 1), float("nan"))]) is None
    assert mean_bits([]) is None
