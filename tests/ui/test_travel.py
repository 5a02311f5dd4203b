"""Compare / Error travel without a browser: a flip, what follows it, a sweep, and what is refused."""

import json

import numpy as np
import pytest
import torch
from generator_support import random_raster, random_var
from PIL import Image

from explorer.analysis.travel import affected
from explorer.token_maps import TokenMaps
from explorer.ui.actions import open_picture
from explorer.ui.compare import travel
from explorer.ui.compare.pairs import Pair
from explorer.ui.session import Session
from explorer.ui.wires import streamed
from explorer.ui.workbench import Workbench

GRIDS = ((1, 1), (2, 2), (4, 4))
CLASSES = ("sea", "rose", "cat", "dog")
ASKED = {"job": "a", "label": "sea", "seed": 3, "source": "run"}


@pytest.fixture(scope="module")
def bench():
    var = random_var(grids=GRIDS, classes=CLASSES)
    raster = random_raster(grid=(4, 4), classes=CLASSES)
    return Workbench(var.tokenizer, var, counterpart=Pair(raster.tokenizer, raster))


def ask(bench, session=None, cancelled=(), **data) -> list[dict]:
    data = ASKED | data
    return list(streamed(data, travel.views(bench, session or Session(), data), cancelled))


@pytest.fixture(scope="module")
def start(bench):
    return ask(bench, kind="draw")[-1]


def sent(start, **changes) -> list[dict]:
    """The models as the browser sends them, with a token of each in the middle."""
    return [
        {
            "order": model["order"],
            "ids": [scale["ids"] for scale in model["scales"]],
            "scale": 2 if len(model["scales"]) > 1 else 1,
            "cell": 2,
            "code": "random",
            **changes,
        }
        for model in start["models"]
    ]


def flip(bench, start, mode="regenerate", session=None, **changes) -> list[dict]:
    return ask(bench, session, kind="flip", mode=mode, models=sent(start, **changes))


def as_maps(ids, grids) -> TokenMaps:
    return TokenMaps([torch.tensor(flat).view(1, h, w) for flat, (h, w) in zip(ids, grids, strict=True)])


def test_the_pictures_are_those_of_the_public_api(bench):
    views = ask(bench, kind="draw")
    assert views[-1]["status"] == "done" and views[-1]["done"] == views[-1]["total"] == 3 + 16
    for model in views[-1]["models"]:
        *_, step = bench.pairs[model["order"]].generator.generate("sea", seed=3)
        assert [scale["ids"] for scale in model["scales"]] == [ids.flatten().tolist() for ids in step.maps]
        assert all(colour.startswith("#") for scale in model["scales"] for colour in scale["colours"])
    json.dumps(views[-1])


def test_decoding_alone_changes_one_token_and_no_other(bench, start):
    last = flip(bench, start, "decode")[-1]
    for model, before in zip(last["models"], start["models"], strict=True):
        differ = [
            (k, n)
            for k, (a, b) in enumerate(zip(model["scales"], before["scales"], strict=True), start=1)
            for n, (x, y) in enumerate(zip(a["ids"], b["ids"], strict=True))
            if x != y
        ]
        assert differ == [(model["scale"], 2)] and model["old"] != model["code"]
        assert (model["drawn"], model["differ"], model["control"]) == (0, 0, None)
        assert [sum(flat) for flat in model["changed"]].count(1) == 1


def test_what_comes_before_stays_and_what_follows_is_drawn_with_the_same_noise(bench, start):
    last = flip(bench, start)[-1]
    for model in last["models"]:
        gen = bench.pairs[model["order"]].generator
        before = next(one for one in start["models"] if one["order"] == model["order"])
        given = as_maps([scale["ids"] for scale in before["scales"]], gen.grids)
        ids = given[model["scale"] - 1].clone()
        ids.view(-1)[2] = model["code"]
        flipped = given.with_map(model["scale"], ids)
        raster = model["order"] == "raster"
        keep = [(torch.arange(16) <= 2).view(4, 4)] if raster else 2
        *_, step = gen.generate("sea", seed=3, given=flipped, keep=keep)
        found = [scale["ids"] for scale in model["scales"]]
        assert found == [ids.flatten().tolist() for ids in step.maps]
        assert model["drawn"] == (13 if raster else 16) and model["control"] == 0
        later = step.maps[-1].flatten() != given[-1].flatten()
        assert model["differ"] == int(later[3:].sum() if raster else later.sum())
        pictures = gen.tokenizer.decode(given)[0], gen.tokenizer.decode(step.maps)[0]
        cell, grid = ((0, 2), (4, 4)) if raster else ((1, 0), (2, 2))
        for t in travel.THRESHOLDS:
            expected = affected(*pictures, t / 255, cell, grid)
            assert model["affected"][str(t)] == pytest.approx(vars(expected), rel=1e-4)
        assert model["mean"] == pytest.approx(float((pictures[1] - pictures[0]).abs().mean()), rel=1e-4)


def test_the_unflipped_picture_comes_out_as_it_was(bench, start):
    """Forcing the tokens that were drawn anyway changes nothing, wherever one starts."""
    for model in start["models"]:
        gen = bench.pairs[model["order"]].generator
        maps = as_maps([scale["ids"] for scale in model["scales"]], gen.grids)
        for place in travel.spread_places(gen.grids, 6):
            *_, step = gen.generate("sea", seed=3, given=maps, keep=travel.keep_up_to(gen.grids, place))
            assert step.maps == maps


