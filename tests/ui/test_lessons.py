"""Learn without a browser: texts that are right for whatever is loaded, guided runs, what an edit moved."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi, tiny_single

from explorer.analysis.contrast import moved_share
from explorer.generators import NextScaleGenerator, RasterGenerator
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.ui.actions import open_picture, perform
from explorer.ui.compare.pairs import Pair
from explorer.ui.learn import guidance_runs, learn_tab
from explorer.ui.learn.card_facts import card_facts
from explorer.ui.learn.lesson import Facts
from explorer.ui.learn.lessons import lessons
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

CLASSES = ("sea", "rose", "cat")
FACTS = Facts(
    image=(64, 64),
    grids=((1, 1), (2, 2), (4, 4)),
    codes=1024,
    dimensions=16,
    generator="small",
    order="next-scale",
    classes=16,
    guidance=2.0,
    raster_grid=(4, 4),
    photos=12345,
)


@pytest.fixture(scope="module")
def bench():
    torch.manual_seed(0)
    tokenizer = tiny_multi()
    net = VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, len(CLASSES), depth=1, width=32, num_heads=2))
    net.init_weights()
    return Workbench(tokenizer, NextScaleGenerator(net, tokenizer, name="tiny", classes=CLASSES))


@pytest.fixture(scope="module")
def raster_bench():
    torch.manual_seed(0)
    tokenizer = tiny_single()
    net = LlamaGenGPT(LlamaGenConfig(VOCAB, tokenizer.grids[-1], len(CLASSES), 1, 16, 2))
    return Workbench(tokenizer, RasterGenerator(net, tokenizer, name="row", classes=CLASSES))


def plain(text: str) -> str:
    """A text without the marks of its terms."""
    return re.sub(r"\[\[([^|\]]*)\|[^\]]*\]\]", r"\1", text)


# Texts


def test_there_are_ten_to_twelve_short_pages_each_with_a_task_and_panels():
    pages = lessons(FACTS)
    assert 10 <= len(pages) <= 12
    assert len({page.key for page in pages}) == len({page.tick for page in pages}) == len(pages)
    panels = {name for name, _, _ in learn_tab.PANELS}
    for page in pages:
        words = sum(len(plain(text).split()) for text in page.paragraphs)
        assert 55 <= words <= 125, f"{page.key} has {words} words"
        assert page.panels and set(page.panels) <= panels and page.task.endswith(".") and not page.needs
    assert panels == {name for page in pages for name in page.panels}


def test_the_whole_is_read_in_under_twenty_minutes():
    words = sum(len(plain(text).split()) for page in lessons(FACTS) for text in (*page.paragraphs, page.task))
    assert words / 200 + len(lessons(FACTS)) * 0.75 <= 20


def test_numbers_come_from_the_facts():
    text = json.dumps([page.paragraphs for page in lessons(FACTS)], ensure_ascii=False)
    for number in (
        "64 × 64",
        "12,288",
        "only 21",
        "1,024",
        "12,345",
        "4 × 4",
        "16 steps",
        "10 [[bits",
        "210",
    ):
        assert number in text, number
    other = replace(FACTS, image=(32, 48), codes=512, grids=((1, 1), (2, 3)), photos=None, raster_grid=(2, 3))
    changed = json.dumps([page.paragraphs for page in lessons(other)], ensure_ascii=False)
    for number in ("48 × 32", "4,608", "only 7", "512", "3 × 2", "9 [[bits"):
        assert number in changed, number
    assert "1,024" not in changed and "None" not in changed


def test_every_term_is_explained_where_it_first_appears():
    marked = re.compile(r"\[\[([^|\]]+)\|([^\]]+)\]\]")
    for facts in (FACTS, replace(FACTS, grids=((4, 4),), order="raster"), replace(FACTS, order="")):
        for page in lessons(facts):
            for text in page.paragraphs:
                assert text.count("[[") == text.count("]]") == len(marked.findall(text)), text
                for word, definition in marked.findall(text):
                    assert definition.endswith(".") and len(definition.split()) >= 4, word


@pytest.mark.parametrize("order", ["raster", ""])
def test_pages_that_cannot_be_done_say_why_and_what_to_do(order):
    single = replace(FACTS, grids=((4, 4),), order=order, generator="row" if order else "")
    needs = {page.key: page.needs for page in lessons(single) if page.needs}
    assert {"scales", "residual", "information"} <= set(needs)
    assert all((key in needs) == (not order) for key in ("map", "guidance", "looked", "layers"))
    assert all("--generator" in why for why in needs.values())
    if order:
        without = {page.key: page.needs for page in lessons(replace(single, can_guide=False)) if page.needs}
        assert without.keys() - needs.keys() == {"guidance"} and "no guidance" in without["guidance"]
    by_logits = {page.key: page.needs for page in lessons(replace(single, chooses_by="logits")) if page.needs}
    assert by_logits.keys() - needs.keys() == {"nearest"} and "compares no distances" in by_logits["nearest"]


def test_what_can_be_looked_at_depends_on_the_order_of_the_model():
    def text(order: str) -> str:
        return " ".join(
            next(page for page in lessons(replace(FACTS, order=order)) if page.key == "looked").paragraphs
        )

    assert "coarser maps" in text("next-scale") and "rows above" not in text("next-scale")
    assert "rows above" in text("raster") and "coarser maps" not in text("raster")
    for order in ("next-scale", "raster"):
        assert "It is not a cause" in text(order)


def test_no_page_shouts():
    text = " ".join(plain(part) for page in lessons(FACTS) for part in (*page.paragraphs, page.task))
    assert "!" not in text and "None" not in text and "  " not in text


# What the cards say


def test_cards_are_told_with_their_own_numbers_and_gaps_are_left_out():
    tokenizer = {
        "data": {"photos_trained_on": 700, "classes": 3, "about": "of gardens"},
        "metrics": {"held_out": {"images": 50, "psnr_db": 23.456}},
        "limits": "64 px",
    }
    generator = {"metrics": {"evaluation": {"accuracy": 0.5, "accuracy_held_out": 0.75}}}
    rows = {row["name"]: row for row in card_facts(tokenizer, generator)}
    assert rows["Learned from"]["value"] == "700 photos of 3 kinds"
    assert rows["Photos like these come back at"]["value"] == "23.5 dB PSNR"
    assert "50 photos" in rows["Photos like these come back at"]["about"]
    told = rows["A separate classifier names the class of"]
    assert told["value"].startswith("50 %") and "75 %" in told["about"]
    assert "Other photos come back at" not in rows


@pytest.mark.parametrize("card", [{}, {"metrics": 3, "data": "none"}, {"metrics": {"held_out": [1]}}])
def test_a_card_that_says_little_or_nonsense_gives_no_rows(card):
    assert card_facts(card, card) == [] and card_facts(card, None) == []


# The page's introduction


def test_the_introduction_is_plain_and_about_the_loaded_models(bench):
    view = learn_tab.introduction(bench)
    json.dumps(view)
    assert view["order"] == "next-scale" and view["raster_grid"] == list(MULTI_GRIDS[-1])
    assert f"only {sum(h * w for h, w in MULTI_GRIDS)}:" in view["lessons"][0]["paragraphs"][0]
    assert view["guidance"]["values"][0] == view["guidance"]["none"] == 0


def test_a_raster_model_as_the_pages_own_is_described_as_one(raster_bench):
    view = learn_tab.introduction(raster_bench)
    pages = {page["key"]: page for page in view["lessons"]}
    assert view["order"] == "raster" and "writes row by row" in pages["map"]["paragraphs"][0]
    assert pages["scales"]["needs"] and not pages["map"]["needs"]
    assert view["guidance"]["none"] == 1 and view["guidance"]["values"][0] == 1


def test_without_a_generator_there_are_no_guided_runs(bench):
    alone = Workbench(bench.tokenizer)
    assert learn_tab.introduction(alone)["guidance"] is None
    (view,) = guidance_runs.stream(alone, {"job": "a"})
    assert view["status"] == "failed" and "--generator" in view["problem"]


def test_the_grid_of_the_counterpart_is_the_one_that_is_read_row_by_row(bench, raster_bench):
    pair = Pair(raster_bench.tokenizer, raster_bench.generator)
    both = Workbench(bench.tokenizer, bench.generator, counterpart=pair)
    assert learn_tab.facts_of(both).raster_grid == raster_bench.generator.grids[-1]


# Guided runs

ASKED = {"job": "a", "label": "rose", "seed": 3, "values": [0, 2, 9]}


def test_the_three_runs_are_those_of_the_generator(bench):
    views = list(guidance_runs.stream(bench, ASKED))
    assert [view["done"] for view in views] == list(range(1, len(MULTI_GRIDS) + 1))
    assert [view["status"] for view in views] == ["running"] * (len(views) - 1) + ["done"]
    runs = [[*bench.generator.generate("rose", seed=3, guidance=g)][-1].maps for g in (0.0, 2.0, 9.0)]
    columns = views[-1]["columns"]
    for column, maps in zip(columns, runs, strict=True):
        differs = [int((a != b).sum()) for a, b in zip(maps, runs[0], strict=True)]
        assert column["differs"] == differs and column["image"].startswith("data:image/")
    assert columns[0]["differs"] == [0] * len(MULTI_GRIDS)
    assert columns[2]["differs"][0] == 0  # guidance starts from nothing at scale 1
    assert columns[0]["bits"] > columns[2]["bits"] > 0


def test_a_raster_run_shows_pictures_on_its_way(raster_bench):
    views = list(guidance_runs.stream(raster_bench, {**ASKED, "values": [1, 2, 4]}))
    assert views[-1]["done"] == views[-1]["total"] == raster_bench.generator.steps
    assert 1 < len(views) <= 2 * guidance_runs.SHOWN and all(view["columns"][1]["image"] for view in views)


def test_cancelled_runs_end_within_one_step(bench):
    cancelled: list[str] = []
    views = guidance_runs.stream(bench, ASKED, cancelled)
    next(views)
    cancelled.append("a")
    assert list(views) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"label": "dragon"},
        {"label": None},
        {"seed": -1},
        {"seed": "one"},
        {"seed": True},
        {"values": [0, 1]},
        {"values": "012"},
        {"values": [0, 1, 99]},
        {"values": [0, 1, None]},
        {"values": [0, 1, float("nan")]},
    ],
)
def test_what_the_browser_must_not_ask_gives_one_sentence(bench, bad):
    (view,) = guidance_runs.stream(bench, {**ASKED, **bad})
    assert view["status"] == "failed" and view["problem"].endswith(".") and view["problem"][0].isupper()


def test_a_broken_generator_is_one_sentence(bench, monkeypatch):
    monkeypatch.setattr(guidance_runs, "mean_bits", lambda *_: 1 / 0)
    assert list(guidance_runs.stream(bench, ASKED)) == [
        {"job": "a", "status": "failed", "problem": guidance_runs.FAILED}
    ]


# What an edit moved


def test_the_share_of_moved_pixels_is_that_of_the_last_edit(bench):
    pixels = np.random.default_rng(1).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    session = open_picture(bench, Session(), Image.fromarray(pixels).resize((40, 40)), "photo")
    assert learn_tab.moved(bench, session, {"ticket": 1})["share"] is None
    scene = session.present
    code = (int(scene.maps[0][0, 0, 0]) + 7) % VOCAB
    edited = perform(bench, session, "replace", {"scale": 1, "cells": [0], "code": code})
    view = learn_tab.moved(bench, edited, {"ticket": 2})
    before, after = (bench.tokenizer.decode(one)[0] for one in (scene.maps, edited.present.maps))
    assert view == {"ticket": 2, "picture": scene.number, "share": moved_share(before, after)}
    assert view["share"] > 0
    assert learn_tab.moved(bench, Session(), {"ticket": 3})["share"] is None
