"""Orders in which the cells of a grid are predicted, and what an order does to neighbours in the plane.

An order is a permutation (N,) of the cells 0..N-1 of an h x w grid, counted row by row: order[t] is the cell
that is predicted at step t. Next-scale is no such order: it predicts whole maps. What both have is a *step*
for every cell, (h,w). All figures about neighbours are defined on steps, so that they mean the same for both.

Shapes: N = h*w cells, E pairs of neighbours, h w rows and columns, K scales.
Z-curve: Morton 1966. Hilbert curve: Hilbert 1891.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.token_maps import Grid

ACROSS = ((-1, 0), (0, -1), (0, 1), (1, 0))  # above, left, right, below
AROUND = (*ACROSS, (-1, -1), (-1, 1), (1, -1), (1, 1))
LARGEST_SIDE = 4096  # the keys of both curves stay far inside int64
SHRINK = 1.25  # from one map of `next_scale_grids` to the next coarser one


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


# What an order does to neighbours


@dataclass(frozen=True, eq=False)
class Locality:
    """distances: between the two cells of every pair of neighbours, side by side or one above the other.

    known: predicted in an earlier step. Shares are of the neighbours that exist; border cells have fewer.
    """

    distances_E: Tensor  # steps
    known_4_hw: Tensor  # how many of the 4 neighbours across an edge are known when the cell is predicted
    known_8_hw: Tensor  # how many of the 8 neighbours around
    share_4_hw: Tensor  # of the 4, as a share
    share_8_hw: Tensor
    look_back_hw: Tensor  # steps back to the farthest of the known 4; 0 where none is known

    @property
    def mean(self) -> float:
        """Mean distance in steps."""
        return float(self.distances_E.double().mean())

    @property
    def median(self) -> float:
        return float(self.distances_E.double().quantile(0.5))

    @property
    def longest(self) -> int:
        """Also the farthest that any cell has to look back for one of its 4 neighbours."""
        return int(self.distances_E.max())


def locality(steps_hw: Tensor) -> Locality:
    """Figures about neighbours from the step of each cell (h,w); equal steps: predicted at once.

    ValueError for a single cell, which has no neighbours.
    """
    if steps_hw.ndim != 2 or steps_hw.numel() < 2:
        raise ValueError(f"a grid with at least 2 cells is needed, got {tuple(steps_hw.shape)}")
    distances_E = torch.cat([steps_hw.diff(dim=0).abs().flatten(), steps_hw.diff(dim=1).abs().flatten()])
    known_4_hw, share_4_hw, look_back_hw = _known(steps_hw, ACROSS)
    known_8_hw, share_8_hw, _ = _known(steps_hw, AROUND)
    return Locality(distances_E, known_4_hw, known_8_hw, share_4_hw, share_8_hw, look_back_hw)


def _known(steps_hw: Tensor, offsets: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor, Tensor]:
    h, w = steps_hw.shape
    outside = -1
    padded = F.pad(steps_hw, (1, 1, 1, 1), value=outside)
    others_Dhw = torch.stack([padded[1 + y : 1 + y + h, 1 + x : 1 + x + w] for y, x in offsets])
    there_Dhw = others_Dhw != outside
    known_Dhw = there_Dhw & (others_Dhw < steps_hw)
    back_Dhw = torch.where(known_Dhw, steps_hw - others_Dhw, torch.zeros_like(others_Dhw))
    count_hw = known_Dhw.sum(0)
    return count_hw, count_hw.double() / there_Dhw.sum(0), back_Dhw.amax(0)


def jumps(order_N: Tensor, w: int) -> int:
    """How often the next cell of the order is no neighbour (across an edge) of the one before. w: columns."""
    i_N, j_N = order_N // w, order_N % w
    return int((i_N.diff().abs() + j_N.diff().abs() != 1).sum())


def doubling_bins(longest: int) -> list[tuple[int, int]]:
    """Bins (from, to), both included, of doubling width: 0, 1, 2-3, 4-7, ... until one holds `longest`."""
    bins = [(0, 0)]
    while bins[-1][1] < longest:
        start = bins[-1][1] + 1
        bins.append((start, 2 * start - 1))
    return bins


def counts_in(distances_E: Tensor, bins: Sequence[tuple[int, int]]) -> list[int]:
    """How many distances lie in each bin."""
    return [int(((distances_E >= low) & (distances_E <= high)).sum()) for low, high in bins]


# Next-scale


@dataclass(frozen=True, eq=False)
class MapStep:
    """One step of next-scale prediction: all cells of one map at once.

    within: of neighbours in the same map, None for a map of one cell. coarser_hw: tokens of coarser maps, all
    of them known, that lie over the cell. covered_4, covered_8: the share of a cell's neighbours over whose
    place a known coarser token lies (mean over the cells; None for a map of one cell).
    """

    grid: Grid
    step: int  # from 0
    within: Locality | None
    coarser_hw: Tensor
    covered_4: float | None
    covered_8: float | None

    @property
    def tokens(self) -> int:
        return self.grid[0] * self.grid[1]


def next_scale_steps(grids: Sequence[Grid]) -> list[MapStep]:
    """What is known at each step of a schedule of grids (h,w), coarse to fine; each covers the picture."""
    steps = []
    for k, (h, w) in enumerate(grids):
        coarser_hw = sum((overlaps((h, w), grid) for grid in grids[:k]), torch.zeros(h, w, dtype=torch.int64))
        within = locality(torch.full((h, w), k)) if h * w > 1 else None
        covered_hw = (coarser_hw > 0).long()
        shares = [_mean_share(covered_hw, offsets) for offsets in (ACROSS, AROUND)]
        steps.append(MapStep((h, w), k, within, coarser_hw, *shares))
    return steps


def _mean_share(flags_hw: Tensor, offsets: Sequence[tuple[int, int]]) -> float | None:
    """Mean over cells of the share of their neighbours that are flagged (0/1)."""
    h, w = flags_hw.shape
    if h * w < 2:
        return None

    def count(map_hw: Tensor) -> Tensor:
        padded = F.pad(map_hw, (1, 1, 1, 1))
        return sum(padded[1 + y : 1 + y + h, 1 + x : 1 + x + w] for y, x in offsets)

    return float((count(flags_hw).double() / count(torch.ones_like(flags_hw))).mean())


def overlaps(grid: Grid, other: Grid) -> Tensor:
    """(h,w) of `grid`: how many cells of `other` each cell overlaps; touching edges do not count."""
    rows_h, columns_w = _overlaps_along(grid[0], other[0]), _overlaps_along(grid[1], other[1])
    return rows_h[:, None] * columns_w[None, :]


def _overlaps_along(n: int, m: int) -> Tensor:
    index_n = torch.arange(n)
    first_n = index_n * m // n
    last_n = -((-(index_n + 1) * m) // n) - 1
    return last_n - first_n + 1


def next_scale_grids(h: int, w: int) -> tuple[Grid, ...]:
    """A schedule that ends at (h,w): every map 1.25 times smaller along each side than the next, from 1 x 1.

    For 16 x 16 these are the ten grids of VAR (Tian et al. 2024): sides 1, 2, 3, 4, 5, 6, 8, 10, 13, 16.
    """
    grids = [(h, w)]
    while grids[-1] != (1, 1):
        grids.append(tuple(max(1, min(side - 1, round(side / SHRINK))) for side in grids[-1]))
    return tuple(reversed(grids))
