"""Memory and work from names and shapes, against counting what really runs."""

import pytest
import torch
from generator_support import fill
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_dvae, tiny_multi, tiny_single, tiny_vqgan

from explorer.analysis.footprint import cache_bytes, convolution_work, first_picture_work, weight_bytes
from explorer.bench.measuring import count_flops
from explorer.devices import open_device
from explorer.nets.var_transformer import VARConfig, VARTransformer


def shapes_of(net) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


@pytest.mark.parametrize("make", [tiny_multi, tiny_single, tiny_vqgan, tiny_dvae])
def test_the_work_of_convolutions_is_what_a_run_counts(make):
    tok = make()
    encode, decode = convolution_work(shapes_of(tok._net), tok.image_hw)
    image = torch.rand(1, 3, *tok.image_hw)
    ran, _ = count_flops(lambda: tok._features(image))
    f_BChw = tok.accumulate(tok.encode(image))[-1]
    shown, _ = count_flops(lambda: tok._to_images(f_BChw))
    # A multiply-add counts as two; products of attention, which are no convolutions, are left out.
    assert 0.9 * ran / 2 <= encode <= ran / 2
    assert 0.9 * shown / 2 <= decode <= shown / 2


def test_the_first_picture_adds_up():
    tok = tiny_multi()
    shapes, size = shapes_of(tok._net), tok.image_hw
    encode, decode = convolution_work(shapes, size)
    net = shapes_of(VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, 3, 1, 16, 2)))
    numbers = sum(torch.Size(shape).numel() for shape in net.values())
    alone = first_picture_work(shapes, size, K=4)
    assert alone == 2 * encode + 4 * decode
    assert first_picture_work(shapes, size, 4, 30, net) == alone + 4 * decode + 2 * 30 * numbers


def test_weights_take_the_bytes_of_their_precision():
    tok, exact = tiny_multi(), open_device("cpu", "exact")
    loaded = sum(tensor.nbytes for tensor in tok._net.state_dict().values())
    assert weight_bytes(shapes_of(tok._net), "tokenizer", exact) == loaded
    net = fill(VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, 3, 1, 16, 2)), 1, 0.3)
    numbers = sum(parameter.numel() for parameter in net.parameters())
    assert weight_bytes({"a": (numbers,)}, "generator", exact) == 4 * numbers


def test_a_part_in_another_precision_is_held_twice():
    from dataclasses import replace

    half = replace(open_device("cpu", "exact"), compute_dtype=torch.bfloat16)
    shapes = {"encoder.a": (10,), "decoder.a": (7,), "quantize.a": (3,)}
    assert weight_bytes(shapes, "tokenizer", half) == 20 * 4 + 7 * 2
    assert weight_bytes(shapes, "generator", half) == 20 * 2
    assert cache_bytes(depth=3, width=5, L=11, device=half) == 2 * 2 * 3 * 5 * 11 * 2
