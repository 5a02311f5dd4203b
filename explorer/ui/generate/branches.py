"""Branches: put one token into a run and let the model go on from there.

What came before the token in the model's order stays, what came after is drawn again with the same seed.
Noise depends on seed and step alone, so a branch differs from its run only through the forced token; forcing
the token that was chosen anyway changes nothing.

A next-scale model decides a whole map at once, so the other tokens of the same scale do not depend on the
forced one: they stay, and only finer scales are drawn again. A raster model draws all later tokens again.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.generators import Generator, RasterGenerator
from explorer.token_maps import TokenMaps


@dataclass(frozen=True)
class Place:
    """A cell of a map, and the code to put there. scale: from 1; row, column: from 0."""

    scale: int
    row: int
    column: int
    code: int = 0


def branch(
    gen: Generator, run: TokenMaps | None, held: tuple[Tensor, ...], place: Place
) -> tuple[TokenMaps, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """`given`, `keep` and the new `held` of the branch that puts `place.code` into `run`.

    held: K bool maps (h_k,w_k) of tokens that a person had asked for before; they stay, wherever they lie.
    ValueError when something before the place is not known yet.
    """
    if run is None:
        raise ValueError("There is no run to branch from. Make a picture first.")
    stay = tuple(a | b for a, b in zip(before_place(gen, place), held, strict=True))
    ids = run[place.scale - 1].clone()
    ids[0, place.row, place.column] = place.code
    now_held = tuple(mask.clone() for mask in held)
    now_held[place.scale - 1][place.row, place.column] = True
    given = run.with_map(place.scale, ids)
    keep = tuple(a | b for a, b in zip(stay, now_held, strict=True))
    missing = sum(int((ids[0][mask] < 0).sum()) for ids, mask in zip(given, keep, strict=True))
    if missing:
        raise ValueError(
            f"{missing} tokens that should stay are not known yet. Let the run finish, then force a token."
        )
    return given, keep, now_held


def before_place(gen: Generator, place: Place) -> tuple[Tensor, ...]:
    """K bool maps (h_k,w_k): tokens that stay when the one at `place` is forced, without itself."""
    masks = tuple(torch.full(grid, k < place.scale) for k, grid in enumerate(gen.grids))
    if isinstance(gen, RasterGenerator):
        turn = place.row * gen.grids[0][1] + place.column
        masks[0].view(-1)[turn:] = False
    else:
        masks[place.scale - 1][place.row, place.column] = False
    return masks