@pytest.mark.parametrize("how", ["nearest", "farthest", "random"])
def test_the_other_code_is_the_one_asked_for(bench, start, how):
    for model in flip(bench, start, "decode", code=how)[-1]["models"]:
        codebook = bench.pairs[model["order"]].tokenizer.codebook
        away = torch.linalg.vector_norm(codebook - codebook[model["old"]], dim=1)
        away[model["old"]] = torch.nan
        if how == "random":
            assert model["code"] != model["old"]
        else:
            best = away[~away.isnan()].min() if how == "nearest" else away[~away.isnan()].max()
            assert float(away[model["code"]]) == pytest.approx(float(best), rel=1e-5)


def test_a_sweep_gives_a_point_for_every_flip_and_their_means(bench, start):
    views = ask(bench, kind="sweep", mode="regenerate", how="random", count=6, models=sent(start))
    last = views[-1]
    assert last["status"] == "done" and len(last["points"]) == last["total"] == last["done"]
    assert [len(view["points"]) for view in views] == list(range(last["total"] + 1))
    for order, gen in ((order, pair.generator) for order, pair in bench.pairs.items()):
        mine = [point for point in last["points"] if point["order"] == order]
        assert [(point["scale"], point["cell"]) for point in mine] == [
            (place.scale, place.cell) for place in travel.spread_places(gen.grids, 6)
        ]
        for before, mean in last["lines"][order]["8"]:
            shares = [point["share"]["8"] for point in mine if point["before_share"] == before]
            assert mean == pytest.approx(sum(shares) / len(shares))
    alone = flip(bench, start, scale=1, cell=0)[-1]["models"]
    firsts = [next(p for p in last["points"] if p["order"] == model["order"]) for model in alone]
    assert [one["share"]["8"] for one in firsts] == [model["affected"]["8"]["share"] for model in alone]


def test_the_picture_in_inspect_is_decoded_only(bench):
    pixels = np.random.default_rng(1).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    session = open_picture(bench, Session(), Image.fromarray(pixels).resize((40, 40)), "a photo")
    start = ask(bench, session, kind="draw", source="session")[-1]
    own = [ids.flatten().tolist() for ids in session.present.maps]
    assert [scale["ids"] for scale in start["models"][0]["scales"]] == own
    asked = {"kind": "flip", "source": "session", "models": sent(start)}
    assert ask(bench, session, mode="decode", **asked)[-1]["status"] == "done"
    assert "same randomness" in ask(bench, session, mode="regenerate", **asked)[-1]["problem"]


def test_cancelling_is_heard_within_one_step(bench, start):
    class AfterFourLooks:
        looks = 0

        def __contains__(self, job):
            self.looks += 1
            return self.looks > 4

    asked = {"kind": "sweep", "mode": "regenerate", "how": "random", "count": 6, "models": sent(start)}
    views = ask(bench, cancelled=AfterFourLooks(), **asked)
    assert views[-1]["status"] == "running" and views[-1]["done"] <= 3


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"kind": "dance"}, "cannot do"),
        ({"label": "dragon"}, "There is no class 'dragon'"),
        ({"seed": "3"}, "The seed is a whole number"),
        ({"mode": "hope"}, "decode or regenerate, not 'hope'"),
        ({"models": []}, "draw them first"),
        ({"models": [{"order": "spiral"}]}, "not loaded"),
        ({"models": [7]}, "not loaded"),
        ({"kind": "sweep", "count": 99, "how": "random"}, "from 2 to 48, not 99"),
        ({"kind": "sweep", "count": 6, "how": "typed"}, "random, nearest or farthest"),
        ({"kind": "draw", "source": "elsewhere"}, "not 'elsewhere'"),
    ],
)
def test_wrong_values_are_one_sentence(bench, start, wrong, sentence):
    data = {"kind": "flip", "mode": "decode", "models": sent(start)} | wrong
    view = ask(bench, **data)[-1]
    assert sentence in view["problem"] and view["problem"].endswith(".")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"scale": 9}, "The scale is a whole number from 1 to 3"),
        ({"cell": 4, "scale": 2}, "The cell is a whole number from 0 to 3"),
        ({"cell": None}, "The cell is a whole number"),
        ({"code": 24}, "The new code is a whole number from 0 to 23"),
        ({"code": "best"}, "The new code is a whole number"),
        ({"code": []}, "The new code is a whole number"),
        ({"ids": [[1]]}, "not complete"),
        ({"ids": [[1], [2], [3]]}, "Scale 2"),
        ({"ids": [[99], [2] * 4, [3] * 16]}, "A code is a whole number from 0 to 23"),
    ],
)
def test_wrong_flips_are_one_sentence(bench, start, changes, sentence):
    view = flip(bench, start, "decode", **changes)[-1]
    assert sentence in view["problem"]


def test_a_flip_to_the_same_code_is_refused(bench, start):
    old = start["models"][0]["scales"][1]["ids"][2]
    models = [sent(start, code=old)[0]]
    assert f"code {old} already" in ask(bench, kind="flip", mode="decode", models=models)[-1]["problem"]


def test_without_models_the_page_says_what_to_do(bench):
    assert "--generator" in ask(Workbench(bench.tokenizer), kind="draw")[0]["problem"]
