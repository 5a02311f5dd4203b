"""The zoo: read a checkpoint file safely, say which model it is, and build it.

opened = open_checkpoint("mini", kind="tokenizer")
opened.net, opened.recognition, opened.card, opened.path, opened.name, opened.sha256
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from explorer.errors import CheckpointError
from explorer.families.schedules import Grids
from explorer.zoo.building import build
from explorer.zoo.cards import Card, read_card
from explorer.zoo.catalogue import find
from explorer.zoo.reading import file_sha256, read_checkpoint
from explorer.zoo.recognise import Recognition, recognise

__all__ = ["Opened", "open_checkpoint"]


@dataclass(frozen=True)
class Opened:
    """A network in eval mode on the CPU, with what is known about its file. name: the file's stem."""

    net: nn.Module
    recognition: Recognition
    card: Card
    path: Path
    name: str

    @cached_property
    def sha256(self) -> str:
        """Of the weights file; computed when first asked for."""
        return file_sha256(self.path)


def open_checkpoint(
    name_or_path: str | os.PathLike,
    *,
    kind: str | None = None,
    dtype: torch.dtype = torch.float32,
    grids: object = None,
    image_size: object = None,
    card: Card | None = None,
    fallback_grids: Grids | None = None,
) -> Opened:
    """Finds, reads, recognises and builds a checkpoint.

    name_or_path: a bundled or published name, or a file. kind: "tokenizer" | "generator" where only one
    will do. grids, image_size: go before what card and file say. card: in place of the one beside the file.
    fallback_grids: taken where nothing else tells the grids (a generator's: those of its tokenizer).
    CheckpointError: one sentence that starts with the file. ValueError: grids or image_size do not fit the
    model.
    """
    path = find(name_or_path, kind)
    checkpoint = read_checkpoint(path, kind)
    card = card or read_card(path) or Card()
    try:
        recognition = recognise(
            checkpoint.shapes,
            card,
            path.name,
            grids=grids,
            image_size=image_size,
            fallback_grids=fallback_grids,
        )
        if kind not in (None, recognition.kind):
            raise CheckpointError(
                f"this is {recognition.title}, a {recognition.kind}; a {kind} is needed here"
            )
        net = build(recognition, checkpoint.tensors, dtype)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return Opened(net, recognition, card, path, path.stem)
