"""Files of a run: what is in them, that a script draws the very picture again, and what is refused."""

import base64
import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from generator_support import random_raster, random_var
from PIL import Image

from explorer import TokenMaps, load_generator, load_tokenizer
from explorer.figures.animations import HATCH
from explorer.tokenizers.images import to_pil
from explorer.ui.compare.pairs import Pair
from explorer.ui.generate import run_exporting
from explorer.ui.generate.run_exporting import FAILED, stream
from explorer.ui.page import first_session
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

ROOT = Path(__file__).parents[2]
SETTINGS = {"label": "2", "seed": 5, "guidance": 1.5, "top_k": 0, "top_p": 0.9, "temperature": 1.1}


def opened(first, second) -> Workbench:
    return Workbench(first.tokenizer, first, counterpart=Pair(second.tokenizer, second))


@pytest.fixture(scope="module")
def bench():
    return opened(random_var(), random_raster())


@pytest.fixture(scope="module")
def bundled():
    """The models that a script can load by name."""
    device = load_tokenizer("mini", device="cpu").device
    tokenizers = [load_tokenizer(name, device=device) for name in ("mini-tokenizer", "mini-raster-tokenizer")]
    names = ("mini-var", "mini-raster")
    return opened(*(load_generator(name, tok) for name, tok in zip(names, tokenizers, strict=True)))


def generated(gen, steps: int | None = None, **more):
    """The maps of a run as the page asks for it, after so many steps (default: all)."""
    asked = {name: SETTINGS[name] for name in ("seed", "guidance", "top_k", "top_p", "temperature")}
    for step in gen.generate(2, **(asked | more)):
        if step.index == steps:
            break
    return step.maps


def flat(maps) -> list[list[int]]:
    return [ids.int().flatten().tolist() for ids in maps]


def saved(bench, what: str, maps, **more) -> tuple[str, bytes]:
    message = {"job": "a", "what": what, **SETTINGS, "maps": flat(maps), **more}
    *before, last = stream(bench, Session(), message)
    assert "file" in last, last
    assert all(view["job"] == "a" and view["done"] <= view["total"] for view in (*before, last))
    return last["file"]["name"], base64.b64decode(last["file"]["data"])


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def frames(content: bytes) -> list[np.ndarray]:
    file = Image.open(io.BytesIO(content))
    found = []
    for n in range(file.n_frames):
        file.seek(n)
        found.append(np.asarray(file.convert("RGB")))
    return found


def test_an_animation_shows_the_picture_after_every_scale(bench):
    maps = generated(bench.generator)
    name, content = saved(bench, "webp", maps)
    assert name == "2-seed5-steps.webp"
    shown = frames(content)
    pictures = to_pil(bench.tokenizer.decode_progressive(maps)[:, 0])
    zoom = shown[0].shape[0] // pictures[0].height
    assert len(shown) == len(pictures) == 3
    for frame, one in zip(shown, pictures, strict=True):
        assert np.array_equal(frame[::zoom, ::zoom], np.asarray(one))
    assert saved(bench, "gif", maps)[0] == "2-seed5-steps.gif"


def test_a_stopped_run_shows_what_was_drawn(bench):
    assert len(frames(saved(bench, "webp", generated(bench.generator, steps=2))[1])) == 2


def test_a_raster_run_is_shown_row_by_row_and_hatched_where_nothing_is_drawn(bench):
    gen = bench.pairs["raster"].generator  # 3 rows of 4
    name, content = saved(bench, "webp", generated(gen, steps=6), order="raster", note="raced")
    assert name == "2-seed5-raced-raster-steps.webp"
    shown = frames(content)
    assert len(shown) == 2

    def is_hatched(part: np.ndarray) -> bool:
        return {tuple(colour) for colour in part.reshape(-1, 3).tolist()} <= set(HATCH)

    height, width = shown[1].shape[0] // 3, shown[1].shape[1] // 4
    assert is_hatched(shown[0][height:]) and not is_hatched(shown[0][:height])
    assert is_hatched(shown[1][height : 2 * height, 2 * width :])
    assert not is_hatched(shown[1][height : 2 * height, : 2 * width])
    finished = frames(saved(bench, "webp", generated(gen), order="raster")[1])
    assert len(finished) == 3


