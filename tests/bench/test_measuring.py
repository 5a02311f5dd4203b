"""Counted operations against arithmetic done by hand."""

import torch
import torch.nn.functional as F

from explorer.bench.measuring import count_flops, measure_seconds, threads
from explorer.devices import hardware_name


def test_a_matrix_product_counts_two_per_multiply_add():
    a, b = torch.randn(3, 5), torch.randn(5, 7)
    flops, result = count_flops(lambda: a @ b)
    assert flops == 2 * 3 * 5 * 7
    assert torch.equal(result, a @ b)


def test_a_convolution_counts_under_inference_mode():
    weight, x = torch.randn(4, 3, 3, 3), torch.randn(1, 3, 8, 8)
    with torch.inference_mode():
        flops, _ = count_flops(lambda: F.conv2d(x, weight, padding=1))
    assert flops == 2 * 4 * 3 * 9 * 64


def test_attention_on_a_cpu_counts():
    """torch's own counter gives 0 for the CPU kernel; both of its matrix products must be there."""
    q, k = torch.randn(2, 4, 6, 16), torch.randn(2, 4, 10, 16)
    expected = 2 * (2 * 4) * 6 * 10 * 16 * 2
    for mask in (None, torch.zeros(6, 10)):
        flops, _ = count_flops(lambda mask=mask: F.scaled_dot_product_attention(q, k, k, attn_mask=mask))
        assert flops == expected


def test_threads_are_put_back():
    before = torch.get_num_threads()
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_machine_and_seconds():
    assert "cores" in hardware_name(torch.device("cpu"))
    assert measure_seconds(lambda: None, torch.device("cpu")) < 0.1
