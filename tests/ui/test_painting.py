"""Painting: the page shows the very masks that the generator uses, and what stays is kept exactly."""

import random

import pytest
import torch
from generator_support import last, random_raster, random_var

from explorer.token_maps import keep_masks
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
