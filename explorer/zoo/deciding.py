"""What names and shapes cannot tell: grids and image size.

The order for grids is the caller's argument, the card, the file name, the published schedules that fit, the
family's default (256 px). Whoever is believed is named, and an argument or card that contradicts the tensors
is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.errors import CheckpointError
from explorer.families import Family
from explorer.families.schedules import Grid, Grids, size_in_name
from explorer.zoo.cards import Card


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


def decide_grids(
    family: Family, numbers: Mapping[str, Any], card: Card, filename: str, wish: Wish
) -> Decision:
    """Grids in the order argument, card, file name, published schedule, default.

    ValueError: the wish does not fit the tensors; CheckpointError: the card does not.
    """
    rule = family.grid_rule
    downsample = _downsample(family, numbers, card)
    decided = _wished(family, numbers, wish, card, downsample) or _from_card(
        family, numbers, card, downsample
    )
    if decided:
        grids, source = decided
        error = ValueError if source.startswith("argument") else CheckpointError
        misfit = rule.misfit(grids, numbers)
        if misfit:
            who = "the grids given" if source.startswith("argument") else "the card's grids"
            raise error(f"{who} {misfit}")
        size = family.image_size(grids, downsample)
        stated = wish.image_size if source.startswith("argument") else card.image_size
        if stated not in (None, size):
            raise error(
                f"image size {_show(stated)} and grids that end in {_show(grids[-1])} contradict each other: "
                f"{downsample} pixels a cell make {_show(size)}"
            )
        return Decision(grids, size, source)

    named = size_in_name(filename)
    guesses = [(rule.for_size((named, named), downsample, numbers), f"file name (_{named})")] if named else []
    for grids, source in (*guesses, rule.default(numbers, downsample)):
        if grids and not rule.misfit(grids, numbers):
            return Decision(grids, family.image_size(grids, downsample), source)
    if wish.fallback and not rule.misfit(wish.fallback, numbers):
        size = family.image_size(wish.fallback, downsample)
        return Decision(wish.fallback, size, "the tokenizer's grids")
    advice = 'pass grids, or write a card beside the file that says {"grids": [[1, 1], [2, 2], ...]}'
    return Decision(None, None, "unknown", f"{rule.unknown(numbers)}; {advice}")


def _downsample(family: Family, numbers: Mapping[str, Any], card: Card) -> int:
    """Pixels a cell: a tokenizer's file shows it; a generator's card, else the family, says it."""
    if "downsample" in numbers:
        return numbers["downsample"]
    stated = card.config.get("downsample")
    if isinstance(stated, int) and stated >= 1:
        return stated
    if card.grids and card.image_size and card.image_size[0] % card.grids[-1][0] == 0:
        return card.image_size[0] // card.grids[-1][0]
    return family.grid_rule.downsample


def _wished(
    family: Family, numbers: Mapping[str, Any], wish: Wish, card: Card, downsample: int
) -> tuple[Grids, str] | None:
    if wish.grids:
        return wish.grids, "argument grids"
    if not wish.image_size:
        return None
    if card.grids and family.image_size(card.grids, downsample) == wish.image_size:
        return card.grids, "argument image_size, with the card's grids"
    grids = family.grid_rule.for_size(wish.image_size, downsample, numbers)
    if grids is None:
        raise ValueError(
            f"image_size {_show(wish.image_size)} does not tell the grids of a model with {downsample} "
            f"pixels a cell: {family.grid_rule.why_not}give grids as well"
        )
    return grids, "argument image_size"


def _from_card(
    family: Family, numbers: Mapping[str, Any], card: Card, downsample: int
) -> tuple[Grids, str] | None:
    if card.grids:
        return card.grids, "card"
    if not card.image_size:
        return None
    grids = family.grid_rule.for_size(card.image_size, downsample, numbers)
    if grids is None:
        raise CheckpointError(
            f"the card's image_size {_show(card.image_size)} does not tell the grids of a model with "
            f"{downsample} pixels a cell; the card must also say them"
        )
    return grids, "card (image_size)"


def _show(pair: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in pair)
