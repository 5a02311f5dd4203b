"""The stream behind Generate and what is looked up beside it: every step arrives, branches continue the run,
and what goes wrong is a sentence."""

import base64
import io
import math

import numpy as np
import pytest
import torch
from generator_support import fill
from PIL import Image
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi, tiny_single

from explorer.generators import NextScaleGenerator, RasterGenerator
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.ui import workbench
from explorer.ui.generate.generate_tab import answer, stream
from explorer.ui.generate.run_look_ups import candidates, picture, row_view
from explorer.ui.page import build_page
from explorer.ui.workbench import Workbench

SETTINGS = {"label": "sea", "seed": 4, "guidance": 2, "top_k": 40, "top_p": 0.98, "temperature": 2.5}
ASKED = {"run": "a", **SETTINGS}


@pytest.fixture(scope="module")
def bench():
    tokenizer = tiny_multi()
    net = fill(VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, 2, 1, 16, 2)), 1, 0.6)
    generator = NextScaleGenerator(net, tokenizer, name="tiny", classes=("sea", "rose"))
    return Workbench(tokenizer, generator)


@pytest.fixture(scope="module")
def raster():
    tokenizer = tiny_single()
    net = fill(LlamaGenGPT(LlamaGenConfig(VOCAB, (4, 4), 2, 1, 16, 2)), 2, 0.6)
    return Workbench(tokenizer, RasterGenerator(net, tokenizer, name="tiny", classes=("sea", "rose")))


@pytest.fixture
def slow(bench, monkeypatch):
    """The same models, with a preview, where decoding is called slow."""
    monkeypatch.setattr(workbench, "QUICK_PIXELS", 0)
    return Workbench(bench.tokenizer, bench.generator, preview=torch.rand(9, 3))


def last(bench, **asked) -> dict:
    *_, view = stream(bench, ASKED | asked)
    assert "problem" not in view
    return view


def alike(uri: str, other: str) -> bool:
    """Equal pixels, but for the last digit: a batch of pictures rounds differently from one."""
    a, b = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(one.split(",")[1]))), np.int16)
        for one in (uri, other)
    )
    return int(np.abs(a - b).max()) <= 1


def ids(view) -> list[list[int]]:
    return [scale["ids"] for scale in view["scales"]]


def test_every_step_arrives_and_the_last_is_done(bench):
    views = list(stream(bench, ASKED))
    assert [view["done"] for view in views] == [1, 2, 3, 4]
    assert [view["status"] for view in views] == ["running", "running", "running", "done"]
    for view in views:
        known = [min(scale["ids"]) >= 0 for scale in view["scales"]]
        assert known == [k < view["done"] for k in range(4)]
        for what in ("image", "entropy", "seconds"):
            assert [scale[what] is not None for scale in view["scales"]] == known
        assert not any(scale["preview"] for scale in view["scales"])
    assert views[0]["scales"][0]["image"] == views[-1]["scales"][0]["image"]


def test_the_page_draws_what_the_api_draws(bench, raster):
    for one in (bench, raster):
        *_, step = one.generator.generate(**SETTINGS)
        assert ids(last(one)) == [part.flatten().tolist() for part in step.maps]


def test_entropy_is_in_bits(bench):
    view = last(bench)
    for step, scale in zip(bench.generator.generate(**SETTINGS), view["scales"], strict=True):
        expected = [value / math.log(2) for value in step.entropy.flatten().tolist()]
        assert scale["entropy"] == pytest.approx(expected, abs=1e-3)


def test_no_class_is_any_picture(bench):
    view = last(bench, label="")
    *_, step = bench.generator.generate(**SETTINGS | {"label": None})
    assert ids(view) == [part.flatten().tolist() for part in step.maps]
    assert (view["title"], view["label"]) == ("Any picture, seed 4", "")


