"""What Generate is asked for: what holds becomes a request, what does not becomes one sentence."""

import pytest
import torch
from generator_support import fill
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi, tiny_single

from explorer.generators import NextScaleGenerator, RasterGenerator
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.token_maps import keep_masks
from explorer.ui.generate.run_request import MAX_SEED, read_request

SETTINGS = {"label": "sea", "seed": 4, "guidance": 2, "top_k": 20, "top_p": 0.9, "temperature": 0.8}
CELLS = [[0] * (h * w) for h, w in MULTI_GRIDS]
IDS = [[n % VOCAB for n in range(h * w)] for h, w in MULTI_GRIDS]


@pytest.fixture(scope="module")
def gen():
    net = fill(VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, 2, 1, 16, 2)), 1, 0.3)
    return NextScaleGenerator(net, tiny_multi(), name="tiny", classes=("sea", "rose"))


@pytest.fixture(scope="module")
def raster():
    net = fill(LlamaGenGPT(LlamaGenConfig(VOCAB, (4, 4), 2, 1, 16, 2)), 2, 0.3)
    return RasterGenerator(net, tiny_single(), name="tiny", classes=("sea", "rose"))


def kept(request) -> list[int]:
    return [int(mask.sum()) for mask in request.keep]


def test_settings_arrive_as_they_were_sent(gen):
    request = read_request(gen, {**SETTINGS, "run": "a", "seeds": 3, "note": "painted"})
    assert (request.run, request.label, request.seeds, request.note) == ("a", "sea", (4, 5, 6), "painted")
    assert vars(request.settings) == {"guidance": 2, "top_k": 20, "top_p": 0.9, "temperature": 0.8}
    assert request.given is None and kept(request) == [0, 0, 0, 0] and request.is_free


def test_no_class_is_the_null_class(gen):
    assert read_request(gen, {**SETTINGS, "label": ""}).label is None


def test_scales_and_cells_are_kept_exactly(gen):
    request = read_request(gen, {**SETTINGS, "given": IDS, "keep": {"scales": 2}})
    assert kept(request) == [1, 4, 0, 0] and not request.is_free
    cells = [list(part) for part in CELLS]
    cells[2][4] = 1
    request = read_request(gen, {**SETTINGS, "given": IDS, "keep": {"cells": cells}})
    assert kept(request) == [0, 0, 1, 0] and bool(request.keep[2][1, 1])
    assert [ids.flatten().tolist() for ids in request.given] == IDS


def test_a_mask_is_reduced_as_the_generator_reduces_it(gen):
    finest = [1] * 8 + [0] * 8
    request = read_request(gen, {**SETTINGS, "given": IDS, "keep": {"mask": finest}})
    expected = keep_masks(torch.tensor(finest).bool().view(4, 4), MULTI_GRIDS, 1)
    assert all(torch.equal(a, b[0]) for a, b in zip(request.keep, expected, strict=True))


def test_a_forced_token_keeps_its_scale_and_coarser_ones(gen):
    force = {"scale": 3, "row": 1, "column": 2, "code": 60}
    request = read_request(gen, {**SETTINGS, "given": IDS, "force": force})
    assert kept(request) == [1, 4, 9, 0]
    assert [int(mask.sum()) for mask in request.held] == [0, 0, 1, 0] and bool(request.held[2][1, 2])
    assert int(request.given[2][0, 1, 2]) == 60


def test_what_was_held_stays_held_also_at_finer_scales(gen):
    cells = [list(part) for part in CELLS]
    cells[3][7] = 1
    force = {"scale": 2, "row": 0, "column": 1, "code": 5}
    request = read_request(gen, {**SETTINGS, "given": IDS, "keep": {"cells": cells}, "force": force})
    assert kept(request) == [1, 4, 0, 1] and [int(mask.sum()) for mask in request.held] == [0, 1, 0, 1]


def test_a_forced_token_of_a_raster_model_keeps_what_came_before(raster):
    ids = [[n % VOCAB for n in range(16)]]
    ids[0][12:] = [-1] * 4  # a run that was stopped
    force = {"scale": 1, "row": 1, "column": 2, "code": 60}
    request = read_request(raster, {**SETTINGS, "given": ids, "force": force})
    assert request.keep[0].flatten().tolist() == [True] * 7 + [False] * 9
    with pytest.raises(ValueError, match="not known yet"):
        read_request(raster, {**SETTINGS, "given": ids, "force": {**force, "row": 3, "column": 3}})


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "dragon"},
        {"label": None},
        {"label": ["sea"]},
        {"seed": -1},
        {"seed": "1"},
        {"seed": 1.5},
        {"seed": MAX_SEED, "seeds": 2},
        {"seeds": 0},
        {"seeds": 9},
        {"seeds": True},
        {"guidance": float("nan")},
        {"guidance": 1e9},
        {"top_k": VOCAB + 1},
        {"top_k": 2.5},
        {"top_p": 2},
        {"top_p": True},
        {"temperature": -1},
        {"temperature": float("inf")},
        {"temperature": None},
        {"keep": {"scales": 2}},  # without tokens
        {"given": IDS, "keep": {"scales": 5}},
        {"given": IDS, "keep": {"scales": "2"}},
        {"given": IDS, "keep": {"rows": 2}},
        {"given": IDS, "keep": {"scales": 1, "mask": [1] * 16}},
        {"given": IDS, "keep": [1]},
        {"given": IDS, "keep": {"mask": [1] * 15}},
        {"given": IDS, "keep": {"mask": [2] * 16}},
        {"given": IDS, "keep": {"mask": [0.5] * 16}},
        {"given": IDS, "keep": {"mask": [[1]] * 16}},
        {"given": IDS, "keep": {"cells": CELLS[:3]}},
        {"given": IDS, "keep": {"cells": [[0], [0], [0], [0]]}},
        {"given": IDS[:3]},
        {"given": "maps"},
        {"given": [[0]] * 4},
        {"given": [[VOCAB], *IDS[1:]]},
        {"given": [[-2], *IDS[1:]]},
        {"given": [["0"], *IDS[1:]]},
        {"given": [[0.0], *IDS[1:]]},
        {"force": {"scale": 1, "row": 0, "column": 0, "code": 1}},  # without tokens
        {"given": IDS, "force": {"scale": 5, "row": 0, "column": 0, "code": 1}},
        {"given": IDS, "force": {"scale": 2, "row": 2, "column": 0, "code": 1}},
        {"given": IDS, "force": {"scale": 2, "row": 0, "column": 0, "code": VOCAB}},
        {"given": IDS, "force": 3},
    ],
)
def test_what_does_not_hold_is_one_sentence(gen, wrong):
    with pytest.raises(ValueError) as error:
        read_request(gen, SETTINGS | wrong)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
