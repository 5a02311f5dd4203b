"""What attention rows say: where they go, how far, how widely. Pure functions of the parts of a `Look`.

Attention is where a head looked, not why the prediction came out as it did: that is `Generator.effects`.

Shapes: L input positions; a place is (scale, row, column) with scales from 1, (0, 0, 0) for a class token
of its own (raster models).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.token_maps import Grid

Place = tuple[int, int, int]


def scale_shares(attention: Tensor, places: Sequence[Place], class_positions: int, scales: int) -> Tensor:
    """(...,1+K): share on the class, then on each scale's places without the class. Sums to 1."""
    scale_L = torch.tensor([scale for scale, _, _ in places])
    scale_L[:class_positions] = 0
    one_hot_LK = torch.nn.functional.one_hot(scale_L, scales + 1).to(attention.dtype)
    return attention @ one_hot_LK


def spread_bits(attention: Tensor) -> Tensor:
    """(...): entropy of each row in bits; 0 = one place, log2(L) = all places alike."""
    return torch.special.entr(attention).sum(-1) / torch.log(torch.tensor(2.0))


def centres(places: Sequence[Place], grids: Sequence[Grid]) -> Tensor:
    """(L,2): (y, x) of each place's middle on a picture of side 1; NaN for a class token of its own."""
    found = []
    for scale, row, column in places:
        if scale == 0:
            found.append((float("nan"), float("nan")))
        else:
            height, width = grids[scale - 1]
            found.append(((row + 0.5) / height, (column + 0.5) / width))
    return torch.tensor(found)


def mean_distance(
    attention: Tensor, places: Sequence[Place], grids: Sequence[Grid], asked: Place, class_positions: int
) -> Tensor:
    """(...): mean distance from the predicted cell to what was looked at, in picture sides.

    The class has no place and is left out; NaN where a head looked at nothing but the class.
    """
    away_L2 = centres(places, grids) - centres([asked], grids)
    distance_L = away_L2.square().sum(-1).sqrt()
    share = attention.clone()
    share[..., :class_positions] = 0
    distance_L[:class_positions] = 0
    return (share @ distance_L.to(share.dtype)) / share.sum(-1)


def head_name(shares_K: Tensor, distance: float, spread: float, seen: int, scale: int) -> str:
    """A head in a few words, by what it did for one prediction; "mixed" where nothing stands out.

    shares_K: (1+K,) from `scale_shares`. distance: in picture sides. spread: bits over `seen` places.
    """
    if shares_K[0] > 0.6:
        return "the class"
    strongest = int(shares_K[1:].argmax()) + 1
    if seen > 1 and spread > 0.95 * float(torch.log2(torch.tensor(float(seen)))):
        return "everything alike"
    if shares_K[strongest] <= 0.5:
        return "mixed"
    near = (
        "near this place"
        if distance < 0.2
        else "far from this place"
        if distance > 0.45
        else "at middle distance"
    )
    if strongest == scale:
        return f"its own map, {near}"
    return f"scale {strongest}, {near}"
