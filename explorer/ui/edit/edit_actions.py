"""Edits of the picture on the page: each one checks what the browser sent, changes token maps, and adds one
step to the history. Scales count from 1, cells lie row by row."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from explorer.families import NEXT_SCALE
from explorer.token_maps import TokenMaps
from explorer.tokenizers.images import from_pil
from explorer.ui.edit import edit_operations as operations
from explorer.ui.session import REGENERATE, Scene, Session
from explorer.ui.workbench import Workbench

MAX_SEED = 2**31 - 1
NAME_LENGTH = 40
MAX_NAMED = 20


def as_image(pixels_HW3: np.ndarray) -> torch.Tensor:
    """Bytes as the (1,3,H,W) image that was fitted."""
    return from_pil(Image.fromarray(pixels_HW3))


def current(session: Session) -> Scene:
    if session.present is None:
        raise ValueError("Open a picture first.")
    return session.present


def whole(value: object, what: str, low: int, high: int) -> int:
    """`value` when it is a whole number in the range; a ValueError that names `what` otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(
            f"{what.capitalize()} is a whole number from {low} to {high}, not {str(value)[:40]}."
        )
    return value


def why_not_regenerate(bench: Workbench) -> str:
    """A sentence when finer scales cannot be drawn by the loaded generator, "" when they can."""
    if bench.generator is None:
        return "No generator is loaded. Start the page with --generator to regenerate finer scales."
    if bench.generator.order != NEXT_SCALE or bench.generator.grids != bench.tokenizer.grids:
        return f"{bench.generator.name} does not write scale by scale for these grids."
    return ""


def _replace(bench: Workbench, session: Session, data: Mapping) -> Session:
    """Cells of one scale, or of several, get one code."""
    scene = current(session)
    code = whole(data.get("code"), "a code", 0, bench.tokenizer.vocab_size - 1)
    places = _places(scene, data)
    return _with_codes(bench, session, places, lambda scale: code, f"to code {code}")


def _erase(bench: Workbench, session: Session, data: Mapping) -> Session:
    """Cells get the code that adds least at their scale; every map of the page stays complete."""
    scene = current(session)
    places = _places(scene, data)
    after = _with_codes(bench, session, places, bench.least_code, "erased")
    if after is session:
        raise ValueError(
            "Nothing to erase: these tokens have the code that adds least at their scale already."
        )
    return after


def paste(bench: Workbench, session: Session, other: Scene, data: Mapping) -> Session:
    """Cells of one scale become those of another picture, at the same places."""
    scene = current(session)
    scale, cells = _cells(scene, data)
    new = operations.pasted(scene.maps[scale - 1], other.maps[scale - 1], cells)
    if torch.equal(new, scene.maps[scale - 1]):
        raise ValueError(f"“{other.title}” has the same tokens there, so nothing changes.")
    place = (scale, *divmod(cells[-1], scene.maps.grids[scale - 1][1]))
    return _with_map(bench, session, scale, new, f"{_tokens(len(cells))} from {other.title}", place)


def _cells(scene: Scene, data: Mapping) -> tuple[int, list[int]]:
    """A scale and its chosen cells, numbered row by row."""
    scale = whole(data.get("scale"), "the scale", 1, len(scene.maps))
    h, w = scene.maps.grids[scale - 1]
    cells = data.get("cells")
    if not isinstance(cells, list) or not 0 < len(cells) <= h * w:
        raise ValueError(f"Choose between 1 and {h * w} tokens of scale {scale} to change.")
    return scale, [whole(cell, "a token", 0, h * w - 1) for cell in cells]


def _places(scene: Scene, data: Mapping) -> dict[int, list[int]]:
    """The chosen cells of each scale, coarse to fine: "scale" and "cells", and "others", a list of those."""
    others = data.get("others") or []
    if not isinstance(others, list) or len(others) >= len(scene.maps):
        raise ValueError(f"Tokens can be chosen in {len(scene.maps)} scales, each named once.")
    found = [_cells(scene, entry) for entry in (data, *others) if isinstance(entry, Mapping)]
    places = dict(sorted(found))
    if len(places) != 1 + len(others):
        raise ValueError(f"Tokens can be chosen in {len(scene.maps)} scales, each named once.")
    return places


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"


