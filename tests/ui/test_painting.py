"""Painting: the page shows the very masks that the generator uses, and what stays is kept exactly."""

import base64
import io
import random

import numpy as np
import pytest
import torch
from generator_support import last, random_raster, random_var
from PIL import Image

from explorer.figures.images import bytes_uri
from explorer.token_maps import TokenMaps, keep_masks
from explorer.ui.generate.generate_tab import stream
from explorer.ui.generate.painting import kept_tokens
from explorer.ui.generate.run_request import read_request
from explorer.ui.workbench import Workbench

SETTINGS = {"label": "1", "guidance": 1.0, "top_k": 0, "top_p": 1, "temperature": 1}


def bench_of(gen) -> Workbench:
    return Workbench(gen.tokenizer, gen)


BENCHES = [
    pytest.param(lambda: bench_of(random_var()), id="next-scale"),
    pytest.param(lambda: bench_of(random_var(grids=((1, 1), (1, 3), (2, 3), (4, 5)))), id="small maps"),
    pytest.param(lambda: bench_of(random_raster()), id="raster"),
]


@pytest.mark.parametrize("make", BENCHES)
def test_the_page_shows_the_masks_of_the_generator(make):
    bench = make()
    h, w = bench.generator.grids[-1]
    draw = random.Random(0)
    for share in (0, 0.2, 0.5, 0.8, 1):
        mask = [int(draw.random() < share) for _ in range(h * w)]
        found = kept_tokens(bench, {"mask": mask})
        expected = keep_masks(torch.tensor(mask, dtype=torch.bool).view(h, w), bench.generator.grids, 1)
        assert found["scales"] == [one.int().flatten().tolist() for one in expected]
        used = read_request(
            bench.generator,
            {**SETTINGS, "seed": 0, "given": given_of(bench, 0), "keep": {"mask": mask}},
        )
        assert found["scales"] == [one.int().flatten().tolist() for one in used.keep]
        assert found["kept"] == sum(map(sum, found["scales"]))
        assert found["total"] == sum(h * w for h, w in bench.generator.grids)


def given_of(bench, seed: int) -> list[list[int]]:
    step = last(bench.generator.generate(1, seed=seed))
    return [ids.flatten().tolist() for ids in step.maps]


