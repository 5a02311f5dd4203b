"""Orders of the cells of a grid as data, and how many of them are drawn in one step.

An order is a permutation (N,) of the cells 0..N-1 of an h x w grid, counted row by row: order[t] is the cell
that is predicted at step t. A pace says how many cells one step draws.

Shapes: N = h*w cells, h w rows and columns.
Z-curve: Morton 1966. Hilbert curve: Hilbert 1891. Cosine pace: MaskGIT (arXiv 2202.04200, section 3.3).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from explorer.token_maps import Grid, whole_number

LARGEST_SIDE = 4096  # the keys of both curves stay far inside int64
COSINE, COSINE_STEPS = "cosine", 8


def raster(h: int, w: int) -> Tensor:
    """Row by row from the top, each from left to right. (N,)"""
    return torch.arange(h * w)


def serpentine(h: int, w: int) -> Tensor:
    """Row by row, every second row from right to left. (N,)"""
    cells_hw = torch.arange(h * w).view(h, w)
    cells_hw[1::2] = cells_hw[1::2].flip(1)
    return cells_hw.flatten()


def spiral(h: int, w: int) -> Tensor:
    """Clockwise from the top left corner along the border, ring by ring inwards. (N,)"""
    rest_hw = torch.arange(h * w).view(h, w)
    parts = []
    while rest_hw.numel():
        parts.append(rest_hw[0])
        rest_hw = rest_hw[1:].T.flip(0)  # what was the right column comes on top
    return torch.cat(parts)


def spiral_outwards(h: int, w: int) -> Tensor:
    """The inward spiral backwards: from the middle to the top left corner. (N,)"""
    return spiral(h, w).flip(0)


def z_curve(h: int, w: int) -> Tensor:
    """Morton order: a square is read quarter by quarter, each of them in the same way. (N,)

    Grids that are no square with a power of two as side are cut out of the next larger one: cells outside are
    skipped.
    """
    i_N, j_N = _rows_and_columns(h, w)
    key_N = torch.zeros_like(i_N)
    for bit in range(_bits(h, w)):
        key_N |= ((i_N >> bit) & 1) << (2 * bit + 1) | ((j_N >> bit) & 1) << (2 * bit)
    return key_N.argsort()


def hilbert(h: int, w: int) -> Tensor:
    """Hilbert's curve: a Z-curve whose quarters are turned so that each begins where the last ended. (N,)

    Cut out of the next larger square with a power of two as side, as the Z-curve is; the curve is laid so
    that it fills the half along the longer side first. The next cell can then lie more than one cell away.
    """
    i_N, j_N = _rows_and_columns(h, w)
    x_N, y_N = (i_N, j_N) if w >= h else (j_N, i_N)  # the first two quarters lie side by side along y
    key_N = torch.zeros_like(x_N)
    for bit in reversed(range(_bits(h, w))):
        half = 1 << bit
        right_N, far_N = (x_N >> bit) & 1, (y_N >> bit) & 1
        key_N += half * half * ((3 * right_N) ^ far_N)
        x_N, y_N = x_N & (half - 1), y_N & (half - 1)
        mirrored = (far_N == 0) & (right_N == 1)
        x_N, y_N = torch.where(mirrored, half - 1 - x_N, x_N), torch.where(mirrored, half - 1 - y_N, y_N)
        x_N, y_N = torch.where(far_N == 0, y_N, x_N), torch.where(far_N == 0, x_N, y_N)
    return key_N.argsort()


def shuffled(h: int, w: int, seed: int = 0) -> Tensor:
    """A random permutation, the same for the same seed: the baseline that knows nothing of the plane. (N,)"""
    return torch.randperm(h * w, generator=torch.Generator().manual_seed(seed))


def _rows_and_columns(h: int, w: int) -> tuple[Tensor, Tensor]:
    cells_N = torch.arange(h * w)
    return cells_N // w, cells_N % w


def _bits(h: int, w: int) -> int:
    return (max(h, w) - 1).bit_length()


SCAN_ORDERS: Mapping[str, Callable[[int, int], Tensor]] = {
    "raster": raster,
    "serpentine": serpentine,
    "spiral": spiral,
    "spiral-outwards": spiral_outwards,
    "z-curve": z_curve,
    "hilbert": hilbert,
}
RANDOM = "random"


def scan_order(name: str, h: int, w: int, seed: int = 0) -> Tensor:
    """The order of that name (N,) int64; seed: of "random", which others do not look at.

    ValueError: no such order, or a side outside 1..4096.
    """
    for side, what in ((h, "rows"), (w, "columns")):
        if not 1 <= side <= LARGEST_SIDE:
            raise ValueError(f"a grid has 1 to {LARGEST_SIDE} {what}, not {side}")
    if name == RANDOM:
        return shuffled(h, w, seed)
    if name not in SCAN_ORDERS:
        raise ValueError(f"the scan orders are {', '.join((*SCAN_ORDERS, RANDOM))}, not {name!r}")
    return SCAN_ORDERS[name](h, w)


def fills_its_square(h: int, w: int) -> bool:
    """Whether Z-curve and Hilbert curve need not skip any cell: a square with a power of two as side."""
    return h == w and h & (h - 1) == 0


def steps_of(order_N: Tensor, h: int, w: int) -> Tensor:
    """(h,w): the step, from 0, at which each cell is predicted. ValueError: not a permutation of cells."""
    if order_N.shape != (h * w,) or not torch.equal(order_N.sort().values, torch.arange(h * w)):
        raise ValueError(f"an order of a {h}x{w} grid names each of the cells 0..{h * w - 1} once")
    steps_N = torch.empty_like(order_N)
    steps_N[order_N] = torch.arange(h * w)
    return steps_N.view(h, w)


def as_order(order: str | Sequence[int] | Tensor, grid: Grid, seed: int = 0) -> Tensor:
    """An order by name, or as the caller's own permutation of cells, as (N,) int64.

    seed: of "random". ValueError: no such name, or numbers that do not name each cell once.
    """
    h, w = grid
    if isinstance(order, str):
        return scan_order(order, h, w, seed)
    if not isinstance(order, Iterable):
        raise ValueError(f"an order is a name or its cells, one after the other, not {order!r}")
    cells = order.tolist() if isinstance(order, Tensor) else list(order)
    order_N = torch.tensor([whole_number(cell, "a cell of an order") for cell in cells], dtype=torch.int64)
    steps_of(order_N, h, w)
    return order_N


def hidden_after(N: int, per_step: int | str) -> tuple[int, ...]:
    """How many of N cells are still hidden after each step, from all to none.

    per_step: that many a step, or "cosine-T": N cos(pi t / 2T) after step t of T, few cells first and many at
    last, at least one a step; "cosine" has 8 steps. ValueError for a pace that N cells cannot have.
    """
    if isinstance(per_step, str) and not per_step.isdigit():
        word, _, steps = per_step.partition("-")
        if word != COSINE or not (steps.isdigit() or per_step == COSINE):
            raise ValueError(
                f"tokens per step are a number or {COSINE}-T, T steps ({COSINE} alone: {COSINE_STEPS}), not "
                f"{per_step!r}"
            )
        # A short map has at most as many steps as cells; only who asks for more by number is told.
        T = int(steps) if steps else min(COSINE_STEPS, N)
        if not 1 <= T <= N:
            raise ValueError(f"{per_step} asks for {T} steps; a map of {N} tokens has 1 to {N}")
        counts = [N]
        for t in range(1, T + 1):
            wanted = math.floor(N * math.cos(math.pi * t / (2 * T)))
            counts.append(max(T - t, min(counts[-1] - 1, wanted)))
        return tuple(counts[1:])
    n = (
        int(per_step)
        if isinstance(per_step, str)
        else whole_number(per_step, "the number of tokens per step")
    )
    if not 1 <= n <= N:
        raise ValueError(f"{n} tokens per step asked, a map of {N} tokens has 1 to {N}")
    return tuple(max(0, N - n * step) for step in range(1, math.ceil(N / n) + 1))


def step_sizes(hidden: int, N: int, per_step: int | str) -> tuple[int, ...]:
    """Cells that each step draws when `hidden` of N are left: the rest of the pace from nothing known.

    So a run that goes on from any step's maps has the same steps as the run that it goes on from. Sums to
    `hidden`; empty when nothing is left.
    """
    counts = [hidden, *(count for count in hidden_after(N, per_step) if count < hidden)]
    return tuple(before - after for before, after in zip(counts, counts[1:], strict=False))
