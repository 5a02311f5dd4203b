"""The card of a trained generator says how much work its training was, over all runs."""

import json

import pytest
from tiny_recipes import MASKED, MULTI, NEXT, RASTER, SINGLE, quiet, write_photos

from explorer.analysis.cost import training_flops
from explorer.training.main import run_recipe
from explorer.zoo import open_checkpoint


@pytest.mark.parametrize(
    "recipe, codes",
    [(NEXT, MULTI), (RASTER, SINGLE), (MASKED, SINGLE)],
    ids=["next-scale", "raster", "masked"],
)
def test_work_is_counted_over_all_runs(recipe, codes, tmp_path):
    photos = write_photos(tmp_path / "photos")
    tokenizer = run_recipe(codes, photos, tmp_path / "codes", steps=2, name="codes", say=quiet)
    cards, init = [], None
    for run, steps in enumerate((3, 2)):
        init = run_recipe(
            recipe, photos, tmp_path / str(run), steps=steps, tokenizer=tokenizer, init=init, say=quiet
        )
        cards.append(json.loads(init.with_suffix(".json").read_text()))
    config = open_checkpoint(init, kind="generator").net.config
    first, second = (card["training"] for card in cards)
    assert second["images_seen_in_all"] == first["images_seen"] + second["images_seen"]
    for training in (first, second):
        assert training["flops_counted"] == training_flops(config, training["images_seen"])
        assert training["flops_counted_in_all"] == training_flops(config, training["images_seen_in_all"])
        assert "multiply-add" in training["flops_convention"]


def test_what_a_start_does_not_say_is_not_made_up(tmp_path):
    photos = write_photos(tmp_path / "photos")
    tokenizer = run_recipe(MULTI, photos, tmp_path / "codes", steps=2, name="codes", say=quiet)
    first = run_recipe(NEXT, photos, tmp_path / "a", steps=1, tokenizer=tokenizer, say=quiet)
    card = first.with_suffix(".json")
    silent = {key: value for key, value in json.loads(card.read_text()).items() if key != "training"}
    card.write_text(json.dumps(silent))
    second = run_recipe(NEXT, photos, tmp_path / "b", steps=1, tokenizer=tokenizer, init=first, say=quiet)
    training = json.loads(second.with_suffix(".json").read_text())["training"]
    assert training["flops_counted"] > 0 and "flops_counted_in_all" not in training
