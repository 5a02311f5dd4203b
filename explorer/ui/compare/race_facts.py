"""What makes a race fair or not, as the plain values that the page shows: from the models and their cards.

What a card does not say is None; the page then says "not stated".
"""

from collections.abc import Mapping

from explorer.analysis.cost import CONVENTION, generation_flops, teacher_forced_flops, training_flops
from explorer.devices import hardware_name
from explorer.ui.compare.comparing import absent, common_classes
from explorer.ui.compare.pairs import NEXT_SCALE, RASTER, Pair
from explorer.ui.workbench import Workbench

ABOUT_THE_SAME_DB = 0.5  # differences of PSNR below this are called "about the same"
ABOUT_THE_SAME_WORK = 1.1  # and ratios of training work
NAMES = {NEXT_SCALE: "Next-scale", RASTER: "Raster"}
# Each family's own meaning of the number, as its authors defined it.
GUIDANCE = {
    NEXT_SCALE: {
        "off": 0.0,
        "rule": "(1 + t) × with class − t × without; t rises from 0 to this value over the scales. 0 is off.",
    },
    RASTER: {
        "off": 1.0,
        "rule": "without + s × (with class − without), s being this value for every token. 1 is off.",
    },
}
ANOTHER_CLASS_SET = (
    "The two models share no class, so both cannot be asked for the same one. Start the page with two "
    "generators of one set."
)


def introduction(bench: Workbench) -> dict:
    """What the page knows before a race: both models' facts, or why there can be none."""
    problem = why_not(bench)
    if problem:
        return {"problem": problem}
    lanes = [lane_facts(pair) for pair in bench.pairs.values()]
    return {
        "problem": None,
        "classes": common_classes(bench),
        "lanes": lanes,
        "notes": fairness(lanes),
        "convention": CONVENTION,
        "hardware": hardware_name(bench.tokenizer.device.torch_device),
        "quick": not bench.slow,
    }


def why_not(bench: Workbench) -> str | None:
    """Why no race is possible, and what to do; None when one is."""
    missing = absent(bench)
    if missing:
        return " ".join(one["why"] for one in missing)
    return None if common_classes(bench) else ANOTHER_CLASS_SET


def lane_facts(pair: Pair) -> dict:
    gen, tok = pair.generator, pair.tokenizer
    held_out = _entry(tok.about, "metrics", "held_out")
    h, w = gen.grids[-1]
    return {
        "order": pair.order,
        "title": NAMES[pair.order],
        "name": gen.name,
        "tokenizer": tok.name,
        "parameters": gen.parameters,
        "steps": gen.steps,
        "tokens": sum(a * b for a, b in gen.grids),
        "grids": [list(grid) for grid in gen.grids],
        "cells": [h, w],
        "codes": gen.vocab_size,
        "size": list(tok.image_hw),
        "device": str(gen.device),
        "sampling": dict(gen.sampling),
        "guidance": GUIDANCE[pair.order],
        "forward": teacher_forced_flops(gen.config),
        "trained": trained(pair),
        "psnr": held_out.get("psnr_db"),
        "psnr_images": held_out.get("images"),
    }


def trained(pair: Pair) -> dict:
    """Pictures and work of the training. counted: "card", or "here" where only pictures are on the card."""
    about = pair.generator.about
    training, data = _entry(about, "training"), _entry(about, "data")
    images = training.get("images_seen_in_all", training.get("images_seen"))
    flops, counted = training.get("flops_counted_in_all"), "card"
    if flops is None and "images_seen_in_all" not in training:
        flops = training.get("flops_counted")
    if flops is None and images is not None:
        flops, counted = training_flops(pair.generator.config, round(images)), "here"
    return {
        "photos": data.get("photos_trained_on"),
        "about": data.get("about"),
        "images": images,
        "flops": flops,
        "counted": counted if flops is not None else None,
    }


def is_guided(order: str, guidance: float) -> bool:
    """Whether every step runs twice, with the class and without."""
    return guidance != 0 if order == NEXT_SCALE else guidance > 1


def work(pair: Pair, guidance: float) -> list[int]:
    """Counted FLOPs after each step of one picture."""
    total, sums = 0, []
    for flops in generation_flops(pair.generator.config, is_guided(pair.order, guidance)).steps:
        total += flops
        sums.append(total)
    return sums


def fairness(lanes: list[dict]) -> list[str]:
    """Sentences about what is equal and what is not; everything in them is read or computed."""
    first, second = lanes
    return [
        _photos(first, second),
        _training(first, second),
        _sizes(first, second),
        _tokenizers(first, second),
    ]


def _photos(first: dict, second: dict) -> str:
    a, b = first["trained"], second["trained"]
    if a["photos"] is None or b["photos"] is None:
        return "The cards do not state for both models which photos they were trained on."
    if (a["photos"], a["about"]) == (b["photos"], b["about"]):
        return f"Both learned from the same {a['photos']:,} photos."
    return (
        f"They learned from different photos: {first['name']} from {a['photos']:,}, {second['name']} from "
        f"{b['photos']:,}. Pictures cannot be compared fairly, times can."
    )


def _training(first: dict, second: dict) -> str:
    a, b = first["trained"]["flops"], second["trained"]["flops"]
    if not a or not b:
        return "The cards do not state how much work went into training for both models."
    more, less = (first, second) if a >= b else (second, first)
    ratio = max(a, b) / min(a, b)
    if ratio < ABOUT_THE_SAME_WORK:
        return "About the same counted work went into training both."
    return (
        f"{more['name']} had {ratio:.1f} times the training work of {less['name']}: compare their times, and "
        "their pictures with care."
    )


def _sizes(first: dict, second: dict) -> str:
    larger, smaller = sorted((first, second), key=lambda lane: lane["parameters"], reverse=True)
    percent = 100 * (larger["parameters"] / smaller["parameters"] - 1)
    if percent < 10:
        return f"Their numbers of parameters differ by {percent:.0f} %."
    return (
        f"{larger['name']} has {percent:.0f} % more parameters than {smaller['name']}: its steps cost more."
    )


def _tokenizers(first: dict, second: dict) -> str:
    """Honest about codes: more tokens do not always make a better picture."""
    if first["psnr"] is None or second["psnr"] is None:
        return "The cards do not state how well both tokenizers reproduce photos."
    few, many = sorted((first, second), key=lambda lane: lane["tokens"])
    gain = few["psnr"] - many["psnr"]
    if abs(gain) < ABOUT_THE_SAME_DB:
        verdict = f"about the same PSNR with fewer tokens ({few['psnr']:.1f} against {many['psnr']:.1f} dB)"
    else:
        word = "more" if gain > 0 else "less"
        verdict = f"{abs(gain):.1f} dB {word} PSNR ({few['psnr']:.1f} against {many['psnr']:.1f} dB)"
    return (
        f"{few['tokenizer']} writes a photo with {few['tokens']} tokens, {many['tokenizer']} with "
        f"{many['tokens']}; on held-out photos the first reaches {verdict}."
    )


def _entry(about: Mapping, *keys: str) -> Mapping:
    """A nested entry of a card; empty where there is none, whatever else may stand there."""
    for key in keys:
        about = about.get(key) if isinstance(about, Mapping) else None
    return about if isinstance(about, Mapping) else {}
