"""What the browser kept is restored, or refused with one sentence; nothing it sends is believed."""

import pytest
from tiny_tokenizers import tiny_multi

from explorer.ui.actions import perform
from explorer.ui.page import act, first_session
from explorer.ui.session import Session
from explorer.ui.views import session_view
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module")
def bench():
    return Workbench(tiny_multi())


def kept(bench, session, **changes) -> dict:
    """What assets/js/restoring.js would store of this session."""
    scene = session.present
    return {
        "tokenizer": bench.tokenizer.sha256,
        "sample": scene.picture.sample if scene.picture else "",
        "fit": scene.fit,
        "title": scene.title,
        "credit": scene.credit,
        "policy": session.policy,
        "maps": [ids[0].flatten().tolist() for ids in scene.maps],
        "source": [ids[0].flatten().tolist() for ids in scene.source],
        **changes,
    }


@pytest.fixture(scope="module")
def edited(bench):
    session = perform(bench, first_session(bench), "fit", {"fit": "letterbox"})
    code = (int(session.present.maps[1].view(-1)[0]) + 1) % bench.tokenizer.vocab_size
    session = perform(bench, session, "replace", {"scale": 2, "cells": [0], "code": code})
    return perform(bench, session, "policy", {"policy": "requantise"})


def test_an_edited_sample_comes_back_with_its_picture_fit_and_policy(bench, edited):
    back = perform_restore(bench, kept(bench, edited))
    view = session_view(bench, back)
    assert back.present.maps == edited.present.maps and back.present.source == edited.present.source
    assert (view["fit"], view["edit"]["policy"], view["edit"]["changed"]) == ("letterbox", "requantise", 1)
    assert view["edit"]["history"][-1]["text"] == "Restored from this browser"
    assert view["scales"][-1]["psnr"] > 0


def test_a_photo_comes_back_as_tokens_only(bench, edited):
    back = perform_restore(bench, kept(bench, edited, sample="", fit="crop", title="me.png", credit=""))
    view = session_view(bench, back)
    assert back.present.picture is None and back.present.maps == edited.present.maps
    assert view["title"] == "me.png" and view["edit"]["changed"] == 1
    assert "the photo itself was not kept" in view["edit"]["history"][-1]["text"]
    assert perform(bench, back, "reset", {}).present.maps == edited.present.source


def test_a_policy_that_is_not_possible_any_more_is_left_out(bench, edited):
    back = perform_restore(bench, kept(bench, edited, policy="regenerate", label="tulip", seed=1))
    assert back.policy == "keep" and back.present.maps == edited.present.maps


def cut(maps: list) -> list:
    return [*maps[:-1], maps[-1][:-1]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: {"tokenizer": "another"},
        lambda data: {"maps": None},
        lambda data: {"maps": data["maps"][:-1]},
        lambda data: {"maps": cut(data["maps"])},
        lambda data: {"maps": [[10**6], *data["maps"][1:]]},
        lambda data: {"maps": [[-1], *data["maps"][1:]]},
        lambda data: {"maps": [[True], *data["maps"][1:]]},
        lambda data: {"maps": [["1"], *data["maps"][1:]]},
        lambda data: {"sample": "no such"},
        lambda data: {"sample": ["flower"]},
        lambda data: {"fit": "stretch"},
        lambda data: {"fit": {}},
        lambda data: {"sample": "", "source": "x"},
    ],
)
def test_what_does_not_fit_is_refused_and_the_session_stays(bench, edited, spoil):
    data = kept(bench, edited)
    session = first_session(bench)
    [(after, view)] = act(bench, session, {"kind": "restore", "ticket": 3, **data, **spoil(data)})
    assert after is session
    assert view["problem"].startswith("What this browser had kept cannot be used: ")


def perform_restore(bench, data) -> Session:
    *_, (session, view) = act(bench, first_session(bench), {"kind": "restore", "ticket": 1, **data})
    assert "problem" not in view
    return session
