"""A run that is stopped, resumed or broken off: what it says, what it counts, what it leaves behind."""

import json
import os
import shutil
import signal
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_recipes import MULTI, NEXT, SINGLE, quiet, write_photos

from explorer import CheckpointError
from explorer.analysis.cost import training_flops
from explorer.nets.vqvae import build_vqvae
from explorer.training import main
from explorer.training.feature_net import train_feature_net
from explorer.training.losses import FeatureNet
from explorer.training.main import run_recipe
from explorer.training.photos import load_photos
from explorer.training.saving import only_run, read_save
from explorer.training.sheets import save_sheet
from explorer.training.shipping import save_model, write_card_entries
from explorer.training.tokenizer_task import network_config
from explorer.training.transformer_task import TransformerTask
from explorer.zoo import open_checkpoint

CODES = replace(MULTI, feature_weight=0.0, adversarial_weight=0.0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    """Folders of a tokenizer's run of 2 steps, and of a generator's on its tokens."""
    out = tmp_path_factory.mktemp("finished")
    codes = run_recipe(CODES, photos, out / "codes", steps=2, name="codes", say=quiet)
    run_recipe(NEXT, photos, out / "var", steps=2, tokenizer=codes, name="var", say=quiet)
    return out


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of both runs."""
    return shutil.copytree(finished, tmp_path / "runs")


def resumed(recipe, photos, out, **more):
    return run_recipe(recipe, photos, out, resume=True, say=quiet, **{"steps": 4, "name": "again"} | more)


def training(weights: Path) -> dict:
    return json.loads(weights.with_suffix(".json").read_text())["training"]


def test_images_are_counted_as_they_were_seen_when_the_batch_changes(photos, folder):
    codes, out = folder / "codes" / "codes.safetensors", folder / "six"
    run_recipe(NEXT, photos, out, steps=6, tokenizer=codes, say=quiet)
    found = training(resumed(replace(NEXT, batch=8), photos, out, steps=10, tokenizer=codes))
    assert (found["steps"], found["images_seen"], found["images_seen_in_all"]) == (10, 56, 56)
    config = open_checkpoint(out / "again.safetensors", kind="generator").net.config
    assert found["flops_counted"] == training_flops(config, 56)


def test_a_resumed_run_still_knows_where_it_started(photos, folder):
    codes, init = folder / "codes" / "codes.safetensors", folder / "var" / "var.safetensors"
    out = folder / "more"
    run_recipe(NEXT, photos, out, steps=1, tokenizer=codes, init=init, say=quiet)
    before = training(init)["images_seen"]
    init.with_suffix(".json").unlink()
    for again in (None, init):
        found = training(resumed(NEXT, photos, out, steps=3, tokenizer=codes, init=again))
        assert found["started_from"] == "var.safetensors"
        assert found["images_seen_in_all"] == found["images_seen"] + before == 20


@pytest.mark.parametrize(
    "change, said",
    [
        ({"lr": 0.25}, r"lr 0\.001, now it is 0\.25"),
        ({"seed": 7}, "seed 0, now it is 7"),
        ({"vocab_size": 64}, "vocab_size 32, now it is 64"),
        ({"name": "raster-tokenizer"}, "recipe tokenizer, now it is raster-tokenizer"),
    ],
    ids=str,
)
def test_another_recipe_is_not_resumed(change, said, photos, folder):
    before = (folder / "codes" / "state.pt").read_bytes()
    with pytest.raises(ValueError, match=said):
        resumed(replace(CODES, **change), photos, folder / "codes")
    assert (folder / "codes" / "state.pt").read_bytes() == before


def test_other_photos_classes_tokens_or_weights_are_not_resumed(photos, folder, tmp_path):
    fewer = shutil.copytree(photos, tmp_path / "fewer")
    (fewer / "wave" / "003.png").unlink()
    with pytest.raises(ValueError, match=r"data 120 photos \(.*\), now it is 119 photos"):
        resumed(CODES, fewer, folder / "codes")
    painted = shutil.copytree(photos, tmp_path / "painted")
    shutil.copy(painted / "wave" / "004.png", painted / "wave" / "003.png")
    with pytest.raises(ValueError, match=r"data 120 photos \(fingerprint (\w+)\), now .*fingerprint (?!\1)"):
        resumed(CODES, painted, folder / "codes")
    other = shutil.copytree(photos, tmp_path / "other")
    (other / "wave").rename(other / "star")
    with pytest.raises(ValueError, match=r"classes 3 \(with wave\), now it is 3 \(with star\)"):
        resumed(CODES, other, folder / "codes")
    start = folder / "codes" / "codes.safetensors"
    with pytest.raises(ValueError, match=r"start random weights, now it is codes\.safetensors \(sha256"):
        resumed(CODES, photos, folder / "codes", init=start)
    codes = run_recipe(CODES, photos, tmp_path / "codes", steps=1, name="others", say=quiet)
    with pytest.raises(ValueError, match=r"tokenizer codes\.safetensors .*, now it is others\.safetensors"):
        resumed(NEXT, photos, folder / "var", tokenizer=codes)


@pytest.mark.parametrize("damage", ["cut", "text", "other", "empty"])
def test_a_damaged_save_is_a_sentence_and_stays(damage, photos, folder):
    state = folder / "codes" / "state.pt"
    if damage == "other":
        torch.save({"model": torch.zeros(3)}, state)
    else:
        content = {"cut": state.read_bytes()[:5000], "text": b"not a save", "empty": b""}[damage]
        state.write_bytes(content)
    before = state.read_bytes()
    with pytest.raises(CheckpointError, match=r"state\.pt is cut off or no save of a training run"):
        resumed(CODES, photos, folder / "codes")
    assert state.read_bytes() == before


def test_a_save_of_an_earlier_version_goes_on(photos, folder):
    state, told = folder / "codes" / "state.pt", []
    entries = torch.load(state, weights_only=True)
    torch.save({name: entries[name] for name in ("task", "step", "seconds")}, state)
    weights = run_recipe(CODES, photos, folder / "codes", steps=3, resume=True, name="again", say=told.append)
    assert (training(weights)["images_seen"], training(weights)["started_from"]) == (12, "unknown")
    assert any("does not say how many images" in text for text in told)
    torch.save({name: entries[name] for name in ("task", "step", "seconds")}, state)
    with pytest.raises(CheckpointError, match=r"state\.pt does not fit this recipe"):
        resumed(replace(CODES, ch=64), photos, folder / "codes")


@pytest.fixture
def full_disk():
    """No file can grow beyond 10 kB as long as `with full_disk():` lasts."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited():
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return limited


def test_a_full_disk_leaves_the_save_before_it(photos, folder, full_disk):
    out = folder / "codes"
    before, files = (out / "state.pt").read_bytes(), sorted(out.iterdir())
    with full_disk(), pytest.raises(ValueError, match=r"state\.pt"):
        resumed(CODES, photos, out)
    assert (out / "state.pt").read_bytes() == before and sorted(out.iterdir()) == files
    assert training(resumed(CODES, photos, out))["images_seen"] == 16


def test_a_log_that_cannot_be_written_is_a_sentence(photos, folder, full_disk):
    log = folder / "codes" / "log.jsonl"
    log.write_text(log.read_text() + "\n" * 20_000)
    with full_disk(), pytest.raises(ValueError, match=r"cannot be written .*stopped at step 4; make room"):
        resumed(CODES, photos, folder / "codes")


def test_weights_cards_and_sheets_are_written_whole(folder, full_disk):
    codes = folder / "codes" / "codes.safetensors"
    sheet = folder / "codes" / "sheet_000002.png"
    files = {path: path.read_bytes() for path in codes.parent.iterdir()}
    card = json.loads(codes.with_suffix(".json").read_text())
    with full_disk():
        with pytest.raises(ValueError, match=r"codes\.safetensors cannot be written"):
            save_model(codes, {"weight": torch.zeros(9999)}, card)
        with pytest.raises(ValueError, match=r"codes\.json cannot be written"):
            write_card_entries(codes, {"about": "x" * 20_000})
        with pytest.raises(ValueError, match=r"sheet_000002\.png cannot be written"):
            save_sheet([torch.rand(32, 3, 16, 16)], sheet)
    assert {path: path.read_bytes() for path in codes.parent.iterdir()} == files


def test_one_folder_is_trained_in_by_one_run(photos, folder):
    pytest.importorskip("fcntl")
    with only_run(folder / "codes"), pytest.raises(ValueError, match=f"another run.*process {os.getpid()}"):
        resumed(CODES, photos, folder / "codes")
    assert resumed(CODES, photos, folder / "codes").exists()


def refuse(*_, **__):
    raise AssertionError("this costs minutes and should not have begun")


def test_numbers_that_make_no_network_are_refused_before_anything_is_spent(photos, tmp_path, monkeypatch):
    for costly in ("load_photos", "train_feature_net"):
        monkeypatch.setattr(main, costly, refuse)
    for change, said in (
        ({"ch": 8}, "multiple of 32"),
        ({"scales": (1, 2, 4)}, "the last scale must be the feature grid"),
        ({"batch": 0}, "batch is at least 1, not 0"),
        ({"feature_minutes": 0.0}, "feature_minutes is greater than 0"),
    ):
        with pytest.raises(ValueError, match=said):
            run_recipe(replace(MULTI, **change), photos, tmp_path / "run", steps=1, say=quiet)
    assert not (tmp_path / "run").exists()


def test_weights_that_do_not_fit_are_refused_before_the_classifier_is_trained(
    photos, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(main, "train_feature_net", refuse)
    start = folder / "codes" / "codes.safetensors"
    with pytest.raises(CheckpointError, match=r"codes\.safetensors does not fit this recipe"):
        run_recipe(replace(MULTI, ch=64), photos, tmp_path / "run", steps=1, init=start, say=quiet)


def test_a_torn_or_foreign_feature_classifier_is_a_sentence(photos, tmp_path):
    path, photos = tmp_path / "features.safetensors", load_photos(photos, 24)
    options = {"size": 16, "minutes": 0.001, "device": torch.device("cpu"), "batch": 4, "say": quiet}
    kept = train_feature_net(photos, path, **options)
    assert isinstance(kept, FeatureNet)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"something else"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"features\.safetensors is torn or no feature classifier"):
            train_feature_net(photos, path, **options)
        assert path.read_bytes() == content
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"of 3 classes \(circle, square, wave\).* 3 \(a, b, c\)"):
        train_feature_net(replace(photos, classes=("a", "b", "c")), path, **options)
    with pytest.raises(CheckpointError, match=r"of 3 classes .* have 2 \(a, b\)"):
        train_feature_net(replace(photos, classes=("a", "b")), path, **options)


