"""Which codes lie near a code. Shapes: V codes, C code dimension, M asked codes, N neighbours."""

from collections.abc import Sequence

import torch
from torch import Tensor


def nearest_codes(codebook_VC: Tensor, ids: Sequence[int] | Tensor, n: int) -> tuple[Tensor, Tensor]:
    """For each asked code the n nearest other codes: ids (M,n) and Euclidean distances (M,n), nearest first.

    At equal distance the smaller id comes first. ValueError for ids outside the codebook or n outside 1..V-1.
    """
    ids_M = torch.as_tensor(ids, dtype=torch.int64).reshape(-1)
    V = len(codebook_VC)
    if ids_M.numel() and not (ids_M.min() >= 0 and ids_M.max() < V):
        raise ValueError(
            f"code {int(ids_M.max() if ids_M.max() >= V else ids_M.min())} asked, there are {V}: 0..{V - 1}"
        )
    if not 1 <= n < V:
        raise ValueError(f"{n} neighbours asked, a code has {V - 1} others")
    codebook_VC = codebook_VC.detach().float().cpu()
    # The direct formula: the matrix-product one rounds the distances of near twins to anything from 0 to
    # 1e-3.
    distance_MV = torch.cdist(codebook_VC[ids_M], codebook_VC, compute_mode="donot_use_mm_for_euclid_dist")
    distance_MV.scatter_(1, ids_M[:, None], float("inf"))  # a code is not its own neighbour
    distance_MV, order_MV = distance_MV.sort(dim=1, stable=True)
    return order_MV[:, :n], distance_MV[:, :n]
