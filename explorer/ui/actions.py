"""What a visitor can do to a session: pictures are opened here, edited in edit_actions.py.

Every action checks what the browser sent, and gives a new session or a ValueError whose sentence is shown in
the page. Scales count from 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from gradio.utils import get_upload_folder
from PIL import Image

from explorer.samples import SAMPLES, load_sample
from explorer.token_maps import TokenMaps
from explorer.tokenizers.carried import carried
from explorer.tokenizers.images import MODES, notice, open_image, to_uint8
from explorer.ui.edit import edit_actions
from explorer.ui.edit.edit_actions import EDITS, current, whole
from explorer.ui.session import GENERATED, Picture, Scene, Session
from explorer.ui.workbench import Workbench

MAX_PIXELS = 16_000_000
UPLOAD_MB = 20  # a picture; the server itself takes larger files, for zips
KEPT, LONGEST_KEPT = 512, 2048  # pixels of an upload, for tokenizers of other sizes
FITTED = {
    "crop": "centred crop",
    "letterbox": "whole picture with margin",
    "reference": "reference preprocessing",
}


def perform(bench: Workbench, session: Session, kind: str, data: Mapping) -> Session:
    """The session after the action called `kind`."""
    if kind not in ACTIONS:
        raise ValueError(f"The page asked for {kind!r}, which this version cannot do. Reload the page.")
    return ACTIONS[kind](bench, session, data)


def open_picture(
    bench: Workbench, session: Session, image: Image.Image, title: str, credit: str = "", sample: str = ""
) -> Session:
    """Tokenizes a picture; the fit stays as it was chosen before."""
    fits: dict[str, np.ndarray | str] = {}
    for mode in MODES:
        try:
            fits[mode] = to_uint8(bench.tokenizer.fit(image, mode))[0].numpy()
        except ValueError as error:
            fits[mode] = str(error)
    own, foreign = _carried(bench, image)
    credit = " ".join(filter(None, (credit, foreign)))
    picture = Picture(title, credit, sample, image.size, fits, None if sample else _reduced(image), own)
    chosen = session.present.fit if session.present and session.present.fit else "crop"
    usable = [mode for mode in (chosen, *MODES) if not isinstance(fits[mode], str)]
    if not usable:
        raise ValueError(_sentence(fits[chosen]))
    return session.then(tokenized(bench, picture, usable[0], session.opened + 1, f"Opened {title}"))


def _carried(bench: Workbench, image: Image.Image) -> tuple[TokenMaps | None, str]:
    """The tokens that a picture's file brought along, or a sentence why they are of no use here."""
    own = carried(image)
    if own is None:
        return None, ""
    try:
        maps = bench.tokenizer.check_maps(own)
    except ValueError:
        name = str((own.meta or {}).get("tokenizer", ""))[:40] or "another model"
        return None, f"Its file carries tokens of {name}, which this model cannot read"
    if any(bool((ids < 0).any()) for ids in maps):
        return None, "Its file carries the tokens of an unfinished picture"
    return maps.with_meta(bench.tokenizer.meta), ""


def _own_tokens(bench: Workbench, session: Session, data: Mapping) -> Session:
    """The tokens that the picture's file brought along, instead of those of its pixels."""
    scene = current(session)
    own = scene.picture.carried if scene.picture else None
    if own is None:
        raise ValueError("The file of this picture carries no tokens that this model can read.")
    taken = replace(scene, source=own, maps=own, numbers=None, step="Took the tokens that its file carries")
    return session.then(replace(taken, number=session.opened + 1))


def _reduced(image: Image.Image) -> Image.Image:
    """At most KEPT pixels along the shorter side: enough for every tokenizer, small enough to keep."""
    share = min(1.0, KEPT / min(image.size), LONGEST_KEPT / max(image.size))
    size = tuple(max(1, round(side * share)) for side in image.size)
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS) if share < 1 else image


def tokenized(bench: Workbench, picture: Picture, fit: str, number: int, step: str) -> Scene:
    """The scene of a picture as the model sees it in this fit; ValueError where it has none."""
    fitted = picture.fits[fit]
    if isinstance(fitted, str):
        raise ValueError(_sentence(fitted))
    seen = bench.traced(fitted)
    maps = seen.maps
    return Scene(number, picture.title, picture.credit, picture, fit, maps, maps, seen.numbers, step)


