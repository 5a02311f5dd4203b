"""The judge, what is computed from its looks, and the sweep, on tiny models and a few synthetic photos."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_models import CLASSES, SAMPLING, SIDE, write_models, write_photos

from explorer import CheckpointError, load_generator, load_tokenizer
from explorer.devices import training_precision
from explorer.evaluation import generated, run, sweep
from explorer.evaluation.generated import Judged
from explorer.evaluation.judge import JudgeRecipe, Looks, load_judge, train_judge
from explorer.training.metrics import held_out_pictures
from explorer.training.photos import load_photos

CPU = torch.device("cpu")
RECIPE = JudgeRecipe(size=SIDE, widths=(8, 16), blocks=(1, 1), epochs=24, batch=16)
ROOT = Path(__file__).parents[2]


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def photos(data):
    return load_photos(data, 24)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def judge_file(photos, tmp_path_factory):
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    train_judge(photos, path, RECIPE, CPU, quiet)
    return path


@pytest.fixture(scope="module")
def judge(judge_file):
    return load_judge(judge_file, CLASSES, CPU)


@pytest.fixture(scope="module")
def held_out(judge, photos):
    return run.judged_held_out(judge, photos, SIDE)


def var(models):
    tok = load_tokenizer(models / "tiny-tokenizer.safetensors", device="cpu", precision="exact")
    return load_generator(models / "tiny-var.safetensors", tok)


# ---- the judge ----


def test_the_judge_learns_what_colours_tell(judge, judge_file):
    assert judge.accuracy > 0.9
    card = json.loads(judge_file.with_suffix(".json").read_text())
    assert (card["classes"], card["size"], card["photos_held_out"]) == (list(CLASSES), SIDE, 18)
    assert card["recipe"]["seed"] == RECIPE.seed != 0
    assert card["precision"] == training_precision(CPU)


def test_the_same_recipe_makes_the_same_judge_and_leaves_randomness_alone(photos, tmp_path):
    short = replace(RECIPE, epochs=1)
    before = torch.get_rng_state()
    first = train_judge(photos, tmp_path / "a.safetensors", short, CPU, quiet)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    second = train_judge(photos, tmp_path / "b.safetensors", short, CPU, quiet)
    assert first.sha256 == second.sha256
    other = train_judge(photos, tmp_path / "c.safetensors", replace(short, seed=2), CPU, quiet)
    assert other.sha256 != first.sha256


def test_a_stored_judge_sees_as_it_did(photos, judge_file, judge):
    image = next(held_out_pictures(photos, SIDE))[0]
    again = load_judge(judge_file, CLASSES, CPU)
    assert torch.equal(again.look([image]).features_ND, judge.look([image]).features_ND)
    # One at a time, or larger: the same picture.
    one_by_one = judge.look(image.split(1)).features_ND
    torch.testing.assert_close(one_by_one, judge.look([image]).features_ND, atol=1e-5, rtol=1e-4)
    larger = torch.nn.functional.interpolate(image, scale_factor=2)
    assert judge.look([larger]).features_ND.shape == one_by_one.shape


def test_judges_that_cannot_be_used_are_refused(judge_file, tmp_path):
    with pytest.raises(ValueError, match="3 classes .grass, night, poppy., the photos have 2 .cat, dog."):
        load_judge(judge_file, ("cat", "dog"), CPU)
    with pytest.raises(CheckpointError, match="no judge"):
        load_judge(tmp_path / "absent.safetensors", CLASSES, CPU)
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(judge_file.read_bytes()[:100])
    torn.with_suffix(".json").write_text(judge_file.with_suffix(".json").read_text())
    with pytest.raises(CheckpointError, match="no judge"):
        load_judge(torn, CLASSES, CPU)


def test_no_recipe_knows_the_judge():
    for path in (ROOT / "explorer" / "training").glob("*.py"):
        assert not re.search(r"import.*(judge|evaluation)|from explorer.evaluation", path.read_text()), path


# ---- figures from looks ----


def judged(features, labels, answers=None) -> Judged:
    labels = torch.tensor(labels)
    return Judged(Looks(features, labels if answers is None else torch.tensor(answers)), labels)


def test_classes_weigh_the_same():
    uneven = judged(torch.zeros(5, 1), [0, 0, 0, 0, 1], [0, 0, 0, 1, 1])
    assert uneven.accuracy() == pytest.approx(4 / 5)
    assert uneven.mean_accuracy(2) == pytest.approx((3 / 4 + 1) / 2)
    assert uneven.weights_N[uneven.labels_N == 0].sum() == uneven.weights_N[uneven.labels_N == 1].sum()


def test_halves_share_each_class():
    both = judged(torch.arange(7.0)[:, None], [1, 0, 1, 1, 0, 1, 1])
    one, other = both.halves()
    assert one.features_ND.flatten().tolist() == [0, 1, 3, 6]
    assert other.features_ND.flatten().tolist() == [2, 4, 5]
    assert both.first_of_each_class(1).features_ND.flatten().tolist() == [0, 1]


def test_photos_as_samples_give_perfect_figures(held_out):
    accuracy = generated.accuracy_figures(held_out, held_out, CLASSES)
    assert accuracy["accuracy_relative"] == 1 and list(accuracy["accuracy_by_class"]) == list(CLASSES)
    distance = generated.distance_figures(held_out, held_out)
    assert distance["judge_frechet_distance"]["samples"] == 0
    assert distance["judge_frechet_distance"]["held_out_half_to_half"] > 0
    assert distance["counts"]["held_out_half_to_half"] == [9, 9]


def test_copies_of_training_photos_are_found(judge, photos, held_out):
    train_N = photos.held_out()[0]
    training = Judged(run._looks(judge, photos, train_N, SIDE, lambda *_: None), photos.labels_N[train_N])
    copied = generated.memorisation_figures(training, held_out, training.features_ND)
    assert copied["median_samples"] == 0 and copied["closer_than_held_out_1_percent"] == 1
    honest = generated.memorisation_figures(held_out, held_out, training.features_ND)
    assert honest["median_samples"] == honest["median_held_out"] > 0
    assert honest["closer_than_held_out_1_percent"] <= 0.1


def test_reconstructions_are_judged_against_the_same_photos(models, photos, judge):
    tok = load_tokenizer(models / "tiny-tokenizer.safetensors", device="cpu", precision="exact")
    found = run.evaluate_tokenizer(tok, photos, judge)
    assert found["judge"]["accuracy_originals"] == pytest.approx(judge.accuracy, abs=1e-4)
    assert found["images"] == 18 and found["sha256"] == tok.sha256
    assert sum(found["tokens_counted_by_scale"]) == 18 * 30
    assert max(found["distinct_by_scale"]) <= found["codes_distinct"] <= found["codes"]
    assert "540 tokens" in found["codes_used_means"]
    assert "judge" not in run.evaluate_tokenizer(tok, photos, None)


def test_samples_are_of_the_named_classes_whatever_their_numbers(models, photos, judge, tmp_path):
    """The same network with its classes named in another order draws other pictures for a name."""
    gen = var(models)
    samples = generated.judged_samples(gen, judge, 2, {"guidance": 0.0})
    assert samples.labels_N.tolist() == [0, 0, 1, 1, 2, 2]
    *_, last = gen.generate("night", seed=2, guidance=0.0)
    alone = judge.look([gen.tokenizer.decode(last.maps)]).features_ND[0]
    torch.testing.assert_close(samples.features_ND[2], alone, atol=1e-5, rtol=1e-4)

    for ending in (".safetensors", ".json"):
        content = (models / f"tiny-var{ending}").read_bytes()
        if ending == ".json":
            card = json.loads(content)
            content = json.dumps(card | {"classes": list(reversed(card["classes"]))}).encode()
        (tmp_path / f"other{ending}").write_bytes(content)
    other = load_generator(tmp_path / "other.safetensors", gen.tokenizer)
    found = generated.judged_samples(other, judge, 2, {"guidance": 0.0}).features_ND
    torch.testing.assert_close(found[2], alone, atol=1e-5, rtol=1e-4)  # "night" is the middle one in both
    assert not torch.allclose(found[0], samples.features_ND[0])


# ---- the sweep ----


def row(accuracy: float, distance: float, guidance: float = 1.0) -> sweep.SweepRow:
    return sweep.SweepRow(guidance, 0, 1.0, accuracy, distance, 0.0)


def test_the_best_setting_is_close_to_photos_and_recognised():
    rows = [row(0.6, 1.0, 0), row(0.72, 2.0, 1), row(0.8, 1.5, 2), row(0.95, 3.0, 3)]
    assert sweep.best(rows, 0.7).guidance == 2
    assert sweep.best(rows, 0.5).guidance == 0
    assert sweep.best(rows, 0.99).guidance == 3


def test_settings_are_compared_with_the_same_seeds(models, judge, held_out):
    gen = var(models)
    grid = [{"guidance": g, "top_k": k, "top_p": 1.0} for g in (0.0, 2.0) for k in (0, 1)]
    rows = list(sweep.sweep(gen, judge, held_out, grid, per_class=2))
    assert [row.settings for row in rows] == grid
    assert list(sweep.sweep(gen, judge, held_out, grid[2:3], per_class=2)) == [rows[2]]


def test_written_settings_change_nothing_else_in_the_card(models, tmp_path):
    weights = tmp_path / "g.safetensors"
    card = json.loads((models / "tiny-var.json").read_text()) | {"licence": "MIT", "sampling": SAMPLING}
    weights.with_suffix(".json").write_text(json.dumps(card))
    sweep.write_sampling(weights, {"guidance": 3.0, "top_k": 0, "top_p": 0.9})
    written = json.loads(weights.with_suffix(".json").read_text())
    assert list(written) == list(card)
    assert written == card | {"sampling": {"guidance": 3.0, "top_k": 0, "top_p": 0.9, "temperature": 1.0}}
    with pytest.raises(ValueError, match="no card"):
        sweep.write_sampling(tmp_path / "bare.safetensors", {})
