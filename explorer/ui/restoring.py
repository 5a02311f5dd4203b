"""A session goes on after a reload: the browser keeps token maps and policy and sends them back.

The photo itself is never kept. A sample is opened again, so that what compares with the picture works.
The counterpart in the page is assets/js/restoring.js.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch

from explorer.samples import SAMPLES, load_sample
from explorer.token_maps import TokenMaps
from explorer.ui import actions
from explorer.ui.session import Scene, Session
from explorer.ui.workbench import Workbench

STEP = "Restored from this browser"
WITHOUT_PHOTO = "the photo itself was not kept"


def restore(bench: Workbench, session: Session, data: Mapping) -> Session:
    """The kept picture as the next step of the session. What the browser sent is checked.

    data: tokenizer (its sha256), maps and, for what is no sample, source: one list of codes per scale;
    sample and fit, or title and credit; policy (with label and seed where finer scales are regenerated).
    """
    if data.get("tokenizer") != bench.tokenizer.sha256:
        raise _unusable("it belongs to another model")
    maps = _maps(bench, data.get("maps"))
    number = session.opened + 1
    if data.get("sample"):
        scene = replace(_sample_scene(bench, data), number=number, maps=maps, step=STEP)
    else:
        source = _maps(bench, data.get("source"))
        generated = data.get("credit") == "generated"
        title = str(data.get("title") or "")[:120] or "your picture"
        credit = "generated" if generated else WITHOUT_PHOTO
        step = STEP if generated else f"{STEP}; {WITHOUT_PHOTO}"
        scene = Scene(number, title, credit, None, "", source, maps, None, step)
    return _with_policy(bench, session.then(scene), data)


def _sample_scene(bench: Workbench, data: Mapping) -> Scene:
    name, fit = data.get("sample"), data.get("fit")
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


def _unusable(why: str) -> ValueError:
    return ValueError(f"What this browser had kept cannot be used: {why}. The page starts afresh.")