def test_rows_of_a_gallery_equal_single_runs(bench, raster):
    for one in (bench, raster):
        view = last(one, seeds=3)
        assert [row["seed"] for row in view["rows"]] == [4, 5, 6]
        for row in view["rows"]:
            alone = last(one, seed=row["seed"])
            assert row["ids"] == ids(alone) and alike(row["image"], alone["scales"][-1]["image"])
            bits = [value for scale in row["entropy"] for value in scale]
            assert bits == pytest.approx([v for scale in alone["scales"] for v in scale["entropy"]], abs=2e-3)
            shown = row_view(one, {"maps": row["ids"]})["scales"]
            assert all(alike(a["image"], b["image"]) for a, b in zip(shown, alone["scales"], strict=True))
            assert [s["colours"] for s in shown] == [s["colours"] for s in alone["scales"]]


def test_a_raster_run_tells_every_token_and_decodes_every_row(raster):
    views = list(stream(raster, ASKED))
    assert [view["done"] for view in views] == list(range(1, 17)) and views[0]["total"] == 16
    for view in views:
        (scale,) = view["scales"]
        assert [code >= 0 for code in scale["ids"]] == [n < view["done"] for n in range(16)]
        assert [bits is not None for bits in scale["entropy"]] == [n < view["done"] for n in range(16)]
        assert (scale["image"] is None) == (view["done"] < 4)
    images = [view["scales"][0]["image"] for view in views]
    assert len({image for image in images if image}) == 4
    finished = ids(views[-1])
    for step in (4, 16):
        assert alike(picture(raster, {"maps": finished, "step": step})["image"], images[step - 1])


@pytest.mark.parametrize("order", ["next-scale", "raster"])
def test_forcing_the_token_that_was_chosen_anyway_changes_nothing(bench, raster, order):
    one = bench if order == "next-scale" else raster
    for scale, row, column in [(1, 0, 0), (3, 1, 2), (4, 3, 1)] if one is bench else [(1, 0, 0), (1, 2, 1)]:
        run = last(one)
        width = run["scales"][scale - 1]["w"]
        code = run["scales"][scale - 1]["ids"][row * width + column]
        force = {"scale": scale, "row": row, "column": column, "code": code}
        assert ids(last(one, given=ids(run), force=force)) == ids(run)


@pytest.mark.parametrize("order", ["next-scale", "raster"])
def test_a_forced_token_stays_and_only_what_comes_after_it_changes(bench, raster, order):
    one = bench if order == "next-scale" else raster
    scale, row, column = (2, 1, 0) if one is bench else (1, 1, 2)
    run = last(one)
    place = row * run["scales"][scale - 1]["w"] + column
    code = (run["scales"][scale - 1]["ids"][place] + 7) % VOCAB
    force = {"scale": scale, "row": row, "column": column, "code": code}
    forked = last(one, given=ids(run), force=force, note="branch")
    expected = [list(part) for part in ids(run)]
    expected[scale - 1][place] = code
    if one is bench:
        assert ids(forked)[:scale] == expected[:scale] and ids(forked)[scale:] != expected[scale:]
    else:
        assert ids(forked)[0][: place + 1] == expected[0][: place + 1]
        assert ids(forked)[0][place + 1 :] != expected[0][place + 1 :]
    assert forked["title"] == "Sea, seed 4, branch"
    held = forked["scales"][scale - 1]["held"]
    assert sum(held) == 1 and held[place] == 1
    # a branch of the branch that forces what stands there changes nothing either
    again = {"scale": 1, "row": 0, "column": 0, "code": ids(forked)[0][0]}
    held = [scale["held"] or [0] * len(scale["ids"]) for scale in forked["scales"]]
    assert ids(last(one, given=ids(forked), keep={"cells": held}, force=again)) == ids(forked)


def test_regenerating_from_a_scale_leaves_coarser_ones_identical(bench):
    run = last(bench)
    for k in range(1, 4):
        view = last(bench, given=ids(run), keep={"scales": k}, seed=99, note=f"from scale {k + 1}")
        assert ids(view)[:k] == ids(run)[:k] and ids(view)[k:] != ids(run)[k:]
        assert [scale["image"] for scale in view["scales"]][:k] == [s["image"] for s in run["scales"]][:k]
        assert [scale["kept"] is not None for scale in view["scales"]] == [n < k for n in range(4)]


def test_a_gallery_of_new_details_keeps_the_coarse_scales_of_all(bench):
    run = last(bench)
    view = last(bench, given=ids(run), keep={"scales": 2}, seeds=4, seed=50)
    assert all(row["ids"][:2] == ids(run)[:2] for row in view["rows"])
    assert len({tuple(row["ids"][3]) for row in view["rows"]}) > 1


