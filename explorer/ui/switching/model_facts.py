"""What is said about a choice of models before it is opened. Memory (bytes) and times are estimates."""

import math
from collections.abc import Mapping
from typing import Any

from explorer.analysis.footprint import cache_bytes, decoding_bytes, first_picture_work, weight_bytes
from explorer.devices import Device
from explorer.families.schedules import token_count
from explorer.ui.switching.models import Choice, Library
from explorer.ui.workbench import decodes_slowly
from explorer.zoo.outline import Outline

LONGEST = 300  # characters of a card's sentence


def facts(choice: Choice, library: Library, device: Device) -> dict[str, Any]:
    """Plain values: what it is, its sizes, what its card measured."""
    tok, gen = choice.tokenizer, choice.generator
    grids = (gen or tok).found.grids
    return {
        "id": choice.id,
        "group": choice.group,
        "name": library.label(gen or tok),
        "tokenizer": library.label(tok) if gen else None,
        "kind": gen.found.order if gen else "tokenizer",
        "titles": [outline.found.title for outline in (gen, tok) if outline],
        "parameters": {"tokenizer": tok.found.parameters, "generator": gen.found.parameters if gen else None},
        "codes": tok.found.vocab_size,
        "scales": len(grids),
        "tokens": token_count(grids),
        "size": list(image_hw(choice)),
        "bytes": sum(outline.size for outline in (gen, tok) if outline),
        "memory": memory(choice, device),
        "figures": [*_tokenizer_figures(tok), *(_generator_figures(gen) if gen else [])],
        "limits": _text((gen or tok).card.extra.get("limits")),
    }


def image_hw(choice: Choice) -> tuple[int, int]:
    h, w = (choice.generator or choice.tokenizer).found.grids[-1]
    d = choice.tokenizer.found.architecture["downsample"]
    return h * d, w * d


def memory(choice: Choice, device: Device) -> int:
    """Bytes: weights, widest feature maps, and a generator's cache."""
    tok, gen = choice.tokenizer, choice.generator
    channels = tok.found.config.widest_channels
    grids = (gen or tok).found.grids
    total = weight_bytes(tok.shapes, "tokenizer", device)
    total += decoding_bytes(channels, image_hw(choice), len(grids), device)
    if gen:
        total += weight_bytes(gen.shapes, "generator", device)
        total += cache_bytes(gen.found.depth, gen.found.width, token_count(grids), device)
    return total


def work(choice: Choice, device: Device) -> int:
    """Multiply-adds until its page is there: none where pictures would take long, and come afterwards."""
    tok, gen = choice.tokenizer, choice.generator
    grids = (gen or tok).found.grids
    size = image_hw(choice)
    if decodes_slowly(len(grids), size, device):
        return 0
    return first_picture_work(tok.shapes, size, len(grids), token_count(grids), gen and gen.shapes)


def _tokenizer_figures(outline: Outline) -> list[str]:
    held_out = _at(outline.card.extra, "metrics", "held_out")
    psnr, ssim, images = (_number(held_out, key) for key in ("psnr_db", "ssim", "images"))
    if psnr is None:
        return []
    told = f"{psnr:.1f} dB PSNR" + (f", SSIM {ssim:.2f}" if ssim is not None else "")
    return [told + (f" over {images:,.0f} held-out photos" if images else " over held-out photos")]


def _generator_figures(outline: Outline) -> list[str]:
    metrics = _at(outline.card.extra, "metrics")
    told = []
    bits = _number(_at(metrics, "held_out"), "bits_per_token")
    if bits is not None:
        told.append(f"{bits:.2f} bits per held-out token")
    judged = _at(metrics, "evaluation")
    own, real = _number(judged, "accuracy"), _number(judged, "accuracy_held_out")
    if own is not None and real is not None:
        told.append(f"a classifier names {own:.0%} of its samples as asked, {real:.0%} of photos")
    return told


def _at(entries: Mapping, *keys: str) -> Mapping:
    """What a card holds there; cards are written by others, so nothing is taken for granted."""
    for key in keys:
        entries = entries.get(key) if isinstance(entries, Mapping) else None
    return entries if isinstance(entries, Mapping) else {}


def _number(entries: Mapping, key: str) -> float | None:
    value = entries.get(key)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def _text(value: object) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""
