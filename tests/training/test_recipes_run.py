"""The recipes end to end on a handful of synthetic photos: train, kill, resume, export, load."""

import json
import signal
from dataclasses import replace

import pytest
import torch
from tiny_recipes import MASKED, MULTI, NEXT, RASTER, SIDE, SINGLE, quiet, write_photos

from explorer import load_generator, load_tokenizer
from explorer.errors import CheckpointError
from explorer.orders import spiral as spiral_order
from explorer.training.loop import Budget, cosine
from explorer.training.losses import FeatureNet
from explorer.training.main import run_recipe
from explorer.training.photos import STORED_SIDE, load_photos
from explorer.training.recipes import PRESETS, find_recipe
from explorer.training.transformer_task import TransformerTask
from explorer.zoo import open_checkpoint
from explorer.zoo.reading import read_checkpoint


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def tokenizer_file(photos, tmp_path_factory):
    return run_recipe(
        MULTI, photos, tmp_path_factory.mktemp("multi"), steps=6, name="tiny-tokenizer", say=quiet
    )


@pytest.fixture(scope="module")
def raster_tokenizer_file(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("single")
    return run_recipe(SINGLE, photos, out, steps=4, name="tiny-raster-tokenizer", say=quiet)


def test_tokenizer_recipe_ships_a_model_that_loads(tokenizer_file):
    tok = load_tokenizer(tokenizer_file, device="cpu")
    assert (tok.family, tok.grids, tok.vocab_size, tok.image_size) == (
        "var-tokenizer",
        ((1, 1), (2, 2), (8, 8)),
        32,
        SIDE,
    )
    card = json.loads(tokenizer_file.with_suffix(".json").read_text())
    held_out = card["metrics"]["held_out"]
    assert held_out["images"] == card["data"]["photos_held_out"] > 0
    assert card["data"]["photos_trained_on"] + card["data"]["photos_held_out"] == 120
    assert held_out["tokens_per_image"] == 69 and held_out["bits_per_image"] == 69 * 5
    assert sum(held_out["tokens_counted_by_scale"]) == 69 * held_out["images"]
    assert card["training"]["images_seen"] == 24
    assert (tokenizer_file.parent / "sheet_000006.png").exists()


@pytest.mark.parametrize("switch, precision", [("0", "float32"), ("1", "bf16 autocast")])
def test_the_card_says_in_which_precision_was_trained(switch, precision, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENSCOPE_BF16", switch)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    seen, look = [], FeatureNet.features

    def watched(net, x_BCHW):
        seen.append(torch.is_autocast_enabled("cpu"))
        return look(net, x_BCHW)

    monkeypatch.setattr(FeatureNet, "features", watched)
    weights = run_recipe(MULTI, photos, tmp_path / "run", steps=1, name="m", device="cpu", say=quiet)
    training = json.loads(weights.with_suffix(".json").read_text())["training"]
    assert training["precision"] == precision and "bf16" not in training["hardware"]
    assert any(seen) == (precision == "bf16 autocast")


@pytest.mark.parametrize("recipe", [NEXT, RASTER, MASKED], ids=lambda r: r.name)
def test_transformer_recipes_ship_models_that_generate(recipe, photos, tmp_path, request):
    fixture = "tokenizer_file" if recipe.family == "var" else "raster_tokenizer_file"
    tokenizer = request.getfixturevalue(fixture)
    weights = run_recipe(
        recipe, photos, tmp_path / "run", steps=3, tokenizer=tokenizer, name="tiny", say=quiet
    )
    tok = load_tokenizer(tokenizer, device="cpu")
    gen = load_generator(weights, tok)
    assert gen.classes == ("circle", "square", "wave")
    *_, last = gen.generate("wave", seed=1)
    assert all((m >= 0).all() for m in last.maps.maps)
    card = json.loads(weights.with_suffix(".json").read_text())
    assert 0 < card["metrics"]["held_out"]["bits_per_token"] < 10


def test_a_raster_recipe_along_another_order(photos, tmp_path, raster_tokenizer_file, tokenizer_file):
    """What it ships goes along that order, and is measured along it as it was trained."""
    recipe = replace(RASTER, order="spiral")
    options = {"tokenizer": raster_tokenizer_file, "say": quiet}
    spiral = run_recipe(recipe, photos, tmp_path / "spiral", steps=30, name="s", **options)
    tok = load_tokenizer(raster_tokenizer_file, device="cpu")
    gen = load_generator(spiral, tok)
    assert gen.path.tolist() == spiral_order(8, 8).tolist()
    held_out = json.loads(spiral.with_suffix(".json").read_text())["metrics"]["held_out"]["bits_per_token"]
    task_bits = _measured(recipe, photos, raster_tokenizer_file, spiral)
    assert held_out == pytest.approx(task_bits, abs=0.01)
    wrong = json.loads(spiral.with_suffix(".json").read_text())
    wrong["config"]["order"] = "zigzag"
    spiral.with_suffix(".json").write_text(json.dumps(wrong))
    with pytest.raises(CheckpointError, match="the card's order: .*zigzag"):
        load_generator(spiral, tok)
    with pytest.raises(ValueError, match="order=spiral is for the raster recipe; var has no such choice"):
        run_recipe(replace(NEXT, order="spiral"), photos, tmp_path / "v", steps=1, tokenizer=tokenizer_file)
    with pytest.raises(ValueError, match="zigzag"):
        run_recipe(replace(RASTER, order="zigzag"), photos, tmp_path / "z", steps=1, **options)


def _measured(recipe, photos, tokenizer_file, weights) -> float:
    """The task's own figure on all held-out photos, from shipped weights."""
    opened = open_checkpoint(tokenizer_file, kind="tokenizer")
    task = TransformerTask(
        recipe,
        load_photos(photos, round(SIDE * STORED_SIDE)),
        opened.net,
        opened.recognition.grids,
        torch.device("cpu"),
        tokenizer_file,
    )
    task.load_weights(read_checkpoint(weights).tensors)
    return task.measure(1000)["held_out_bits"]


@pytest.mark.parametrize("recipe", [MULTI, NEXT, MASKED], ids=lambda r: r.name)
def test_a_resumed_run_ends_where_an_uninterrupted_one_ends(
    recipe, photos, tmp_path, tokenizer_file, raster_tokenizer_file
):
    tokenizers = {NEXT: tokenizer_file, MASKED: raster_tokenizer_file}
    options = {"tokenizer": tokenizers[recipe]} if recipe in tokenizers else {}
    if recipe is MULTI:
        options["features"] = tokenizer_file.parent / "features.safetensors"
    whole = run_recipe(recipe, photos, tmp_path / "whole", steps=4, name="m", say=quiet, **options)

    def interrupt_after_one_step(text):
        if text.strip().startswith("25.0 %"):
            signal.raise_signal(signal.SIGTERM)

    parts = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        run_recipe(
            recipe,
            photos,
            parts,
            steps=4,
            name="m",
            report_seconds=0.0,
            say=interrupt_after_one_step,
            **options,
        )
    assert not (parts / "m.safetensors").exists()
    with pytest.raises(ValueError, match="--resume"):
        run_recipe(recipe, photos, parts, steps=4, name="m", say=quiet, **options)
    resumed = run_recipe(recipe, photos, parts, steps=4, resume=True, name="m", say=quiet, **options)
    assert whole.read_bytes() == resumed.read_bytes()


def test_training_continues_from_shipped_weights(photos, tmp_path, tokenizer_file):
    frozen = replace(MULTI, lr=0.0)
    again = run_recipe(
        frozen,
        photos,
        tmp_path,
        steps=1,
        init=tokenizer_file,
        features=tokenizer_file.parent / "features.safetensors",
        name="again",
        say=quiet,
    )
    before, after = load_tokenizer(tokenizer_file, device="cpu"), load_tokenizer(again, device="cpu")
    image = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    assert (
        before.decode(before.encode(image)) - after.decode(before.encode(image), force=True)
    ).abs().max() < 0.2


@pytest.mark.parametrize("recipe", [MULTI, SINGLE], ids=lambda r: r.name)
def test_decoder_only_keeps_every_token_and_changes_the_pictures(recipe, photos, tmp_path, request):
    start = request.getfixturevalue("tokenizer_file" if recipe is MULTI else "raster_tokenizer_file")
    recipe = replace(recipe, decoder_only=True, feature_weight=0.0)
    with pytest.raises(ValueError, match="--init"):
        run_recipe(recipe, photos, tmp_path / "a", steps=1, say=quiet)
    tuned = run_recipe(recipe, photos, tmp_path / "b", steps=3, init=start, name="tuned", say=quiet)
    before, after = load_tokenizer(start, device="cpu"), load_tokenizer(tuned, device="cpu")
    image = torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    maps, again = before.encode(image), after.encode(image)
    assert all(torch.equal(a, b) for a, b in zip(maps, again, strict=True))
    assert not torch.allclose(before.decode(maps), after.decode(again), atol=1e-3)


def test_bad_arguments_are_told_in_one_sentence(photos, tmp_path, tokenizer_file):
    with pytest.raises(FileNotFoundError, match="no folder or zip file"):
        run_recipe("tokenizer", tmp_path / "none", tmp_path / "a", steps=1)
    with pytest.raises(ValueError, match="budget"):
        run_recipe("tokenizer", photos, tmp_path / "b")
    with pytest.raises(ValueError, match="no recipe 'gan'.*raster-tokenizer"):
        run_recipe("gan", photos, tmp_path / "c", steps=1)
    with pytest.raises(ValueError, match="--tokenizer"):
        run_recipe(NEXT, photos, tmp_path / "d", steps=1)
    with pytest.raises(ValueError, match="needs a llamagen-tokenizer; this is a var-tokenizer"):
        run_recipe(RASTER, photos, tmp_path / "e", steps=1, tokenizer=tokenizer_file)
    with pytest.raises(ValueError, match="holds no pictures"):
        (tmp_path / "empty").mkdir()
        run_recipe(SINGLE, tmp_path / "empty", tmp_path / "f", steps=1)
    with pytest.raises(ValueError, match="holds no class folders"):
        (tmp_path / "flat").mkdir()
        (tmp_path / "flat" / "000.png").write_bytes((photos / "wave" / "000.png").read_bytes())
        run_recipe(SINGLE, tmp_path / "flat", tmp_path / "g", steps=1)


def test_presets_name_the_five_recipes_in_both_sizes():
    names = {"tokenizer", "raster-tokenizer", "var", "raster", "masked"}
    assert set(PRESETS["mini"]) == set(PRESETS["large"]) == names
    for preset in PRESETS:
        raster, masked = find_recipe("raster", preset), find_recipe("masked", preset)
        for field in ("width", "depth", "heads", "batch", "lr", "class_dropout", "sampling"):
            assert getattr(raster, field) == getattr(masked, field), field
    multi, single = find_recipe("tokenizer"), find_recipe("raster-tokenizer")
    for field in ("ch", "ch_mult", "num_res_blocks", "vocab_size", "image_size", "lr", "batch"):
        assert getattr(multi, field) == getattr(single, field), field


def test_schedule_and_budget():
    assert cosine(0.0) < 0.01 and cosine(0.02) == pytest.approx(1.0) and cosine(1.0) == pytest.approx(0.0)
    assert cosine(1.0, floor=0.1) == pytest.approx(0.1)
    assert Budget(minutes=2).progress(7, 60.0) == pytest.approx(0.5)
    assert Budget(minutes=2, steps=14).progress(7, 1e9) == pytest.approx(0.5)
    with pytest.raises(ValueError):
        Budget()
