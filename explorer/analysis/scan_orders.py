"""What an order does to neighbours in the plane. The orders themselves stand in `explorer/orders.py`.

Next-scale is no order of cells: it predicts whole maps. What both have is a *step* for every cell, (h,w). All
figures about neighbours are defined on steps, so that they mean the same for both.

Shapes: N = h*w cells, E pairs of neighbours, h w rows and columns, K scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.token_maps import Grid

ACROSS = ((-1, 0), (0, -1), (0, 1), (1, 0))  # above, left, right, below
AROUND = (*ACROSS, (-1, -1), (-1, 1), (1, -1), (1, 1))
SHRINK = 1.25  # from one map of `next_scale_grids` to the next coarser one


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
