"""Tokenizers: images to token maps and back, one adapter per family behind one protocol.

tok = load_tokenizer("mini")
maps = tok.encode(tok.fit(picture))
image = tok.decode(maps)
"""

import os
from collections.abc import Sequence

import torch

from explorer import families
from explorer.devices import Device, open_device
from explorer.token_maps import Grid
from explorer.tokenizers.base import ScaleTrace, Tokenizer
from explorer.tokenizers.memo import DecodeMemo
from explorer.tokenizers.multiscale import MultiScaleTokenizer
from explorer.tokenizers.singlescale import SingleScaleTokenizer
from explorer.zoo import Opened, open_checkpoint

__all__ = [
    "DecodeMemo",
    "MultiScaleTokenizer",
    "ScaleTrace",
    "SingleScaleTokenizer",
    "Tokenizer",
    "load_tokenizer",
    "tokenizer_of",
]


def load_tokenizer(
    name_or_path: str | os.PathLike,
    device: Device | str = "auto",
    precision: str = "auto",
    grids: Sequence[Grid | int] | None = None,
    image_size: int | tuple[int, int] | None = None,
    memo: DecodeMemo | None = None,
) -> Tokenizer:
    """A tokenizer by bundled or published name, or from a file.

    device, precision: see `explorer.devices`. grids ((h,w), ... coarse to fine) and image_size (side, or
    (H,W)) go before the card and the file name. memo: remembers decoded pictures.
    CheckpointError: the file cannot be read or is no tokenizer. ValueError: bad arguments.
    """
    device = open_device(device, precision)
    opened = open_checkpoint(
        name_or_path, kind="tokenizer", dtype=torch.float32, grids=grids, image_size=image_size
    )
    return tokenizer_of(opened, device, memo=memo)


def tokenizer_of(opened: Opened, device: Device, memo: DecodeMemo | None = None) -> Tokenizer:
    """The tokenizer around an opened checkpoint."""
    adapter = families.load(families.named(opened.recognition.family).adapter)
    return adapter(
        opened.net,
        grids=opened.recognition.grids,
        device=device,
        name=opened.name,
        sha256=opened.sha256,
        memo=memo,
        about=opened.card.extra,
    )
