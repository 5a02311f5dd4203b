"""What sessions hold on the server: each and all of them are bounded in bytes, closed pages let go."""

import asyncio
import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from gradio.state_holder import StateHolder
from loop_support import run_beside
from PIL import Image
from tiny_tokenizers import tiny_multi

from explorer.ui import session as sessions
from explorer.ui.actions import open_picture, perform
from explorer.ui.page import build_page
from explorer.ui.session import Session, held_bytes
from explorer.ui.session_memory import FORGOTTEN, SessionMemory
from explorer.ui.workbench import Workbench

LARGE = 2048 * 512 * 3  # bytes of such a picture


@pytest.fixture(scope="module")
def bench():
    return Workbench(tiny_multi())


def opened(bench, session: Session, number: int) -> Session:
    return open_picture(bench, session, Image.new("RGB", (2048, 512), (number, 0, 0)), f"{number}")


def other(session: Session) -> int:
    """A code that is not yet at the first token of the last scale."""
    return (int(session.present.maps[3][0, 0, 0]) + 1) % 64


def test_what_scenes_share_counts_once(bench):
    one = opened(bench, Session(), 1)
    assert LARGE < held_bytes(one) < LARGE + 100_000
    edited = perform(bench, one, "replace", {"scale": 4, "cells": [0], "code": other(one)})
    assert len(edited.past) == 1 and held_bytes(edited) - held_bytes(one) < 2000  # a set of token maps
    assert held_bytes(opened(bench, one, 2)) > 2 * LARGE
    assert held_bytes(Session()) == 0


def test_the_first_picture_is_held_once_for_all_visitors(bench):
    first = opened(bench, Session(), 1)
    assert copy.deepcopy(first) is first


def test_a_session_forgets_its_oldest_pictures(bench, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_BYTES", 4 * LARGE + LARGE // 2)
    session = Session()
    for number in range(1, 10):
        session = opened(bench, session, number)
        assert held_bytes(session) <= sessions.MOST_BYTES
    assert session.present.title == "9" and [one.title for one in session.past] == ["6", "7", "8"]
    back = session.undo().undo().undo()
    assert [one.title for one in back.future] == ["7", "8", "9"] and held_bytes(back) <= sessions.MOST_BYTES


def test_named_states_count_and_are_refused_before_they_are_too_much(bench, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_BYTES", 3 * LARGE + LARGE // 2)
    session = Session()
    for number in (1, 2, 3):
        session = opened(bench, session, number)
        session = session.with_name(f"state {number}", session.present)
    assert len(session.named) == 3
    with pytest.raises(ValueError, match=r"hold 12 MB .* at most 10 are kept .* Remove a named state"):
        opened(bench, session, 4)
    assert opened(bench, session.without_name("state 1"), 4).present.title == "4"


def test_a_session_of_many_small_steps_keeps_them_all(bench):
    session = opened(bench, Session(), 1)
    for _ in range(30):
        session = perform(bench, session, "replace", {"scale": 4, "cells": [0], "code": other(session)})
    assert len(session.past) == 30


# All of them together, in Gradio's own keeping


@pytest.fixture
def page():
    """What a served page has, with a state for each of three visitors."""
    holder = StateHolder()
    holder.session_data.update({name: object() for name in "abc"})
    holder.time_last_used.update(dict.fromkeys("abc", 0))
    return SimpleNamespace(state_holder=holder)


def holding(size: int) -> Session:
    return replace(Session(), named=(("x", torch.zeros(size, dtype=torch.uint8)),))


def test_the_longest_unused_give_way_and_are_told(page):
    memory = SessionMemory(most_bytes=250)
    memory.note(page, "a", holding(100))
    memory.note(page, "b", holding(100))
    memory.note(page, "a", holding(101))  # used again
    memory.note(page, "c", holding(100))
    assert set(page.state_holder.session_data) == {"a", "c"} and memory.bytes == 201
    memory.check("a", "undo")
    with pytest.raises(ValueError, match="has forgotten this page's pictures. Reload it"):
        memory.check("b", "undo")
    memory.check("b", "restore")  # from what the browser kept
    memory.check("b", "undo")


def test_one_alone_is_never_forgotten_for_itself(page):
    memory = SessionMemory(most_bytes=50)
    memory.note(page, "a", holding(100))
    assert "a" in page.state_holder.session_data


def test_a_closed_page_is_freed_unless_it_comes_back(page):
    memory = SessionMemory(grace=0)
    memory.note(page, "a", holding(100))
    memory.note(page, "b", holding(100))

    async def both_leave():
        await memory.close(page, "a")
        await memory.close(page, "b")
        page.state_holder.time_last_used["b"] = 1  # came back
        await asyncio.sleep(0.01)

    run_beside(both_leave())
    assert set(page.state_holder.session_data) == {"b", "c"} and memory.bytes == 100


def test_the_page_hears_when_a_visitor_leaves_and_tells_who_was_forgotten(bench):
    memory = SessionMemory()
    page = build_page(bench, memory=memory)
    events = {event.name: event for event in page.fns.values()}
    assert any(target[1] == "unload" for target in events["left"].targets)
    act = events["act_on"].fn
    data = {"kind": "sample", "name": "cat", "ticket": 4}
    visitor = SimpleNamespace(session_hash="v")
    *_, (session, answer) = act(Session(), SimpleNamespace(_data=data), visitor)
    assert answer["ticket"] == 4 and memory.bytes == held_bytes(session) > 0
    memory._forget("v")
    assert list(act(session, SimpleNamespace(_data=data), visitor)) == [
        (session, {"ticket": 4, "problem": FORGOTTEN})
    ]
