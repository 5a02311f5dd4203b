"""A session goes on after a reload: the browser keeps token maps, history and policy, and sends them back.

A sample is opened again, so that what compares with the picture works; of any other picture the browser tab
keeps what the model saw of it, the fitted pixels. A new tab goes on with the tokens alone.
The counterpart in the page is assets/js/restoring.js.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from explorer.samples import SAMPLES, load_sample
from explorer.token_maps import TokenMaps
from explorer.tokenizers.images import open_image
from explorer.ui import actions
from explorer.ui.edit.edit_actions import MAX_NAMED, NAME_LENGTH
from explorer.ui.session import GENERATED, MAX_STEPS, Picture, Scene, Session
from explorer.ui.workbench import Workbench

WITHOUT_PHOTO = "the photo itself was not kept"
TOKENS_ONLY = " (tokens only)"
ONE_FIT = "only what the model saw of this picture was kept; open it again to fit it in another way"
PNG_URI = "data:image/png;base64,"
MAX_INPUT = 4_000_000  # characters of a picture as the model saw it
MAX_PICTURES = 8  # opened again one by one; the page keeps no more
TEXT_LENGTH = 200


def restore(bench: Workbench, session: Session, data: Mapping) -> Session:
    """The kept session instead of this one. What the browser sent is checked.

    data: tokenizer (its sha256);
    pictures: for each sample and fit, or title, credit, source (one list of codes per scale) and, where the
    tab has kept it, input (the fitted pixels as a PNG data URI) and fit;
    line: the steps of the history, each with the number of its picture (from 0), maps and text; now: which
    step is on show; named: as line, each with a name;
    policy (with label and seed where finer scales are regenerated); mark: comes back as it is.
    """
    if data.get("tokenizer") != bench.tokenizer.sha256:
        raise _unusable("it belongs to another model")
    sent = _entries(data, "pictures", 1, MAX_PICTURES)
    pictures = [_picture(bench, one, session.opened + n) for n, one in enumerate(sent, start=1)]
    line = [_scene(bench, pictures, one) for one in _entries(data, "line", 1, MAX_STEPS + 1)]
    named = {
        _text(one.get("name"), NAME_LENGTH): _scene(bench, pictures, one)
        for one in _entries(data, "named", 0, MAX_NAMED)
    }
    now = data.get("now")
    if type(now) is not int or not 0 <= now < len(line):
        raise _unusable(f"its history has {len(line)} steps, and step {_text(now, 20)} was on show")
    restored = Session(
        past=tuple(line[:now]),
        present=line[now],
        future=tuple(line[now + 1 :]),
        named=tuple(named.items()),
        opened=session.opened + len(pictures),
        restored=_text(data.get("mark"), 40),
    )
    return _with_policy(bench, restored.bounded(), data)


def _entries(data: Mapping, name: str, least: int, most: int) -> list[Mapping]:
    found = data.get(name)
    if (
        not isinstance(found, list)
        or not least <= len(found) <= most
        or not all(isinstance(one, Mapping) for one in found)
    ):
        raise _unusable(f"its {name} should be a list of {least} to {most} entries")
    return found


def _picture(bench: Workbench, one: Mapping, number: int) -> Scene:
    """A kept picture as it was before any edit."""
    if one.get("sample"):
        return replace(_sample_scene(bench, one), number=number)
    source = _maps(bench, one.get("source"))
    if one.get("input"):
        return replace(_seen_scene(bench, one, source), number=number)
    credit = GENERATED if one.get("credit") == GENERATED else WITHOUT_PHOTO
    title = _text(one.get("title"), 120) or "your picture"
    if credit == WITHOUT_PHOTO and not title.endswith(TOKENS_ONLY):
        title += TOKENS_ONLY
    return Scene(number, title, credit, None, "", source, source, None, f"Opened {title}")


def _seen_scene(bench: Workbench, one: Mapping, source: TokenMaps) -> Scene:
    """An own picture from the pixels that the model saw, with the tokens that it had."""
    sent, fit = str(one["input"]), str(one.get("fit"))
    if not sent.startswith(PNG_URI) or len(sent) > MAX_INPUT or fit not in actions.FITTED:
        raise _unusable("its picture is not one that this page has kept")
    try:
        seen = open_image(base64.b64decode(sent.removeprefix(PNG_URI), validate=True), actions.MAX_PIXELS)
    except ValueError as error:
        raise _unusable(f"its picture cannot be read ({error})") from None
    H, W = bench.tokenizer.image_hw
    if seen.size != (W, H):
        raise _unusable(f"its picture has {seen.width} x {seen.height} pixels, this model sees {W} x {H}")
    fits: dict[str, np.ndarray | str] = dict.fromkeys(actions.FITTED, ONE_FIT)
    fits[fit] = np.asarray(seen)
    title = _text(one.get("title"), 120) or "your picture"
    picture = Picture(title, _text(one.get("credit"), 120), "", seen.size, fits, seen)
    scene = actions.tokenized(bench, picture, fit, 0, f"Opened {title}")
    if scene.maps == source:
        return scene
    # Another machine or precision may see other tokens; those that were kept are what the visitor had.
    return replace(scene, maps=source, source=source, numbers=None)


def _scene(bench: Workbench, pictures: list[Scene], one: Mapping) -> Scene:
    number = one.get("picture")
    if type(number) is not int or not 0 <= number < len(pictures):
        raise _unusable(f"a step belongs to picture {_text(number, 20)} of {len(pictures)}")
    scene = pictures[number]
    text = _text(one.get("text"), TEXT_LENGTH) or scene.step
    return replace(scene, maps=_maps(bench, one.get("maps")), step=text)


def _sample_scene(bench: Workbench, one: Mapping) -> Scene:
    name, fit = one.get("sample"), one.get("fit")
    sample = next((sample for sample in SAMPLES if sample.name == name), None)
    if sample is None:
        raise _unusable("its sample picture is gone")
    if str(fit) not in actions.FITTED:
        raise _unusable("its fit is not known")
    opened = actions.open_picture(
        bench, Session(), load_sample(sample.name), sample.title, sample.credit, sample.name
    )
    return actions.perform(bench, opened, "fit", {"fit": fit}).present


def _with_policy(bench: Workbench, session: Session, data: Mapping) -> Session:
    """The tokens matter more: a policy that is not possible any more is left out."""
    try:
        return actions.perform(bench, session, "policy", data)
    except ValueError:
        return session


def _maps(bench: Workbench, sent: object) -> TokenMaps:
    grids, codes = bench.tokenizer.grids, bench.tokenizer.vocab_size
    if not isinstance(sent, list) or len(sent) != len(grids):
        raise _unusable(f"it should have {len(grids)} token maps")
    maps = []
    for k, ((h, w), ids) in enumerate(zip(grids, sent, strict=True), start=1):
        if not isinstance(ids, list) or len(ids) != h * w:
            raise _unusable(f"scale {k} should have {h * w} tokens")
        if not all(type(code) is int and 0 <= code < codes for code in ids):
            raise _unusable(f"scale {k} has a token that is no code from 0 to {codes - 1}")
        maps.append(torch.tensor(ids).view(1, h, w))
    return TokenMaps(tuple(maps), bench.tokenizer.meta)


def _text(value: object, length: int) -> str:
    return " ".join(str("" if value is None else value).split())[:length]


def _unusable(why: str) -> ValueError:
    return ValueError(f"What this browser had kept cannot be used: {why}. The page starts afresh.")
