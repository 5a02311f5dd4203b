"""generate, complete and score, called by gradio_client on a real server with the bundled models.

What they give equals the Python interface, the page and the command line, and what they refuse is a sentence.
"""

import base64
import io
import json
import math
import re

import gradio as gr
import numpy as np
import pytest
import torch
from generator_support import random_raster, random_var
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from explorer import TokenMaps, cli, load_generator, load_tokenizer
from explorer.token_maps import keep_masks
from explorer.tokenizers.images import to_pil
from explorer.ui.compare.pairs import Pair
from explorer.ui.endpoints.api_generate import GenerateEndpoints
from explorer.ui.generate.generate_tab import stream
from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving
from explorer.ui.workbench import Workbench

SETTINGS = {"guidance": 2.5, "top_k": 300, "top_p": 0.9, "temperature": 0.9}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with serving(AppOptions(device="cpu", precision="exact")) as url:
        yield Client(url, verbose=False, download_files=tmp_path_factory.mktemp("answers"))


@pytest.fixture(scope="module")
def bench():
    tok = load_tokenizer("mini", device="cpu", precision="exact")
    raster = load_tokenizer("mini-raster-tokenizer", device=tok.device)
    counterpart = Pair(raster, load_generator("mini-raster", raster))
    return Workbench(tok, load_generator("mini", tok), counterpart=counterpart)


@pytest.fixture(scope="module")
def label(bench):
    return bench.generator.classes[2]


def as_maps(answer: dict) -> TokenMaps:
    return TokenMaps.from_json(json.dumps(answer))


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_generate_streams_every_step_and_the_picture_comes_last(client, bench, label):
    answers = list(client.submit(label, 7, *SETTINGS.values(), api_name="/generate"))
    steps = list(bench.generator.generate(label, seed=7, **SETTINGS))
    assert len(answers) == len(steps) == 6
    for (told, picture), step in zip(answers, steps, strict=True):
        assert (told["step"], told["total"], told["scale"]) == (step.index, 6, step.index)
        assert as_maps(told) == step.maps and told["meta"]["sampling"] == SETTINGS
        bits = step.entropy / math.log(2)
        assert told["entropy"]["mean_bits"] == pytest.approx(float(bits.mean()), abs=2e-3)
        assert told["entropy"]["largest_bits"] == pytest.approx(float(bits.max()), abs=2e-3)
        assert told["seconds"] > 0 and (told["label"], told["seed"]) == (label, 7)
        assert (picture is not None) == (step.index == 6)
    assert np.array_equal(pixels(answers[-1][1]), to_pil(bench.tokenizer.decode(steps[-1].maps))[0])


def test_page_command_line_and_endpoint_draw_the_same_picture(client, bench, label, tmp_path, capsys):
    message = {"run": "a", "label": label, "seed": 3, **SETTINGS}
    *_, view = stream(bench, message)
    uri = view["scales"][-1]["image"]
    page = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    where = ["--out", str(tmp_path), "--device", "cpu", "--precision", "exact"]
    assert (
        cli.main(["generate", "--generator", "mini", "--label", label, "--seed", "3", *options, *where]) == 0
    )
    capsys.readouterr()
    command_line = pixels(tmp_path / f"{label}_seed3.png")
    told, picture = client.predict(label, 3, *SETTINGS.values(), api_name="/generate")
    assert np.array_equal(page, command_line) and np.array_equal(page, pixels(picture))
    ids = [scale["ids"] for scale in view["scales"]]
    assert ids == [ids.flatten().tolist() for ids in TokenMaps.load(tmp_path / f"{label}_seed3.npz")]
    assert ids == [ids.flatten().tolist() for ids in as_maps(told)]


def test_a_raster_model_gives_an_answer_per_token(client, bench, label):
    answers = list(client.submit(label, 1, order="raster", api_name="/generate"))
    gen = bench.pairs["raster"].generator
    *_, last = gen.generate(label, seed=1)
    assert [told["step"] for told, _ in answers] == list(range(1, gen.steps + 1))
    assert as_maps(answers[-1][0]) == last.maps
    assert min(min(row) for row in answers[5][0]["maps"][0][0]) == -1  # partial
    assert answers[5][0]["entropy"]["mean_bits"] == answers[5][0]["entropy"]["largest_bits"]


