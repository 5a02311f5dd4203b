"""The stream behind Generate: every step arrives, settings are checked, and what goes wrong is a sentence."""

import pytest
import torch
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi

from explorer.generators import NextScaleGenerator
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.ui.generate_tab import stream
from explorer.ui.page import build_page
from explorer.ui.workbench import Workbench

SETTINGS = {"run": "a", "label": "sea", "seed": 4, "guidance": 2, "top_k": 20, "top_p": 0.9}


@pytest.fixture(scope="module")
def bench():
    torch.manual_seed(0)
    tokenizer = tiny_multi()
    net = VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, 2, depth=1, width=32, num_heads=2))
    net.init_weights()
    generator = NextScaleGenerator(net, tokenizer, name="tiny", classes=("sea", "rose"))
    return Workbench(tokenizer, generator)


def test_every_step_arrives_and_the_last_is_done(bench):
    views = list(stream(bench, SETTINGS))
    assert [view["done"] for view in views] == [1, 2, 3, 4]
    assert [view["status"] for view in views] == ["running", "running", "running", "done"]
    for view in views:
        known = [min(scale["ids"]) >= 0 for scale in view["scales"]]
        assert known == [k < view["done"] for k in range(4)]
        assert [scale["image"] is not None for scale in view["scales"]] == known
    assert views[0]["scales"][0]["image"] == views[-1]["scales"][0]["image"]


def test_the_page_draws_what_the_api_draws(bench):
    *_, view = stream(bench, SETTINGS)
    *_, step = bench.generator.generate("sea", seed=4, guidance=2, top_k=20, top_p=0.9)
    assert [scale["ids"] for scale in view["scales"]] == [ids.flatten().tolist() for ids in step.maps]


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "dragon"},
        {"label": None},
        {"seed": -1},
        {"seed": "1"},
        {"guidance": float("nan")},
        {"guidance": 1e9},
        {"top_k": VOCAB + 1},
        {"top_p": 2},
        {"top_p": True},
    ],
)
def test_wrong_settings_are_one_sentence(bench, wrong):
    views = list(stream(bench, SETTINGS | wrong))
    assert len(views) == 1 and views[0]["problem"].endswith(".") and views[0]["run"] == "a"


def test_without_a_generator_the_page_says_so(bench):
    assert "No generator" in next(stream(Workbench(bench.tokenizer), SETTINGS))["problem"]


def test_the_page_builds_with_and_without_a_generator(bench):
    build_page(bench)
    build_page(Workbench(bench.tokenizer))