def test_a_sheet_holds_every_step_and_a_gallery_every_seed(bench):
    maps = generated(bench.generator)
    name, content = saved(bench, "sheet", maps, seconds=[0.01, 0.02, None])
    assert name == "2-seed5-sheet.png"
    narrow = picture(saved(bench, "sheet", generated(bench.generator, steps=2))[1])
    assert picture(content).shape[1] > narrow.shape[1]
    rows = [{"seed": seed, "maps": flat(generated(bench.generator, seed=seed))} for seed in (5, 6)]
    name, two = saved(bench, "gallery", maps, gallery=rows)
    assert name == "2-gallery.png"
    assert picture(two).shape[1] > picture(saved(bench, "gallery", maps, gallery=rows[:1])[1]).shape[1]


def test_tokens_say_how_they_were_made(bench, tmp_path):
    maps = generated(bench.generator)
    name, content = saved(bench, "npz", maps)
    (tmp_path / name).write_bytes(content)
    loaded = TokenMaps.load(tmp_path / name)
    assert loaded == maps and loaded.meta == maps.meta
    assert TokenMaps.from_json(saved(bench, "json", maps)[1].decode()).meta == maps.meta
    assert np.array_equal(picture(saved(bench, "png", maps)[1]), to_pil(bench.tokenizer.decode(maps))[0])
    kept = flat([torch.ones(1, 1), torch.zeros(2, 2), torch.zeros(3, 4)])
    meta = json.loads(saved(bench, "json", maps, given=flat(maps), keep={"cells": kept})[1])["meta"]
    assert meta["kept_tokens"] == 1