@pytest.fixture(scope="module")
def drawn(client, label):
    told, _ = client.predict(label, 7, api_name="/generate")
    return told


@pytest.mark.parametrize("part", ["side", "mask", "box"])
def test_complete_keeps_exactly_and_equals_the_python_interface(client, bench, label, drawn, part):
    finest = torch.zeros(8, 8, dtype=torch.bool)
    if part == "side":
        finest[4:] = True
        asked = {"keep": "bottom"}
    elif part == "mask":
        finest = torch.arange(64).view(8, 8) % 3 > 0
        asked = {"mask": finest.int().tolist()}
    else:
        finest[2:6, :3] = True
        asked = {"box": [0.25, 0, 0.75, 0.375]}
    answer, picture = client.predict(drawn, label, seed=11, **asked, api_name="/complete")
    before, after = as_maps(drawn), as_maps(answer)
    masks = keep_masks(finest, bench.generator.grids, 1)
    assert answer["kept"] == [mask[0].int().tolist() for mask in masks]
    assert (answer["kept_tokens"], answer["tokens"]) == (sum(int(mask.sum()) for mask in masks), 130)
    assert all(torch.equal(a[m], b[m]) for a, b, m in zip(before, after, masks, strict=True))
    assert any(bool((a[~m] != b[~m]).any()) for a, b, m in zip(before, after, masks, strict=True))
    *_, step = bench.generator.generate(label, seed=11, given=before, keep=finest)
    assert after == step.maps
    assert np.array_equal(pixels(picture), to_pil(bench.tokenizer.decode(after))[0])


def test_a_raster_model_completes_in_its_order(client, bench, label):
    told, _ = client.predict(label, 4, order="raster", api_name="/generate")
    answer, _ = client.predict(told, label, keep="bottom", seed=5, order="raster", api_name="/complete")
    before, after = as_maps(told), as_maps(answer)
    assert torch.equal(before[0][:, 4:], after[0][:, 4:])
    *_, free = bench.pairs["raster"].generator.generate(label, seed=5)
    assert torch.equal(after[0][:, :4], free.maps[0][:, :4])  # it cannot look ahead


def test_score_gives_the_bits_of_every_scale(client, bench, label, drawn):
    names = [label, bench.generator.classes[5], "none"]
    answer = client.predict(drawn, names, api_name="/score")
    logs = bench.generator.score(as_maps(drawn), [label, names[1], None])
    for b, one in enumerate(answer["labels"]):
        expected = [float(-log[b].sum() / math.log(2)) for log in logs]
        assert [scale["bits"] for scale in one["scales"]] == pytest.approx(expected, abs=2e-2)
        assert one["bits"] == pytest.approx(sum(expected), abs=2e-2)
        assert one["bits_per_token"] == pytest.approx(sum(expected) / 130, abs=1e-3)
    best = min(answer["labels"], key=lambda one: one["bits"])
    assert answer["likeliest"] == best["label"] and answer["tokens"] == 130
    assert answer["even_guess"] == pytest.approx(130 * math.log2(bench.generator.vocab_size))
    everyone = client.predict(drawn, api_name="/score")["labels"]
    assert [one["label"] for one in everyone] == [*bench.generator.classes, "none"]


@pytest.mark.parametrize(
    "endpoint, arguments, sentence",
    [
        ("/generate", {"label": "dragon"}, "no class 'dragon'"),
        ("/generate", {"label": "dog", "order": "spiral"}, "`order` is next-scale or raster, not 'spiral'."),
        ("/complete", {"maps": {}, "label": "dog"}, "There are no token maps in this."),
        ("/score", {"maps": {"maps": [[[[-1]]]]}, "labels": ["dog"]}, "There are 1 maps"),
    ],
)
def test_a_bad_call_is_a_sentence(client, endpoint, arguments, sentence):
    with pytest.raises(AppError, match=re.escape(sentence)) as caught:
        client.predict(**arguments, api_name=endpoint)
    assert str(caught.value).endswith(".") and "Traceback" not in str(caught.value)


