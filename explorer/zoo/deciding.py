"""What names and shapes cannot tell: grids, image size, and the heads of a LlamaGen GPT.

The order for grids is the caller's argument, the card, the file name, the published schedules that fit, the
family's default (256 px). Whoever is believed is named, and an argument or card that contradicts the tensors
is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.errors import CheckpointError
from explorer.zoo.architectures import LLAMAGEN_SIZES
from explorer.zoo.cards import Card
from explorer.zoo.schedules import (
    DEFAULT_IMAGE_SIZE,
    PUBLISHED_DOWNSAMPLE,
    Grid,
    Grids,
    published_for,
    schedule_for_size,
    show_grids,
    size_in_name,
    token_count,
)


@dataclass(frozen=True)
class Wish:
    """What the caller asks for: grids and image size, and grids to fall back on when nothing tells."""

    grids: Grids | None = None
    image_size: Grid | None = None
    fallback: Grids | None = None


@dataclass(frozen=True)
class Decision:
    """The grids, the image size in pixels, who told; or the problem, as the end of a sentence."""

    grids: Grids | None
    image_size: Grid | None
    source: str
    problem: str | None = None


def check_card_config(card: Card, architecture: Mapping[str, Any]) -> None:
    """CheckpointError when the card states another number than the tensors show."""
    for key, stated in card.config.items():
        shown = architecture.get(key)
        stated = tuple(stated) if isinstance(stated, list) else stated
        if shown is not None and stated is not None and stated != shown:
            raise CheckpointError(f"the card says {key} = {stated}, the tensors show {shown}")


def with_heads(family: str, architecture: dict[str, Any], card: Card) -> tuple[dict[str, Any], str | None]:
    """The architecture with num_heads, and what is wrong when it cannot be known."""
    if family != "llamagen":
        return architecture, None
    size = (architecture["depth"], architecture["width"])
    heads = card.config.get("num_heads")
    if heads is None and size in LLAMAGEN_SIZES:
        heads = LLAMAGEN_SIZES[size][1]
    if heads is None:
        return architecture, (
            f"its number of heads cannot be read from the file and depth {size[0]}, width {size[1]} is no "
            'released size; a card beside it must say {"config": {"num_heads": ...}}'
        )
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1 or size[1] % heads:
        raise CheckpointError(
            f"the card says num_heads = {heads!r}, which does not divide the width {size[1]}"
        )
    return architecture | {"num_heads": heads}, None


def decide_grids(
    family: str, architecture: Mapping[str, Any], card: Card, filename: str, wish: Wish
) -> Decision:
    """Grids in the order argument, card, file name, published schedule, default.

    ValueError: the wish does not fit the tensors; CheckpointError: the card does not.
    """
    multi_scale = family in ("var", "var-tokenizer")
    downsample = _downsample(architecture, card)
    decided = _wished(wish, card, downsample, multi_scale) or _from_card(card, downsample, multi_scale)
    if decided:
        grids, source = decided
        error = ValueError if source.startswith("argument") else CheckpointError
        who = "the grids given" if source.startswith("argument") else "the card's grids"
        _check_fit(grids, architecture, multi_scale, who, error)
        size = (grids[-1][0] * downsample, grids[-1][1] * downsample)
        stated = wish.image_size if source.startswith("argument") else card.image_size
        if stated not in (None, size):
            raise error(
                f"image size {_show(stated)} and grids that end in {_show(grids[-1])} contradict each other: "
                f"{downsample} pixels a cell make {_show(size)}"
            )
        return Decision(grids, size, source)

    for grids, source in _guesses(architecture, filename, downsample, multi_scale):
        if grids and _fits(grids, architecture):
            return Decision(grids, (grids[-1][0] * downsample, grids[-1][1] * downsample), source)
    if wish.fallback and _fits(wish.fallback, architecture):
        last = wish.fallback[-1]
        return Decision(wish.fallback, (last[0] * downsample, last[1] * downsample), "the tokenizer's grids")
    return Decision(None, None, "unknown", _unknown_grids(architecture))


def _downsample(architecture: Mapping[str, Any], card: Card) -> int:
    """Pixels a cell: from a tokenizer's levels; for a generator from its card, else the published 16."""
    if "downsample" in architecture:
        return architecture["downsample"]
    stated = card.config.get("downsample")
    if isinstance(stated, int) and stated >= 1:
        return stated
    if card.grids and card.image_size and card.image_size[0] % card.grids[-1][0] == 0:
        return card.image_size[0] // card.grids[-1][0]
    return PUBLISHED_DOWNSAMPLE


