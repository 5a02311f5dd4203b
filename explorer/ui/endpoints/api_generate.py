"""Endpoints for programs that draw, complete and score pictures (docs/API.md); the others are in api.py.

The same models as on the page, in either order; calls keep no state. Scales count from 1, rows and columns
from 0. Whatever a caller does wrong comes back as one sentence.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Literal

import gradio as gr
import torch
from torch import Tensor

from explorer.analysis.information import in_bits, surprise
from explorer.generators import GenerationStep, Generator, box_mask
from explorer.token_maps import keep_masks
from explorer.ui.compare.pairs import NEXT_SCALE, RASTER, Pair
from explorer.ui.endpoints.api_values import CALLS, as_json, maps_sent, one_of, png_file, sentences, whole
from explorer.ui.generate.run_request import MAX_GUIDANCE, MAX_SEED, MAX_TEMPERATURE, Settings
from explorer.ui.workbench import Workbench

Order = Literal["next-scale", "raster"]
Side = Literal["top", "bottom", "left", "right"]
SIDES = {
    "top": (0.0, 0.0, 0.5, 1.0),
    "bottom": (0.5, 0.0, 1.0, 1.0),
    "left": (0.0, 0.0, 1.0, 0.5),
    "right": (0.0, 0.5, 1.0, 1.0),
}
MAX_LABELS = 100  # scored in one call
NO_CLASS = "none"
ENDPOINTS = ("generate", "complete", "score")


def add_endpoints(bench: Workbench) -> None:
    """Adds the endpoints to the page that is being built (inside its `with gr.Blocks()`)."""
    endpoints = GenerateEndpoints(bench)
    for name in ENDPOINTS:
        gr.api(getattr(endpoints, name), api_name=name, concurrency_limit=CALLS, concurrency_id="api")


class GenerateEndpoints:
    """The calls, by name. Models take the device's lock themselves, for one forward pass at a time."""

    def __init__(self, bench: Workbench):
        self.bench = bench

    def generate(
        self,
        label: str,
        seed: int = 0,
        guidance: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        temperature: float | None = None,
        order: Order = "next-scale",
    ) -> Iterator[tuple[dict, gr.FileData | None]]:
        """
        Draws a picture of a class, and gives an answer after every step of the model.

        A next-scale model takes one step per scale, a raster model one per token. Each answer is complete in
        itself: step of total, scale, maps with -1 where nothing is drawn yet, seconds of this step (without
        decoding), and entropy, the mean and largest uncertainty of the tokens of this step in bits. The last
        answer comes with the picture. The same seed and settings give the same picture as on the page.

        Parameters:
            label: a class by name or number, or "none" for no class
            seed: a whole number from 0; the same seed draws the same picture
            guidance: how strongly the class is preferred, in the model's own meaning; default: the model's
            top_k: draw from the k likeliest codes only, 0 = off; default: the model's
            top_p: draw from the likeliest codes that sum to this probability, 1 = off; default: the model's
            temperature: above 1 bolder, below 1 safer, 0 = always the likeliest; default: the model's
            order: which of the loaded models draws, "next-scale" or "raster"

        Returns:
            An object with step, total, scale, seconds, entropy, maps, meta, label, seed and settings.
            A PNG file with the last step, nothing before.
        """
        with sentences():
            pair = self._pair(order)
            gen = pair.generator
            settings = _settings(gen, guidance, top_k, top_p, temperature)
            steps = gen.generate(_label(gen, label), seed=_seed(seed), **asdict(settings))
            told = {"label": _named(label), "seed": seed, "settings": asdict(settings), "order": pair.order}
            for step in steps:
                picture = png_file(gen.tokenizer.decode(step.maps)) if step.index == step.total else None
                yield {**_step(gen, step), **told}, picture

    def complete(
        self,
        maps: dict,
        label: str,
        keep: Side = "top",
        mask: list[list[int]] | None = None,
        box: list[float] | None = None,
        seed: int = 0,
        guidance: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        temperature: float | None = None,
        order: Order = "next-scale",
    ) -> tuple[dict, gr.FileData]:
        """
        Keeps a part of a picture and draws the rest again: in- and out-painting, half pictures.

        Kept tokens are kept exactly. A part is given on the finest grid and brought to every scale as VAR's
        zero-shot editing does it: a token stays when more than half of it is kept, and a scale of up to three
        tokens stays whole. A raster model meets kept tokens in its order, row by row: it cannot look ahead at
        those that come later.

        Parameters:
            maps: what inspect, edit or generate gave, or {"maps": [...]}, of a tokenizer of this order
            label: a class by name or number, or "none" for no class
            keep: the half that is kept, "top", "bottom", "left" or "right", where no mask or box is given
            mask: rows of 0 and 1 on the finest grid, 1 = kept; goes before keep
            box: [top, left, bottom, right] in fractions of the picture, kept inside; goes before keep
            seed: a whole number from 0
            guidance: as for generate
            top_k: as for generate
            top_p: as for generate
            temperature: as for generate
            order: which of the loaded models draws, "next-scale" or "raster"

        Returns:
            An object with maps, meta, kept (the mask of every scale), and kept_tokens of tokens.
            A PNG file of the completed picture.
        """
        with sentences():
            gen = self._pair(order).generator
            given = maps_sent(gen.tokenizer, maps)
            kept = keep_masks(_finest_mask(gen, keep, mask, box), gen.grids, 1)
            settings = _settings(gen, guidance, top_k, top_p, temperature)
            *_, step = gen.generate(
                _label(gen, label), seed=_seed(seed), **asdict(settings), given=given, keep=kept
            )
            answer = {
                **as_json(gen.tokenizer, step.maps),
                "kept": [one[0].int().tolist() for one in kept],
                "kept_tokens": sum(int(one.sum()) for one in kept),
                "tokens": given.tokens_per_image,
            }
            return answer, png_file(gen.tokenizer.decode(step.maps))

    def score(self, maps: dict, labels: list[str] | None = None, order: Order = "next-scale") -> dict:
        """
        How many bits the model needs for the tokens of a picture when told a class: fewer bits, likelier.

        Without guidance. Bits are minus the base-2 logarithm of the probability that the model gives the
        true token; those of a picture are the sum over its tokens. even_guess is what a guess among all codes
        needs.

        Parameters:
            maps: what inspect, edit or generate gave, or {"maps": [...]}; all tokens have to be known
            labels: up to 100 classes by name or number, "none" for no class; default: all, if not more
            order: which of the loaded models is asked, "next-scale" or "raster"

        Returns:
            An object with labels (each: bits, bits_per_token, scales), likeliest, tokens and even_guess.
        """
        with sentences():
            gen = self._pair(order).generator
            known = maps_sent(gen.tokenizer, maps)
            if min(int(ids.min()) for ids in known) < 0:
                raise ValueError("All tokens have to be known to be scored; these maps hold -1")
            asked = _labels(gen, labels)
            bits_KBhw = surprise(gen.score(known, [_label(gen, label) for label in asked]))
            scored = [_score(gen, label, [bits[b] for bits in bits_KBhw]) for b, label in enumerate(asked)]
            return {
                "labels": scored,
                "likeliest": min(scored, key=lambda one: one["bits"])["label"],
                "tokens": known.tokens_per_image,
                "even_guess": round(known.tokens_per_image * math.log2(gen.vocab_size), 2),
                "generator": gen.name,
            }

    def _pair(self, order: object) -> Pair:
        order = one_of(order, (NEXT_SCALE, RASTER), "order")
        if order not in self.bench.pairs:
            raise ValueError(f"No {order} generator is loaded; start the page with one")
        return self.bench.pairs[order]


