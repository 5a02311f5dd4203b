"""Pairs of tokenizer and generator to compare: the page's own, and its counterpart in the other order."""

from dataclasses import dataclass

from explorer.generators import Generator
from explorer.tokenizers import Tokenizer

NEXT_SCALE, RASTER = "next-scale", "raster"


@dataclass(frozen=True, eq=False)
class Pair:
    """A generator and the tokenizer whose tokens it writes. order: of `explorer.families`."""

    tokenizer: Tokenizer
    generator: Generator

    @property
    def order(self) -> str:
        return self.generator.order


def by_order(*pairs: Pair | None) -> dict[str, Pair]:
    """The first pair of each order, next-scale first. Orders without a pair are absent."""
    found: dict[str, Pair] = {}
    for order in (NEXT_SCALE, RASTER):
        for pair in pairs:
            if pair is not None and pair.order == order and order not in found:
                found[order] = pair
    return found
