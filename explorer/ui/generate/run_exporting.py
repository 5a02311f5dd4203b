"""Files of a run: animations, sheets, tokens, picture, script. In the page: assets/js/generate/exports.js.

Decoding takes a while, so a file is made step by step: the device is held for one picture at a time, and
between two of them the work looks whether its visitor has cancelled it.
"""

import base64
import io
import logging
import re
import tempfile
from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import gradio as gr
from PIL import Image

from explorer.analysis.fidelity import psnr
from explorer.figures.animations import animation
from explorer.figures.contact_sheet import Tile, captioned_sheet
from explorer.token_maps import TokenMaps
from explorer.tokenizers.carried import save_options
from explorer.tokenizers.images import to_pil
from explorer.ui.compare.pairs import RASTER
from explorer.ui.edit.edit_actions import as_image, current
from explorer.ui.generate.run_scripts import script
from explorer.ui.generate.saved_run import (
    SavedRun,
    code_colours,
    gallery_sent,
    run_sent,
    stage_picture,
    stage_tile,
    stages,
    steps_again,
)
from explorer.ui.session import Scene, Session
from explorer.ui.wires import QUIET, StoppedJobs, hidden
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

MIME = {
    "webp": "image/webp",
    "gif": "image/gif",
    "sheet": "image/png",
    "gallery": "image/png",
    "png": "image/png",
    "npz": "application/octet-stream",
    "json": "application/json",
    "py": "text/x-python",
}
OF_A_SESSION = ("webp", "gif", "sheet")  # Edit's own exports give the rest
SAVING = 4  # visitors at once, all others wait
FAILED = "The file could not be made; the server has logged why. What you had is unchanged."
WIRE = "Tokenscope.connectSaver({props, watch, server, save: (data) => trigger('save', data)})"


def connect(bench: Workbench, state: gr.State) -> None:
    """The wire: "save" streams progress and then one file, `cancel_save` is a look-up beside the queue."""
    cancelled = StoppedJobs()

    def save(session: Session, event: gr.EventData):
        yield from stream(bench, session, dict(event._data or {}), cancelled)

    wire = hidden(WIRE, look_ups=[cancelled.look_up("cancel_save")])
    wire.save(
        save,
        state,
        wire,
        concurrency_limit=SAVING,
        **QUIET,
    )


def stream(
    bench: Workbench, session: Session, data: Mapping, cancelled: Container[str] = ()
) -> Iterator[dict]:
    """Views {"job", "done", "total"}, the last one with "file", or one view with a sentence under "problem".

    data: "job", "what" (a key of MIME), and a run as `run_sent` reads it, or "doc": "session" for the picture
    of Inspect and Edit. Ends without a word within one step once its job is in `cancelled`.
    """
    job = str(data.get("job", ""))[:60]
    try:
        for view in _views(bench, session, data):
            if job in cancelled:
                return
            yield {"job": job, **view}
    except ValueError as error:
        text = str(error)
        yield {"job": job, "problem": f"{text[:1].upper()}{text[1:].rstrip('.')}. Nothing was saved."}
    except Exception:  # the page must say something whatever happens; the log has the rest
        log.exception("saving failed")
        yield {"job": job, "problem": FAILED}


def _views(bench: Workbench, session: Session, data: Mapping) -> Iterator[dict]:
    what = data.get("what")
    if not isinstance(what, str) or what not in MIME:
        raise ValueError(f"a run cannot be saved as {str(what)[:40]!r}; there are {', '.join(MIME)}")
    if data.get("doc") == "session":
        yield from _session_views(bench, current(session), what)
    elif what == "gallery":
        yield from _gallery_views(gallery_sent(bench, data))
    else:
        yield from _run_views(run_sent(bench, data), what)


