"""What the browser kept is restored, or refused with one sentence; nothing it sends is believed."""

import numpy as np
import pytest
from tiny_tokenizers import tiny_multi

from explorer.figures.images import bytes_uri
from explorer.ui.actions import perform
from explorer.ui.page import act, first_session
from explorer.ui.session import Session
from explorer.ui.views import session_view
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module")
def bench():
    return Workbench(tiny_multi())


def flat(maps) -> list[list[int]]:
    return [ids[0].flatten().tolist() for ids in maps]


def kept(bench, session, photo=None, **changes) -> dict:
    """What assets/js/restoring.js would store of this session. photo: the title of an upload in place of the
    sample."""
    line = [*session.past, session.present, *session.future]
    scenes = {scene.number: scene for scene in [*line, *(scene for _, scene in session.named)]}
    numbers = list(scenes)

    def picture(scene) -> dict:
        if photo is None:
            return {"sample": scene.picture.sample, "fit": scene.fit, "title": scene.title, "source": None}
        return {"sample": "", "fit": "", "title": photo, "credit": "", "source": flat(scene.source)}

    def step(scene) -> dict:
        return {"picture": numbers.index(scene.number), "maps": flat(scene.maps), "text": scene.step}

    return {
        "tokenizer": bench.tokenizer.sha256,
        "mark": "mark 1",
        "pictures": [picture(scene) for scene in scenes.values()],
        "line": [step(scene) for scene in line],
        "now": len(session.past),
        "named": [{"name": name, **step(scene)} for name, scene in session.named],
        "policy": session.policy,
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
    assert view["edit"]["restored"] == "mark 1"
    assert view["scales"][-1]["psnr"] > 0


def test_the_whole_history_and_the_named_states_come_back(bench, edited):
    session = perform(bench, edited, "snapshot", {"name": "before"})
    session = perform(bench, session, "whole", {"scale": 4, "how": "randomise", "seed": 1})
    session = perform(bench, perform(bench, session, "undo", {}), "undo", {})
    back = perform_restore(bench, kept(bench, session))
    old, new = (session_view(bench, one)["edit"]["history"] for one in (session, back))
    assert [(step["text"], step["now"]) for step in new] == [(step["text"], step["now"]) for step in old]
    assert [entry["now"] for entry in session_view(bench, back)["edit"]["named"]] == [False]
    for step in ("redo", "redo"):
        session, back = perform(bench, session, step, {}), perform(bench, back, step, {})
        assert back.present.maps == session.present.maps
    for _ in session.past:
        session, back = perform(bench, session, "undo", {}), perform(bench, back, "undo", {})
        assert (back.present.maps, back.present.fit) == (session.present.maps, session.present.fit)
    back = perform(bench, back, "recall", {"name": "before"})
    assert back.present.maps == edited.present.maps


def test_restored_pictures_have_numbers_that_the_page_has_not_seen(bench, edited):
    """It keeps what belongs to a picture by its number."""
    here = first_session(bench)
    back = perform_restore(bench, kept(bench, edited))
    numbers = {scene.number for scene in (*back.past, back.present)}
    assert min(numbers) > here.opened and back.opened == max(numbers)


def test_a_photo_comes_back_as_tokens_only(bench, edited):
    back = perform_restore(bench, kept(bench, edited, photo="me.png"))
    view = session_view(bench, back)
    assert back.present.picture is None and back.present.maps == edited.present.maps
    assert (view["title"], view["credit"]) == ("me.png (tokens only)", "the photo itself was not kept")
    assert view["edit"]["changed"] == 1
    assert perform(bench, back, "reset", {}).present.maps == edited.present.source


def test_a_policy_that_is_not_possible_any_more_is_left_out(bench, edited):
    back = perform_restore(bench, kept(bench, edited, policy="regenerate", label="tulip", seed=1))
    assert back.policy == "keep" and back.present.maps == edited.present.maps


def with_maps(change):
    """The step on show with other maps."""

    def spoil(data: dict) -> dict:
        step = data["line"][data["now"]]
        return {"line": [*data["line"][:-1], {**step, "maps": change(step["maps"])}]}

    return spoil


def with_picture(**change):
    return lambda data: {"pictures": [{**data["pictures"][0], **change}, *data["pictures"][1:]]}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: {"tokenizer": "another"},
        with_maps(lambda maps: None),
        with_maps(lambda maps: maps[:-1]),
        with_maps(lambda maps: [*maps[:-1], maps[-1][:-1]]),
        with_maps(lambda maps: [[10**6], *maps[1:]]),
        with_maps(lambda maps: [[-1], *maps[1:]]),
        with_maps(lambda maps: [[True], *maps[1:]]),
        with_maps(lambda maps: [["1"], *maps[1:]]),
        with_picture(sample="no such"),
        with_picture(sample=["flower"]),
        with_picture(fit="stretch"),
        with_picture(fit={}),
        with_picture(sample="", source="x"),
        lambda data: {"pictures": []},
        lambda data: {"pictures": data["pictures"] * 40},
        lambda data: {"line": []},
        lambda data: {"line": data["line"] * 200},
        lambda data: {"line": [1]},
        lambda data: {"line": [{**data["line"][0], "picture": 99}]},
        lambda data: {"line": [{**data["line"][0], "picture": True}]},
        lambda data: {"now": len(data["line"])},
        lambda data: {"now": None},
        lambda data: {"named": {}},
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


def seen_by_the_model(bench, session) -> dict:
    """As `kept` of an upload whose tab has kept the fitted pixels."""
    sent = kept(bench, session, photo="me.png")
    for one in sent["pictures"]:
        one.update(input=session_view(bench, session)["input"], fit=session.present.fit)
    return sent


def test_an_own_picture_comes_back_with_what_the_model_saw(bench, edited):
    back = perform_restore(bench, seen_by_the_model(bench, edited))
    old, new = session_view(bench, edited), session_view(bench, back)
    assert new["title"] == "me.png" and new["input"] == old["input"] and new["fit"] == "letterbox"
    assert [scale["psnr"] for scale in new["scales"]] == [scale["psnr"] for scale in old["scales"]]
    assert back.present.source == edited.present.source and back.present.maps == edited.present.maps
    with pytest.raises(ValueError, match="open it again to fit it in another way"):
        perform(bench, back, "fit", {"fit": "crop"})


def test_tokens_that_were_kept_go_before_those_that_are_seen_now(bench, edited):
    sent = seen_by_the_model(bench, edited)
    sent["pictures"][-1]["source"] = [[0] * len(ids) for ids in sent["pictures"][-1]["source"]]
    source = perform_restore(bench, sent).present.source
    assert all((ids == 0).all() for ids in source)


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": "https://example.org/a.png"},
        {"input": "data:image/png;base64,!!!"},
        {"input": "data:image/png;base64," + "A" * 5_000_000},
        {"fit": "stretch"},
        {"input": bytes_uri(np.zeros((3, 5, 3), np.uint8))},
    ],
)
def test_a_kept_picture_is_not_believed(bench, edited, wrong):
    sent = seen_by_the_model(bench, edited)
    sent["pictures"][-1].update(wrong)
    *_, (_, view) = act(bench, first_session(bench), {"kind": "restore", "ticket": 1, **sent})
    assert view["problem"].startswith("What this browser had kept cannot be used: its picture")