def run_script(folder: Path, text: bytes) -> np.ndarray:
    """Runs it as a user would, in another process, and gives the picture it wrote."""
    path = folder / "again.py"
    path.write_bytes(text)
    done = subprocess.run(
        [sys.executable, str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(done.stdout.strip()))


def run_here(folder: Path, text: bytes) -> np.ndarray:
    """The same without another process, which takes seconds to start."""
    path = folder / "again.py"
    path.write_bytes(text)
    return np.asarray(Image.open(runpy.run_path(str(path))["path"]))


MASK = torch.arange(64).view(8, 8) % 5 > 1


@pytest.mark.parametrize(
    "case", ["plain", "painted", "from a scale", "branch", "raster", "stopped raster", "edited"]
)
def test_a_script_draws_exactly_the_same_picture(bundled, tmp_path, case):
    raster = "raster" in case
    gen = bundled.pairs["raster" if raster else "next-scale"].generator
    first = generated(gen, seed=77)
    K = len(gen.grids)
    cells = [torch.zeros(1, *grid, dtype=torch.bool) for grid in gen.grids]
    if case == "branch":
        for mask in cells[:3]:
            mask[:] = True
        first = first.with_map(3, (first[2] + 1) % gen.vocab_size)
    message, keep = {
        "painted": ({"mask": flat([MASK])[0]}, MASK),
        "from a scale": ({"scales": K - 2}, K - 2),
        "branch": ({"cells": flat(cells)}, cells),
    }.get(case, (None, 0))
    steps = 30 if case == "stopped raster" else None
    maps = generated(gen, steps, **({"given": first, "keep": keep} if message else {}))
    if case == "edited":
        maps = maps.with_map(K, (maps[K - 1] + 1) % gen.vocab_size)
    more = {"order": "raster" if raster else "next-scale", "label": gen.classes[2]}
    if message:
        more |= {"given": flat(first), "keep": message}
    _, text = saved(bundled, "py", maps, **more)
    assert (b"generator.generate(" in text) == (case != "edited")
    assert (b"given" in text) == (message is not None)
    run = run_script if case == "painted" else run_here
    assert np.array_equal(run(tmp_path, text), picture(saved(bundled, "png", maps, **more)[1]))


def test_a_script_loads_other_grids_and_paths(tmp_path):
    gen = random_var(grids=((1, 1), (2, 3), (4, 6)))
    _, text = saved(opened(gen, random_raster()), "py", generated(gen))
    assert b"GRIDS = ((1, 1), (2, 3), (4, 6),)" in text
    assert b'GENERATOR = "random"  # put the path of its file here' in text
    compile(text, "again.py", "exec")


def test_other_grids_are_decoded_by_the_script_as_by_the_page(tmp_path):
    """The mini tokenizer with a schedule of its own, without a generator that was trained for it."""
    tok = load_tokenizer("mini-tokenizer", device="cpu", grids=((1, 1), (3, 2), (6, 4)))
    gen = random_var(grids=tok.grids)
    bench = Workbench(tok, gen)
    bench.generator.tokenizer = tok
    maps = TokenMaps([torch.randint(24, (1, *grid)) for grid in tok.grids], tok.meta)
    _, text = saved(bench, "py", maps)
    assert b"TokenMaps(" in text  # no run of this generator has these tokens
    assert np.array_equal(run_here(tmp_path, text), picture(saved(bench, "png", maps)[1]))


def test_the_picture_of_inspect_and_edit_as_animation_and_sheet(bench):
    session = first_session(bench)
    for what, name in (
        ("webp", "a-dahlia-scales.webp"),
        ("gif", "a-dahlia-scales.gif"),
        ("sheet", "a-dahlia-sheet.png"),
    ):
        *_, last = stream(bench, session, {"job": "a", "what": what, "doc": "session"})
        assert last["file"]["name"] == name
        content = base64.b64decode(last["file"]["data"])
        assert what == "sheet" or len(frames(content)) == len(bench.tokenizer.grids)


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"what": "exe"}, "A run cannot be saved as 'exe'"),
        ({"what": None}, "A run cannot be saved as"),
        ({"maps": None}, "Nothing has been drawn yet"),
        ({"maps": [[0], [0] * 4]}, "3 scales"),
        ({"maps": [[0], [0] * 4, [0] * 11]}, "12"),
        ({"maps": [[0], [0] * 4, [24] * 12]}, "24"),
        ({"maps": [[0], [0] * 4, ["../x"] * 12]}, "../x"),
        ({"maps": [[-1], [-1] * 4, [-1] * 12]}, "Nothing has been drawn yet"),
        ({"label": "dragon"}, "There is no class 'dragon'"),
        ({"seed": -1}, "The seed is a whole number"),
        ({"guidance": "much"}, "Guidance is a number"),
        ({"order": "spiral"}, "No generator is loaded that writes in spiral order"),
        ({"order": ["raster"]}, "No generator is loaded"),
        ({"what": "gallery", "gallery": []}, "A gallery has 1 to 16 pictures"),
        ({"what": "gallery", "gallery": [{"seed": 1}] * 99}, "A gallery has 1 to 16 pictures"),
        ({"doc": "session"}, "Open a picture first"),
    ],
)
def test_what_cannot_be_saved_is_one_sentence(bench, wrong, sentence):
    message = {"job": "a", "what": "webp", **SETTINGS, "maps": flat(generated(bench.generator)), **wrong}
    (view,) = stream(bench, Session(), message)
    assert sentence in view["problem"] and view["problem"].endswith("Nothing was saved.")


def test_a_cancelled_file_is_not_made_and_a_bug_is_a_sentence(bench, monkeypatch):
    message = {"job": "a", "what": "webp", **SETTINGS, "maps": flat(generated(bench.generator))}
    cancelled: list[str] = []
    views = stream(bench, Session(), message, cancelled)
    assert next(views)["done"] == 1
    cancelled.append("a")
    assert list(views) == []
    monkeypatch.setattr(run_exporting, "animation", lambda *_: 1 / 0)
    *_, last = stream(bench, Session(), message)
    assert last["problem"] == FAILED


def test_settings_that_a_comparison_does_not_set_are_the_card_s(bench):
    gen = bench.pairs["raster"].generator
    *_, step = gen.generate(2, seed=5, guidance=1.5)
    message = {"job": "a", "what": "py", "order": "raster", "label": "2", "seed": 5, "guidance": 1.5}
    *_, last = stream(bench, Session(), {**message, "maps": flat(step.maps)})
    text = base64.b64decode(last["file"]["data"]).decode()
    assert "generator.generate(" in text and f"top_p={float(gen.sampling['top_p'])}" in text
