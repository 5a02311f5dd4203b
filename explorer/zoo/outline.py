"""What a file is, without reading its weights: names, shapes and card, for lists of models.

Tensors stay mapped to the file, so the outline of a file of gigabytes takes milliseconds. Values are looked
at when the model is opened.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.errors import CheckpointError
from explorer.families import TOKENIZER, Shapes
from explorer.families.schedules import Grids
from explorer.zoo.building import check_pair, check_weights
from explorer.zoo.cards import Card, read_card
from explorer.zoo.reading import Checkpoint, read_checkpoint
from explorer.zoo.recognise import Recognition, recognise

# Torch files from before 1.6 cannot be mapped: those above this size are not read for a list.
LARGEST_UNMAPPED = 64 << 20


@dataclass(frozen=True, eq=False)
class Outline:
    """One model in one file. size: bytes on disk. found.problem: why it does not run as it stands."""

    path: Path
    size: int
    shapes: Shapes
    found: Recognition
    card: Card

    @property
    def name(self) -> str:
        return self.path.stem


def read_outlines(path: str | os.PathLike) -> tuple[Outline, ...]:
    """The models in a file: one, or a generator and its tokenizer. CheckpointError: as `read_outline`."""
    path = Path(path)
    _refuse_unmapped(path)
    checkpoint = read_checkpoint(path)
    first = _outline_of(path, checkpoint)
    return (first, read_outline(path, TOKENIZER)) if checkpoint.has_tokenizer_too else (first,)


def read_outline(path: str | os.PathLike, kind: str | None = None) -> Outline:
    """kind: "tokenizer" | "generator", where a file holds both (default: the generator).

    CheckpointError: not readable, of no known family, or names and shapes do not make that model.
    """
    path = Path(path)
    _refuse_unmapped(path)
    return _outline_of(path, read_checkpoint(path, kind))


def _outline_of(path: Path, checkpoint: Checkpoint) -> Outline:
    card = read_card(path) or Card()
    try:
        found = recognise(checkpoint.shapes, card, path.name)
        if found.config is not None:
            check_weights(found, {name: tensor.to("meta") for name, tensor in checkpoint.tensors.items()})
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return Outline(path, path.stat().st_size, checkpoint.shapes, found, card)


def fit_together(generator: Outline, tokenizer: Outline) -> tuple[Outline, Outline]:
    """Both, with what one tells about the other's grids. CheckpointError: they do not belong together."""
    own, other = generator.found, tokenizer.found
    check_pair(own, family=other.family, vocab_size=other.vocab_size, code_dim=other.code_dim)
    if own.grids is None:
        generator = _again(generator, fallback_grids=other.grids)
    if other.grids is None and generator.found.grids:
        tokenizer = _again(tokenizer, grids=generator.found.grids)
    for outline in (generator, tokenizer):
        if outline.found.problem:
            raise CheckpointError(outline.found.problem)
    return generator, tokenizer


def _again(outline: Outline, grids: Grids | None = None, fallback_grids: Grids | None = None) -> Outline:
    try:
        found = recognise(
            outline.shapes, outline.card, outline.path.name, grids=grids, fallback_grids=fallback_grids
        )
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    return replace(outline, found=found)


def _refuse_unmapped(path: Path) -> None:
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            old = file.read(1) == b"\x80"
    except OSError:
        return  # `read_checkpoint` says it better
    if old and size > LARGEST_UNMAPPED:
        raise CheckpointError(
            f"{path} was written by torch before 1.6 and has {size / 2**20:.0f} MiB: listing it would read "
            "all of it; save it again with a newer torch, or name it on the command line"
        )
