"""Several tokenizers on one picture: tokens, bits, what is lost.
The counterpart is assets/js/compare/side_by_side.js.

A comparison is a row of small steps (read a file, encode, decode), between which it looks whether its visitor
has cancelled it. The device is held for one of them at a time.
"""

import logging
import math
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

import gradio as gr
import numpy as np
from torch import Tensor

from explorer.analysis.fidelity import SSIM_WINDOW, error_map, psnr, ssim
from explorer.analysis.information import rate
from explorer.errors import CheckpointError
from explorer.figures.errors import error_pictures
from explorer.figures.images import bytes_uri, data_uri, picture_uri
from explorer.samples import load_sample
from explorer.token_maps import TokenMaps
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import to_pil, to_uint8
from explorer.ui.actions import FITTED
from explorer.ui.compare.side_by_side_shelf import Shelf
from explorer.ui.components import side_by_side_parts as parts
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.session import Scene, Session
from explorer.ui.wires import QUIET, StoppedJobs, hidden
from explorer.ui.workbench import QUICK_PIXELS, Workbench

log = logging.getLogger(__name__)

MOST = 4  # tokenizers at once
COMPARING = 2  # visitors at once, all others wait
FAILED = "The comparison failed on the server; it has been logged there. What you had is unchanged."
WIRE = """Tokenscope.connectSideBySide({props, watch, server, send: (name, data) =>
  name === 'crop' ? trigger('crop', data) : trigger('compare', data)})"""