def _label(gen: Generator, label: object) -> int | str | None:
    """As `Generator.generate` takes it; the name decides where a class is called like a number."""
    if not isinstance(label, str) and (isinstance(label, bool) or not isinstance(label, int)):
        raise ValueError(f"`label` is a class by name or number, or {NO_CLASS}, not {str(label)[:40]!r}")
    if label == NO_CLASS and NO_CLASS not in gen.classes:
        return None
    if isinstance(label, str) and label not in gen.classes and label.isdecimal():
        return int(label)
    return label[:80] if isinstance(label, str) else label


def _named(label: object) -> str:
    return str(label)[:80]


def _labels(gen: Generator, labels: object) -> Sequence:
    if labels is None:
        labels = [*gen.classes, *([] if gen.null_class is None else [NO_CLASS])]
        if len(labels) > MAX_LABELS:
            raise ValueError(f"{gen.name} has {len(gen.classes)} classes; name up to {MAX_LABELS} of them")
    if not isinstance(labels, list) or not 0 < len(labels) <= MAX_LABELS:
        raise ValueError(f"`labels` lists 1 to {MAX_LABELS} classes")
    return labels


def _seed(seed: object) -> int:
    return whole(seed, "`seed`", 0, MAX_SEED)


def _settings(
    gen: Generator, guidance: object, top_k: object, top_p: object, temperature: object
) -> Settings:
    """What was asked, else the card's, within the page's limits."""
    default = gen.sampling

    def number(value: object, name: str, high: float) -> float:
        value = default[name] if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
            raise ValueError(f"`{name}` is a number from 0 to {high:g}, not {str(value)[:40]!r}")
        return float(value)

    return Settings(
        guidance=number(guidance, "guidance", MAX_GUIDANCE),
        top_k=min(default["top_k"], gen.vocab_size)
        if top_k is None
        else whole(top_k, "`top_k`", 0, gen.vocab_size),
        top_p=number(top_p, "top_p", 1),
        temperature=number(temperature, "temperature", MAX_TEMPERATURE),
    )


