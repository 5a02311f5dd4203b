"""Tokenizers through their public functions against the reference: preprocessing, ids, pictures, bytes."""

import numpy as np
import pytest
import torch
from golden_support import (
    close,
    golden_cases,
    golden_folder,
    image_of,
    indices,
    load_arrays,
    load_config,
    load_weights,
    same,
)
from PIL import Image

from explorer import TokenMaps, load_tokenizer
from explorer.tokenizers import images


def load(case, tmp_path, grids=None):
    """Through a released-style file, as a user has it."""
    name = "vae" if "var_" in case.name else "vq"
    path = tmp_path / f"{case.name}.pth"
    torch.save(load_weights(case, name), path)
    config = load_config(case)
    if grids is None and name == "vae":
        grids = config["patch_nums"]
    size = None if grids else config["image_size"]
    return load_tokenizer(path, device="cpu", precision="exact", grids=grids, image_size=size)


def public(x: torch.Tensor) -> torch.Tensor:
    """Reference pictures in [-1,1] as ours are: clamped, in [0,1]."""
    return (x.clamp(-1, 1) + 1) / 2


@pytest.mark.parametrize("case", golden_cases("var_", needs=("vae", "vae_golden.npz")))
def test_var_tokenizer(case, tmp_path):
    gold, tok = load_arrays(case / "vae_golden.npz"), load(case, tmp_path)
    maps = tok.encode(public(image_of(gold)))
    for k, ids in enumerate(maps):
        same(ids.flatten(1), gold[f"idx_{k}"])
    f_hats = tok.accumulate(maps)
    for k in indices(gold, "fhat_"):
        close(f_hats[k], gold[f"fhat_{k}"], "f_hat")
    check_pictures(tok, maps, gold, "recon_")
    random = TokenMaps([gold[f"rand_idx_{k}"].view(-1, *grid) for k, grid in enumerate(tok.grids)])
    check_pictures(tok, random, gold, "rand_img_")


def check_pictures(tok, maps, gold, prefix):
    stored = indices(gold, prefix)
    for k, picture in zip(stored, tok.decode_progressive(maps, [k + 1 for k in stored]), strict=True):
        close(picture, public(gold[f"{prefix}{k}"]), "image")


@pytest.mark.parametrize("case", golden_cases("llamagen_", needs=("vq", "vq_golden.npz")))
def test_llamagen_tokenizer(case, tmp_path):
    gold, tok = load_arrays(case / "vq_golden.npz"), load(case, tmp_path)
    maps = tok.encode(public(image_of(gold)))
    same(maps[0].flatten(), gold["indices"].flatten())
    close(tok.accumulate(maps)[0], gold["codebook_entry"], "f_hat")
    close(tok.decode(maps), public(gold["decode_code"]), "image")
    if "rand_decode_code" in gold:
        random = TokenMaps([gold["rand_indices"].view(-1, *tok.grids[0])])
        close(tok.decode(random), public(gold["rand_decode_code"]), "image")


@pytest.mark.parametrize("case", golden_cases("var_vae_rect", needs=("vae", "vae_golden.npz")))
def test_var_rectangle(case, tmp_path):
    gold = load_arrays(case / "vae_golden.npz")
    tok = load(case, tmp_path).with_grids([tuple(grid) for grid in gold["ns_patch_hws"].tolist()])
    assert tok.image_size == (64, 96)
    maps = tok.encode(public(image_of(gold, "ns_img")))
    for k, ids in enumerate(maps):
        same(ids.flatten(1), gold[f"ns_idx_{k}"])
    close(tok.decode(maps), public(gold["ns_recon_last"]), "image")


@pytest.mark.parametrize("case", golden_cases("llamagen_vq8_rect", needs=("vq", "vq_golden.npz")))
def test_llamagen_rectangle(case, tmp_path):
    gold = load_arrays(case / "vq_golden.npz")
    tok = load(case, tmp_path).with_grids([(5, 8)])
    maps = tok.encode(public(image_of(gold, "ns_img")))
    same(maps[0].flatten(), gold["ns_indices"].flatten())
    close(tok.decode(maps), public(gold["ns_decode_code"]), "image")


@pytest.mark.parametrize("case", golden_cases("llamagen_", needs=("vq", "vq_golden.npz")))
def test_llamagen_bytes(case):
    gold = load_arrays(case / "vq_golden.npz")
    pairs = [name for name in ("decode_code", "ns_decode_code") if f"{name}_u8" in gold]
    for name in pairs:
        same(images.reference_uint8(gold[name], "llamagen-tokenizer"), gold[f"{name}_u8"], "bytes")
        # Our own rounding of [0,1] pictures is the same rule.
        ours = images.to_uint8(public(gold[name])).int()
        assert (ours - gold[f"{name}_u8"].int()).abs().max() <= 1


@pytest.mark.parametrize(
    "family, folder", [("var-tokenizer", "var_misc"), ("llamagen-tokenizer", "llamagen_misc")]
)
def test_reference_preprocessing_is_bit_exact(family, folder):
    gold = load_arrays(golden_folder(folder) / "preprocess_golden.npz")
    side = int(gold["reso" if "reso" in gold else "size"])
    cases = indices(gold, "in_")
    assert cases
    for i in cases:
        fitted = images.fit(Image.fromarray(gold[f"in_{i}"].numpy()), (side, side), "reference", family)
        assert torch.equal(fitted[0] * 2 - 1, gold[f"out_{i}"])
        if f"crop_u8_{i}" in gold:
            assert np.array_equal(images.to_uint8(fitted)[0].numpy(), gold[f"crop_u8_{i}"].numpy())


def test_llamagen_postprocessing_is_bit_exact():
    gold = load_arrays(golden_folder("llamagen_misc") / "preprocess_golden.npz")
    same(images.reference_uint8(gold["post_in"], "llamagen-tokenizer"), gold["post_u8"], "bytes")
