"""Every published checkpoint, from its names and shapes alone.

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
from explorer.zoo.unwrapping import unwrap

MANIFESTS = Path(__file__).parents[1] / "manifests" / "released.json.gz"
ALL = json.loads(gzip.decompress(MANIFESTS.read_bytes()))
RUN = [name for name in ALL if name.startswith(("vae_", "var_", "vq_", "c2i_"))]
# Files that no hub serves, so that the catalogue does not name them.
FROM_DISK = ["vqgan_imagenet_f16_1024", "vqgan_imagenet_f16_16384", "cin_transformer"]
PATCHES = ["vitvqgan_imagenet_small", "vitvqgan_imagenet_base"]
DOT_PRODUCTS = ["ibq_imagenet256_16384", "ibq_imagenet256_262144"]
DEPTHS = ["rqvae_imagenet_8x8x4_16384", "rqvae_ffhq_8x8x4_2048"]
HALVES = ["dalle_encoder", "dalle_decoder"]


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    return {tensor: tuple(shape) for tensor, shape in ALL[name]["tensors"].items()}


def on_meta(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return {tensor: torch.empty(shape, device="meta") for tensor, shape in shapes.items()}


def test_all_are_here():
    assert len(RUN) == 14 and set(ALL) == {*RUN, *FROM_DISK, *DEPTHS, *PATCHES, *DOT_PRODUCTS, *HALVES}


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


@pytest.mark.parametrize(("codes", "parameters"), [(1024, 72_141_699), (16384, 76_073_859)])
def test_vqgan(codes, parameters):
    """What the perceptual loss and the discriminator add is not counted."""
    name = f"vqgan_imagenet_f16_{codes}"
    found = recognise(shapes_of(name), filename=ALL[name]["file"])
    assert (found.family, found.kind, found.problem) == ("vqgan", "tokenizer", None)
    assert (found.vocab_size, found.code_dim, found.config.gumbel) == (codes, 256, False)
    assert found.config.autoencoder.attention_levels == (4,)
    assert found.grids == ((16, 16),) and found.image_size == (256, 256)
    assert all(tensor.startswith("loss.") for tensor in found.ignored)
    net = build(found, on_meta(shapes_of(name)))
    assert sum(p.numel() for p in net.parameters()) == found.parameters == parameters


def test_both_models_of_a_net2net_file():
    stored = {"state_dict": on_meta(shapes_of("cin_transformer"))}
    for kind, family, parameters in (
        ("generator", "taming-transformer", 1_410_640_896),
        ("tokenizer", "vqgan", 76_073_859),
    ):
        part = unwrap(stored, kind)
        found = recognise({name: tuple(tensor.shape) for name, tensor in part.tensors.items()})
        assert (found.family, found.kind, found.problem) == (family, kind, None)
        assert found.vocab_size == 16384 and found.grids == ((16, 16),)
        net = build(found, part.tensors)
        assert sum(p.numel() for p in net.parameters()) == found.parameters == parameters
        if kind == "generator":
            assert (found.depth, found.width, found.heads, found.num_classes) == (48, 1536, 24, 1000)


def test_dalle_in_halves_and_joined():
    joined = {}
    for half in ("encoder", "decoder"):
        shapes = shapes_of(f"dalle_{half}")
        found = recognise(shapes)
        assert (found.family, found.vocab_size, found.config) == ("dalle-dvae", 8192, None)
        assert f"the {half} of a DALL-E dVAE" in found.problem and "explorer convert" in found.problem
        joined |= {f"{half}.{name}": shape for name, shape in shapes.items()}
    found = recognise(joined)
    assert found.problem is None and found.title == "a DALL-E dVAE with 8192 codes"
    assert (found.config.code_dim, found.config.hidden, found.config.blocks) == (128, 256, 2)
    assert found.grids == ((32, 32),) and found.image_size == (256, 256)
    net = build(found, on_meta(joined))
    parameters = sum(ALL[name]["parameters"] for name in HALVES)
    assert sum(p.numel() for p in net.parameters()) == found.parameters == parameters


def test_the_catalogue_agrees_with_the_files():
    by_file = {ALL[name]["file"]: recognise(shapes_of(name)) for name in RUN}
    assert {entry.filename for entry in families.released()} >= set(by_file)
    for filename, found in by_file.items():
        entry = released(filename.rsplit(".", 1)[0])
        assert (entry.family, entry.parameters, entry.kind) == (found.family, found.parameters, found.kind)


@pytest.mark.parametrize("name", DEPTHS)
def test_residual_depth(name):
    told = ALL[name]["config"]["hparams"]
    found = recognise(shapes_of(name))
    assert (found.family, found.problem, found.vocab_size) == ("rqvae", None, told["n_embed"])
    h, w, depth = told["code_shape"]
    assert found.grids == ((h, w),) * depth and found.image_size == (256, 256)
    net = build(found, on_meta(shapes_of(name)))
    # Its codebooks are one tensor under several names: counted once by the authors.
    shared = (depth - 1) * (told["n_embed"] + 1) * told["embed_dim"]
    assert sum(parameter.numel() for parameter in net.parameters()) - shared == ALL[name]["parameters"]


@pytest.mark.parametrize("name", PATCHES)
def test_patches(name):
    found = recognise(shapes_of(name))
    assert (found.family, found.problem, found.vocab_size, found.code_dim) == ("vitvqgan", None, 8192, 32)
    assert found.grids == ((32, 32),) and found.image_size == (256, 256)
    net = build(found, on_meta(shapes_of(name)))
    assert sum(parameter.numel() for parameter in net.parameters()) == found.parameters


@pytest.mark.parametrize(("name", "millions"), [*zip(DOT_PRODUCTS, (111.0, 173.9), strict=True)])
@pytest.mark.parametrize("copies", [True, False])
def test_dot_products(name, millions, copies):
    shapes = {n: shape for n, shape in shapes_of(name).items() if copies or not n.startswith("model_ema.")}
    found = recognise(shapes)
    assert (found.family, found.problem) == ("ibq", None) and found.vocab_size == int(name.split("_")[-1])
    assert found.grids == ((16, 16),) and round(found.parameters / 1e6, 1) == millions
    net = build(found, on_meta(shapes))
    assert sum(parameter.numel() for parameter in net.parameters()) == found.parameters
