"""Which class a photo belongs to, by where it lies: the layouts that data sets come in.

CLASS/photo.jpg                     the plain one
SET/CLASS/photo.jpg                 a folder around everything says nothing
CLASS/images/photo.jpg              nor does one that every class has (Tiny ImageNet)
train/CLASS/photo.jpg, val/...      "val" and the like are held out, whatever the photos are called
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

TRAINING = ("train", "training")
HELD_OUT = ("val", "valid", "validation", "test")


@dataclass(frozen=True)
class Place:
    """class_name: None for a photo in no folder. held_out: None where the folders do not say."""

    class_name: str | None
    held_out: bool | None


def places(names: Sequence[str]) -> list[Place]:
    """The place of each file name ("a/b/photo.jpg"), judged from all of them together."""
    folders = [name.split("/")[:-1] for name in names]
    filed = [parts for parts in folders if parts]
    while filed and all(len(parts) > 1 for parts in filed) and len({parts[0] for parts in filed}) == 1:
        filed = [parts[1:] for parts in filed]
    splits = {parts[0].lower() for parts in filed}
    split = len(splits) > 1 and splits <= {*TRAINING, *HELD_OUT} and all(len(parts) > 1 for parts in filed)
    held = [parts[0].lower() in HELD_OUT if split else None for parts in filed]
    if split:
        filed = [parts[1:] for parts in filed]
    while filed and all(len(parts) > 1 for parts in filed) and len({parts[-1] for parts in filed}) == 1:
        filed = [parts[:-1] for parts in filed]
    found = iter(Place(parts[-1], side) for parts, side in zip(filed, held, strict=True))
    return [next(found) if parts else Place(None, None) for parts in folders]


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key under which class "2" comes before class "10", so that numbered classes keep their numbers."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def summary(labels: Sequence[int], classes: Sequence[str]) -> str:
    """ "2 classes: cat 24, dog 24": what a run says before it starts."""
    counts = Counter(labels)
    listed = ", ".join(f"{name} {counts[n]}" for n, name in enumerate(classes))
    return f"{len(classes)} {'class' if len(classes) == 1 else 'classes'}: {listed}"