# Without a server: what else is refused


@pytest.fixture(scope="module")
def endpoints():
    var, raster = random_var(), random_raster()
    return GenerateEndpoints(Workbench(var.tokenizer, var, counterpart=Pair(raster.tokenizer, raster)))


TINY = {"maps": [[[[1]]], [[[1] * 2] * 2], [[[1] * 4] * 3]]}


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"label": None}, "`label` is a class by name or number"),
        ({"label": ["1"]}, "`label` is a class by name or number"),
        ({"label": True}, "`label` is a class by name or number"),
        ({"label": 99}, "Label 99 does not exist"),
        ({"label": "x" * 5000}, "has no class"),
        ({"seed": -1}, "`seed` is a whole number from 0"),
        ({"seed": 2**40}, "`seed` is a whole number from 0"),
        ({"seed": "1"}, "`seed` is a whole number"),
        ({"guidance": float("nan")}, "`guidance` is a number from 0 to 20"),
        ({"guidance": "2"}, "`guidance` is a number"),
        ({"top_k": 25}, "`top_k` is a whole number from 0 to 24, not 25"),
        ({"top_k": 1.5}, "`top_k` is a whole number"),
        ({"top_p": 1.5}, "`top_p` is a number from 0 to 1"),
        ({"temperature": -1}, "`temperature` is a number from 0 to 10"),
        ({"order": None}, "`order` is next-scale or raster"),
    ],
)
def test_settings_that_cannot_be_are_refused(endpoints, wrong, sentence):
    for call in (
        lambda: list(endpoints.generate(**{"label": "1", **wrong})),
        lambda: endpoints.complete(TINY, **{"label": "1", **wrong}),
    ):
        with pytest.raises(gr.Error, match=re.escape(sentence)):
            call()


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"keep": "middle"}, "`keep` is top, bottom, left or right, not 'middle'"),
        ({"keep": ["top"]}, "`keep` is top, bottom, left or right"),
        ({"mask": [[1] * 4] * 2}, "`mask` has 3 rows of 4 zeros and ones"),
        ({"mask": [[2] * 4] * 3}, "`mask` has 3 rows"),
        ({"mask": [["1"] * 4] * 3}, "`mask` has 3 rows"),
        ({"mask": "all"}, "`mask` has 3 rows"),
        ({"box": [0, 0, 1]}, "`box` is [top, left, bottom, right]"),
        ({"box": [0, 0, "1", 1]}, "`box` is [top, left, bottom, right]"),
        ({"box": [0.5, 0, 0.2, 1]}, "a box is"),
        ({"box": [0, 0, 1, 1], "mask": [[1] * 4] * 3}, "a mask or a box, not both"),
        ({"maps": {"maps": [[[[-1]]], *TINY["maps"][1:]]}}, "not known in `given`"),
        ({"order": "raster"}, "3 maps"),
    ],
)
def test_completions_that_cannot_be_are_refused(endpoints, wrong, sentence):
    with pytest.raises(gr.Error, match=re.compile(re.escape(sentence), re.IGNORECASE)):
        endpoints.complete(**{"maps": TINY, "label": "1", **wrong})


@pytest.mark.parametrize(
    "labels, sentence",
    [
        ([], "`labels` lists 1 to 100 classes"),
        (["1"] * 101, "`labels` lists 1 to 100 classes"),
        ("1", "`labels` lists 1 to 100 classes"),
        ([None], "`label` is a class by name or number"),
        (["dragon"], "has no class 'dragon'"),
    ],
)
def test_scores_that_cannot_be_are_refused(endpoints, labels, sentence):
    with pytest.raises(gr.Error, match=re.escape(sentence)):
        endpoints.score(TINY, labels)
    with pytest.raises(gr.Error, match="All tokens have to be known"):
        endpoints.score({"maps": [*TINY["maps"][:2], [[[-1] * 4] * 3]]}, ["1"])


def test_without_a_generator_the_sentence_says_so(bench):
    endpoints = GenerateEndpoints(Workbench(bench.tokenizer))
    with pytest.raises(gr.Error, match="No next-scale generator is loaded; start the page with one."):
        list(endpoints.generate("dog"))
