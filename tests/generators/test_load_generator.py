"""Generators from files: cards, pairing with a tokenizer, and what is said when the pair is wrong."""

import json

import pytest
import torch
from generator_support import EXACT, last, random_raster, random_var

from explorer import CheckpointError, load_generator, load_tokenizer


@pytest.fixture
def files(tmp_path):
    """A small pair of each family on disk, with cards."""
    var, raster = random_var(seed=3), random_raster(seed=3)
    save(tmp_path / "a-tokenizer.pth", var.tokenizer._net, var.grids)
    save(
        tmp_path / "a-var.pth",
        var._net,
        var.grids,
        classes=["cat", "dog", "sea", "rose"],
        sampling={"top_k": 7},
    )
    save(tmp_path / "b-tokenizer.pth", raster.tokenizer._net, raster.grids)
    save(tmp_path / "b-raster.pth", raster._net, raster.grids, config={"num_heads": 2})
    return tmp_path


def save(path, net, grids, **card):
    torch.save(net.state_dict(), path)
    path.with_suffix(".json").write_text(json.dumps({"grids": [list(grid) for grid in grids], **card}))


def open_pair(folder, tokenizer="a-tokenizer", generator="a-var"):
    tok = load_tokenizer(folder / f"{tokenizer}.pth", device=EXACT)
    return load_generator(folder / f"{generator}.pth", tok)


def test_from_files(files):
    gen = open_pair(files)
    assert gen.family == "var" and gen.name == "a-var" and len(gen.sha256) == 64
    assert gen.classes == ("cat", "dog", "sea", "rose")
    assert gen.sampling == {"guidance": 4.0, "top_k": 7, "top_p": 0.96, "temperature": 1.0}
    assert gen.device is gen.tokenizer.device  # one lock
    assert (
        last(gen.generate("sea", seed=1)).maps == last(random_var(seed=3).generate(2, seed=1, top_k=7)).maps
    )
    raster = open_pair(files, "b-tokenizer", "b-raster")
    assert raster.family == "llamagen" and raster.grids == ((3, 4),)
    assert last(raster.generate(1, seed=1)).maps == last(random_raster(seed=3).generate(1, seed=1)).maps


def test_a_tokenizer_of_another_size_is_adapted(files):
    tok = load_tokenizer(files / "a-tokenizer.pth", device=EXACT, grids=((1, 1), (4, 4)))
    gen = load_generator(files / "a-var.pth", tok)
    assert gen.grids == ((1, 1), (2, 2), (3, 4))
    assert tok.grids == ((1, 1), (4, 4))


def test_wrong_pairs_are_told_in_one_sentence(files):
    other = random_var(seed=3, vocab_size=50)
    save(files / "c-tokenizer.pth", other.tokenizer._net, other.grids)
    with pytest.raises(CheckpointError, match="50 codes.*24"):
        open_pair(files, "c-tokenizer")
    with pytest.raises(CheckpointError, match="llamagen-tokenizer"):
        open_pair(files, "b-tokenizer", "a-var")
    with pytest.raises(CheckpointError, match="var-tokenizer"):
        open_pair(files, "a-tokenizer", "b-raster")
    with pytest.raises(CheckpointError, match="a generator is needed"):
        open_pair(files, "a-tokenizer", "a-tokenizer")


def test_a_card_with_too_few_classes(files):
    card = files / "a-var.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"classes": ["cat"]}))
    with pytest.raises(CheckpointError, match="4 classes.*1"):
        open_pair(files)


def test_device_and_precision_of_its_own(files):
    tok = load_tokenizer(files / "a-tokenizer.pth", device=EXACT)
    gen = load_generator(files / "a-var.pth", tok, device="cpu", precision="exact")
    assert gen.device is not tok.device and gen.device.precision == "exact"
    assert (
        last(gen.generate(0, seed=1)).maps
        == last(load_generator(files / "a-var.pth", tok).generate(0, seed=1)).maps
    )