def _run_views(run: SavedRun, what: str) -> Iterator[dict]:
    stem = run_stem(run)
    if what in ("webp", "gif", "sheet"):
        kept = run.request.keep[0] if len(run.maps) == 1 else None
        shown = stages(run.maps, kept)
        if not shown:
            raise ValueError("no scale of this run is complete yet; let it draw at least one step")
        pictures = []
        for stage in shown:
            pictures.append(stage_picture(run.tokenizer, stage))
            yield {"done": len(pictures), "total": len(shown)}
        if what == "sheet":
            colours = code_colours(run.tokenizer)
            per_step = (
                len(run.maps) > 1 or len(run.seconds) > 1
            )  # one number for all rows says nothing about a row
            seconds = run.seconds if per_step else ()
            tiles = [
                stage_tile(one, picture, colours, seconds)
                for one, picture in zip(shown, pictures, strict=True)
            ]
            sheet = captioned_sheet(tiles, f"{run.title}, {run.pair.generator.name}")
            yield _file(f"{stem}-sheet", what, png_bytes(sheet))
        else:
            options = save_options(what.upper(), run.maps.with_meta(run_meta(run)))
            yield _file(f"{stem}-steps", what, animation(pictures, what, options=options))
    elif what == "png":
        picture = to_pil(run.tokenizer.decode(run.maps))[0]
        yield _file(stem, what, png_bytes(picture, run.maps.with_meta(run_meta(run))))
    elif what == "py":
        steps = None
        for step in steps_again(run):
            yield {"done": step.index, "total": step.total}
            if step.maps == run.maps:
                steps = step.index
                break
        yield _file(stem, what, script(run, stem, steps).encode())
    else:
        yield _file(stem, what, _token_bytes(run.maps.with_meta(run_meta(run)), what))


def _session_views(bench: Workbench, scene: Scene, what: str) -> Iterator[dict]:
    """Pictures of Inspect and Edit: after each scale, with their likeness to the photo where there is one."""
    if what not in OF_A_SESSION:
        raise ValueError(f"this picture can be saved here as {', '.join(OF_A_SESSION)}, not as {what}")
    fitted = as_image(scene.picture.fits[scene.fit]) if scene.picture else None
    colours, pictures, tiles = bench.colours, [], []
    shown = stages(scene.maps)
    for stage in shown:
        picture_1CHW = bench.pictures(scene.maps, [stage.scale])
        remark = "" if fitted is None else f"{float(psnr(picture_1CHW, fitted)):.1f} dB PSNR"
        pictures.append(to_pil(picture_1CHW)[0])
        tiles.append(stage_tile(stage, pictures[-1], colours, (), remark))
        yield {"done": len(pictures), "total": len(shown)}
    stem = plain_name(scene.title) or "picture"
    if what == "sheet":
        title = f"{scene.title}, {bench.tokenizer.name}"
        yield _file(f"{stem}-sheet", what, png_bytes(captioned_sheet(tiles, title)))
    else:
        options = save_options(what.upper(), scene.maps)
        yield _file(f"{stem}-scales", what, animation(pictures, what, options=options))


def _gallery_views(runs: list[SavedRun]) -> Iterator[dict]:
    tiles = []
    for run in runs:
        (picture,) = to_pil(run.tokenizer.decode(run.maps))
        tiles.append(Tile(picture, [f"Seed {run.seed}"]))
        yield {"done": len(tiles), "total": len(runs)}
    first = runs[0]
    title = f"{first.name.capitalize()}, {first.pair.generator.name}"
    sheet = captioned_sheet(tiles, title, columns=min(len(tiles), 4))
    yield _file(f"{plain_name(first.name)}-gallery", "gallery", png_bytes(sheet))


def run_stem(run: SavedRun) -> str:
    """A file name without ending: "parachute-seed0", "parachute-seed0-painted"."""
    order = "raster" if run.pair.order == RASTER else ""
    return "-".join(
        filter(None, (plain_name(run.name), f"seed{run.seed}", plain_name(run.request.note), order))
    )


def plain_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")


def run_meta(run: SavedRun) -> dict:
    """What the tokens say about themselves: as the generator's own maps, and whether tokens were kept."""
    gen, request = run.pair.generator, run.request
    label = gen.null_class if request.label is None else gen.classes.index(request.label)
    kept = sum(int(mask.sum()) for mask in request.keep)
    made = {
        "generator": gen.name,
        "labels": [label],
        "seeds": [run.seed],
        "sampling": asdict(request.settings),
    }
    return {**run.tokenizer.meta, **made, **({"kept_tokens": kept} if kept else {})}


def png_bytes(picture: Image.Image, maps: TokenMaps | None = None) -> bytes:
    """maps: tokens that the file is to carry."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **(save_options("PNG", maps) if maps else {}))
    return buffer.getvalue()


def _token_bytes(maps: TokenMaps, what: str) -> bytes:
    if what == "json":
        return maps.to_json().encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "maps.npz")
        maps.save(path)
        return path.read_bytes()


def _file(stem: str, what: str, content: bytes) -> dict:
    ending = "png" if MIME[what] == "image/png" else what
    file = {"name": f"{stem}.{ending}", "mime": MIME[what], "data": base64.b64encode(content).decode()}
    return {"done": 1, "total": 1, "file": file}