def build() -> None:
    """The parts of this section of Compare."""
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            parts.subject()
        with gr.Column(elem_classes="ts-stage"):
            parts.pictures()
            parts.rates()
            parts.table()
        with gr.Column(elem_classes="ts-right"):
            parts.magnifier()


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire: "compare" streams, "crop" answers once; `cancel_compare` is heard beside the queue."""
    shelf = Shelf(bench)
    cancelled = StoppedJobs()

    def compare_tokenizers(session: Session, event: gr.EventData):
        yield from stream(shelf, session, _sent(event), cancelled)

    def crop(session: Session, event: gr.EventData):
        return crop_view(shelf, session, _sent(event))

    wire = hidden(WIRE, value=introduction(shelf), look_ups=[cancelled.look_up("cancel_compare")])
    wire.compare(compare_tokenizers, state, wire, concurrency_limit=COMPARING, **QUIET)
    wire.crop(crop, state, wire, concurrency_limit=COMPARING, **QUIET)


def _sent(event: gr.EventData) -> dict:
    return event._data if isinstance(event._data, dict) else {}


def introduction(shelf: Shelf) -> dict:
    """What the page knows before it asks: the choices, and whether comparing is quick enough to start."""
    return {
        "choices": [
            {
                "name": choice.name,
                "about": choice.about,
                "ready": choice.tokenizer is not None,
                "what": _what(choice.tokenizer) if choice.tokenizer else "read from its file when compared",
            }
            for choice in shelf.choices
        ],
        "most": MOST,
        "quick": all(_every_scale(one.tokenizer) for one in shelf.choices if one.tokenizer),
    }


def _what(tokenizer: Tokenizer) -> str:
    maps = "one map" if len(tokenizer.grids) == 1 else f"{len(tokenizer.grids)} maps"
    tokens = sum(h * w for h, w in tokenizer.grids)
    H, W = tokenizer.image_hw
    return f"{tokens:,} tokens in {maps}, {tokenizer.vocab_size:,} codes, {W} × {H} px"


def _every_scale(tokenizer: Tokenizer) -> bool:
    """Whether decoding after every scale takes no longer than a visitor waits."""
    H, W = tokenizer.image_hw
    return tokenizer.device.torch_device.type != "cpu" or len(tokenizer.grids) * H * W <= QUICK_PIXELS


# What a comparison is about


def fitted(bench: Workbench, scene: Scene, tokenizer: Tokenizer) -> np.ndarray:
    """The picture of Inspect in bytes (H,W,3), fitted to the size of this tokenizer in the way chosen there.

    A generated picture has no source: its decoded picture stands in. ValueError: it cannot be fitted so.
    """
    own = bench.tokenizer
    picture = scene.picture
    if picture is None:
        finished_13HW = bench.pictures(scene.source, [len(scene.source)])
        if tokenizer.image_hw == own.image_hw:
            return to_uint8(finished_13HW)[0].numpy()
        (image,) = to_pil(finished_13HW)
        return to_uint8(tokenizer.fit(image, "crop"))[0].numpy()
    alike = scene.fit != "reference" or tokenizer.family == own.family
    if tokenizer.image_hw == own.image_hw and alike:
        return picture.fits[scene.fit]
    image = load_sample(picture.sample) if picture.sample else picture.reduced
    if image is None:
        raise ValueError("the picture is no longer there in its full size; open it again in Inspect")
    return to_uint8(tokenizer.fit(image, scene.fit))[0].numpy()


@dataclass(frozen=True, eq=False)
class Reading:
    """What one tokenizer made of the picture. pictures: after each of `scales` (from 1); whole in the end."""

    name: str
    input_HW3: np.ndarray
    maps: TokenMaps
    scales: tuple[int, ...]
    pictures_K3HW: Tensor

    @property
    def reference_13HW(self) -> Tensor:
        return as_image(self.input_HW3)


def _decoded(shelf: Shelf, name: str, input_HW3: np.ndarray, maps: TokenMaps) -> Reading:
    tokenizer = shelf.tokenizer(name)
    K = len(maps)
    scales = tuple(range(1, K + 1)) if _every_scale(tokenizer) else (K,)
    pictures_K3HW = tokenizer.decode_progressive(maps, list(scales))[:, 0]
    return Reading(name, input_HW3, maps, scales, pictures_K3HW)


# The comparison, step by step


def stream(shelf: Shelf, session: Session, data: Mapping, cancelled: Container[str] = ()) -> Iterator[dict]:
    """Views of a growing comparison, each complete in itself; ends with status "done" or "failed".

    data: "job", "names" (tokenizers, 1 to MOST). Ends without a word within one step once its job is in
    `cancelled`. A tokenizer that cannot be used has a row with a sentence under "problem".
    """
    job = str(data.get("job", ""))[:60]
    try:
        for view in _views(shelf, session, data):
            if job in cancelled:
                return
            yield {"job": job, **view}
    except ValueError as error:
        yield {"job": job, "status": "failed", "problem": _sentence(error)}
    except Exception:  # the page must say something whatever happens; the log has the rest
        log.exception("comparing tokenizers failed")
        yield {"job": job, "status": "failed", "problem": FAILED}


def _views(shelf: Shelf, session: Session, data: Mapping) -> Iterator[dict]:
    names = checked_names(shelf, data.get("names"))
    scene = session.present
    if scene is None:
        raise ValueError("Open a picture in Inspect first.")
    of = about(shelf.bench, scene)
    steps = [(name, what) for name in names for what in ("read", "encode", "decode")]
    steps = [(name, what) for name, what in steps if what != "read" or shelf.choice(name).tokenizer is None]
    problems: dict[str, str] = {}
    inputs: dict[str, np.ndarray] = {}
    maps: dict[str, TokenMaps] = {}
    readings: dict[str, Reading] = {}
    for done, (name, what) in enumerate(steps):
        if name in problems:
            continue
        said = {"status": "running", "done": done, "total": len(steps), "now": name, "what": what}
        yield {**of, **said, "rows": rows(shelf, readings, problems)}
        try:
            if what == "read":
                shelf.tokenizer(name)
            elif what == "encode":
                inputs[name] = fitted(shelf.bench, scene, shelf.tokenizer(name))
                maps[name] = shelf.encode(name, inputs[name])
            else:
                readings[name] = _decoded(shelf, name, inputs[name], maps[name])
        except (ValueError, CheckpointError) as error:
            problems[name] = _sentence(error)
    finished = {"status": "done", "done": len(steps), "total": len(steps)}
    yield {**of, **finished, "rows": rows(shelf, readings, problems)}


def about(bench: Workbench, scene: Scene) -> dict:
    """Which picture a view is about, and how it was brought to the tokenizers."""
    H, W = bench.tokenizer.image_hw
    if scene.picture is None:
        note = f"A generated picture has no source: its decoded picture of {W} × {H} px is the input here."
    else:
        width, height = scene.picture.size
        note = f"{width} × {height} px, {FITTED[scene.fit]} to each tokenizer’s own size. Edits are left out."
    return {"picture": scene.number, "title": scene.title, "fit": scene.fit or "generated", "note": note}


def checked_names(shelf: Shelf, names: object) -> list[str]:
    """1 to MOST different tokenizers of the shelf; ValueError."""
    if not isinstance(names, list) or not names:
        raise ValueError("Choose at least one tokenizer.")
    if len(set(map(str, names))) != len(names):
        raise ValueError("Choose every tokenizer once.")
    if len(names) > MOST:
        raise ValueError(f"At most {MOST} tokenizers are compared at once, not {len(names)}.")
    return [shelf.choice(name).name for name in names]


def rows(shelf: Shelf, readings: Mapping[str, Reading], problems: Mapping[str, str]) -> list[dict]:
    """One row per tokenizer that is through, in the order they were asked for, then those that failed.

    All error maps share one scale of colours, so that they can be compared.
    """
    if readings:
        errors = error_pictures(
            [error_map(one.pictures_K3HW[-1:], one.reference_13HW)[0] for one in readings.values()]
        )
    found = [
        {
            **row_view(shelf, reading),
            "error": picture_uri(errors.pictures[n]),
            "mean": errors.means[n],
            "limit": errors.limit,
        }
        for n, reading in enumerate(readings.values())
    ]
    return found + [{"name": name, "problem": problem} for name, problem in problems.items()]


def row_view(shelf: Shelf, reading: Reading) -> dict:
    tokenizer = shelf.tokenizer(reading.name)
    colours = shelf.colours(reading.name)
    cost = rate(tokenizer.grids, tokenizer.vocab_size, tokenizer.image_hw)
    pictures = reading.pictures_K3HW
    decibels = psnr(pictures, reading.reference_13HW.expand_as(pictures)).tolist()
    return {
        "name": reading.name,
        "about": shelf.choice(reading.name).about,
        "codes": tokenizer.vocab_size,
        "size": list(tokenizer.image_hw),
        "tokens": sum(cost.tokens),
        "finest": cost.tokens[-1],
        "token_bits": cost.bits_per_token,
        "bits": cost.total,
        "pixel_bits": cost.per_pixel,
        **closeness(pictures[-1:], reading.reference_13HW),
        "curve": [
            {
                "scale": k,
                "tokens": sum(cost.tokens[:k]),
                "bits": sum(cost.bits[:k]),
                "psnr": _finite(decibel),
            }
            for k, decibel in zip(reading.scales, decibels, strict=True)
        ],
        "input": bytes_uri(reading.input_HW3),
        "image": data_uri(pictures[-1]),
        "maps": [
            {
                "h": ids_1hw.shape[1],
                "w": ids_1hw.shape[2],
                "ids": ids_1hw.flatten().tolist(),
                "colours": [colours[code] for code in ids_1hw.flatten().tolist()],
            }
            for ids_1hw in reading.maps
        ],
        "held_out": shelf.held_out(reading.name),
    }


def closeness(image_13HW: Tensor, reference_13HW: Tensor) -> dict:
    """psnr: dB, None where equal. ssim: None for parts smaller than its window."""
    small = min(image_13HW.shape[2:]) < SSIM_WINDOW
    return {
        "psnr": _finite(float(psnr(image_13HW, reference_13HW))),
        "ssim": None if small else float(ssim(image_13HW, reference_13HW)),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# A part of the picture


def crop_view(shelf: Shelf, session: Session, data: Mapping) -> dict:
    """Closeness within one part of the picture, per tokenizer, under "crop"; or a sentence under "problem".

    data: "ticket", "picture" (its number), "names", "place" (top, left, height, width as shares of it).
    Tokens and pictures are remembered from the comparison; what is not is computed again.
    """
    answer = {"ticket": data.get("ticket"), "place": data.get("place")}
    try:
        place = checked_place(data.get("place"))
        names = checked_names(shelf, data.get("names"))
        scene = session.present
        if scene is None or scene.number != data.get("picture"):
            raise ValueError("The picture in Inspect is another one by now. Compare again.")
        return {"crop": {**answer, "rows": [_crop_row(shelf, scene, name, place) for name in names]}}
    except (ValueError, CheckpointError) as error:
        return {"crop": {**answer, "problem": _sentence(error)}}
    except Exception:
        log.exception("measuring a crop failed")
        return {"crop": {**answer, "problem": FAILED}}


def _crop_row(shelf: Shelf, scene: Scene, name: str, place: tuple[float, ...]) -> dict:
    tokenizer = shelf.tokenizer(name)
    input_HW3 = fitted(shelf.bench, scene, tokenizer)
    maps = shelf.encode(name, input_HW3)
    reading = _decoded(shelf, name, input_HW3, maps)
    rows_, columns = pixels_of(place, tokenizer.image_hw)
    image = reading.pictures_K3HW[-1:, :, rows_, columns]
    reference = reading.reference_13HW[:, :, rows_, columns]
    return {
        "name": name,
        "size": list(image.shape[2:]),
        "mean": float(error_map(image, reference).mean()),
        **closeness(image, reference),
    }


def checked_place(place: object) -> tuple[float, float, float, float]:
    """(top, left, height, width) as parts of the picture, inside it and not empty; ValueError."""
    good = isinstance(place, list) and len(place) == 4
    good = good and all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in place)
    if not good or min(place[2:]) <= 0 or place[0] + place[2] > 1.000001 or place[1] + place[3] > 1.000001:
        raise ValueError("A part of the picture is top, left, height and width, as shares from 0 to 1.")
    return tuple(map(float, place))


def pixels_of(place: tuple[float, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of an (H,W) picture that the part covers; at least one of each."""

    def along(start: float, length: float, n: int) -> slice:
        first = min(n - 1, math.floor(start * n + 1e-6))
        return slice(first, max(first + 1, min(n, math.ceil((start + length) * n - 1e-6))))

    return along(place[0], place[2], size[0]), along(place[1], place[3], size[1])


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
