"""Generators: classes to token maps, step by step, one adapter per family behind one protocol.

gen = load_generator("mini", tok)
for step in gen.generate("sunflower", seed=0):
    picture = tok.decode(step.maps)
"""

import os

from explorer import families
from explorer.devices import Device, open_device
from explorer.generators.arguments import box_mask
from explorer.generators.base import Generator
from explorer.generators.masked import MaskedGenerator
from explorer.generators.next_scale import NextScaleGenerator
from explorer.generators.raster import RasterGenerator
from explorer.generators.requests import Candidates, GenerationStep
from explorer.tokenizers import Tokenizer
from explorer.zoo import Opened, open_checkpoint
from explorer.zoo.building import check_pair
from explorer.zoo.imagenet import class_names

__all__ = [
    "Candidates",
    "GenerationStep",
    "Generator",
    "MaskedGenerator",
    "NextScaleGenerator",
    "RasterGenerator",
    "box_mask",
    "generator_of",
    "load_generator",
]


def load_generator(
    name_or_path: str | os.PathLike,
    tokenizer: Tokenizer,
    device: Device | str | None = None,
    precision: str | None = None,
) -> Generator:
    """A generator by bundled or published name, or from a file, for the codes of `tokenizer`.

    Its grids are the generator's own: where they differ only in size, `tokenizer.with_grids` is taken.
    device, precision: None = the tokenizer's, lock included; else see `explorer.devices`.
    CheckpointError: the file cannot be read, is no generator, or belongs to another tokenizer.
    """
    if device is None:
        device = tokenizer.device if precision is None else tokenizer.device.torch_device
    device = open_device(device, precision or "auto")
    opened = open_checkpoint(name_or_path, kind="generator", fallback_grids=tokenizer.grids)
    return generator_of(opened, tokenizer, device)


def generator_of(opened: Opened, tokenizer: Tokenizer, device: Device | None = None) -> Generator:
    """The generator around an opened checkpoint."""
    found = opened.recognition
    check_pair(
        found,
        family=tokenizer.family,
        vocab_size=tokenizer.vocab_size,
        code_dim=tokenizer.code_dim,
    )
    adapter = families.load(families.named(found.family).adapter)
    return adapter(
        opened.net,
        tokenizer,
        name=opened.name,
        sha256=opened.sha256,
        classes=opened.card.classes or class_names(opened.net.config.num_classes),
        sampling=opened.card.sampling,
        device=device,
        about=opened.card.extra,
    )
