"""A generation as the plain values that the page draws: one view after every step, each complete in itself.

A view (`state.docs.run` on the page) has: run, status (running|done|example; the page adds stopped), order,
label, seed, phrase, title, note, settings, size, ratio, done, total (steps), seconds (model and decoder),
decode_seconds, rows, and scales[k] = {h, w, ids, colours, use, image, step, preview, seconds, entropy, kept,
held}. image: the picture after this scale, None where there is none yet; step: the one it shows. preview:
that image is a linear map of the features, not the decoder's. seconds: of the model's steps of this scale.
entropy: bits per token, after guidance and before temperature and filters, None where nothing was predicted.
kept, held: flat 0/1 lists (see run_request.py) or None where nothing is. rows: with several seeds one entry
for each, {seed, ids, entropy, image, blend}; scales show the first. blend: of a painted picture that is
whole, see blends.py; None otherwise.

Where decoding is quick the true picture comes with every step (raster: with every row); a preview that is
replaced some milliseconds later would be noise. Where it is slow, previews come with the steps, the decoder
follows: the final picture first.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from explorer.analysis.information import in_bits
from explorer.analysis.preview import apply_preview
from explorer.figures.images import data_uri
from explorer.generators import GenerationStep
from explorer.token_maps import TokenMaps
from explorer.ui.generate.blends import blend_view
from explorer.ui.generate.run_request import NO_CLASS, RunRequest
from explorer.ui.views import map_view
from explorer.ui.workbench import Workbench

ANY = "any picture"  # the null class in titles


@dataclass
class _Shown:
    """What one run has shown so far; it lives as long as the call."""

    images: dict[int, str] = field(default_factory=dict)  # of the first row, by scale from 0
    steps: dict[int, int] = field(default_factory=dict)  # the step (from 1) that each of them shows
    previews: set[int] = field(default_factory=set)  # those of `images` that are no decoder's
    row_images: list[str] = field(default_factory=list)
    entropy: dict[int, list[list]] = field(default_factory=dict)  # by scale: rows of flat lists
    seconds: dict[int, float] = field(default_factory=dict)
    decode_seconds: float = 0.0
    blends: list[dict] = field(default_factory=list)  # of every row, once a painted picture is whole


def run_views(bench: Workbench, request: RunRequest, status: str = "running") -> Iterator[dict]:
    """status: of all views but the last, which is "done" unless this is the "example" of the first paint."""
    gen, shown = bench.generator, _Shown()
    steps = gen.generate(
        request.label,
        seed=list(request.seeds),
        **asdict(request.settings),
        given=request.given,
        keep=list(request.keep) if request.given is not None else 0,
    )
    for step in steps:
        k = step.scale - 1
        shown.seconds[k] = shown.seconds.get(k, 0.0) + step.seconds
        shown.entropy[k] = [_flat_bits(row) for row in step.entropy]
        if bench.slow:
            _preview(bench, step, shown)
        elif _ends_a_line(step):
            _decode(bench, request, step.maps, k, shown)
        shown.steps[k] = step.index if bench.slow or _ends_a_line(step) else shown.steps.get(k, 0)
        last = step.index == step.total and not bench.slow
        yield _view(bench, request, step, shown, "done" if last and status == "running" else status)
    if bench.slow:
        yield from _decoded_later(bench, request, step, shown, status)


def _decoded_later(
    bench: Workbench, request: RunRequest, step: GenerationStep, shown: _Shown, status: str
) -> Iterator[dict]:
    """The decoder's pictures instead of the previews, one a view: the final one first."""
    K = len(step.maps)
    order = [K - 1, *range(K - 1)]
    for k in order:
        _decode(bench, request, _upto(step.maps, k), k, shown)
        last = k == order[-1]
        yield _view(bench, request, step, shown, "done" if last and status == "running" else status)


def _ends_a_line(step: GenerationStep) -> bool:
    """Next-scale: every step. Raster: the last token of every row."""
    width = step.maps.grids[0][1] if step.total != len(step.maps) else 1
    return step.index % width == 0 or step.index == step.total