def _wished(wish: Wish, card: Card, downsample: int, multi_scale: bool) -> tuple[Grids, str] | None:
    if wish.grids:
        return wish.grids, "argument grids"
    if not wish.image_size:
        return None
    finest = tuple(side // downsample for side in wish.image_size)
    if card.grids and card.grids[-1] == finest and wish.image_size == tuple(s * downsample for s in finest):
        return card.grids, "argument image_size, with the card's grids"
    grids = schedule_for_size(wish.image_size, downsample, multi_scale)
    if grids is None:
        raise ValueError(
            f"image_size {_show(wish.image_size)} does not tell the grids of a model with {downsample} "
            "pixels a cell: "
            + (
                "only 256 and 512 px have published schedules at 16; "
                if multi_scale
                else "it must be a multiple; "
            )
            + "give grids as well"
        )
    return grids, "argument image_size"


def _from_card(card: Card, downsample: int, multi_scale: bool) -> tuple[Grids, str] | None:
    if card.grids:
        return card.grids, "card"
    if not card.image_size:
        return None
    grids = schedule_for_size(card.image_size, downsample, multi_scale)
    if grids is None:
        raise CheckpointError(
            f"the card's image_size {_show(card.image_size)} does not tell the grids of a model with "
            f"{downsample} pixels a cell; the card must also say them"
        )
    return grids, "card (image_size)"


def _guesses(architecture: Mapping[str, Any], filename: str, downsample: int, multi_scale: bool):
    """(grids or None, source) in the order of trust, for a model of which nobody stated the grids."""
    named = size_in_name(filename)
    if named:
        grids = schedule_for_size((named, named), downsample, multi_scale)
        yield grids, f"file name (_{named})"
    if "tokens" in architecture:
        tokens, scales = architecture["tokens"], architecture["scales"]
        yield published_for(tokens, scales), f"published schedule with {tokens} tokens in {scales} scales"
    else:
        size = (DEFAULT_IMAGE_SIZE, DEFAULT_IMAGE_SIZE)
        yield (
            schedule_for_size(size, downsample, multi_scale),
            f"default of the family ({DEFAULT_IMAGE_SIZE} px)",
        )


def _fits(grids: Grids, architecture: Mapping[str, Any]) -> bool:
    """Whether a VAR transformer's position tables are for these grids (other families fit any)."""
    if "tokens" not in architecture:
        return True
    counts = (token_count(grids), len(grids), grids[0][0] * grids[0][1])
    return counts == (architecture["tokens"], architecture["scales"], architecture["first_tokens"])


def _check_fit(
    grids: Grids, architecture: Mapping[str, Any], multi_scale: bool, who: str, error: type[Exception]
) -> None:
    if not multi_scale and len(grids) != 1:
        raise error(f"{who} have {len(grids)} scales; a LlamaGen model has 1")
    if not _fits(grids, architecture):
        told = "{} tokens in {} scales, {} in the first"
        given = told.format(token_count(grids), len(grids), grids[0][0] * grids[0][1])
        tables = told.format(*(architecture[key] for key in ("tokens", "scales", "first_tokens")))
        raise error(f"{who} ({show_grids(grids)}) make {given}; the file has {tables}")


def _unknown_grids(architecture: Mapping[str, Any]) -> str:
    if "tokens" in architecture:
        told = f"{architecture['tokens']} tokens in {architecture['scales']} scales fit no published schedule"
    else:
        told = f"no schedule was published for {architecture['downsample']} pixels a cell"
    return f'{told}; pass grids, or write a card beside the file that says {{"grids": [[1, 1], [2, 2], ...]}}'


def _show(pair: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in pair)
