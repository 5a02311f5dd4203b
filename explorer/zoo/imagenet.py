"""The names of ImageNet's 1000 classes, which released class-conditional models draw and no file holds."""

import json

from explorer.resources import resource_folder

CLASSES = 1000


def class_names(num_classes: int) -> tuple[str, ...] | None:
    """English names in label order for a model of 1000 classes without a card; None for any other number.

    The source is credited in assets/imagenet_classes.json.
    """
    if num_classes != CLASSES:
        return None
    path = resource_folder("assets") / "imagenet_classes.json"
    return tuple(json.loads(path.read_text(encoding="utf-8"))["classes"])