def _with_codes(
    bench: Workbench,
    session: Session,
    places: dict[int, list[int]],
    code_of: Callable[[int], int],
    what: str,
) -> Session:
    """One step: the cells of each scale get one code. Coarse to fine, each followed by the session's policy,
    so that what was asked for at a fine scale stands there in the end."""
    maps, follow = current(session).maps, ""
    for scale, cells in places.items():
        ids = maps[scale - 1].clone()
        ids.view(-1)[cells] = code_of(scale)
        before, edited = maps, maps.with_map(scale, ids)
        if edited == before:
            continue
        maps, words = _finer(bench, session, edited, scale)
        follow = follow or words
    many = _tokens(sum(len(cells) for cells in places.values()))
    where = f"Scale {next(iter(places))}" if len(places) == 1 else f"{len(places)} scales"
    scale, cells = next(iter(places.items()))
    place = (scale, *divmod(cells[-1], maps.grids[scale - 1][1]))
    return _then(session, maps, f"{where}: {many} {what}{follow}", place)


def _whole_map(bench: Workbench, session: Session, data: Mapping) -> Session:
    """All tokens of one scale: drawn anew ("randomise", with a seed), or moved (see REARRANGED)."""
    scene = current(session)
    scale = whole(data.get("scale"), "the scale", 1, len(scene.maps))
    ids, how = scene.maps[scale - 1], data.get("how")
    if how == "randomise":
        seed = whole(data.get("seed"), "the seed", 0, MAX_SEED)
        counts_V = None if bench.usage_KV is None else bench.usage_KV[scale - 1]
        new = operations.randomised(ids, seed, bench.tokenizer.vocab_size, counts_V)
        what = f"random, seed {seed}"
    elif isinstance(how, str) and how in operations.REARRANGED:
        new, what = operations.rearranged(ids, how), operations.REARRANGED[how][0]
    else:
        raise ValueError(f"The page asked to change a map by {str(how)[:40]!r}, which is unknown. Reload it.")
    if torch.equal(new, ids):
        raise ValueError(f"Scale {scale} stays as it is: {what}, it has the same tokens in the same places.")
    return _with_map(bench, session, scale, new, what)


def _with_map(
    bench: Workbench,
    session: Session,
    scale: int,
    ids_1hw: torch.Tensor,
    what: str,
    place: tuple[int, int, int] | None = None,
) -> Session:
    """One scale gets a new map, finer ones follow the session's policy; no step when nothing changes."""
    edited, follow = _finer(bench, session, current(session).maps.with_map(scale, ids_1hw), scale)
    return _then(session, edited, f"Scale {scale}: {what}{follow}", place)


def _then(session: Session, maps: TokenMaps, step: str, place: tuple[int, int, int] | None = None) -> Session:
    """The same picture with other maps as the next step; the session itself where nothing has changed."""
    scene = current(session)
    return session if maps == scene.maps else session.then(replace(scene, maps=maps, step=step, place=place))


def _finer(bench: Workbench, session: Session, edited: TokenMaps, scale: int) -> tuple[TokenMaps, str]:
    """The maps with finer scales treated by the policy, and its words for the history."""
    if session.policy == "keep" or scale == len(edited):
        return edited, ""
    if session.policy == REGENERATE:
        maps = operations.finer_regenerated(bench.generator, edited, scale, session.label, session.seed)
        return maps, f", finer regenerated as {_readable(session.label)}, seed {session.seed}"
    scene = current(session)
    image = as_image(scene.picture.fits[scene.fit]) if scene.picture else None
    maps = operations.finer_requantised(bench.tokenizer, scene.source, edited, scale, image)
    return maps, ", finer re-quantised"