def _upload(bench: Workbench, session: Session, data: Mapping) -> Session:
    folder = Path(get_upload_folder()).resolve()
    path = Path(str(data.get("path", ""))).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise ValueError("The upload did not arrive. Try again; what you had is unchanged.")
    name = Path(str(data.get("name", ""))[:120]).name or "your picture"
    if path.stat().st_size > UPLOAD_MB << 20:
        raise ValueError(f"“{name}” has more than {UPLOAD_MB} MB. What you had is unchanged.")
    try:
        image = open_image(path.read_bytes(), MAX_PIXELS)
    except ValueError as error:
        raise ValueError(_sentence(str(error).replace("this file", f"“{name}”", 1))) from error
    return open_picture(bench, session, image, name, notice(image))


def _sample(bench: Workbench, session: Session, data: Mapping) -> Session:
    for sample in SAMPLES:
        if sample.name == data.get("name"):
            return open_picture(
                bench, session, load_sample(sample.name), sample.title, sample.credit, sample.name
            )
    raise ValueError("There is no such sample picture. Reload the page.")


def _fit(bench: Workbench, session: Session, data: Mapping) -> Session:
    scene = current(session)
    fit = data.get("fit")
    if scene.picture is None or fit not in FITTED:
        raise ValueError("Only a picture that was opened can be fitted in another way.")
    if fit == scene.fit:
        return session
    return session.then(tokenized(bench, scene.picture, fit, session.opened + 1, f"Fitted by {FITTED[fit]}"))


def _adopt(bench: Workbench, session: Session, data: Mapping) -> Session:
    """Takes a generated picture over from Generate. The token maps come from the browser and are checked."""
    grids = bench.tokenizer.grids
    sent = data.get("maps")
    if not isinstance(sent, list) or len(sent) != len(grids):
        raise ValueError("The generated picture is not complete. Generate it again.")
    maps = []
    for k, ((h, w), ids) in enumerate(zip(grids, sent, strict=True), start=1):
        if not isinstance(ids, list) or len(ids) != h * w:
            raise ValueError(f"Scale {k} of the generated picture is not complete. Generate it again.")
        ids = [whole(code, "a code", 0, bench.tokenizer.vocab_size - 1) for code in ids]
        maps.append(torch.tensor(ids).view(1, h, w))
    label = str(data.get("label", ""))[:60].replace("_", " ")
    seed = data.get("seed") if isinstance(data.get("seed"), int) else 0
    title = f"{label.capitalize()}, seed {seed}"
    own = TokenMaps(tuple(maps), bench.tokenizer.meta)
    scene = Scene(session.opened + 1, title, GENERATED, None, "", own, own, None, f"Took over {title}")
    return session.then(scene)


def _mix(bench: Workbench, session: Session, data: Mapping) -> Session:
    """Finer scales come from another picture."""
    return edit_actions.mix(bench, session, _other(bench, session, data), data)


def _paste(bench: Workbench, session: Session, data: Mapping) -> Session:
    """Some tokens of one scale come from another picture."""
    return edit_actions.paste(bench, session, _other(bench, session, data), data)


def _other(bench: Workbench, session: Session, data: Mapping) -> Scene:
    """A sample, an upload or the last generated picture, tokenized as usual; the session stays as it is."""
    current(session)
    source = data.get("source")
    if source not in ("sample", "upload", "adopt"):
        raise ValueError(f"Another picture cannot come from {str(source)[:40]!r}. Reload the page.")
    return ACTIONS[source](bench, session, data).present


def _sentence(text: str) -> str:
    """A library's message as a sentence of the page."""
    text = text[:1].upper() + text[1:]
    return f"{text}{'' if text.endswith('.') else '.'} What you had is unchanged."


ACTIONS: Mapping[str, Callable[[Workbench, Session, Mapping], Session]] = {
    "upload": _upload,
    "sample": _sample,
    "fit": _fit,
    "adopt": _adopt,
    "own_tokens": _own_tokens,
    "mix": _mix,
    "paste": _paste,
    **EDITS,
}
