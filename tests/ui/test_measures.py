"""What Inspect measures, without a browser: equal to the public API, honest about edits, clear on failure."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi, tiny_single

from explorer.analysis.fidelity import error_map, psnr, ssim
from explorer.analysis.residuals import unexplained_of
from explorer.generators import NextScaleGenerator
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.ui.actions import open_picture, perform
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.inspect import measures, surprise
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

CLASSES = ("sea", "rose", "cat")


@pytest.fixture(scope="module")
def bench():
    torch.manual_seed(0)
    tokenizer = tiny_multi()
    net = VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, len(CLASSES), depth=1, width=32, num_heads=2))
    net.init_weights()
    return Workbench(tokenizer, NextScaleGenerator(net, tokenizer, name="tiny", classes=CLASSES))


def opened(bench, *seeds: int) -> Session:
    session = Session()
    for seed in seeds:
        pixels = np.random.default_rng(seed).integers(0, 255, (5, 5, 3), dtype=np.uint8)
        session = open_picture(bench, session, Image.fromarray(pixels).resize((40, 40)), f"photo {seed}")
    return session


def edited(bench, session: Session) -> Session:
    code = (int(session.present.maps[1][0, 0, 0]) + 1) % VOCAB
    return perform(bench, session, "replace", {"scale": 2, "cells": [0], "code": code})


def adopted(bench) -> Session:
    ids = [[(7 * n) % VOCAB for n in range(h * w)] for h, w in MULTI_GRIDS]
    return perform(bench, Session(), "adopt", {"maps": ids, "label": "sea", "seed": 1})


def pixels_of(uri: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


# Closeness, error and bits


def test_measures_are_those_of_the_api(bench):
    session = opened(bench, 1)
    scene = session.present
    view = measures.measures_view(bench, session)
    pictures = bench.tokenizer.decode_progressive(scene.maps)[:, 0]
    fitted = as_image(scene.picture.fits["crop"]).expand_as(pictures)
    assert [scale["psnr"] for scale in view["scales"]] == pytest.approx(psnr(pictures, fitted).tolist())
    assert [scale["ssim"] for scale in view["scales"]] == pytest.approx(ssim(pictures, fitted).tolist())
    errors = error_map(pictures, fitted)
    for k, scale in enumerate(view["scales"]):
        assert scale["mean"] == pytest.approx(float(errors[k].mean()), rel=1e-5)
        shown = pixels_of(scale["error"]) / 255 * view["limit"]
        assert np.abs(shown - errors[k].clamp_max(view["limit"]).numpy()).max() <= view["limit"] / 500
    trace = bench.tokenizer.trace(fitted[:1])
    left = [float(one.energy_after / trace[0].energy_before) for one in trace]
    assert view["start"] == 1 and [scale["left"] for scale in view["scales"]] == pytest.approx(left)
    assert view["against"] == "input" and not view["edited"]
    assert view["maps"] == [ids.flatten().tolist() for ids in scene.maps]


def test_bits_follow_from_tokens_and_codes(bench):
    view = measures.measures_view(bench, opened(bench, 1))
    assert [scale["tokens"] for scale in view["scales"]] == [1, 4, 9, 16]
    assert [scale["bits"] for scale in view["scales"]] == [6, 24, 54, 96]
    assert view["bits"] == {
        "token": 6, "total": 180, "pixel": 180 / 256, "rgb": 24, "smaller": 24 * 256 / 180, "pixels": 256,
    }  # fmt: skip


def test_an_edit_is_measured_and_its_unexplained_energy_too(bench):
    session = opened(bench, 1)
    after = edited(bench, session)
    old, new = (measures.measures_view(bench, one) for one in (session, after))
    assert new["edited"] and new["maps"] != old["maps"]
    assert new["scales"][3]["psnr"] != old["scales"][3]["psnr"]
    assert new["scales"][0]["left"] == pytest.approx(old["scales"][0]["left"])  # before the edited scale
    image = as_image(session.present.picture.fits[session.present.fit])
    feature = bench.tokenizer._features(image)
    left = unexplained_of(feature, bench.tokenizer.accumulate(after.present.maps))[1:, 0]
    assert [scale["left"] for scale in new["scales"]] == pytest.approx(left.tolist(), rel=1e-3)


def test_a_generated_picture_is_compared_with_itself_when_finished(bench):
    view = measures.measures_view(bench, adopted(bench))
    assert view["against"] == "finished" and view["scales"][3]["psnr"] is None
    assert view["scales"][3]["left"] == pytest.approx(0, abs=1e-9) and view["scales"][3]["mean"] == 0
    assert 0 < view["scales"][0]["left"] and view["start"] == 1


def test_of_tokens_alone_no_pixel_is_measured(bench):
    session = adopted(bench)
    alone = session.then(replace(session.present, credit="the photo itself was not kept"))
    view = measures.measures_view(bench, alone)
    assert view["against"] == "nothing" and view["scales"][0]["left"] > 0 and view["bits"]["total"] > 0
    for scale in view["scales"]:
        assert all(scale[name] is None for name in ("psnr", "ssim", "error", "mean"))


def test_a_single_scale_tokenizer_is_measured_too():
    bench = Workbench(tiny_single())
    view = measures.measures_view(bench, opened(bench, 1))
    assert len(view["scales"]) == 1 and view["scales"][0]["psnr"] > 0


def test_a_failure_is_a_sentence_under_its_ticket(bench, monkeypatch):
    monkeypatch.setattr(measures, "measures_view", lambda *_: 1 / 0)
    assert measures.answer(bench, Session(), {"ticket": 7}) == {"ticket": 7, "problem": measures.FAILED}


def test_without_a_picture_there_is_nothing_to_measure(bench):
    assert measures.answer(bench, Session(), {"ticket": 1}) == {"ticket": 1, "measures": None}


# Codes used


def test_codes_of_this_picture_and_of_the_session(bench):
    session = edited(bench, opened(bench, 1, 2, 1))  # the first one was opened twice
    view = measures.measures_view(bench, session)["usage"]
    assert view["pictures"] == 2
    assert [scale["tokens"] for scale in view["picture"]["scales"]] == [1, 4, 9, 16]
    assert [scale["tokens"] for scale in view["session"]["scales"]] == [2, 8, 18, 32]
    ids = torch.cat([ids.flatten() for ids in session.present.maps])
    shares = ids.bincount().double() / len(ids)
    entropy = -(shares[shares > 0] * shares[shares > 0].log()).sum()
    assert view["picture"]["total"]["distinct"] == len(ids.unique())
    assert view["picture"]["total"]["perplexity"] == pytest.approx(float(entropy.exp()))
    assert measures.measures_view(bench, session.undo().undo())["usage"]["pictures"] == 2  # undone ones too


# Surprise


def test_every_class_is_ranked_and_the_likeliest_is_drawn(bench):
    session = opened(bench, 1)
    views = list(surprise.stream(bench, session, {"job": "a", "label": surprise.LIKELIEST, "rank": True}))
    assert [view["done"] for view in views] == [2, 4] and [view["total"] for view in views] == [4, 4]
    assert [view["status"] for view in views] == ["running", "done"] and {view["job"] for view in views} == {
        "a"
    }
    maps = session.present.maps
    score = bench.generator.score(maps, [*CLASSES, None])
    bits = {
        name: sum(float(-part[b].double().sum()) for part in score) / np.log(2)
        for b, name in enumerate((*CLASSES, surprise.NO_CLASS))
    }
    last = views[-1]
    assert dict(map(tuple, last["ranking"])) == pytest.approx(bits, rel=1e-5)
    assert [b for _, b in last["ranking"]] == sorted(b for _, b in last["ranking"])
    assert last["label"] == min(bits, key=bits.get)
    assert sum(map(sum, last["bits"])) == pytest.approx(bits[last["label"]], abs=0.03)
    assert [len(part) for part in last["bits"]] == [1, 4, 9, 16]


def test_a_chosen_class_comes_first_and_alone_when_no_ranking_is_asked(bench):
    session = opened(bench, 1)
    views = list(surprise.stream(bench, session, {"job": "a", "label": "cat", "rank": True}))
    assert [view["label"] for view in views] == ["cat"] * len(views)
    assert [view["done"] for view in views] == [1, 3, 4]
    (alone,) = surprise.stream(bench, session, {"job": "b", "label": surprise.NO_CLASS, "rank": False})
    assert alone["status"] == "done" and [name for name, _ in alone["ranking"]] == [surprise.NO_CLASS]


def test_a_cancelled_run_ends_within_one_forward(bench, monkeypatch):
    cancelled, scored = [], []
    real = surprise.score
    monkeypatch.setattr(surprise, "score", lambda *asked: scored.append(1) or real(*asked))
    views = surprise.stream(
        bench, opened(bench, 1), {"job": "a", "label": "likeliest", "rank": True}, cancelled
    )
    next(views)
    cancelled.append("a")
    assert list(views) == [] and len(scored) == 2


@pytest.mark.parametrize("label", ["dragon", None, 3, ["sea"]])
def test_what_is_no_class_gives_a_sentence(bench, label):
    (view,) = surprise.stream(bench, opened(bench, 1), {"job": "a", "label": label, "rank": True})
    assert view["status"] == "failed" and view["problem"].startswith("There is no class")


def test_without_a_generator_the_page_says_what_to_do(bench):
    alone = Workbench(bench.tokenizer)
    assert "--generator" in surprise.introduction(alone)["unavailable"]
    (view,) = surprise.stream(alone, opened(bench, 1), {"job": "a", "label": "sea", "rank": True})
    assert "--generator" in view["problem"]
    known = surprise.introduction(bench)
    assert known == {"unavailable": None, "uniform": 6.0, "generator": "tiny"}


def test_a_broken_generator_is_one_sentence(bench, monkeypatch):
    monkeypatch.setattr(surprise, "score", lambda *_: 1 / 0)
    (view,) = surprise.stream(bench, opened(bench, 1), {"job": "a", "label": "sea", "rank": True})
    assert view == {"job": "a", "status": "failed", "problem": surprise.FAILED}
