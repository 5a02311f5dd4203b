"""What Edit can do to token maps, as functions of maps alone: no session, no page. Scales count from 1.

Shapes: K scales, V codes, h w the grid of one scale. Maps of the page hold one picture.
"""

import torch
from torch import Tensor

from explorer.generators import Generator
from explorer.token_maps import TokenMaps
from explorer.tokenizers import Tokenizer

# Words for the history, and the operation on one map (1,h,w). A shift pushes the last row or column out and
# back in at the other side: no token is lost.
REARRANGED = {
    "left": ("shifted left by one cell, wrapping", lambda ids: ids.roll(-1, 2)),
    "right": ("shifted right by one cell, wrapping", lambda ids: ids.roll(1, 2)),
    "up": ("shifted up by one cell, wrapping", lambda ids: ids.roll(-1, 1)),
    "down": ("shifted down by one cell, wrapping", lambda ids: ids.roll(1, 1)),
    "mirror": ("flipped left to right", lambda ids: ids.flip(2)),
    "overturn": ("flipped top to bottom", lambda ids: ids.flip(1)),
    "transpose": ("rows and columns swapped", lambda ids: ids.transpose(1, 2)),
}


def rearranged(ids_1hw: Tensor, how: str) -> Tensor:
    """The same tokens in other places. how: a key of REARRANGED. ValueError where the grid is not square."""
    if how == "transpose" and ids_1hw.shape[1] != ids_1hw.shape[2]:
        h, w = ids_1hw.shape[1:]
        raise ValueError(f"Rows and columns can be swapped in a square map only, and this one is {h} × {w}.")
    return REARRANGED[how][1](ids_1hw)


def randomised(ids_1hw: Tensor, seed: int, codes: int, counts_V: Tensor | None = None) -> Tensor:
    """A map of codes drawn as often as they were counted, or all alike where nothing was counted."""
    weights_V = torch.ones(codes) if counts_V is None or not counts_V.sum() else counts_V.float()
    draw = torch.Generator().manual_seed(seed)
    return torch.multinomial(weights_V, ids_1hw.numel(), replacement=True, generator=draw).view_as(ids_1hw)


def finer_requantised(
    tokenizer: Tokenizer, source: TokenMaps, edited: TokenMaps, scale: int, image: Tensor | None
) -> TokenMaps:
    """Finer scales describe what scales 1..scale leave unexplained of the image, or else of `source`."""
    if image is None:
        return tokenizer.requantise(source, edited, scale)
    return tokenizer.encode(image, given=edited, keep=scale)


def finer_regenerated(
    generator: Generator, edited: TokenMaps, scale: int, label: str, seed: int
) -> TokenMaps:
    """Finer scales are drawn by a next-scale generator that sees scales 1..scale as they are."""
    *_, last = generator.generate(label, seed=seed, given=edited, keep=scale)
    return last.maps.with_meta(edited.meta)


def mixed(coarse: TokenMaps, fine: TokenMaps, scale: int) -> TokenMaps:
    """Scales 1..scale of one picture, the others of another."""
    return TokenMaps((*coarse.maps[:scale], *fine.maps[scale:]), coarse.meta)


def pasted(ids_1hw: Tensor, other_1hw: Tensor, cells: list[int]) -> Tensor:
    """The cells (numbered row by row) as they are in another map of the same grid."""
    new = ids_1hw.clone()
    new.view(-1)[cells] = other_1hw.reshape(-1)[cells]
    return new
