"""Compare / Completion without a browser: kept tokens stay, figures are the analysis', failures sentences."""

import base64
import json

import numpy as np
import pytest
import torch
from generator_support import random_raster, random_var
from PIL import Image

from explorer.analysis.blending import blend
from explorer.analysis.completion import kept_change, seam
from explorer.tokenizers.images import open_image
from explorer.ui.actions import open_picture
from explorer.ui.compare import completion
from explorer.ui.compare.pairs import Pair
from explorer.ui.session import Session
from explorer.ui.wires import FAILED, streamed
from explorer.ui.workbench import Workbench

GRIDS = ((1, 1), (2, 2), (4, 4))
CLASSES = ("sea", "rose", "cat", "dog")
BOTTOM = [0] * 8 + [1] * 8
SETTINGS = {
    "job": "a", "source": "session", "mask": BOTTOM, "region": "bottom", "label": "sea", "seed": 3,
    "samples": 2, "anchor": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def bench():
    var = random_var(grids=GRIDS, classes=CLASSES)
    raster = random_raster(grid=(4, 4), classes=CLASSES)
    return Workbench(var.tokenizer, var, counterpart=Pair(raster.tokenizer, raster))


@pytest.fixture(scope="module")
def session(bench):
    pixels = np.random.default_rng(1).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    return open_picture(bench, Session(), Image.fromarray(pixels).resize((40, 40)), "a photo")


def run(bench, session, cancelled=(), **changes) -> list[dict]:
    data = SETTINGS | changes
    return list(streamed(data, completion.views(bench, session, data), cancelled))


def models(view: dict) -> dict:
    return {model["order"]: model for model in view["models"]}


@pytest.mark.parametrize("mask", [BOTTOM, BOTTOM[::-1], [1, 0, 0, 1] * 4, [0] * 15 + [1]])
@pytest.mark.parametrize("anchor", [True, False])
def test_kept_tokens_are_kept_exactly_in_both_orders(bench, session, mask, anchor):
    last = run(bench, session, mask=mask, anchor=anchor)[-1]
    image, _ = completion.source(bench, session, "session")
    for order, model in models(last).items():
        tok = bench.pairs[order].tokenizer
        own = [ids.flatten().tolist() for ids in tok.encode(completion.fitted_to(tok, image))]
        assert model["kept"] == sum(sum(scale["kept"]) for scale in model["scales"])
        for ids in model["ids"]:
            for scale, mine, given in zip(model["scales"], ids, own, strict=True):
                kept = [(a, b) for a, b, keep in zip(mine, given, scale["kept"], strict=True) if keep]
                assert all(a == b for a, b in kept)
        assert model["scales"][-1]["kept"] == mask
    coarsest = models(last)["next-scale"]["scales"][0]["kept"]
    assert coarsest == [int(anchor)]


def test_it_draws_what_the_public_api_draws_and_streams_every_model(bench, session):
    views = run(bench, session)
    assert [view["status"] for view in views] == ["running"] * (len(views) - 1) + ["done"]
    assert views[-1]["done"] == views[-1]["total"] == len(GRIDS) + 16
    assert [view["done"] for view in views] == sorted({view["done"] for view in views})
    image, _ = completion.source(bench, session, "session")
    for order, model in models(views[-1]).items():
        gen = bench.pairs[order].generator
        given = gen.tokenizer.encode(completion.fitted_to(gen.tokenizer, image))
        masks = [torch.tensor(s["kept"]).bool().view(s["h"], s["w"]) for s in model["scales"]]
        for row, seed in enumerate([3, 4]):
            *_, step = gen.generate("sea", seed=seed, given=given, keep=masks)
            assert model["ids"][row] == [ids.flatten().tolist() for ids in step.maps]
            picture, own = gen.tokenizer.decode(step.maps)[0], gen.tokenizer.decode(given)[0]
            assert model["seams"][row] == pytest.approx(vars(seam(picture, own, masks[-1])), rel=1e-4)
            assert model["changed"][row] == pytest.approx(kept_change(picture, own, masks[-1]), rel=1e-4)
            found = blend(own, picture, masks[-1])
            sent = open_image(base64.b64decode(model["blends"][row]["image"].split(",")[1]))
            shown = torch.from_numpy(np.asarray(sent).copy()).permute(2, 0, 1) / 255
            assert (
                shown - found.picture_3HW
            ).abs().max() < 2 / 255  # a picture of a batch may round otherwise
            assert model["blends"][row]["share"] == pytest.approx(found.changed_outside, abs=0.01)


def test_raster_order_says_what_it_could_not_see(bench, session):
    bottom, top = (models(run(bench, session, mask=m)[-1])["raster"] for m in (BOTTOM, BOTTOM[::-1]))
    assert (bottom["seen"], bottom["views"][0]["seen"], top["seen"]) == (0, 0, 1)
    assert len(top["views"]) == 8 and top["views"][0]["step"] == 9


def test_the_class_is_guessed_from_the_likelihood(bench, session):
    last = run(bench, session, label="guess")[-1]
    scores = {
        name: -float(sum(part.sum() for part in bench.generator.score(session.present.maps, name)))
        for name in CLASSES
    }
    assert last["label"] == min(scores, key=scores.get) == last["guess"]["ranking"][0][0]
    assert last["guess"]["by"] == bench.generator.name


def test_no_class_samples_and_generated_pictures_are_taken(bench, session):
    assert run(bench, session, label="")[-1]["status"] == "done"
    assert run(bench, Session(), source="cat")[-1]["title"]
    json.dumps(run(bench, session)[-1])  # all plain values


def test_cancelling_is_heard_within_one_step(bench, session):
    class AfterThreeLooks:
        looks = 0

        def __contains__(self, job):
            self.looks += 1
            return self.looks > 3

    views = run(bench, session, AfterThreeLooks())
    assert views[-1]["status"] == "running" and views[-1]["done"] <= 3


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"mask": [0] * 16}, "nothing to complete"),
        ({"mask": [1] * 16}, "All of the picture is kept"),
        ({"mask": [1] * 9}, "16 zeros and ones"),
        ({"mask": ["1"] * 16}, "16 zeros and ones"),
        ({"mask": None}, "16 zeros and ones"),
        ({"label": "dragon"}, "There is no class 'dragon'"),
        ({"label": 3}, "There is no class"),
        ({"seed": -1}, "The seed is a whole number from 0"),
        ({"seed": 1.5}, "The seed is a whole number"),
        ({"samples": 5}, "from 1 to 4, not 5"),
        ({"samples": True}, "whole number"),
        ({"anchor": "yes"}, "coarsest token"),
        ({"source": "/etc/passwd"}, "no such sample picture"),
        ({"source": None}, "no such sample picture"),
    ],
)
def test_wrong_values_are_one_sentence(bench, session, wrong, sentence):
    (view,) = run(bench, session, **wrong)
    assert sentence in view["problem"] and view["problem"].endswith(".") and view["job"] == "a"


def test_without_a_picture_or_a_model_the_page_says_what_to_do(bench, session):
    assert "Open a picture first" in run(bench, Session())[0]["problem"]
    lone = Workbench(bench.tokenizer)
    assert "--generator" in run(lone, session)[0]["problem"]
    told = completion.introduction(lone)
    assert [one["order"] for one in told["absent"]] == ["next-scale", "raster"] and told["classes"] == []


def test_one_order_alone_still_completes(bench, session):
    alone = Workbench(bench.tokenizer, bench.generator)
    assert list(models(run(alone, session)[-1])) == ["next-scale"]
    assert completion.introduction(alone)["absent"][0]["order"] == "raster"


def test_a_bug_is_a_sentence_too(bench, session, monkeypatch, caplog):
    monkeypatch.setattr(completion, "Work", lambda *_: 1 / 0)
    assert run(bench, session)[-1]["problem"] == FAILED
    assert "ZeroDivisionError" in caplog.text
