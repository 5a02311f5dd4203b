"""How far a plane can be trusted. Shapes: V codes, C code dimension, M codes asked, N neighbours."""

import torch
from torch import Tensor

from explorer.analysis.neighbours import nearest_codes

NEIGHBOURS = 10
ASKED = 512  # codes looked at: the share is then known to about a percent


def neighbours_kept(codebook_VC: Tensor, plane_V2: Tensor, n: int = NEIGHBOURS, asked: int = ASKED) -> float:
    """Mean share (0 to 1) of a code's n nearest codes that are among its n nearest on the plane too.

    Over `asked` codes at even steps through the codebook. 1 for a plane that keeps every neighbourhood, about
    n/V for one that keeps none.
    """
    if len(codebook_VC) != len(plane_V2):
        raise ValueError(f"the codebook has {len(codebook_VC)} codes, the plane {len(plane_V2)} points")
    ids_M = torch.linspace(0, len(codebook_VC) - 1, min(asked, len(codebook_VC))).long()
    n = min(n, len(codebook_VC) - 1)
    true_MN, _ = nearest_codes(codebook_VC, ids_M, n)
    shown_MN, _ = nearest_codes(plane_V2, ids_M, n)
    return float((true_MN[:, :, None] == shown_MN[:, None, :]).any(2).double().mean())
