"""What Generate asks for, checked: the message of the browser as a `RunRequest`, or one sentence.

The message: {run, label, seed, guidance, top_k, top_p, temperature, seeds, given, keep, force, note, before}.
label: a class, "" = no class. seeds: how many pictures, from seed on. given: K flat lists of ids (-1 = not
known) or null. keep: null, {"scales": k}, {"mask": flat 0/1 list of the finest grid} or {"cells": K flat 0/1
lists, exact}; 1 = the token of `given` stays. force: null or {scale, row, column, code}, see branches.py.
note: a phrase for titles. before: with a mask, the picture on show that it was painted on, as a data URI.
Scales count from 1, rows and columns from 0, cells lie row by row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.generators import Generator
from explorer.token_maps import UNKNOWN, Grid, TokenMaps, keep_masks
from explorer.ui.generate.blends import read_before
from explorer.ui.generate.branches import Place, branch

MAX_SEED = 2**31 - 1
MAX_PICTURES = 8
MAX_GUIDANCE = 20.0
MAX_TEMPERATURE = 10.0
NOTE_LENGTH = 60
NO_CLASS = ""  # how the page names the null class


@dataclass(frozen=True)
class Settings:
    """How tokens are drawn; guidance in the model's own convention."""

    guidance: float
    top_k: int
    top_p: float
    temperature: float


@dataclass(frozen=True, eq=False)
class RunRequest:
    """One run of one or several pictures.

    label: None = no class. seeds: one for each picture. keep: K bool maps (h_k,w_k), True = the token of
    `given` is taken. held: those of them that a person asked for, by a mask or by forcing a token; the others
    are there because they come before a forced token.
    """

    run: str
    label: str | None
    seeds: tuple[int, ...]
    settings: Settings
    given: TokenMaps | None
    keep: tuple[Tensor, ...]
    held: tuple[Tensor, ...]
    note: str
    painted_hw: Tensor | None = None  # a painted mask as it was sent: bool on the finest grid, True = kept
    before_3HW: Tensor | None = None  # the picture that it was painted on

    @property
    def is_free(self) -> bool:
        """Nothing is given: every token is drawn."""
        return not any(bool(mask.any()) for mask in self.keep)


def read_request(gen: Generator, data: Mapping) -> RunRequest:
    """The message as a request for `gen`; ValueError with one sentence where it does not hold."""
    seed = read_whole(data.get("seed"), "The seed", 0, MAX_SEED)
    count = read_whole(data.get("seeds", 1), "The number of pictures", 1, MAX_PICTURES)
    if seed + count - 1 > MAX_SEED:
        raise ValueError(f"{count} pictures need seeds up to {seed + count - 1}; the largest is {MAX_SEED}.")
    given = read_maps(gen, data.get("given"), "The tokens to keep")
    keep = read_keep(gen.grids, data.get("keep"))
    if given is None and any(bool(mask.any()) for mask in keep):
        raise ValueError("The page asked to keep tokens but sent none. Reload it.")
    held = keep
    if data.get("force") is not None:
        given, keep, held = branch(gen, given, keep, read_place(gen, data["force"]))
    return RunRequest(
        run=str(data.get("run", ""))[:60],
        label=read_label(gen, data.get("label")),
        seeds=tuple(range(seed, seed + count)),
        settings=read_settings(gen, data),
        given=given,
        keep=keep,
        held=held,
        note=str(data.get("note") or "")[:NOTE_LENGTH],
        painted_hw=painted_mask(gen.grids[-1], data.get("keep")),
        before_3HW=read_before(data.get("before"), gen.tokenizer.image_hw),
    )


def painted_mask(grid: Grid, keep: object) -> Tensor | None:
    """The mask (h,w) where `keep` is one that keeps a part; read_keep has checked it."""
    if not isinstance(keep, Mapping) or "mask" not in keep:
        return None
    mask_hw = _mask(keep["mask"], grid)
    return None if bool(mask_hw.all()) or not bool(mask_hw.any()) else mask_hw


def read_label(gen: Generator, value: object) -> str | None:
    """A class by name; "" is no class."""
    if value == NO_CLASS:
        return None
    if not isinstance(value, str) or value not in gen.classes:
        raise ValueError(f"There is no class {str(value)[:40]!r}; choose one of the buttons.")
    return value


