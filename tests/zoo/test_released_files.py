"""Every published VAR and LlamaGen checkpoint, from its names and shapes alone.

It must be recognised, and its network's names and shapes must match (strictly), without allocating a weight.
"""

import gzip
import json
from pathlib import Path

import pytest
import torch

from explorer import families
from explorer.families.schedules import PUBLISHED_SCHEDULES, squares
from explorer.zoo.building import build
from explorer.zoo.catalogue import released
from explorer.zoo.recognise import recognise

MANIFESTS = Path(__file__).parents[1] / "manifests" / "released.json.gz"
ALL = json.loads(gzip.decompress(MANIFESTS.read_bytes()))
RUN = [name for name in ALL if name.startswith(("vae_", "var_", "vq_", "c2i_"))]
KNOWN_BY_NAME = {
    "vqgan_imagenet_f16_1024": ("vqgan", 1024),
    "vqgan_imagenet_f16_16384": ("vqgan", 16384),
    "cin_transformer": ("taming-transformer", 16384),
    "dalle_encoder": ("dalle-dvae", 8192),
    "dalle_decoder": ("dalle-dvae", 8192),
}


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    return {tensor: tuple(shape) for tensor, shape in ALL[name]["tensors"].items()}


def test_all_are_here():
    assert len(RUN) == 14 and set(ALL) == {*RUN, *KNOWN_BY_NAME}


@pytest.mark.parametrize("name", RUN)
def test_recognised_and_built_on_the_meta_device(name):
    entry = ALL[name]
    found = recognise(shapes_of(name), filename=entry["file"])
    assert found.problem is None
    assert found.parameters == entry["parameters"]
    assert sorted(found.ignored) == sorted(entry["ignored"])
    tensors = {tensor: torch.empty(shape, device="meta") for tensor, shape in shapes_of(name).items()}
    net = build(found, tensors)
    assert sum(parameter.numel() for parameter in net.parameters()) == entry["parameters"]


@pytest.mark.parametrize("name", [name for name in RUN if name.startswith("var_")])
def test_var(name):
    told = ALL[name]["config"]
    found = recognise(shapes_of(name))
    assert found.family == "var" and found.kind == "generator"
    assert found.title == f"VAR depth {told['depth']}"
    assert (found.depth, found.width, found.heads) == (told["depth"], told["embed_dim"], told["num_heads"])
    assert (found.vocab_size, found.code_dim, found.num_classes) == (4096, 32, 1000)
    assert found.config.shared_adaln == told["shared_aln"]
    assert found.grids == squares(told["patch_nums"])
    assert found.image_size == ((512, 512) if name == "var_d36_512" else (256, 256))
    assert "published schedule" in found.grids_source


@pytest.mark.parametrize("name", [name for name in RUN if name.startswith("c2i_")])
def test_llamagen_gpt(name):
    told = ALL[name]["config"]
    found = recognise(shapes_of(name), filename=ALL[name]["file"])
    assert found.family == "llamagen" and found.title == f"LlamaGen {told['model']}"
    assert (found.depth, found.width, found.heads) == (told["n_layer"], told["dim"], told["n_head"])
    assert (found.vocab_size, found.num_classes) == (16384, 1000)
    size = int(name.rsplit("_", 1)[1])
    assert found.image_size == (size, size) and found.grids == ((size // 16, size // 16),)
    assert found.grids_source == f"file name (_{size})"
    # Without the file name nothing tells the 384 px models from the 256 px ones.
    assert recognise(shapes_of(name)).grids == ((16, 16),)
    assert "default" in recognise(shapes_of(name)).grids_source


def test_var_tokenizer():
    found = recognise(shapes_of("vae_ch160v4096z32"), filename="vae_ch160v4096z32.pth")
    assert found.family == "var-tokenizer" and found.kind == "tokenizer"
    numbers = found.config.autoencoder
    assert (numbers.ch, numbers.ch_mult, numbers.z_channels, numbers.num_res_blocks) == (
        160,
        (1, 1, 2, 2, 4),
        32,
        2,
    )
    assert (found.vocab_size, found.code_dim) == (4096, 32)
    assert found.grids == PUBLISHED_SCHEDULES[256] and found.grids_source == "default of the family (256 px)"
    assert recognise(shapes_of("vae_ch160v4096z32"), image_size=512).grids == PUBLISHED_SCHEDULES[512]


@pytest.mark.parametrize(
    ("name", "ch_mult", "side"), [("vq_ds16_c2i", (1, 1, 2, 2, 4), 16), ("vq_ds8_c2i", (1, 2, 2, 4), 32)]
)
def test_llamagen_tokenizer(name, ch_mult, side):
    found = recognise(shapes_of(name), filename=ALL[name]["file"])
    assert found.family == "llamagen-tokenizer" and found.kind == "tokenizer"
    numbers = found.config.autoencoder
    assert (numbers.ch, numbers.ch_mult, numbers.z_channels, numbers.num_res_blocks) == (128, ch_mult, 256, 2)
    assert (found.vocab_size, found.code_dim) == (16384, 8)
    assert found.grids == ((side, side),) and found.image_size == (256, 256)


@pytest.mark.parametrize("name", KNOWN_BY_NAME)
def test_known_by_name_but_not_run_yet(name):
    family, codes = KNOWN_BY_NAME[name]
    found = recognise(shapes_of(name))
    assert (found.family, found.vocab_size, found.config) == (family, codes, None)
    assert "not supported yet" in found.problem
    if family == "vqgan":  # what the perceptual loss and the discriminator add is not counted
        assert found.parameters in (72_141_699, 76_073_859)


def test_the_catalogue_agrees_with_the_files():
    by_file = {ALL[name]["file"]: recognise(shapes_of(name)) for name in RUN}
    assert {entry.filename for entry in families.released()} >= set(by_file)
    for filename, found in by_file.items():
        entry = released(filename.rsplit(".", 1)[0])
        assert (entry.family, entry.parameters, entry.kind) == (found.family, found.parameters, found.kind)
