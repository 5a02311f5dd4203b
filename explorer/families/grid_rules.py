"""Which grids a family's token maps can have, and what an image size alone says about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from explorer.families.schedules import Grid, Grids

Numbers = Mapping[str, Any]
DEFAULT_IMAGE_SIZE = 256


@dataclass(frozen=True)
class GridRule:
    """for_size: (image size, pixels a cell, numbers) to the grids that the size implies, or None.

    misfit: (grids, numbers) to what is wrong, a text that follows "the grids given" or "the card's grids";
    None = they fit. default: (numbers, pixels a cell) to grids, or None, and the words that say why these.
    unknown: numbers to the sentence's start when nobody told the grids. why_not: why a size implies none.
    downsample: pixels a cell of a generator, whose file does not show it.
    """

    for_size: Callable[[Grid, int, Numbers], Grids | None]
    misfit: Callable[[Grids, Numbers], str | None]
    default: Callable[[Numbers, int], tuple[Grids | None, str]]
    unknown: Callable[[Numbers], str]
    why_not: str
    downsample: int = 16


def one_map(maker: str, default_size: int = DEFAULT_IMAGE_SIZE) -> GridRule:
    """One token per cell of an image: any size that is a multiple of the cell."""
    return equal_maps(lambda numbers: 1, maker, default_size)


def equal_maps(
    depth: Callable[[Numbers], int], maker: str, default_size: int = DEFAULT_IMAGE_SIZE
) -> GridRule:
    """The same grid `depth` times (residual depth); once for `one_map`."""

    def for_size(size: Grid, downsample: int, numbers: Numbers) -> Grids | None:
        if size[0] % downsample or size[1] % downsample:
            return None
        return ((size[0] // downsample, size[1] // downsample),) * depth(numbers)

    def misfit(grids: Grids, numbers: Numbers) -> str | None:
        if len(grids) != depth(numbers):
            return f"have {len(grids)} scales; a {maker} model has {depth(numbers)}"
        return None if len(set(grids)) == 1 else "differ from each other; this model's maps are all alike"

    def default(numbers: Numbers, downsample: int) -> tuple[Grids | None, str]:
        grids = for_size((default_size, default_size), downsample, numbers)
        return grids, f"default of the family ({default_size} px)"

    return GridRule(
        for_size,
        misfit,
        default,
        unknown=lambda numbers: f"{default_size} px is no multiple of {numbers['downsample']} pixels a cell",
        why_not="it must be a multiple; ",
    )
