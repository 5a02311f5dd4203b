"""Endpoints for programs: what Inspect, Edit and Codebook do, without a page or a session (docs/API.md).
Those that draw pictures are in api_generate.py.

Scales count from 1, rows and columns from 0, as in nested lists. Whatever a caller does wrong comes back as
one sentence. Clients show the types and docstrings of `Endpoints` as their documentation; Gradio reads one
line per parameter.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypedDict

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image
from torch import Tensor

from explorer.analysis.fidelity import SSIM_WINDOW, psnr, ssim
from explorer.analysis.residuals import unexplained_share
from explorer.analysis.usage import Usage, usage, usage_by_scale
from explorer.jobs.zip_usage import ZipCount, count_zip
from explorer.token_maps import TokenMaps, check_something_known
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import MODES, notice, open_image
from explorer.ui.actions import MAX_PIXELS, UPLOAD_MB
from explorer.ui.endpoints import api_compare, api_generate
from explorer.ui.endpoints.api_values import CALLS, as_json, maps_sent, one_of, png_file, sentences, whole
from explorer.ui.session import POLICIES
from explorer.ui.workbench import Workbench

COUNTS = 1  # zips counted at once, beside those of the page
SKIPPED_SHOWN = 20
DEFINITION = "distinct = codes that occur at least once among the counted tokens"

Fit = Literal["crop", "letterbox", "reference"]
Policy = Literal["keep", "requantise"]


class Change(TypedDict):
    """One token of a scale gets another code."""

    row: int
    column: int
    code: int


def add_endpoints(bench: Workbench) -> None:
    """Adds the endpoints to the page that is being built (inside its `with gr.Blocks()`)."""
    endpoints = Endpoints(bench)
    for call in (endpoints.inspect, endpoints.decode, endpoints.edit):
        gr.api(call, api_name=call.__name__, concurrency_limit=CALLS, concurrency_id="api")
    gr.api(endpoints.usage, api_name="usage", concurrency_limit=COUNTS)
    api_generate.add_endpoints(bench)
    api_compare.add_endpoints(bench)


class Endpoints:
    """The calls, by name. Models take the device's lock themselves, for one forward pass at a time."""

    def __init__(self, bench: Workbench):
        self.bench = bench

    def inspect(self, image: gr.FileData, fit: Fit = "crop") -> dict:
        """
        Turns a picture into tokens: one map of integers per scale, coarse to fine, with what each scale adds.

        The answer can be sent to decode and edit as it is. It holds maps, the tokens as
        maps[scale - 1][0][row][column]; meta, which names the tokenizer, the sha256 of its weights, grids,
        vocab_size and image_size; and scales: for each one its grid, tokens, bits, PSNR and SSIM of the
        picture after it (against the fitted one), the share of the feature's energy that is still
        unexplained, and the distance of every cell's feature to its code (the logit margin where the
        tokenizer chooses by logits).

        Parameters:
            image: a picture file (PNG, JPEG, WebP, GIF, ...) of up to 20 MB and 16 megapixels
            fit: "crop" (centred), "letterbox" (all of it, grey margin) or "reference" (as in training)

        Returns:
            An object with maps, meta, size, fit, scales, tokens, bits and bits_per_pixel; notice where the
            numbers of the file are odd (twelve bits stored in sixteen, values out of range).
        """
        with sentences():
            tok = self.bench.tokenizer
            fit = one_of(fit, MODES, "fit")
            picture = _picture(*_upload(image, "a picture"))
            fitted = tok.fit(picture, fit)
            maps = tok.encode(fitted)
            scales = _scales(tok, fitted, maps)
            bits, (H, W) = sum(scale["bits"] for scale in scales), tok.image_hw
            return {
                **as_json(tok, maps),
                "size": list(picture.size),
                "fit": fit,
                "scales": scales,
                "tokens": maps.tokens_per_image,
                "bits": round(bits, 2),
                "bits_per_pixel": round(bits / (H * W), 4),
            } | ({"notice": notice(picture)} if notice(picture) else {})

    def decode(self, maps: dict, upto: int | None = None) -> gr.FileData:
        """
        Turns token maps back into a picture.

        Parameters:
            maps: what inspect or edit gave, or {"maps": [...]}, one map per scale; -1 is an unknown token
            upto: use scales 1 to this one only; without it all that are known

        Returns:
            A PNG file of the model's size.
        """
        with sentences():
            tok = self.bench.tokenizer
            known = maps_sent(tok, maps)
            check_something_known(known, "`maps`")
            if upto is None:
                return png_file(tok.decode(known))
            scale = whole(upto, "`upto`", 1, len(known))
            return png_file(tok.decode_progressive(known, [scale])[0])

    def edit(
        self, maps: dict, scale: int, changes: list[Change], policy: Policy = "keep"
    ) -> tuple[dict, gr.FileData]:
        """
        Puts other codes at tokens of one scale, and shows the new picture.

        Finer scales keep their tokens, or are quantised again: then they are chosen so that the picture comes
        back as close to the one before as they can bring it.

        Parameters:
            maps: what inspect or edit gave, or {"maps": [...]}, one map per scale
            scale: the scale to change, from 1 (coarsest)
            changes: one {"row": 0, "column": 2, "code": 7} per token; rows and columns count from 0
            policy: what finer scales do: "keep" or "requantise"

        Returns:
            An object with maps, meta, and changed: how many tokens differ at each scale.
            A PNG file of the new picture.
        """
        with sentences():
            tok = self.bench.tokenizer
            before = maps_sent(tok, maps)
            scale = whole(scale, "`scale`", 1, len(before))
            policy = one_of(policy, POLICIES, "policy")
            edited = before.with_map(scale, _changed(tok, before[scale - 1], changes))
            if policy == "requantise":
                edited = tok.requantise(before, edited, scale)
            counts = [int((a != b).sum()) for a, b in zip(before, edited, strict=True)]
            return {**as_json(tok, edited), "changed": counts}, png_file(tok.decode(edited))

    def usage(self, archive: gr.FileData, fit: Fit = "crop") -> Iterator[dict]:
        """
        Counts which codes the pictures of a zip use at each scale.

        Gives an object after every few pictures; its numbers grow, and the last one is complete: done of
        total files, how many pictures were counted, which files were skipped and why; for each scale and over
        all of them tokens, distinct codes and perplexity.

        Parameters:
            archive: a zip of up to 256 MB and 20,000 pictures, unpacked 2 GB and 4,000 megapixels
            fit: how each picture is brought to the model's size, as for inspect

        Returns:
            Objects with done, total, pictures, skipped, skipped_files, meta, definition, scales, all_scales.
        """
        with sentences():
            tok = self.bench.tokenizer
            fit = one_of(fit, MODES, "fit")
            path, name = _upload(archive, "a zip")
            try:
                for count in count_zip(tok, path, fit=fit):
                    yield _usage(tok, count)
            except ValueError as error:
                raise ValueError(f"{name} cannot be counted. {error}") from error


