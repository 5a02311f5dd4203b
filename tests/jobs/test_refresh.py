"""What is derived from weights: written, read back, told stale, rebuilt."""

import json
import shutil

import pytest
import torch
from tiny_recipes import CLASSES, MULTI, NEXT, RASTER, SINGLE, quiet, write_photos

from explorer import load_generator, load_tokenizer
from explorer.analysis.projection import pca_plane
from explorer.jobs import refresh as refreshing
from explorer.jobs.derived import read_generator_derived, read_tokenizer_derived
from explorer.training.main import run_recipe


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    """A folder with a set called tiny: four weights and their cards."""
    folder, runs = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("runs")
    for recipe, name, partner in (
        (MULTI, "tiny-tokenizer", None),
        (SINGLE, "tiny-raster-tokenizer", None),
        (NEXT, "tiny-var", "tiny-tokenizer"),
        (RASTER, "tiny-raster", "tiny-raster-tokenizer"),
    ):
        tokenizer = folder / f"{partner}.safetensors" if partner else None
        weights = run_recipe(recipe, photos, runs / name, steps=2, tokenizer=tokenizer, name=name, say=quiet)
        for path in (weights, weights.with_suffix(".json")):
            shutil.copy(path, folder)
    return folder


@pytest.fixture()
def folders(trained, tmp_path, monkeypatch):
    # UMAP compiles for half a minute and has its own test; any (V,2) table will do here.
    monkeypatch.setattr(refreshing, "umap_plane", pca_plane)
    models = tmp_path / "models"
    shutil.copytree(trained, models)
    return models, tmp_path / "derived"


def test_refresh_writes_what_is_missing_and_nothing_twice(folders, photos):
    models, derived = folders
    written = refreshing.refresh(photos, folder=models, derived=derived, say=quiet)
    assert sorted(path.stem for path in written) == [
        "tiny-raster",
        "tiny-raster-tokenizer",
        "tiny-tokenizer",
        "tiny-var",
    ]
    assert refreshing.stale_members(models, derived) == []
    assert refreshing.refresh(None, folder=models, derived=derived, say=quiet) == []


def test_derived_files_hold_what_their_weights_give(folders, photos):
    models, derived = folders
    refreshing.refresh(photos, folder=models, derived=derived, say=quiet)
    tok = load_tokenizer(models / "tiny-tokenizer.safetensors", device="cpu", precision="exact")
    found = read_tokenizer_derived(tok.name, tok.sha256, derived)
    card = json.loads((models / "tiny-tokenizer.json").read_text())
    held_out = card["data"]["photos_held_out"]
    assert found.usage_KV.sum(1).tolist() == [held_out, 4 * held_out, 64 * held_out]
    assert str(held_out) in found.usage_of
    assert torch.equal(found.pca, pca_plane(tok.codebook))
    assert found.preview.shape == (5, 3)
    gen = load_generator(models / "tiny-var.safetensors", tok)
    examples = read_generator_derived(gen.name, gen.sha256, tok.sha256, derived)
    assert examples.labels == tuple(range(len(CLASSES)))
    *_, last = gen.generate(1, seed=examples.seeds[1])
    for stored, fresh in zip(examples.examples.maps, last.maps.maps, strict=True):
        assert torch.equal(stored[1:2], fresh)


def test_other_weights_make_a_derived_file_stale(folders, photos):
    models, derived = folders
    refreshing.refresh(photos, folder=models, derived=derived, say=quiet)
    shutil.copy(models / "tiny-tokenizer.safetensors", models / "old.bin")
    with open(models / "tiny-tokenizer.safetensors", "ab") as weights:
        weights.write(b"\0")
    assert [member.name for member in refreshing.stale_members(models, derived)] == [
        "tiny-tokenizer",
        "tiny-var",
    ]
    gen_sha256 = refreshing.file_sha256(models / "tiny-var.safetensors")
    new_sha256 = refreshing.file_sha256(models / "tiny-tokenizer.safetensors")
    assert read_generator_derived("tiny-var", gen_sha256, new_sha256, derived) is None
    assert read_tokenizer_derived("tiny-tokenizer", "0" * 64, derived) is None
    with pytest.raises(ValueError, match="tiny-tokenizer.*--data"):
        refreshing.refresh(None, folder=models, derived=derived, say=quiet)


def test_other_sampling_makes_examples_stale(folders, photos):
    models, derived = folders
    refreshing.refresh(photos, folder=models, derived=derived, say=quiet)
    path = models / "tiny-var.json"
    card = json.loads(path.read_text())
    card["sampling"]["guidance"] += 1
    path.write_text(json.dumps(card))
    assert [member.name for member in refreshing.stale_members(models, derived)] == ["tiny-var"]


def test_the_bundled_models_are_refreshed():
    """Fails when weights in checkpoints/ changed and `python -m explorer refresh` was not run."""
    members = refreshing.bundled_members()
    assert members, "checkpoints/ holds no models"
    assert [member.name for member in refreshing.stale_members()] == []
