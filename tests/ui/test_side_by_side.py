"""Tokenizers side by side, without a browser: figures equal the public API, each tokenizer reads its size,
visitors are apart, and what cannot be done is a sentence."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import write_models
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi, tiny_single

from explorer import families
from explorer.analysis.fidelity import error_map, psnr, ssim
from explorer.ui.actions import open_picture, perform
from explorer.ui.compare import side_by_side
from explorer.ui.compare.pairs import Pair
from explorer.ui.compare.side_by_side_shelf import Shelf
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench
from explorer.zoo.cards import Card, write_card


class NoGenerator:
    """Stands for a generator of the pair that nobody runs here."""

    order = "raster"


@pytest.fixture(scope="module")
def bench():
    wide = tiny_single(1, grids=((6, 6),), name="wide")  # 24 px
    return Workbench(tiny_multi(name="own"), counterpart=Pair(wide, NoGenerator()))


@pytest.fixture
def shelf(bench, tmp_path):
    return Shelf(bench, folder=tmp_path, downloads=tmp_path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("models"))


def picture(seed: int = 0, size=(60, 40)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def opened(bench, seed: int = 0) -> Session:
    return open_picture(bench, Session(), picture(seed), f"photo {seed}")


def compared(shelf, session, names=("own", "wide"), **data) -> dict:
    *_, last = side_by_side.stream(shelf, session, {"job": "1", "names": list(names), **data})
    return last


def pixels_of(uri: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


# Figures


def test_figures_are_those_of_the_public_api(bench, shelf):
    session = opened(bench)
    view = compared(shelf, session)
    assert view["status"] == "done" and view["picture"] == session.present.number
    for row, tokenizer in zip(view["rows"], (bench.tokenizer, shelf.tokenizer("wide")), strict=True):
        image = as_image(np.array(Image.fromarray(pixels_of(row["input"]))))
        maps = tokenizer.encode(image)
        decoded = tokenizer.decode(maps)
        assert row["psnr"] == pytest.approx(float(psnr(decoded, image)), rel=1e-4)
        assert row["ssim"] == pytest.approx(float(ssim(decoded, image)), abs=1e-5)
        assert row["mean"] == pytest.approx(float(error_map(decoded, image).mean()), rel=1e-5)
        assert [one["ids"] for one in row["maps"]] == [ids.flatten().tolist() for ids in maps]
        assert row["tokens"] == sum(ids[0].numel() for ids in maps)
        assert row["bits"] == row["tokens"] * 6  # 64 codes
        assert row["pixel_bits"] == pytest.approx(row["bits"] / (row["size"][0] * row["size"][1]))
        assert np.abs(pixels_of(row["image"]) / 255 - decoded[0].permute(1, 2, 0).numpy()).max() < 0.003


def test_the_curve_has_a_point_for_every_scale_and_ends_at_the_whole_picture(bench, shelf):
    own, wide = compared(shelf, opened(bench))["rows"]
    assert [point["tokens"] for point in own["curve"]] == [1, 5, 14, 30]
    assert own["curve"][-1]["psnr"] == pytest.approx(own["psnr"]) and own["curve"][-1]["bits"] == own["bits"]
    assert len(wide["curve"]) == 1 and wide["curve"][0]["psnr"] == pytest.approx(wide["psnr"])


def test_a_slow_tokenizer_is_decoded_once(bench, shelf, monkeypatch):
    monkeypatch.setattr(side_by_side, "QUICK_PIXELS", 100)
    own, _ = compared(shelf, opened(bench, 4))["rows"]
    assert [point["scale"] for point in own["curve"]] == [len(MULTI_GRIDS)]
    assert not side_by_side.introduction(shelf)["quick"]


def test_error_pictures_share_one_scale_of_colours(bench, shelf):
    rows = compared(shelf, opened(bench))["rows"]
    assert len({row["limit"] for row in rows}) == 1
    for row in rows:
        shown = pixels_of(row["error"]).astype(float) / 255 * row["limit"]
        decoded, given = (pixels_of(row[key]).astype(float) / 255 for key in ("image", "input"))
        wanted = np.abs(decoded - given).mean(2).clip(0, row["limit"])
        assert np.abs(shown - wanted).max() < 0.01


def test_the_own_row_equals_what_inspect_shows(bench, shelf):
    session = opened(bench)
    (row,) = compared(shelf, session, ["own"])["rows"]
    assert [one["ids"] for one in row["maps"]] == [ids.flatten().tolist() for ids in session.present.maps]
    assert np.array_equal(pixels_of(row["input"]), session.present.picture.fits["crop"])


# The same source, every tokenizer its own size


@pytest.mark.parametrize("fit", ["crop", "letterbox"])
def test_every_tokenizer_fits_the_picture_itself(bench, shelf, fit):
    session = perform(bench, opened(bench), "fit", {"fit": fit})
    _, wide = compared(shelf, session)["rows"]
    wanted = shelf.tokenizer("wide").fit(picture(), fit)
    assert wide["size"] == [24, 24]
    assert np.abs(pixels_of(wide["input"]) - wanted[0].permute(1, 2, 0).numpy() * 255).max() < 1


def test_a_large_upload_is_kept_smaller_with_its_proportions(bench):
    kept = open_picture(bench, Session(), picture(size=(1500, 1000)), "large").present.picture.reduced
    assert kept.size == (768, 512)
    small = open_picture(bench, Session(), picture(size=(60, 40)), "small").present.picture.reduced
    assert small.size == (60, 40)


def test_samples_are_read_again_in_full_size(bench, shelf):
    session = perform(bench, Session(), "sample", {"name": "cat"})
    assert session.present.picture.reduced is None
    assert compared(shelf, session)["rows"][1]["size"] == [24, 24]


def test_a_generated_picture_stands_for_its_missing_source_and_that_is_said(bench, shelf):
    ids = [[(7 * n) % VOCAB for n in range(h * w)] for h, w in MULTI_GRIDS]
    session = perform(bench, Session(), "adopt", {"maps": ids, "label": "sea", "seed": 1})
    view = compared(shelf, session)
    assert "has no source" in view["note"] and view["fit"] == "generated"
    decoded = bench.tokenizer.decode(session.present.maps)
    shown = pixels_of(view["rows"][0]["input"]) / 255
    assert np.abs(shown - decoded[0].permute(1, 2, 0).numpy()).max() < 0.003
    assert [row["size"] for row in view["rows"]] == [[16, 16], [24, 24]]


def test_edits_are_left_out(bench, shelf):
    session = opened(bench)
    code = (int(session.present.maps[1][0, 0, 0]) + 1) % VOCAB
    edited = perform(bench, session, "replace", {"scale": 2, "cells": [0], "code": code})
    assert compared(shelf, edited)["rows"] == compared(shelf, session)["rows"]


# Choices, files, cards


def test_the_choices_are_the_pages_own_the_counterpart_and_files_that_lie_here(bench, models):
    shelf = Shelf(bench, folder=models, downloads=models)
    assert [choice.name for choice in shelf.choices] == [
        "own",
        "wide",
        "tiny-raster-tokenizer",
        "tiny-tokenizer",
    ]
    ready = [one["ready"] for one in side_by_side.introduction(shelf)["choices"]]
    assert ready == [True, True, False, False]


def test_a_name_is_offered_once(models, tmp_path):
    shelf = Shelf(Workbench(tiny_multi(name="tiny-tokenizer")), folder=models, downloads=tmp_path)
    assert [choice.name for choice in shelf.choices] == ["tiny-tokenizer", "tiny-raster-tokenizer"]


def test_published_files_are_offered_when_they_lie_here(bench, tmp_path):
    entry = next(one for one in families.released() if one.kind == "tokenizer")
    (tmp_path / entry.filename).write_bytes(b"not read before it is asked for")
    shelf = Shelf(bench, folder=tmp_path / "none", downloads=tmp_path)
    assert shelf.choices[-1].name == entry.name and shelf.choices[-1].tokenizer is None


def test_a_file_is_loaded_when_it_is_compared_and_only_once(bench, models):
    shelf = Shelf(bench, folder=models, downloads=models)
    session = opened(bench)
    told = list(side_by_side.stream(shelf, session, {"job": "1", "names": ["own", "tiny-tokenizer"]}))
    assert [(one["now"], one["what"]) for one in told[:-1]] == [
        ("own", "encode"), ("own", "decode"),
        ("tiny-tokenizer", "read"), ("tiny-tokenizer", "encode"), ("tiny-tokenizer", "decode"),
    ]  # fmt: skip
    assert [one["done"] for one in told] == [0, 1, 2, 3, 4, 5] and {one["total"] for one in told} == {5}
    assert [len(one["rows"]) for one in told] == [0, 0, 1, 1, 1, 2]
    assert shelf.tokenizer("tiny-tokenizer") is shelf.tokenizer("tiny-tokenizer")


def test_a_broken_file_costs_only_its_own_row(bench, models, tmp_path):
    (tmp_path / "bad-tokenizer.safetensors").write_bytes(b"nonsense")
    shelf = Shelf(bench, folder=tmp_path, downloads=tmp_path)
    view = compared(shelf, opened(bench), ["bad-tokenizer", "own"])
    assert view["status"] == "done"
    own, bad = view["rows"]
    assert own["name"] == "own" and "psnr" in own
    assert bad["name"] == "bad-tokenizer" and bad["problem"].endswith(".")


def test_held_out_figures_come_from_the_card_of_these_weights(bench, models):
    path = models / "tiny-tokenizer.safetensors"
    figures = {"images": 12, "psnr_db": 20.5, "ssim": 0.5}
    (models / "tiny-tokenizer.json").unlink(missing_ok=True)
    write_card(
        path,
        Card.from_dict({"family": "var-tokenizer", "grids": [list(g) for g in MULTI_GRIDS], "image_size": 16,
                        "metrics": {"held_out": figures}}),
    )  # fmt: skip
    shelf = Shelf(bench, folder=models, downloads=models)
    assert shelf.held_out("tiny-tokenizer") == figures
    assert shelf.held_out("own") is None  # no card lies here for it
    write_card(
        path,
        Card.from_dict({"family": "var-tokenizer", "grids": [list(g) for g in MULTI_GRIDS], "image_size": 16,
                        "sha256": "0" * 64, "metrics": {"held_out": figures}}),
    )  # fmt: skip
    assert Shelf(bench, folder=models, downloads=models).held_out("tiny-tokenizer") is None


# Requests


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (None, "Choose at least one"),
        ([], "Choose at least one"),
        ("own", "Choose at least one"),
        (["own", "own"], "every tokenizer once"),
        (["own", "wide", "a", "b", "c"], "At most 4 tokenizers are compared at once, not 5"),
        (["../../etc/passwd"], "There is no tokenizer '../../etc/passwd'"),
        ([{"name": "own"}], "There is no tokenizer"),
        ([None], "There is no tokenizer 'None'"),
    ],
)
def test_bad_names_are_told_in_one_sentence(bench, shelf, names, told):
    (view,) = side_by_side.stream(shelf, opened(bench), {"job": "7", "names": names})
    assert view["status"] == "failed" and view["job"] == "7"
    assert told in view["problem"] and view["problem"].endswith(".")


def test_without_a_picture_it_says_what_to_do(shelf):
    (view,) = side_by_side.stream(shelf, Session(), {"job": "7", "names": ["own"]})
    assert view["problem"] == "Open a picture in Inspect first."


def test_a_failure_is_a_sentence_too(bench, shelf, monkeypatch):
    def fail(*_):
        raise RuntimeError("inner details")

    monkeypatch.setattr(shelf, "encode", fail)
    *_, last = side_by_side.stream(shelf, opened(bench), {"job": "7", "names": ["own"]})
    assert last["problem"] == side_by_side.FAILED


def test_a_cancelled_comparison_stops_at_the_next_step(bench, shelf):
    cancelled = []
    steps = side_by_side.stream(shelf, opened(bench), {"job": "7", "names": ["own", "wide"]}, cancelled)
    assert next(steps)["status"] == "running"
    cancelled.append("7")
    assert list(steps) == []


def test_views_are_plain_json(bench, shelf):
    view = compared(shelf, opened(bench))
    assert json.loads(json.dumps(view, allow_nan=False)) == view


def test_two_visitors_get_their_own_pictures(bench, shelf):
    one, other = (compared(shelf, opened(bench, seed))["rows"][0]["input"] for seed in (1, 2))
    assert one != other
    assert compared(shelf, opened(bench, 1))["rows"][0]["input"] == one


# Crops


def crop(shelf, session, place, **data) -> dict:
    sent = {"ticket": 1, "picture": session.present.number, "names": ["own", "wide"], "place": place, **data}
    return side_by_side.crop_view(shelf, session, sent)["crop"]


def test_a_crop_is_measured_on_the_pixels_it_covers(bench, shelf):
    session = opened(bench)
    found = crop(shelf, session, [0.25, 0.5, 0.5, 0.25])
    own, wide = found["rows"]
    assert found["ticket"] == 1 and found["place"] == [0.25, 0.5, 0.5, 0.25]
    assert own["size"] == [8, 4] and wide["size"] == [12, 6]
    image = as_image(session.present.picture.fits["crop"])
    decoded = bench.tokenizer.decode(session.present.maps)
    part = (slice(None), slice(None), slice(4, 12), slice(8, 12))
    assert own["psnr"] == pytest.approx(float(psnr(decoded[part], image[part])), rel=1e-4)
    assert own["mean"] == pytest.approx(float(error_map(decoded[part], image[part]).mean()), rel=1e-4)
    assert own["ssim"] is None  # fewer pixels than its window


def test_the_crop_of_everything_is_the_whole_picture(bench, shelf):
    session = opened(bench)
    found = crop(shelf, session, [0, 0, 1, 1])["rows"]
    for part, row in zip(found, compared(shelf, session)["rows"], strict=True):
        assert (part["psnr"], part["ssim"]) == (row["psnr"], row["ssim"])


@pytest.mark.parametrize("place", [[0, 0, 1 / 16, 1 / 16], [0.9999, 0.9999, 0.0001, 0.0001]])
def test_a_tiny_crop_still_has_a_pixel(bench, shelf, place):
    own, _ = crop(shelf, opened(bench), place)["rows"]
    assert own["size"] == [1, 1]


@pytest.mark.parametrize(
    "place",
    [None, [], [0, 0, 1], [0, 0, 0, 1], [0, 0, 1, -1], [0.5, 0, 0.6, 1], ["0", 0, 1, 1], [True, 0, 1, 1],
     [float("nan"), 0, 1, 1], {"top": 0}],
)  # fmt: skip
def test_a_bad_place_is_told(bench, shelf, place):
    found = crop(shelf, opened(bench), place)
    assert "rows" not in found and "as shares from 0 to 1" in found["problem"]


def test_a_crop_of_another_picture_is_refused(bench, shelf):
    found = crop(shelf, opened(bench), [0, 0, 1, 1], picture=99)
    assert "another one by now" in found["problem"]


def test_equal_pictures_have_no_psnr():
    image = torch.rand(1, 3, 12, 12)
    assert side_by_side.closeness(image, image) == {"psnr": None, "ssim": pytest.approx(1)}