def test_where_decoding_is_slow_previews_come_first_and_are_called_so(slow):
    views = list(stream(slow, ASKED | {"seeds": 2}))
    marks = [[scale["preview"] for scale in view["scales"]] for view in views]
    assert marks[3] == [True] * 4 and views[3]["done"] == 4 and views[3]["status"] == "running"
    assert marks[4] == [True, True, True, False]  # the final picture is the first that is decoded
    assert marks[-1] == [False] * 4
    assert [view["status"] for view in views] == ["running"] * 7 + ["done"]
    quick = Workbench(slow.tokenizer, slow.generator)
    for scale, k in zip(views[-1]["scales"], range(1, 5), strict=True):
        assert alike(scale["image"], picture(quick, {"maps": ids(views[-1]), "step": k})["image"])
    other = views[-1]["rows"][1]
    assert alike(other["image"], picture(quick, {"maps": other["ids"], "step": 4})["image"])
    assert [scale["preview"] for scale in row_view(slow, {"maps": other["ids"]})["scales"]] == marks[4]


def test_candidates_are_the_distribution_that_the_token_was_drawn_from(bench):
    run = last(bench)
    asked = {**SETTINGS, "maps": ids(run), "scale": 3, "row": 1, "column": 2}
    found = candidates(bench, asked)
    codes = found["codes"]
    assert [one["rank"] for one in codes] == list(range(1, 13))
    assert [one["probability"] for one in codes] == sorted((o["probability"] for o in codes), reverse=True)
    assert found["shown"] == pytest.approx(sum(one["probability"] for one in codes))
    assert found["chosen"]["id"] == run["scales"][2]["ids"][5] and found["chosen"]["kept"]
    assert 1 <= found["kept_count"] <= 40
    assert all(one["kept"] == (one["rank"] <= found["kept_count"]) for one in codes)
    plain = candidates(bench, {**asked, "plain": True})
    same = candidates(bench, {**asked, "guidance": 0})
    assert plain == same and plain != found


def test_candidates_of_the_next_token_of_a_stopped_raster_run(raster):
    view = next(view for view in stream(raster, ASKED) if view["done"] == 6)
    asked = {**SETTINGS, "maps": ids(view), "scale": 1, "row": 1}
    assert candidates(raster, {**asked, "column": 2})["chosen"] is None
    assert "not known" in answer(candidates, raster, {**asked, "column": 3})["problem"]


@pytest.mark.parametrize(
    "wrong", [{}, {"maps": [[1]]}, {"maps": None}, {"scale": 9}, {"label": "x"}, 5, None]
)
def test_a_wrong_look_up_is_one_sentence(bench, wrong):
    good = {**SETTINGS, "maps": [[0] * (h * w) for h, w in MULTI_GRIDS], "scale": 1, "row": 0, "column": 0}
    data = good | wrong if isinstance(wrong, dict) and wrong else wrong
    said = answer(candidates, bench, data)
    assert said.keys() == {"problem"} and said["problem"].endswith(".") and "\n" not in said["problem"]


@pytest.mark.parametrize("wrong", [{"label": "dragon"}, {"seed": -1}, {"keep": {"scales": 1}}])
def test_wrong_settings_are_one_sentence(bench, wrong):
    views = list(stream(bench, ASKED | wrong))
    assert len(views) == 1 and views[0]["problem"].endswith(".") and views[0]["run"] == "a"


def test_a_run_that_was_left_ends_within_one_step(bench):
    left = []
    run = stream(bench, ASKED, left)
    assert next(run)["done"] == 1
    left.append("a")
    assert list(run) == []
    assert list(stream(bench, ASKED | {"run": "b"}, left))[-1]["status"] == "done"


def test_without_a_generator_the_page_says_so(bench):
    empty = Workbench(bench.tokenizer)
    assert "No generator" in next(stream(empty, ASKED))["problem"]
    assert "No generator" in answer(row_view, empty, {})["problem"]


def test_the_page_builds_with_and_without_a_generator(bench, raster):
    build_page(bench)
    build_page(raster)
    build_page(Workbench(bench.tokenizer))
