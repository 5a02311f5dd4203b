"""The endpoint compare, called by gradio_client on a real server and directly with random models."""

import re

import gradio as gr
import numpy as np
import pytest
from generator_support import random_raster, random_var
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from explorer.analysis.cost import generation_flops
from explorer.tokenizers.images import to_pil
from explorer.ui.compare.pairs import Pair
from explorer.ui.endpoints.api_compare import CompareEndpoint
from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving
from explorer.ui.workbench import Workbench

CLASSES = ("sea", "rose", "cat", "dog")


@pytest.fixture(scope="module")
def bench():
    var = random_var(grids=((1, 1), (2, 2), (4, 4)), classes=CLASSES)
    raster = random_raster(grid=(4, 4), classes=CLASSES)
    return Workbench(var.tokenizer, var, counterpart=Pair(raster.tokenizer, raster))


@pytest.fixture
def compare(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return CompareEndpoint(bench).compare


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_both_orders_draw_what_the_public_api_draws(bench, compare):
    answer, *pictures = compare("rose", 5, guidance=2.0, raster_guidance=3.0, top_k=9, temperature=0.8)
    settings = {"next-scale": 2.0, "raster": 3.0}
    assert [model["order"] for model in answer["models"]] == list(settings)
    for model, picture in zip(answer["models"], pictures, strict=True):
        gen = bench.pairs[model["order"]].generator
        steps = list(
            gen.generate("rose", seed=5, guidance=settings[model["order"]], top_k=9, temperature=0.8)
        )
        assert model["maps"] == [ids.tolist() for ids in steps[-1].maps]
        assert np.array_equal(pixels(picture.path), to_pil(gen.tokenizer.decode(steps[-1].maps))[0])
        assert model["steps"] == len(steps) == len(model["seconds_per_step"]) == len(model["flops_per_step"])
        assert model["tokens"] == steps[-1].maps.tokens_per_image
        assert model["seconds"] == pytest.approx(sum(model["seconds_per_step"]), abs=1e-4)
        assert min(model["seconds_per_step"]) >= 0
        assert model["flops"] == sum(model["flops_per_step"]) == generation_flops(gen.config).total
        assert model["settings"]["guidance"] == settings[model["order"]]
    assert (answer["label"], answer["seed"]) == ("rose", 5) and "multiply-add" in answer["convention"]


def test_without_guidance_every_step_runs_once(bench, compare):
    guided, *_ = compare("sea", guidance=2.0, raster_guidance=2.0)
    plain, *_ = compare("sea", guidance=0.0, raster_guidance=1.0)
    for one, two in zip(plain["models"], guided["models"], strict=True):
        gen = bench.pairs[one["order"]].generator
        assert one["flops"] == generation_flops(gen.config, guided=False).total < two["flops"]


def test_an_order_that_is_not_loaded_is_left_out(bench, compare):
    alone = Workbench(bench.tokenizer, bench.generator)
    answer, picture, none = CompareEndpoint(alone).compare("none")
    assert [model["order"] for model in answer["models"]] == ["next-scale"]
    assert picture is not None and none is None
    with pytest.raises(gr.Error, match="--generator"):
        CompareEndpoint(Workbench(bench.tokenizer)).compare("sea")


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"label": "dragon"}, "no class 'dragon'"),
        ({"label": None}, "`label` is a class"),
        ({"seed": -1}, "`seed` is a whole number from 0"),
        ({"guidance": "much"}, "`guidance` is a number from 0"),
        ({"raster_guidance": -1}, "`raster_guidance` is a number from 0"),
        ({"top_k": 99}, "`top_k` is a whole number from 0 to 24"),
        ({"top_p": 2}, "`top_p` is a number from 0 to 1"),
    ],
)
def test_wrong_values_are_a_sentence(compare, wrong, sentence):
    with pytest.raises(gr.Error, match=re.escape(sentence)) as caught:
        compare(**{"label": "sea"} | wrong)
    assert caught.value.message.endswith(".")


def test_programs_get_the_numbers_and_both_files(tmp_path):
    with serving(AppOptions(device="cpu", precision="exact")) as url:
        client = Client(url, verbose=False, download_files=tmp_path)
        answer, first, second = client.predict("sunflower", 2, api_name="/compare")
        assert [model["steps"] for model in answer["models"]] == [6, 64]
        assert all(model["flops"] > 0 and model["parameters"] > 0 for model in answer["models"])
        assert pixels(first).shape == pixels(second).shape and (pixels(first) != pixels(second)).any()
        with pytest.raises(AppError, match="dragon"):
            client.predict("dragon", api_name="/compare")
