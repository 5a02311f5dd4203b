"""Grids: which schedule of token maps a checkpoint works with, and who said so.

A schedule is `((h, w), ...)`, coarse to fine, one pair per scale; a raster model has a single pair. The
released files do not always hold it (LlamaGen's never do; one VAR tokenizer serves 256 and 512 px), so the
caller's argument, the card, the file name, the published schedules and the family's default are asked in this
order.
"""

import re
from collections.abc import Sequence

Grid = tuple[int, int]
Grids = tuple[Grid, ...]

_NAMED_SIZES = (256, 384, 512)


def squares(sides: Sequence[int]) -> Grids:
    return tuple((side, side) for side in sides)


# The two schedules that VAR published, by image size (arXiv 2404.02905 and the released code).
PUBLISHED_SCHEDULES: dict[int, Grids] = {
    256: squares((1, 2, 3, 4, 5, 6, 8, 10, 13, 16)),
    512: squares((1, 2, 3, 4, 6, 9, 13, 18, 24, 32)),
}


def normalise_grids(grids: object) -> Grids:
    """Pairs, or single numbers for squares, as a schedule. ValueError says what is wrong with them."""
    if not isinstance(grids, (list, tuple)) or not grids:
        raise ValueError(f"grids must be a list of [height, width] pairs, coarse to fine, not {grids!r}")
    pairs = []
    for grid in grids:
        pair = (grid, grid) if _is_count(grid) else grid
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(_is_count(side) for side in pair):
            raise ValueError(
                f"each grid must be two whole numbers of at least 1, [height, width], not {grid!r}"
            )
        pairs.append((int(pair[0]), int(pair[1])))
    for coarse, fine in zip(pairs, pairs[1:], strict=False):
        if coarse[0] > fine[0] or coarse[1] > fine[1]:
            raise ValueError(
                f"grids must run from coarse to fine, but {coarse[0]}x{coarse[1]} stands before "
                f"{fine[0]}x{fine[1]}"
            )
    return tuple(pairs)


def normalise_image_size(size: object) -> Grid:
    """A side in pixels, or (height, width), as (height, width)."""
    pair = (size, size) if _is_count(size) else size
    if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(_is_count(side) for side in pair):
        raise ValueError(f"image_size must be a number of pixels or [height, width], not {size!r}")
    return int(pair[0]), int(pair[1])


def token_count(grids: Grids) -> int:
    return sum(height * width for height, width in grids)


def published_for(tokens: int, scales: int) -> Grids | None:
    """The published schedule with this many positions in this many scales."""
    for grids in PUBLISHED_SCHEDULES.values():
        if token_count(grids) == tokens and len(grids) == scales:
            return grids
    return None


def size_in_name(filename: str) -> int | None:
    """256, 384 or 512 when the file name says so after an underscore, as in `c2i_L_384.pt`."""
    found = re.findall(r"_(\d+)(?:px)?(?=[_.\-]|$)", filename)
    sizes = [int(number) for number in found if int(number) in _NAMED_SIZES]
    return sizes[-1] if sizes else None


def show_grids(grids: Grids) -> str:
    """`1 2 3 4` for squares, `1x2 2x4` otherwise."""
    if all(height == width for height, width in grids):
        return " ".join(str(height) for height, _ in grids)
    return " ".join(f"{height}x{width}" for height, width in grids)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
