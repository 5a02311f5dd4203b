"""What a generator is asked, and what it answers.

Shapes: B batch, K scales, n candidates, h w a grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.generators.sampling import Sampling
from explorer.token_maps import TokenMaps

# The name of an order, or the cells of the (finest) map as a permutation; None = the family's own.
Order = str | Sequence[int] | Tensor | None


@dataclass(frozen=True, eq=False)
class GenerationStep:
    """What one forward pass of a generator decided: one map (next-scale), one token (raster), or some cells.

    index, total: this step, from 1, and their number. scale: the scale it belongs to, from 1.
    maps: all K maps, -1 where not known yet.
    entropy: (B,h,w) on the grid of `scale`, in nats: the model's uncertainty after guidance, before
        temperature and filters; NaN at cells that neither this step nor an earlier one predicted.
    sampled: (B,h,w) int64, what was drawn, also where a given token took its place; -1 where nothing was.
    seconds: computing time of this step, without waiting for the device and without decoding.
    """

    index: int
    total: int
    scale: int
    maps: TokenMaps
    entropy: Tensor
    sampled: Tensor
    seconds: float


@dataclass(frozen=True, eq=False)
class Candidates:
    """The n likeliest codes of one cell, likeliest first; all (B,n).

    probabilities: after guidance and temperature, before filters. kept: whether top-k and top-p leave it in.
    """

    ids: Tensor
    probabilities: Tensor
    kept: Tensor


@dataclass(frozen=True, eq=False)
class Request:
    """The checked arguments of `generate`, everything of batch size B."""

    labels: tuple[int, ...]
    seeds: tuple[int, ...]
    sampling: Sampling
    given: tuple[Tensor, ...]  # K maps (B,h,w); read only where `masks` is True
    masks: tuple[Tensor, ...]  # K bool maps (B,h,w), True = take the given token
    order: Order = None  # as the family's `_check_order` returned them
    per_step: int | str | None = None
