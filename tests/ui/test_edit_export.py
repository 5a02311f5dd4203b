"""What is exported from Edit: tokens, picture, and a script that makes the picture again: the same tokens,
and pixels within the tolerance that it states, since the page decodes scales in batches.
"""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_tokenizers import tiny_multi

from explorer import TokenMaps, load_tokenizer
from explorer.ui.actions import open_picture, perform
from explorer.ui.page import act, first_session
from explorer.ui.session import Session
from explorer.ui.views import session_view
from explorer.ui.workbench import Workbench

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench():
    return Workbench(tiny_multi())


@pytest.fixture(scope="module")
def bundled():
    """The model that the script can load by name."""
    return Workbench(load_tokenizer("mini-tokenizer", device="cpu"))


def exported(bench, session, what: str) -> tuple[str, bytes]:
    ((same, answer),) = act(bench, session, {"kind": "export", "what": what, "ticket": 4})
    assert same is session and answer["ticket"] == 4
    return answer["file"]["name"], base64.b64decode(answer["file"]["data"])


def edited(bench, session) -> Session:
    session = perform(bench, session, "replace", {"scale": 2, "cells": [1, 3], "code": 9})
    return perform(bench, session, "whole", {"scale": 3, "how": "left"})


def shown_picture(bench, session) -> Image.Image:
    """The final picture as the page got it."""
    uri = session_view(bench, session)["scales"][-1]["image"]
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_tokens_and_picture_are_those_on_the_page(bench, tmp_path):
    session = edited(bench, first_session(bench))
    name, content = exported(bench, session, "npz")
    (tmp_path / name).write_bytes(content)
    assert name == "tokenscope-a-dahlia.npz"
    assert TokenMaps.load(tmp_path / name) == session.present.maps
    _, content = exported(bench, session, "json")
    assert TokenMaps.from_json(content.decode()) == session.present.maps
    _, content = exported(bench, session, "png")
    assert np.array_equal(Image.open(io.BytesIO(content)), shown_picture(bench, session))


def test_what_cannot_be_exported_is_a_sentence(bench):
    for session, what in ((first_session(bench), "exe"), (first_session(bench), None), (Session(), "png")):
        ((same, answer),) = act(bench, session, {"kind": "export", "what": what, "ticket": 4})
        assert same is session and answer["problem"].endswith(".")


def run_script(folder: Path, text: bytes) -> tuple[Image.Image, TokenMaps]:
    """Runs it as a user would, in another process: the picture that it wrote, and the tokens it had."""
    path = folder / "again.py"
    path.write_bytes(text + b'\nmaps.save(path.with_name("tokens.npz"))\n')
    done = subprocess.run(
        [sys.executable, str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return Image.open(done.stdout.strip()), TokenMaps.load(folder / "tokens.npz")


def check_again(bench, session: Session, folder: Path, text: bytes) -> None:
    """The tokens of the page, and its pixels to within what the script says: 1 of 255 in float32."""
    levels = 1 if bench.tokenizer.device.compute_dtype is torch.float32 else 4
    assert f"more than {levels}/255".encode() in text
    again, maps = run_script(folder, text)
    assert maps == session.present.maps
    wanted, found = (np.asarray(image).astype(int) for image in (shown_picture(bench, session), again))
    assert found.shape == wanted.shape and abs(found - wanted).max() <= levels


def test_the_script_of_a_sample_tokenizes_and_changes_it_again(bundled, tmp_path):
    session = edited(bundled, first_session(bundled))
    _, text = exported(bundled, session, "py")
    assert b'load_sample("flower")' in text and b"CHANGES" in text and b"TokenMaps" not in text
    check_again(bundled, session, tmp_path, text)


def test_the_script_of_another_picture_reads_the_exported_tokens(bundled, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (50, 60, 3), dtype=np.uint8)
    title = 'a "quoted" \\ name\n""".png'
    session = edited(bundled, open_picture(bundled, Session(), Image.fromarray(pixels), title))
    name, content = exported(bundled, session, "npz")
    (tmp_path / name).write_bytes(content)
    _, text = exported(bundled, session, "py")
    assert b"load_sample" not in text and name.encode() in text
    check_again(bundled, session, tmp_path, text)


def test_the_script_keeps_grids_that_are_not_the_files_own(tmp_path):
    tokenizer = load_tokenizer("mini-tokenizer", device="cpu", grids=((1, 1), (2, 3), (4, 6)))
    bench = Workbench(tokenizer)
    session = edited(bench, first_session(bench))
    _, text = exported(bench, session, "py")
    assert b"GRIDS = ((1, 1), (2, 3), (4, 6),)" in text
    check_again(bench, session, tmp_path, text)


def test_a_script_of_a_model_without_a_name_says_where_to_put_its_path(bench):
    _, text = exported(bench, first_session(bench), "py")
    assert b'TOKENIZER = "tiny-multi-0"  # put the path of its file here' in text
    compile(text, "again.py", "exec")
