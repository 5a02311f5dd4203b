"""Which tokens a masked transformer is not shown while it learns, and while it is measured.

Shapes: B batch, N tokens of a map.
"""

import math

import torch
from torch import Tensor


def hidden_by_cosine(batch: int, N: int, random: torch.Generator) -> Tensor:
    """(B,N) bool, True = hidden: at random cells, of each map its own share cos(pi r / 2), r uniform.

    MaskGIT (arXiv 2202.04200, section 3.2): large shares are common, since drawing starts from nothing; at
    least one token is hidden.
    """
    share_B = torch.cos(torch.rand(batch, generator=random) * (math.pi / 2))
    return hidden_cells((share_B * N).ceil().long().clamp(1, N), N, random)


def hidden_evenly(batch: int, N: int, random: torch.Generator) -> Tensor:
    """(B,N) bool, True = hidden: each number of hidden tokens, 1..N, as often as any other, at random cells.

    The mean over hidden tokens of -log p, averaged over such maps, is without bias the mean over all orders
    of the chain rule's price per token (Hoogeboom et al. 2021, arXiv 2110.02037). Numbers are spread over
    the batch rather than drawn one by one, which leaves less to chance.
    """
    at_B = (torch.arange(batch) + torch.rand(1, generator=random)) * (N / batch)
    return hidden_cells(1 + at_B.long().clamp_max(N - 1), N, random)


def hidden_cells(count_B: Tensor, N: int, random: torch.Generator) -> Tensor:
    """(B,N) bool: count_B cells of each map, at random."""
    rank_BN = torch.rand(len(count_B), N, generator=random).argsort(1).argsort(1)
    return rank_BN < count_B[:, None]
