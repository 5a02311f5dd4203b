"""Cards: a JSON file beside a checkpoint that tells what names and shapes cannot.

`NAME.json` stands beside `NAME.pth`, `.pt`, `.ckpt` or `.safetensors`. Only what is needed must be there:

    {"family": "llamagen", "grids": [[8, 8]], "image_size": 64, "config": {"num_heads": 4},
     "classes": ["cat", "dog"]}

The bundled models' cards hold more (data, recipe, metrics, licence, sha256); what this module does not know
is kept in `extra` and written back unchanged.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from explorer import families
from explorer.errors import CheckpointError
from explorer.families.schedules import Grid, Grids, normalise_grids, normalise_image_size
from explorer.writing import written_whole

MAX_CARD_BYTES = 8 << 20
LONGEST_CLASS = 200  # characters of a name that a button can show


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Card:
    """What a card says; None or empty where it is silent.

    grids: ((h, w), ...), coarse to fine. image_size: (height, width) in pixels. config: architecture values,
    such as num_heads. classes: names in label order. sampling: default settings of a generator. sha256: of
    the weights file.
    """

    family: str | None = None
    grids: Grids | None = None
    image_size: Grid | None = None
    config: Mapping[str, Any] = field(default_factory=_empty)
    classes: tuple[str, ...] | None = None
    sampling: Mapping[str, Any] = field(default_factory=_empty)
    sha256: str | None = None
    extra: Mapping[str, Any] = field(default_factory=_empty)

    @classmethod
    def from_dict(cls, entries: object) -> "Card":
        """Checks types and values; ValueError says what is wrong."""
        if not isinstance(entries, Mapping):
            raise ValueError(f"a card is a JSON object, this is {_kind(entries)}")
        entries = {key: value for key, value in entries.items() if value is not None}
        return cls(
            family=_family(entries.pop("family", None)),
            grids=normalise_grids(entries.pop("grids")) if "grids" in entries else None,
            image_size=normalise_image_size(entries.pop("image_size")) if "image_size" in entries else None,
            config=_object(entries.pop("config", {}), "config"),
            classes=_classes(entries.pop("classes", None)),
            sampling=_object(entries.pop("sampling", {}), "sampling"),
            sha256=_text(entries.pop("sha256", None), "sha256"),
            extra=MappingProxyType(entries),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, known entries first, silent ones left out."""
        known = {
            "family": self.family,
            "grids": self.grids and [list(grid) for grid in self.grids],
            "image_size": _plain_size(self.image_size),
            "config": dict(self.config),
            "classes": self.classes and list(self.classes),
            "sampling": dict(self.sampling),
            "sha256": self.sha256,
        }
        return {key: value for key, value in known.items() if value} | dict(self.extra)


def card_path(checkpoint: str | os.PathLike) -> Path:
    """Where the card of a checkpoint stands."""
    return Path(checkpoint).with_suffix(".json")


def read_card(checkpoint: str | os.PathLike) -> Card | None:
    """The card beside a checkpoint file, None when there is none; CheckpointError when it cannot be used."""
    path = card_path(checkpoint)
    if path.exists() and not path.is_file():
        raise CheckpointError(f"the card {path} is no regular file, so it is not opened")
    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            size = f"{path.stat().st_size / 2**20:.0f} MiB"
            raise CheckpointError(f"the card {path} has {size}; at most {MAX_CARD_BYTES >> 20} are read")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"the card {path} cannot be read: {error}") from None
    try:
        return Card.from_dict(json.loads(text))
    except RecursionError:
        raise CheckpointError(f"the card {path} is nested too deeply to be a card") from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"the card {path} is not valid JSON: {error}") from None
    except ValueError as error:
        raise CheckpointError(f"the card {path} cannot be used: {error}") from None


def write_card(checkpoint: str | os.PathLike, card: Card) -> Path:
    """Writes the card beside a checkpoint file (replacing one that is there) and returns its path."""
    path = card_path(checkpoint)
    text = json.dumps(card.to_dict(), indent=2, ensure_ascii=False) + "\n"
    with written_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path


def _family(value: object) -> str | None:
    names = [family.name for family in families.known()]
    if value is not None and value not in names:
        raise ValueError(f"family must be one of {', '.join(names)}, not {value!r}")
    return value


def _object(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{key} must be a JSON object, not {_kind(value)}")
    return MappingProxyType(dict(value))


def _classes(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise ValueError("classes must be a list of names in label order")
    for number, name in enumerate(value):
        if not name.strip() or len(name) > LONGEST_CLASS:
            what = f"{len(name)} characters long, at most {LONGEST_CLASS} fit" if name.strip() else "empty"
            raise ValueError(f"the name of class {number} is {what}")
    return tuple(value)


def _text(value: object, key: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} must be a text, not {_kind(value)}")
    return value


def _plain_size(size: Grid | None) -> int | list[int] | None:
    if size is None:
        return None
    return size[0] if size[0] == size[1] else list(size)


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")