@pytest.mark.parametrize("make", BENCHES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_stays_is_kept_exactly_and_only_the_rest_is_drawn(make, seed):
    bench = make()
    h, w = bench.generator.grids[-1]
    draw = random.Random(seed)
    mask = [draw.randint(0, 1) for _ in range(h * w)]
    given = given_of(bench, seed=50)
    message = {
        **SETTINGS,
        "run": "a",
        "seed": seed,
        "given": given,
        "keep": {"mask": mask},
        "note": "painted",
    }
    *_, view = stream(bench, message)
    kept = kept_tokens(bench, {"mask": mask})["scales"]
    assert view["status"] == "done" and view["title"].endswith("painted")
    drawn = []
    for scale, before, stays in zip(view["scales"], given, kept, strict=True):
        assert (scale["kept"] or [0] * len(stays)) == stays
        for now, own, keep in zip(scale["ids"], before, stays, strict=True):
            assert now == own or not keep
            drawn.append(not keep and now != own)
    assert any(drawn)  # other noise: something came out differently


def test_a_mask_that_keeps_all_gives_the_picture_back_and_one_that_keeps_nothing_a_new_one():
    bench = bench_of(random_var())
    given = given_of(bench, seed=50)
    message = {**SETTINGS, "run": "a", "seed": 9, "given": given}
    *_, same = stream(bench, {**message, "keep": {"mask": [1] * 12}})
    assert [scale["ids"] for scale in same["scales"]] == given
    *_, other = stream(bench, {**message, "keep": {"mask": [0] * 12}})
    assert other["scales"][0]["ids"] == given[0]  # a map of up to three tokens always stays
    assert [scale["ids"] for scale in other["scales"]] != given


@pytest.mark.parametrize("mask", [None, "all", [1] * 11, [2] * 12, [0.5] * 12, ["1"] * 12, [[1] * 4] * 3])
def test_what_is_no_mask_is_one_sentence(mask):
    with pytest.raises(ValueError, match=r"mask|Mask"):
        kept_tokens(bench_of(random_var()), {"mask": mask})


def test_without_a_generator_the_page_says_so():
    with pytest.raises(ValueError, match="No generator was loaded"):
        kept_tokens(Workbench(random_var().tokenizer), {"mask": [1]})


# ---- the pixels outside the painted part ----


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB")).astype(int)


def painted_message(bench, **more) -> dict:
    """The lower right quarter of a picture is drawn again."""
    h, w = bench.generator.grids[-1]
    mask = [int(not (i >= h // 2 and j >= w // 2)) for i in range(h) for j in range(w)]
    given = given_of(bench, seed=50)
    return {**SETTINGS, "run": "a", "seed": 3, "given": given, "keep": {"mask": mask}, **more}


@pytest.mark.parametrize("make", BENCHES)
def test_the_outside_keeps_the_pixels_of_the_picture_that_was_painted_on(make):
    bench = make()
    message = painted_message(bench, seeds=2)
    H, W = bench.tokenizer.image_hw
    h, w = bench.generator.grids[-1]
    shown = np.random.default_rng(0).integers(0, 255, (H, W, 3), dtype=np.uint8)
    *_, view = stream(bench, {**message, "before": bytes_uri(shown)})
    outside = np.ones((H, W), bool)
    outside[h // 2 * (H // h) :, w // 2 * (W // w) :] = False
    for one in (view, *view["rows"]):
        blend = one["blend"]
        assert np.array_equal(pixels(blend["image"])[outside], shown[outside])
        own = pixels(blend["own"])
        assert not np.array_equal(pixels(blend["image"])[~outside], shown[~outside])
        moved = np.abs(own - shown).max(-1) > 8
        assert blend["share"] == pytest.approx(moved[outside].mean(), abs=0.02) and blend["visible"] == 8
    assert view["blend"]["image"] == view["rows"][0]["blend"]["image"] != view["rows"][1]["blend"]["image"]
    assert pixels(view["blend"]["own"]).tolist() == pixels(view["scales"][-1]["image"]).tolist()


def test_without_the_picture_on_show_it_is_what_the_given_tokens_decode_to():
    bench = bench_of(random_var())
    message = painted_message(bench)
    *_, view = stream(bench, message)
    given = [
        torch.tensor(ids).view(1, *grid)
        for ids, grid in zip(message["given"], bench.generator.grids, strict=True)
    ]
    before = bench.tokenizer.decode(TokenMaps(given))[0]
    expected = (before.permute(1, 2, 0) * 255).round().int().numpy()
    assert np.abs(pixels(view["blend"]["image"])[0] - expected[0]).max() <= 1


def test_other_runs_and_unfinished_ones_have_no_blend():
    bench = bench_of(random_var())
    views = list(stream(bench, painted_message(bench)))
    assert [bool(view["blend"]) for view in views] == [False] * (len(views) - 1) + [True]
    *_, free = stream(bench, {**SETTINGS, "run": "a", "seed": 3})
    *_, kept = stream(
        bench, {**SETTINGS, "run": "a", "seed": 3, "given": given_of(bench, 1), "keep": {"scales": 1}}
    )
    assert free["blend"] is None and kept["blend"] is None


@pytest.mark.parametrize(
    "wrong, word",
    [
        ("https://example.org/a.png", "did not arrive whole"),
        (7, "did not arrive whole"),
        ("data:image/png;base64,AAAA", "cannot be read"),
        (bytes_uri(np.zeros((3, 5, 3), np.uint8)), "5 × 3 pixels"),
    ],
)
def test_a_picture_that_was_painted_on_is_checked(wrong, word):
    bench = bench_of(random_var())
    with pytest.raises(ValueError, match=word):
        read_request(bench.generator, painted_message(bench, before=wrong))
