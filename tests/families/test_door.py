"""The door for other people's models: a family of a third party, in forty lines, by an entry point."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from explorer import families, load_tokenizer
from explorer.errors import CheckpointError
from explorer.families import TOKENIZER, Family
from explorer.families.grid_rules import one_map
from explorer.nets.quantizers import SingleScaleQuantizer
from explorer.tokenizers import SingleScaleTokenizer

ROOT = Path(__file__).parent.parent.parent

# ---- what a third party writes -------------------------------------------------


@dataclass(frozen=True)
class PatchConfig:
    vocab_size: int
    code_dim: int
    downsample: int
    family: str = "patches"

    @property
    def widest_channels(self) -> int:
        return 3


class PatchNet(nn.Module):
    """Each patch of d x d pixels, times a matrix, is the feature; its transpose draws the patch again."""

    def __init__(self, config: PatchConfig):
        super().__init__()
        self.config = config
        d = config.downsample
        self.encoder = nn.Conv2d(3, config.code_dim, d, stride=d, bias=False)
        self.decoder = nn.ConvTranspose2d(config.code_dim, 3, d, stride=d, bias=False)
        self.quantize = SingleScaleQuantizer(config.vocab_size, config.code_dim)

    def features(self, x_BCHW):
        return self.encoder(x_BCHW)

    def to_pixels(self, f_hat_BChw):
        return self.decoder(f_hat_BChw)


PATCHES = Family(
    name="patches",
    kind=TOKENIZER,
    maker="Somebody",
    marks=(r"encoder\.weight", r"quantize\.embedding\.weight"),
    read=lambda shapes: {
        "vocab_size": shapes["quantize.embedding.weight"][0],
        "code_dim": shapes["encoder.weight"][0],
        "downsample": shapes["encoder.weight"][2],
    },
    title=lambda numbers: f"a tokenizer of patches with {numbers['vocab_size']} codes",
    grid_rule=one_map("Somebody", default_size=32),
    configure=lambda numbers, grids, stated: PatchConfig(**numbers),
    build=PatchNet,
    adapter="explorer.tokenizers.singlescale:SingleScaleTokenizer",
)

# ---- what the house does with it -----------------------------------------------


class Entry:
    def load(self):
        return PATCHES


@pytest.fixture
def installed(monkeypatch):
    asked = []
    monkeypatch.setattr(families, "entry_points", lambda group: asked.append(group) or [Entry()])
    families.known.cache_clear()
    yield asked
    monkeypatch.undo()
    families.known.cache_clear()


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "patches.pth"
    torch.save(PatchNet(PatchConfig(vocab_size=16, code_dim=6, downsample=4)).state_dict(), path)
    return path


def test_a_third_partys_file_opens_as_any_other(installed, file):
    tok = load_tokenizer(file, device="cpu", precision="exact")
    assert installed == ["tokenscope.families"]
    assert isinstance(tok, SingleScaleTokenizer) and tok.family == "patches"
    assert (tok.grids, tok.vocab_size, tok.image_size, tok.code_dim) == (((8, 8),), 16, 32, 6)
    image = tok.fit(Image.linear_gradient("L"))
    maps = tok.encode(image)
    assert tok.decode(maps).shape == (1, 3, 32, 32)
    assert torch.equal(tok.trace(image)[0].ids, maps[0])
    assert tok.decode_code_swatches([0, 15]).shape == (2, 3, 4, 4)


def test_a_family_without_reference_preprocessing_says_so(installed, file):
    tok = load_tokenizer(file, device="cpu", precision="exact")
    with pytest.raises(ValueError, match="no reference preprocessing for 'patches'"):
        tok.fit(Image.linear_gradient("L"), mode="reference")


def test_without_the_package_the_file_is_a_stranger(file):
    with pytest.raises(CheckpointError, match="not a model that Tokenscope knows"):
        load_tokenizer(file)


def test_two_families_of_one_name(monkeypatch):
    class Twice:
        def load(self):
            return [PATCHES, PATCHES]

    monkeypatch.setattr(families, "entry_points", lambda group: [Twice()])
    families.known.cache_clear()
    with pytest.raises(CheckpointError, match="two families are called patches"):
        families.known()
    monkeypatch.undo()
    families.known.cache_clear()


def test_an_unknown_name():
    with pytest.raises(CheckpointError, match="no family is called 'vqgam'.*var-tokenizer"):
        families.named("vqgam")


@pytest.mark.parametrize("family", families.known(), ids=lambda family: family.name)
def test_every_family_is_whole(family):
    assert family.kind in (families.TOKENIZER, families.GENERATOR)
    assert all(re.compile(mark) for mark in (*family.marks, *family.without))
    if family.configure is None:
        return
    assert family.build and family.grid_rule and isinstance(families.load(family.adapter), type)
    if family.kind == families.GENERATOR:
        assert family.order in (families.NEXT_SCALE, families.RASTER, families.ANY_ORDER)
        assert families.named(family.tokenizer).kind == families.TOKENIZER
    for reference in (family.reference, family.to_bytes):
        assert not reference or callable(families.load(reference))


# Rooms that serve any model. The recipes and benchmarks are about the house's own two, and name them.
FREE_OF_NAMES = ("zoo", "tokenizers", "ui", "verbs", "jobs", "evaluation")
NAMES = re.compile(r"[\"'](var|var-tokenizer|llamagen|llamagen-tokenizer|vqgan|dalle-dvae)[\"']")


RECIPES = {ROOT / "explorer/verbs/train.py"}  # one of them is called "var" too


@pytest.mark.parametrize("room", FREE_OF_NAMES)
def test_no_room_asks_for_a_family_by_name(room):
    for path in set((ROOT / "explorer" / room).rglob("*.py")) - RECIPES:
        code = re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.S)
        assert not NAMES.search(code), f"{path.relative_to(ROOT)} names {NAMES.search(code).group()}"
