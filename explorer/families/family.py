"""What one family of models says of itself, so that nobody else needs to know its name.

A family is a kind of file: VAR's tokenizer is one, VAR's transformer another. Its numbers are read from the
names and shapes of tensors; the network is built from them; an adapter of the floor above runs it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from explorer.families.grid_rules import GridRule
from explorer.families.schedules import Grid, Grids

Shapes = Mapping[str, tuple[int, ...]]
Numbers = Mapping[str, Any]

TOKENIZER, GENERATOR = "tokenizer", "generator"
# The order in which a generator draws: whole maps coarse to fine, row by row, or as it is told.
NEXT_SCALE, RASTER, ANY_ORDER = "next-scale", "raster", "any"


@dataclass(frozen=True)
class Released:
    """A published checkpoint. parameters: counted from names and shapes. sha256: None = not known to us.

    revision: of the hub repository. "main" until a revision has been checked from a machine that reaches the
    hub; what arrives is compared with family and parameters in any case. licence: of the weights, as their
    repository states it.
    """

    name: str
    filename: str
    repository: str
    family: str
    parameters: int
    about: str
    revision: str = "main"
    sha256: str | None = None
    kind: str = TOKENIZER
    licence: str = ""

    @property
    def gib(self) -> float:
        """Expected size at four bytes a parameter; some files are stored with more or less."""
        return self.parameters * 4 / 2**30


def nothing_missing(numbers: dict[str, Any], stated: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """For families whose shapes tell everything."""
    return numbers, None


def names_as_they_are(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """For families whose network carries the released names."""
    return dict(tensors)


@dataclass(frozen=True)
class Family:
    """name: the word in cards, lists and errors. kind: TOKENIZER or GENERATOR. maker: whose model it is.

    Recognising
    marks: patterns; a file is of this family when each of them matches a whole tensor name, and none of
        `without` does. Families are asked in the order of `families.known`.
    dropped, dropped_prefixes: entries that are statistics, tables or training leftovers; `dropped` are
        matched as whole trailing parts of a name (`blocks.0.attn.mask` matches `attn.mask`).
    copies: what the names of averaged copies of the weights start with, which `rename` takes; they are not
        counted a second time.
    read: names and shapes to numbers; CheckpointError when they make no such model. Every family's numbers
        hold vocab_size where there is one; a tokenizer's hold downsample and code_dim.
    complete: what no shape shows, from the numbers that the card states: the numbers, or why it cannot be
        known (the end of a sentence that starts with "this is TITLE: ").
    title: the numbers in prose, "VAR depth 16", "a VAR tokenizer with 4096 codes".

    part: of a model that is published in several files: numbers to the prefix that the names of this file get
        beside the others ("encoder"), None for a whole model.

    Building
    grid_rule: which grids there can be (see grid_rules.py).
    configure: (numbers, grids, the card's config) to the network's frozen configuration; None = this family
        can be recognised and not run.
    build: configuration to network, on whatever device torch is told. rename: the file's tensors to the
        network's names (and shapes).
    adapter: "module:Class" of the floor above that runs it, a Tokenizer or a Generator.

    Generators only
    tokenizer: the family of their tokenizer. order: NEXT_SCALE, RASTER or ANY_ORDER. partner: the released
        tokenizer that a released generator goes with. guidance_sweep: strengths that `evaluate` tries.

    reference: "module:function" (RGB picture, (H, W)) -> picture: what the authors did to theirs.
    reference_cover: by how much that makes the picture larger than its centred cut.
    to_bytes: "module:function" (decoder output (B,3,H,W)) -> values from 0 to 255, to be truncated.
    pairs: one sentence for `inspect`, with {codes} and {dims} to be filled in.
    """

    name: str
    kind: str
    maker: str
    marks: tuple[str, ...]
    read: Callable[[Shapes], dict[str, Any]]
    title: Callable[[Numbers], str]
    without: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    dropped_prefixes: tuple[str, ...] = ()
    copies: str = ""
    complete: Callable[[dict[str, Any], Mapping[str, Any]], tuple[dict[str, Any], str | None]] = (
        nothing_missing
    )
    part: Callable[[Numbers], str | None] | None = None
    grid_rule: GridRule | None = None
    configure: Callable[[Numbers, Grids, Mapping[str, Any]], object] | None = None
    build: Callable[[Any], nn.Module] | None = None
    rename: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = names_as_they_are
    adapter: str = ""
    tokenizer: str | None = None
    order: str | None = None
    partner: str | None = None
    guidance_sweep: tuple[float, ...] = ()
    reference: str = ""
    reference_cover: float = 1.0
    to_bytes: str = ""
    pairs: str = "Pairs with nothing here yet: this family cannot be run."
    released: tuple[Released, ...] = field(default=())

    def recognises(self, names: Iterable[str]) -> bool:
        names = tuple(names)
        return all(_any(mark, names) for mark in self.marks) and not any(
            _any(mark, names) for mark in self.without
        )

    def is_dropped(self, name: str) -> bool:
        """Whether an entry of a file is no weight of this family."""
        if self.dropped_prefixes and name.startswith(self.dropped_prefixes):
            return True
        return any(name == part or name.endswith("." + part) for part in self.dropped)

    def is_copy(self, name: str) -> bool:
        """Whether an entry holds a weight a second time."""
        return bool(self.copies) and name.startswith(self.copies)

    def image_size(self, grids: Grids, downsample: int) -> Grid:
        """(height, width) in pixels of the pictures that go with these grids."""
        return grids[-1][0] * downsample, grids[-1][1] * downsample


def _any(mark: str, names: Sequence[str]) -> bool:
    pattern = re.compile(mark)
    return any(pattern.fullmatch(name) for name in names)