def _step(gen: Generator, step: GenerationStep) -> dict:
    bits = in_bits(step.entropy).flatten()
    if len(gen.grids) == 1:
        bits = bits[step.index - 1 : step.index]  # a raster model decides one token a step
    return {
        "step": step.index,
        "total": step.total,
        "scale": step.scale,
        "seconds": round(step.seconds, 5),
        "entropy": {"mean_bits": round(float(bits.mean()), 3), "largest_bits": round(float(bits.max()), 3)},
        "maps": [ids.tolist() for ids in step.maps],
        "meta": step.maps.meta,
    }


def _finest_mask(gen: Generator, keep: object, mask: object, box: object) -> Tensor:
    """The kept cells (h,w) of the finest grid."""
    grid = h, w = gen.grids[-1]
    if mask is not None and box is not None:
        raise ValueError("Give a mask or a box, not both")
    if mask is not None:
        fits = isinstance(mask, list) and len(mask) == h
        fits = fits and all(isinstance(row, list) and len(row) == w for row in mask)
        if not fits or any(type(one) not in (int, bool) or one not in (0, 1) for row in mask for one in row):
            raise ValueError(f"`mask` has {h} rows of {w} zeros and ones")
        return torch.tensor(mask, dtype=torch.bool)
    if box is None:
        return box_mask(SIDES[one_of(keep, tuple(SIDES), "keep")], grid)
    if not isinstance(box, list) or len(box) != 4 or not all(type(one) in (int, float) for one in box):
        raise ValueError("`box` is [top, left, bottom, right] in fractions from 0 to 1")
    return box_mask(tuple(box), grid)


def _score(gen: Generator, label: object, bits_Khw: list[Tensor]) -> dict:
    scales = [float(bits.sum()) for bits in bits_Khw]
    tokens = sum(bits.numel() for bits in bits_Khw)
    return {
        "label": label,
        "bits": round(sum(scales), 3),
        "bits_per_token": round(sum(scales) / tokens, 4),
        "scales": [
            {"scale": k, "grid": list(grid), "bits": round(bits, 3)}
            for k, (grid, bits) in enumerate(zip(gen.grids, scales, strict=True), start=1)
        ],
    }