def test_a_resumed_run_keeps_its_feature_classifier(photos, tmp_path, monkeypatch):
    recipe, out = replace(MULTI, feature_minutes=0.001), tmp_path / "run"
    run_recipe(recipe, photos, out, steps=1, name="m", say=quiet)
    kept = (out / "features.safetensors").rename(tmp_path / "kept.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(main, "train_feature_net", refuse)
        with pytest.raises(ValueError, match=r"features\.safetensors is gone.*--features"):
            resumed(recipe, photos, out)
    other = tmp_path / "other.safetensors"
    train_feature_net(
        load_photos(photos, 24), other, size=16, minutes=0.001, seed=1, device=torch.device("cpu"), say=quiet
    )
    with pytest.raises(ValueError, match="feature classifier sha256 .*, now it is sha256"):
        resumed(recipe, photos, out, features=other)
    assert resumed(recipe, photos, out, steps=2, features=kept).exists()


def test_the_card_names_every_precision_of_a_run(photos, folder, monkeypatch):
    monkeypatch.setenv("TOKENSCOPE_BF16", "0")
    out = folder / "float"
    run_recipe(CODES, photos, out, steps=1, device="cpu", say=quiet)
    assert read_save(out / "state.pt").precisions == ("float32",)
    monkeypatch.setenv("TOKENSCOPE_BF16", "1")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    weights = resumed(CODES, photos, out, steps=2, device="cpu")
    assert training(weights)["precision"] == "float32, then bf16 autocast"


def test_ids_of_large_codebooks_are_remembered_as_they_are(photos, tmp_path):
    codes = build_vqvae(network_config(replace(MULTI, vocab_size=40_000)))
    task = TransformerTask(
        NEXT, load_photos(photos, 24), codes, ((1, 1), (2, 2)), torch.device("cpu"), tmp_path
    )
    task.encode = lambda x_BCHW: torch.full((len(x_BCHW), 5), 39_999)
    indices_B = torch.tensor([0, 1])
    for _ in range(2):
        assert (task.cached_tokens(indices_B, torch.zeros(2, dtype=torch.int64)) == 39_999).all()


def test_a_signal_saves_what_the_run_belongs_to(photos, tmp_path):
    def stop(text):
        if "%" in text:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt, match="--resume"):
        run_recipe(SINGLE, photos, tmp_path / "run", steps=9, report_seconds=0.0, say=stop)
    save = read_save(tmp_path / "run" / "state.pt")
    assert (save.step, save.images, save.belongs["seed"]) == (1, 4, 0)
    assert save.belongs["classes"] == ("circle", "square", "wave")