def _readable(label: str) -> str:
    return label.replace("_", " ")


def _policy(bench: Workbench, session: Session, data: Mapping) -> Session:
    """How finer scales are treated from now on. "regenerate" comes with a class and a seed."""
    policy = str(data.get("policy"))
    if policy != REGENERATE:
        return session.with_policy(policy)
    return session.with_policy(policy, *_class_and_seed(bench, data))


def _class_and_seed(bench: Workbench, data: Mapping) -> tuple[str, int]:
    obstacle = why_not_regenerate(bench)
    if obstacle:
        raise ValueError(obstacle)
    label = data.get("label")
    if label not in bench.generator.classes:
        raise ValueError(f"There is no class {str(label)[:40]!r}; choose one of the list.")
    return label, whole(data.get("seed"), "the seed", 0, MAX_SEED)


def _regenerate(bench: Workbench, session: Session, data: Mapping) -> Session:
    """All scales after one are drawn anew at once, without another edit."""
    scene = current(session)
    label, seed = _class_and_seed(bench, data)
    K = len(scene.maps)
    scale = whole(data.get("scale"), "the scale before the first to regenerate", 1, K - 1)
    maps = operations.finer_regenerated(bench.generator, scene.maps, scale, label, seed)
    session = session.with_policy(REGENERATE, label, seed)
    which = f"Scale {K}" if scale == K - 1 else f"Scales {scale + 1} to {K}"
    return _then(session, maps, f"{which}: regenerated as {_readable(label)}, seed {seed}")


def mix(bench: Workbench, session: Session, other: Scene, data: Mapping) -> Session:
    """Coarse scales stay, all finer ones come from another picture."""
    scene = current(session)
    K = len(scene.maps)
    scale = whole(data.get("scale"), "the last scale that stays", 1, K - 1)
    maps = operations.mixed(scene.maps, other.maps, scale)
    if maps == scene.maps:
        raise ValueError(f"“{other.title}” has the same tokens there, so nothing changes.")
    which = f"Scale {K}" if scale == K - 1 else f"Scales {scale + 1} to {K}"
    return _then(session, maps, f"{which}: from {other.title}")


def _snapshot(bench: Workbench, session: Session, data: Mapping) -> Session:
    """Gives what is on show a name; a name that was given before moves here."""
    name = " ".join(str(data.get("name") or "").split())[:NAME_LENGTH]
    if not name:
        raise ValueError("Type a name for this state first.")
    if len(session.named) == MAX_NAMED and name not in dict(session.named):
        raise ValueError(f"{MAX_NAMED} states have a name, which is the most; forget one first.")
    return session.with_name(name, current(session))


def _recall(bench: Workbench, session: Session, data: Mapping) -> Session:
    """Back to a named state, as a step that can be undone."""
    name, scene = _named(session, data)
    if scene.maps == current(session).maps and scene.number == current(session).number:
        return session
    return session.then(replace(scene, step=f"Restored “{name}”"))


def _forget(bench: Workbench, session: Session, data: Mapping) -> Session:
    return session.without_name(_named(session, data)[0])


def _named(session: Session, data: Mapping) -> tuple[str, Scene]:
    for name, scene in session.named:
        if name == data.get("name"):
            return name, scene
    raise ValueError(f"No state is called {str(data.get('name'))[:NAME_LENGTH]!r}.")


def _reset(bench: Workbench, session: Session, data: Mapping) -> Session:
    return _then(session, current(session).source, "Back to the picture's own tokens")


EDITS: Mapping[str, Callable[[Workbench, Session, Mapping], Session]] = {
    "replace": _replace,
    "erase": _erase,
    "policy": _policy,
    "regenerate": _regenerate,
    "whole": _whole_map,
    "reset": _reset,
    "snapshot": _snapshot,
    "recall": _recall,
    "forget": _forget,
    "undo": lambda bench, session, data: session.undo(),
    "redo": lambda bench, session, data: session.redo(),
}
