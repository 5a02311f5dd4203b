"""The reference cases' own files open, with every weight as stored.

Whole files only: a case may be stored as a recipe, and the subset in the repository holds fewer of them.
"""

import pytest
import torch
from golden_support import golden_cases, load_config, load_weights, weight_file

from explorer.zoo import open_checkpoint
from explorer.zoo.cards import Card
from explorer.zoo.recognise import is_dropped
from explorer.zoo.schedules import squares


def same_weights(net: torch.nn.Module, stored: dict[str, torch.Tensor]) -> None:
    ours = net.state_dict()
    kept = {name: tensor for name, tensor in stored.items() if not is_dropped(name)}
    assert ours.keys() == kept.keys()
    assert all(torch.equal(ours[name], tensor) for name, tensor in kept.items())


def whole_file(case, name: str):
    path = weight_file(case, name)
    if path.suffix == ".json":
        pytest.skip("stored as a recipe")
    return path


@pytest.mark.parametrize("case", golden_cases("var_", needs=("vae", "var")))
def test_var(case):
    told = load_config(case)
    grids = squares(told["patch_nums"])
    opened = open_checkpoint(whole_file(case, "vae"), kind="tokenizer", grids=grids)
    numbers = opened.recognition.config.autoencoder
    assert (numbers.ch, list(numbers.ch_mult)) == (told["ch"], told["ch_mult"])
    assert (opened.recognition.vocab_size, opened.recognition.code_dim) == (told["V"], told["Cvae"])
    assert opened.recognition.image_size == (16 * grids[-1][0],) * 2
    same_weights(opened.net, load_weights(case, "vae"))

    opened = open_checkpoint(whole_file(case, "var"), kind="generator", fallback_grids=grids)
    found = opened.recognition
    assert (found.depth, found.width, found.heads) == (told["depth"], told["embed_dim"], told["num_heads"])
    assert found.num_classes == told["num_classes"] and found.grids == grids
    same_weights(opened.net, load_weights(case, "var"))


@pytest.mark.parametrize("case", golden_cases("llamagen_", needs=("vq", "gpt")))
def test_llamagen(case):
    told = load_config(case)
    side = told["image_size"] // told["downsample"]
    opened = open_checkpoint(whole_file(case, "vq"), kind="tokenizer", image_size=told["image_size"])
    numbers = opened.recognition.config.autoencoder
    assert (numbers.ch, list(numbers.ch_mult), numbers.z_channels) == (
        told["ch"],
        told["ch_mult"],
        told["z_channels"],
    )
    assert opened.recognition.grids == ((side, side),)
    same_weights(opened.net, load_weights(case, "vq"))

    card = Card.from_dict({"grids": [[side, side]], "config": {"num_heads": told["n_head"]}})
    opened = open_checkpoint(whole_file(case, "gpt"), kind="generator", card=card)
    found = opened.recognition
    assert (found.depth, found.width, found.heads) == (told["n_layer"], told["dim"], told["n_head"])
    same_weights(opened.net, load_weights(case, "gpt"))
