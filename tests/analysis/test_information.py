"""Bits of tokens, and bits that a generator needs for them."""

import math

import pytest
import torch

from explorer.analysis.information import rate, surprise, total_bits


def test_rate_counts_plain_bits_against_rgb():
    found = rate(((1, 1), (2, 2), (2, 3)), 4096, (8, 16))
    assert (found.tokens, found.bits_per_token, found.total) == ((1, 4, 6), 12.0, 132.0)
    assert found.per_pixel == 132 / 128 and found.times_smaller == 24 * 128 / 132


def test_rate_of_a_codebook_that_is_no_power_of_two():
    assert rate(((1, 1),), 1000, (8, 8)).bits_per_token == pytest.approx(9.9658, abs=1e-4)
    with pytest.raises(ValueError, match="1 code .* at least 2"):
        rate(((1, 1),), 1, (8, 8))


def test_surprise_is_log2_and_adds_up_per_image():
    score = [torch.log(torch.tensor([0.5, 0.25])).view(2, 1, 1), torch.full((2, 1, 2), math.log(1 / 8))]
    bits = surprise(score)
    assert bits[0].flatten().tolist() == pytest.approx([1, 2]) and bits[
        1
    ].flatten().tolist() == pytest.approx([3] * 4)
    assert total_bits(bits).tolist() == pytest.approx([7, 8])
