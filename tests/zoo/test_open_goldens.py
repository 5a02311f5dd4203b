"""The reference cases' checkpoints open, and every weight is the one that was stored."""

import pytest
import torch
from golden_support import golden_cases, load_config, load_weights, weight_file

from explorer import families
from explorer.families.schedules import squares
from explorer.zoo import open_checkpoint
from explorer.zoo.cards import Card


def stored(case, name: str, tmp_path):
    """The checkpoint file and its tensors; a case that is stored as a recipe is written out first."""
    path, tensors = weight_file(case, name), load_weights(case, name)
    if path.suffix == ".json":
        path = tmp_path / f"{name}.pth"
        torch.save(tensors, path)
    return path, tensors


def assert_same_weights(net: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    ours = net.state_dict()
    family = families.of_names(tensors)
    kept = {name: tensor for name, tensor in tensors.items() if not family.is_dropped(name)}
    assert ours.keys() == kept.keys()
    assert all(torch.equal(ours[name], tensor) for name, tensor in kept.items())


@pytest.mark.parametrize("case", golden_cases("var_", needs="vae"))
def test_var_tokenizer(case, tmp_path):
    told = load_config(case)
    path, tensors = stored(case, "vae", tmp_path)
    grids = squares(told["patch_nums"])
    opened = open_checkpoint(path, kind="tokenizer", grids=grids)
    numbers = opened.recognition.config.autoencoder
    assert (numbers.ch, list(numbers.ch_mult)) == (told["ch"], told["ch_mult"])
    assert (opened.recognition.vocab_size, opened.recognition.code_dim) == (told["V"], told["Cvae"])
    assert opened.recognition.grids == grids
    assert opened.recognition.image_size == (told["downsample"] * told["patch_nums"][-1],) * 2
    assert_same_weights(opened.net, tensors)


@pytest.mark.parametrize("case", golden_cases("var_", needs="var"))
def test_var(case, tmp_path):
    told = load_config(case)
    path, tensors = stored(case, "var", tmp_path)
    grids = squares(told["patch_nums"])
    opened = open_checkpoint(path, kind="generator", fallback_grids=grids)
    found = opened.recognition
    assert (found.depth, found.width, found.heads) == (told["depth"], told["embed_dim"], told["num_heads"])
    assert found.num_classes == told["num_classes"] and found.grids == grids
    assert_same_weights(opened.net, tensors)


@pytest.mark.parametrize("case", golden_cases("llamagen_", needs="vq"))
def test_llamagen_tokenizer(case, tmp_path):
    told = load_config(case)
    path, tensors = stored(case, "vq", tmp_path)
    opened = open_checkpoint(path, kind="tokenizer", image_size=told["image_size"])
    numbers = opened.recognition.config.autoencoder
    assert (numbers.ch, list(numbers.ch_mult)) == (told["ch"], told["ch_mult"])
    assert numbers.z_channels == told["z_channels"]
    side = told["image_size"] // told["downsample"]
    assert opened.recognition.grids == ((side, side),)
    assert_same_weights(opened.net, tensors)


@pytest.mark.parametrize("case", golden_cases("llamagen_", needs="gpt"))
def test_llamagen(case, tmp_path):
    told = load_config(case)
    path, tensors = stored(case, "gpt", tmp_path)
    side = told["image_size"] // told["downsample"]
    card = Card.from_dict({"grids": [[side, side]], "config": {"num_heads": told["n_head"]}})
    opened = open_checkpoint(path, kind="generator", card=card)
    found = opened.recognition
    assert (found.depth, found.width, found.heads) == (told["n_layer"], told["dim"], told["n_head"])
    assert found.config.grid == (side, side) and found.num_classes == told["num_classes"]
    assert_same_weights(opened.net, tensors)
