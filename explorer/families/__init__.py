"""One file a family of models: how its files are known, read, built and paired. Everybody else loops.

A family of a third party comes by the same door: a package that declares an entry point in the group
`tokenscope.families` whose value is a Family, or a sequence of them (CONTRIBUTING.md, "a family").
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from explorer.errors import CheckpointError
from explorer.families.family import (
    ANY_ORDER,
    GENERATOR,
    NEXT_SCALE,
    RASTER,
    TOKENIZER,
    Family,
    Numbers,
    Released,
    Shapes,
)

__all__ = [
    "ANY_ORDER",
    "GENERATOR",
    "NEXT_SCALE",
    "RASTER",
    "TOKENIZER",
    "Family",
    "Numbers",
    "Released",
    "Shapes",
    "known",
    "load",
    "named",
    "of_names",
    "released",
]

GROUP = "tokenscope.families"
# The order in which files are recognised: what has the names of another family and more comes first.
HOUSE = ("vitvqgan", "rqvae", "ibq", "taming", "var", "llamagen", "masked", "dalle")


@cache
def known() -> tuple[Family, ...]:
    """All families: the house's own, then those of installed packages, in the order of recognising."""
    found = [family for module in HOUSE for family in import_module(f"explorer.families.{module}").FAMILIES]
    for entry in entry_points(group=GROUP):
        value = entry.load()
        found += [value] if isinstance(value, Family) else list(value)
    names = [family.name for family in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise CheckpointError(f"two families are called {', '.join(sorted(twice))}; uninstall one of them")
    return tuple(found)


def named(name: str) -> Family:
    """The family of that name; CheckpointError says which there are."""
    for family in known():
        if family.name == name:
            return family
    raise CheckpointError(
        f"no family is called {name!r}; these are known: {', '.join(one.name for one in known())}"
    )


def of_names(names: Iterable[str]) -> Family | None:
    """The family that a file with these tensor names is of."""
    names = tuple(names)
    return next((family for family in known() if family.recognises(names)), None)


def released() -> tuple[Released, ...]:
    """Every published checkpoint of every family."""
    return tuple(entry for family in known() for entry in family.released)


def load(reference: str) -> object:
    """What "module:name" means; for the adapters and functions that families name."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
