"""Counts, perplexity and scale preference on examples that can be checked by hand."""

import math

import pytest
import torch

from explorer import TokenMaps
from explorer.analysis.usage import count_tokens, scale_preference, usage, usage_by_scale


def maps(coarse: list, fine: list) -> TokenMaps:
    return TokenMaps([torch.tensor(coarse).view(1, 1, 1), torch.tensor(fine).view(1, 2, 2)])


def test_counts():
    counts = count_tokens([maps([0], [1, 1, 2, -1]), maps([0], [0, 1, 1, 1])], vocab_size=4)
    assert counts.tolist() == [[2, 0, 0, 0], [1, 5, 1, 0]]
    with pytest.raises(ValueError, match="id 2.*2 codes"):
        count_tokens([maps([0], [1, 1, 2, 0])], vocab_size=2)
    with pytest.raises(ValueError):
        count_tokens([], vocab_size=2)
    with pytest.raises(ValueError, match="1 scales.*2 scales"):
        count_tokens(
            [maps([0], [0, 0, 0, 0]), TokenMaps([torch.zeros(1, 1, 1, dtype=torch.int64)])], vocab_size=2
        )


def test_counts_add_up():
    draw = torch.Generator().manual_seed(0)
    parts = [TokenMaps([torch.randint(9, (2, 3, 3), generator=draw)]) for _ in range(4)]
    assert torch.equal(count_tokens(parts, 9), count_tokens(parts[:1], 9) + count_tokens(parts[1:], 9))
    assert count_tokens(parts, 9).sum() == 72


def test_usage_of_an_even_and_of_a_single_code():
    even = usage(torch.tensor([5, 5, 5, 5, 0, 0]))
    assert (even.tokens, even.distinct, even.dead, even.vocab_size) == (20, 4, 2, 6)
    assert even.perplexity == pytest.approx(4) and even.share == pytest.approx(4 / 6)
    assert usage(torch.tensor([0, 7])).perplexity == pytest.approx(1)
    skewed = usage(torch.tensor([3, 1]))
    assert skewed.perplexity == pytest.approx(math.exp(0.75 * math.log(4 / 3) + 0.25 * math.log(4)))
    assert "4 of 6 codes" in str(even) and "20 tokens" in str(even)


def test_usage_without_tokens():
    nothing = usage(torch.zeros(3, dtype=torch.int64))
    assert (nothing.tokens, nothing.distinct, nothing.perplexity) == (0, 0, 0.0)


def test_by_scale_and_preference():
    counts = torch.tensor([[2, 0, 0], [50, 50, 0]])
    assert [one.distinct for one in usage_by_scale(counts)] == [1, 2]
    preference = scale_preference(counts)
    assert preference[0] == pytest.approx((1 * 1.0 + 2 * 0.5) / 1.5) and preference[1] == 2
    assert preference[2].isnan()