def read_settings(gen: Generator, data: Mapping) -> Settings:
    """A temperature that is not there is 1: links and pages of before had none."""
    return Settings(
        guidance=read_number(data.get("guidance"), "Guidance", 0, MAX_GUIDANCE),
        top_k=read_whole(data.get("top_k"), "Top-k", 0, gen.vocab_size),
        top_p=read_number(data.get("top_p"), "Top-p", 0, 1),
        temperature=read_number(data.get("temperature", 1), "Temperature", 0, MAX_TEMPERATURE),
    )


def read_maps(gen: Generator, value: object, what: str) -> TokenMaps | None:
    """K flat lists of ids as token maps of one picture; None stays None."""
    if value is None:
        return None
    lists = _per_scale(value, gen.grids, what)
    for k, ids in enumerate(lists, start=1):
        for one in ids:
            if isinstance(one, bool) or not isinstance(one, int) or not UNKNOWN <= one < gen.vocab_size:
                raise ValueError(
                    f"{what} hold {str(one)[:40]} at scale {k}; codes go from 0 to {gen.vocab_size - 1}, "
                    "and -1 is not known."
                )
    maps = [torch.tensor(ids).view(1, *grid) for ids, grid in zip(lists, gen.grids, strict=True)]
    return TokenMaps(tuple(maps))


def read_keep(grids: tuple[Grid, ...], value: object) -> tuple[Tensor, ...]:
    """K bool maps (h_k,w_k)."""
    if value is None:
        return _exact(keep_masks(0, grids, 1))
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(
            "What to keep is given by scales, by a mask or by cells, one of them. Reload the page."
        )
    ((kind, asked),) = value.items()
    if kind == "scales":
        return _exact(keep_masks(read_whole(asked, "Scales to keep", 0, len(grids)), grids, 1))
    if kind == "mask":
        (finest,) = _per_scale([asked], grids[-1:], "The mask")
        return _exact(keep_masks(_mask(finest, grids[-1]), grids, 1))
    if kind == "cells":
        lists = _per_scale(asked, grids, "The cells to keep")
        return tuple(_mask(cells, grid) for cells, grid in zip(lists, grids, strict=True))
    raise ValueError(f"The page asked to keep tokens by {str(kind)[:40]!r}, which is unknown. Reload it.")


def read_place(gen: Generator, value: object) -> Place:
    """A cell and, where it is to be forced, its code (else 0)."""
    if not isinstance(value, Mapping):
        raise ValueError("A place is a scale, a row and a column. Reload the page.")
    scale = read_whole(value.get("scale"), "The scale", 1, len(gen.grids))
    h, w = gen.grids[scale - 1]
    return Place(
        scale=scale,
        row=read_whole(value.get("row"), "The row", 0, h - 1),
        column=read_whole(value.get("column"), "The column", 0, w - 1),
        code=read_whole(value.get("code", 0), "A code", 0, gen.vocab_size - 1),
    )


def read_whole(value: object, what: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{what} is a whole number from {low} to {high}, not {str(value)[:40]}.")
    return value


def read_number(value: object, what: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{what} is a number from {low:g} to {high:g}, not {str(value)[:40]}.")
    return float(value)


def _per_scale(value: object, grids: tuple[Grid, ...], what: str) -> list[list]:
    """A list for every grid, as long as it has cells."""
    if not isinstance(value, list) or len(value) != len(grids):
        raise ValueError(f"{what} are not a list for each of {len(grids)} scales. Reload the page.")
    for part, (h, w) in zip(value, grids, strict=True):
        if not isinstance(part, list) or len(part) != h * w:
            size = len(part) if isinstance(part, list) else "no"
            raise ValueError(
                f"{what} have {size} cells where the grid {h} × {w} has {h * w}. Reload the page."
            )
    return value


def _mask(cells: list, grid: Grid) -> Tensor:
    if any(isinstance(one, float) or one not in (0, 1) for one in cells):
        raise ValueError("A mask holds 1 where a token is kept and 0 where it is not, nothing else.")
    return torch.tensor(cells, dtype=torch.bool).view(grid)


def _exact(masks_K1hw: list[Tensor]) -> tuple[Tensor, ...]:
    return tuple(mask[0] for mask in masks_K1hw)