def _upload(file: object, what: str) -> tuple[Path, str]:
    """Where an uploaded file lies, and its name for sentences. Only Gradio's own folder is read."""
    given = file if isinstance(file, dict) else {}
    folder = Path(get_upload_folder()).resolve()
    try:
        path = Path(str(given.get("path", ""))).resolve()
        arrived = path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError):  # names that no file can have
        arrived = False
    if not arrived:
        raise ValueError(
            f"Send {what} as a file: with gradio_client `handle_file(path)`, else upload it first"
        )
    return path, f"“{Path(str(given.get('orig_name') or path.name)[:120]).name}”"


def _picture(path: Path, name: str) -> Image.Image:
    size = path.stat().st_size / (1 << 20)
    if size > UPLOAD_MB:
        raise ValueError(f"{name} has {size:.1f} MB; at most {UPLOAD_MB} MB are accepted")
    try:
        return open_image(path.read_bytes(), MAX_PIXELS)
    except ValueError as error:
        raise ValueError(str(error).replace("this file", name, 1)) from error


def _changed(tok: Tokenizer, ids_1hw: Tensor, changes: object) -> Tensor:
    """A copy of one scale's map with the changes made, in their order."""
    _, h, w = ids_1hw.shape
    if not isinstance(changes, list) or not 0 < len(changes) <= h * w:
        raise ValueError(f"`changes` lists 1 to {h * w} tokens of this scale, each with row, column and code")
    ids_1hw = ids_1hw.clone()
    for number, change in enumerate(changes, start=1):
        if not isinstance(change, dict):
            raise ValueError(f"Change {number} is no object with row, column and code")
        row = whole(change.get("row"), f"the row of change {number}", 0, h - 1)
        column = whole(change.get("column"), f"the column of change {number}", 0, w - 1)
        ids_1hw[0, row, column] = whole(
            change.get("code"), f"the code of change {number}", 0, tok.vocab_size - 1
        )
    return ids_1hw


def _scales(tok: Tokenizer, fitted_1CHW: Tensor, maps: TokenMaps) -> list[dict]:
    """What inspect says about each scale."""
    pictures = tok.decode_progressive(maps)[:, 0]
    inputs = fitted_1CHW.expand_as(pictures)
    psnr_K = psnr(pictures, inputs).tolist()
    ssim_K = ssim(pictures, inputs).tolist() if min(tok.image_hw) >= SSIM_WINDOW else [None] * len(maps)
    trace = tok.trace(fitted_1CHW, n=1)
    left = unexplained_share(trace)[1:, 0].tolist()
    return [
        {
            "scale": k + 1,
            "grid": [h, w],
            "tokens": h * w,
            "bits": round(h * w * math.log2(tok.vocab_size), 2),
            "psnr_db": _number(psnr_K[k]),
            "ssim": _number(ssim_K[k]),
            "unexplained": _number(left[k]),
            "distance": [[_number(cell) for cell in row] for row in trace[k].distance[0].tolist()],
        }
        for k, (h, w) in enumerate(maps.grids)
    ]


def _usage(tok: Tokenizer, count: ZipCount) -> dict:
    shown = [{"name": name, "why": why} for name, why in count.skipped[:SKIPPED_SHOWN]]
    return {
        "done": count.done,
        "total": count.total,
        "pictures": count.pictures,
        "skipped": len(count.skipped),
        "skipped_files": shown,
        "meta": tok.meta,
        "definition": DEFINITION,
        "scales": [
            {"scale": k, "grid": list(grid), **_usage_numbers(scale)}
            for k, (grid, scale) in enumerate(
                zip(tok.grids, usage_by_scale(count.counts_KV), strict=True), start=1
            )
        ],
        "all_scales": _usage_numbers(usage(count.counts_KV.sum(0))),
    }


def _usage_numbers(found: Usage) -> dict:
    return {"tokens": found.tokens, "distinct": found.distinct, "perplexity": round(found.perplexity, 1)}


def _number(value: float | None) -> float | None:
    """Rounded; None for what JSON cannot hold (equal pictures have an infinite PSNR)."""
    return round(value, 4) if value is not None and math.isfinite(value) else None