def _upto(maps: TokenMaps, k: int) -> TokenMaps:
    """Scales after k (from 0) not known."""
    return TokenMaps([ids if n <= k else torch.full_like(ids, -1) for n, ids in enumerate(maps)], maps.meta)


def _decode(bench: Workbench, request: RunRequest, maps: TokenMaps, k: int, shown: _Shown) -> None:
    """The pictures of all rows where `maps` ends; where decoding is slow, of all rows at the end only."""
    began = time.perf_counter()
    if bench.slow and k + 1 < len(maps):
        maps = TokenMaps([ids[:1] for ids in maps], maps.meta)
    pictures = bench.tokenizer.decode(maps)
    images = [data_uri(image) for image in pictures]
    if request.painted_hw is not None and request.given is not None and bool((maps.maps[-1] >= 0).all()):
        before = request.before_3HW
        if before is None:
            before = bench.tokenizer.decode(request.given)[0]
        shown.blends = [blend_view(before, picture, request.painted_hw) for picture in pictures]
    shown.images[k] = images[0]
    if len(images) >= len(shown.row_images):
        shown.row_images = images
    shown.previews.discard(k)
    shown.decode_seconds += time.perf_counter() - began


def _preview(bench: Workbench, step: GenerationStep, shown: _Shown) -> None:
    if bench.preview is None:
        return
    f_hat_BChw = bench.tokenizer.accumulate(step.maps)[-1]
    shown.row_images = [data_uri(image) for image in apply_preview(f_hat_BChw, bench.preview)]
    shown.images[step.scale - 1] = shown.row_images[0]
    shown.previews.add(step.scale - 1)


def _view(bench: Workbench, request: RunRequest, step: GenerationStep, shown: _Shown, status: str) -> dict:
    gen = bench.generator
    H, W = bench.tokenizer.image_hw
    name = (request.label or ANY).replace("_", " ")
    phrase = f", {request.note}" if request.note else ""
    return {
        "run": request.run,
        "status": status,
        "order": order_of(bench),
        "label": request.label or NO_CLASS,
        "seed": request.seeds[0],
        "title": f"{name.capitalize()}, seed {request.seeds[0]}{phrase}",
        "phrase": request.note,
        "note": f"Generated by {gen.name}, {W} × {H} px.",
        "settings": asdict(request.settings),
        "size": [H, W],
        "ratio": f"{W} / {H}",
        "done": step.index,
        "total": step.total,
        "seconds": sum(shown.seconds.values()) + shown.decode_seconds,
        "decode_seconds": shown.decode_seconds,
        "scales": [
            {
                **map_view(bench, step.maps, k),
                "image": shown.images.get(k),
                "preview": k in shown.previews,
                "step": shown.steps.get(k),
                "seconds": shown.seconds.get(k),
                "entropy": shown.entropy[k][0] if k in shown.entropy else None,
                "kept": _flat_mask(request.keep[k]),
                "held": _flat_mask(request.held[k]),
            }
            for k in range(len(step.maps))
        ],
        "blend": shown.blends[0] if shown.blends else None,
        "rows": _rows(request, step, shown) if len(request.seeds) > 1 else [],
    }


def _rows(request: RunRequest, step: GenerationStep, shown: _Shown) -> list[dict]:
    return [
        {
            "seed": seed,
            "ids": [ids[b].flatten().tolist() for ids in step.maps],
            "entropy": [shown.entropy[k][b] if k in shown.entropy else None for k in range(len(step.maps))],
            "image": shown.row_images[b] if b < len(shown.row_images) else None,
            "blend": shown.blends[b] if b < len(shown.blends) else None,
        }
        for b, seed in enumerate(request.seeds)
    ]


def order_of(bench: Workbench) -> str:
    """In which order the page's generator writes, see `explorer.families`."""
    return bench.generator.order


def _flat_bits(nats_hw: Tensor) -> list[float | None]:
    bits = in_bits(nats_hw).flatten().tolist()
    return [None if math.isnan(value) else round(value, 3) for value in bits]


def _flat_mask(mask_hw: Tensor) -> list[int] | None:
    return mask_hw.flatten().int().tolist() if bool(mask_hw.any()) else None
