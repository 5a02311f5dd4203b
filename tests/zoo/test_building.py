"""Tensors become a network, or one sentence says which tensor is wrong and how."""

import pytest
import torch

from explorer.errors import CheckpointError
from explorer.zoo.building import build, check_pair
from explorer.zoo.cards import Card
from explorer.zoo.recognise import recognise


def recognition_of(tensors, **card):
    entries = {"grids": [[4, 4]]} | card
    return recognise({name: tuple(tensor.shape) for name, tensor in tensors.items()}, Card.from_dict(entries))


def refused(tensors, recognition) -> str:
    with pytest.raises(CheckpointError) as caught:
        build(recognition, tensors)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_weights_are_the_files_own_memory(llamagen_tokenizer):
    net = build(recognition_of(llamagen_tokenizer), llamagen_tokenizer)
    assert not net.training and not any(parameter.requires_grad for parameter in net.parameters())
    weight = net.quantize.embedding.weight
    assert weight.data_ptr() == llamagen_tokenizer["quantize.embedding.weight"].data_ptr()
    assert net.to_pixels(torch.zeros(1, 4, 4, 4)).shape == (1, 3, 8, 8)


@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(llamagen, stored):
    tensors = {name: tensor.to(stored) for name, tensor in llamagen.items()}
    net = build(recognition_of(llamagen, config={"num_heads": 4}), tensors)
    for name, parameter in net.named_parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, tensors[name].float())


def test_asked_precision(llamagen):
    net = build(recognition_of(llamagen, config={"num_heads": 4}), llamagen, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in net.parameters()} == {torch.bfloat16}


def test_entries_that_are_no_weights_are_left_out(var, var_tokenizer, llamagen):
    var |= {
        "lvl_1L": torch.zeros(1, 21, dtype=torch.int64),
        "attn_bias_for_masking": torch.full((1, 1, 21, 21), -torch.inf),
        "blocks.0.attn.zero_k_bias": torch.zeros(32),
    }
    var_tokenizer["quantize.ema_vocab_hit_SV"] = torch.full((3, 64), torch.nan)
    llamagen["freqs_cis"] = torch.zeros(17, 4, 2)
    build(recognition_of(var, grids=[1, 2, 4]), var)
    build(recognition_of(var_tokenizer, grids=[1, 2, 4]), var_tokenizer)
    build(recognition_of(llamagen, config={"num_heads": 4}), llamagen)


def test_missing_unexpected_and_wrong_size(llamagen_tokenizer):
    found = recognition_of(llamagen_tokenizer)
    total = len(llamagen_tokenizer)
    name = "decoder.conv_out.bias"

    missing = {key: value for key, value in llamagen_tokenizer.items() if key != name}
    assert f"lacks 1 of the {total} tensors" in refused(missing, found) and name in refused(missing, found)

    extra = llamagen_tokenizer | {"decoder.extra.weight": torch.zeros(2)}
    assert f"{total + 1} tensors" in refused(extra, found) and "decoder.extra.weight" in refused(extra, found)

    resized = llamagen_tokenizer | {name: torch.zeros(4)}
    message = refused(resized, found)
    assert name in message and "[4]" in message and "[3]" in message
    resized["decoder.conv_in.bias"] = torch.zeros(1)
    assert "1 other tensors" in refused(resized, found)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
def test_values_that_are_not_finite(llamagen, value, stored):
    found = recognition_of(llamagen, config={"num_heads": 4})
    tensors = {name: tensor.to(stored) for name, tensor in llamagen.items()}
    tensors["layers.1.attention.wo.weight"][3, 5] = value
    message = refused(tensors, found)
    assert "layers.1.attention.wo.weight" in message and "1 NaN or infinite values among 1024" in message


@pytest.mark.parametrize("stored", [torch.int8, torch.int64, torch.bool, torch.complex64])
def test_wrong_type(llamagen, stored):
    found = recognition_of(llamagen, config={"num_heads": 4})
    message = refused(llamagen | {"norm.weight": llamagen["norm.weight"].to(stored)}, found)
    assert "norm.weight" in message and str(stored).removeprefix("torch.") in message and "float32" in message


BLOCK = {"blocks.group_1.block_1.res_path.conv_1.w": (2, 8, 3, 3)}


def test_what_cannot_run_says_why(llamagen):
    assert "number of heads" in refused(llamagen, recognition_of(llamagen))
    half = recognise({"blocks.input.w": (8, 3, 7, 7), "blocks.output.conv.w": (9, 64, 1, 1)} | BLOCK)
    assert "the other half is missing" in refused({}, half)


def test_pairs(var, llamagen):
    next_scale = recognition_of(var, grids=[1, 2, 4])
    raster = recognition_of(llamagen, config={"num_heads": 4})
    check_pair(next_scale, family="var-tokenizer", vocab_size=64, code_dim=8)
    check_pair(raster, family="llamagen-tokenizer", vocab_size=64, code_dim=4)
    check_pair(raster, family="llamagen-tokenizer", vocab_size=64)

    with pytest.raises(CheckpointError) as caught:
        check_pair(next_scale, family="llamagen-tokenizer", vocab_size=16384)
    assert str(caught.value) == "this is VAR depth 2; the tokenizer given has 16384 codes, it needs 64"
    with pytest.raises(CheckpointError, match=r"llamagen-tokenizer, it needs var-tokenizer"):
        check_pair(next_scale, family="llamagen-tokenizer", vocab_size=64)
    with pytest.raises(CheckpointError, match=r"codes of 32 dimensions, it needs 8"):
        check_pair(next_scale, family="var-tokenizer", vocab_size=64, code_dim=32)
