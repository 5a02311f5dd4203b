"""Which model is this? Family and size from the names and shapes of a checkpoint's tensors.

Nothing here reads a file or allocates a weight. A family is known by tensor names that no other family has
(`explorer.families`); its numbers come from shapes; what shapes cannot tell from the caller, the card, the
file name or the releases. A file that is recognised but cannot be run carries the reason in `problem`, so
that `inspect` can still say everything else.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from explorer import families
from explorer.errors import CheckpointError
from explorer.families import Family, Shapes
from explorer.families.schedules import Grid, Grids, normalise_grids, normalise_image_size
from explorer.zoo import deciding
from explorer.zoo.cards import Card


def is_tokenizer(names: Iterable[str]) -> bool:
    """Whether the names are a tokenizer's: only those have an image encoder at the top."""
    return any(name.startswith("encoder.") for name in names)


@dataclass(frozen=True)
class Recognition:
    """What a checkpoint is.

    config: what `zoo.building` builds, None when `problem` says why it cannot. grids: ((h, w), ...) coarse to
    fine, None when unknown; grids_source says who told. image_size: (height, width) in pixels. parameters:
    weights after the dropped entries (`ignored`). architecture: every number that was read from names and
    shapes.
    """

    family: str
    title: str
    config: Any
    grids: Grids | None
    grids_source: str
    image_size: Grid | None
    parameters: int
    ignored: tuple[str, ...]
    architecture: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    problem: str | None = None

    @property
    def kind(self) -> str:
        """Either "tokenizer" or "generator"."""
        return families.named(self.family).kind

    @property
    def order(self) -> str | None:
        """In which order a generator draws, see `families.family`; None for tokenizers."""
        return families.named(self.family).order

    @property
    def depth(self) -> int | None:
        return self.architecture.get("depth")

    @property
    def width(self) -> int | None:
        return self.architecture.get("width")

    @property
    def heads(self) -> int | None:
        return self.architecture.get("num_heads")

    @property
    def vocab_size(self) -> int | None:
        return self.architecture.get("vocab_size")

    @property
    def code_dim(self) -> int | None:
        return self.architecture.get("code_dim")

    @property
    def num_classes(self) -> int | None:
        return self.architecture.get("num_classes")


def recognise(
    shapes: Shapes,
    card: Card | None = None,
    filename: str = "",
    *,
    grids: object = None,
    image_size: object = None,
    fallback_grids: Grids | None = None,
) -> Recognition:
    """Family, size and grids of a checkpoint from its tensors' names and shapes.

    grids, image_size: the caller's wish, which goes before the card. filename: for `_256`, `_384`, `_512`.
    fallback_grids: used only where nothing else tells (for a generator, the grids of its tokenizer).
    CheckpointError: no known family, or the card contradicts the tensors. ValueError: the wish does.
    """
    family = _family_of(shapes)
    ignored = tuple(name for name in shapes if family.is_dropped(name))
    kept = {name: tuple(shape) for name, shape in shapes.items() if not family.is_dropped(name)}
    card = card or Card()
    if card.family not in (None, family.name) and not _of_both(card, family):
        raise CheckpointError(f"the card says {card.family}, but the tensors are those of {family.name}")
    parameters = sum(math.prod(shape) for name, shape in kept.items() if not family.is_copy(name))
    numbers = family.read(kept)

    if family.configure is None:
        title = family.title(numbers)
        return Recognition(
            family=family.name,
            title=title,
            config=None,
            grids=None,
            grids_source="not read for this family",
            image_size=None,
            parameters=parameters,
            ignored=ignored,
            architecture=MappingProxyType(numbers),
            problem=f"this is {title}: recognised, but running it is not supported yet",
        )

    wish = deciding.Wish(
        grids=None if grids is None else normalise_grids(grids),
        image_size=None if image_size is None else normalise_image_size(image_size),
        fallback=fallback_grids,
    )
    deciding.check_card_config(card, numbers)
    numbers, unknown = family.complete(numbers, card.config)
    decision = deciding.decide_grids(family, numbers, card, filename, wish)
    title = family.title(numbers)
    problem = unknown or decision.problem
    config = None
    if problem is None:
        try:
            config = family.configure(numbers, decision.grids, card.config)
        except (TypeError, ValueError) as error:
            problem = f"cannot be built: {error}"
    return Recognition(
        family=family.name,
        title=title,
        config=config,
        grids=decision.grids,
        grids_source=decision.source,
        image_size=decision.image_size,
        parameters=parameters,
        ignored=ignored,
        architecture=MappingProxyType(numbers),
        problem=problem and f"this is {title}: {problem}",
    )


def _of_both(card: Card, family: Family) -> bool:
    """Whether the card is that of a generator whose file holds its tokenizer, this family, as well."""
    return families.named(card.family).tokenizer == family.name


def _family_of(shapes: Shapes) -> Family:
    family = families.of_names(shapes)
    if family:
        return family
    if all(any(one.is_dropped(name) for one in families.known()) for name in shapes):
        raise CheckpointError("the file holds no weights")
    some = ", ".join(list(shapes)[:3])
    makers = dict.fromkeys(one.maker for one in families.known() if one.configure)
    raise CheckpointError(
        f"not a model that Tokenscope knows: {len(shapes)} tensors, the first are {some}; supported are the "
        f"tokenizers and class-conditional transformers of {' and '.join(makers)}"
    )
