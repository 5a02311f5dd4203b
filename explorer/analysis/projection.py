"""The codebook on a plane. Shapes: V codes, C code dimension, D components."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of a set of vectors."""

    scores: Tensor  # (V,D) float64 coordinates along the components, mean 0
    directions: Tensor  # (D,C) unit vectors; zero rows when there are fewer than D dimensions
    variance_share: Tensor  # (D,) part of the total variance that each component carries


def principal_components(codebook_VC: Tensor, count: int) -> Components:
    """The first `count` principal components, computed in float64 with a fixed sign.

    The sign of a component is arbitrary; here its largest loading is positive, so that the same codebook
    gives the same picture on every machine.
    """
    if codebook_VC.ndim != 2 or not len(codebook_VC) or not codebook_VC.isfinite().all():
        raise ValueError(
            f"a codebook is a finite (V,C) tensor with V at least 1, this one is {tuple(codebook_VC.shape)}"
        )
    centred_VC = codebook_VC.detach().double().cpu()
    centred_VC = centred_VC - centred_VC.mean(0)
    covariance_CC = centred_VC.T @ centred_VC / len(centred_VC)
    variance_C, vectors_CC = torch.linalg.eigh(covariance_CC)  # ascending
    found = min(count, codebook_VC.shape[1])
    directions = torch.zeros(count, codebook_VC.shape[1], dtype=torch.float64)
    directions[:found] = vectors_CC.T.flip(0)[:found]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    directions = torch.where(largest < 0, -directions, directions)
    share = torch.zeros(count, dtype=torch.float64)
    share[:found] = variance_C.flip(0)[:found].clamp_min(0) / variance_C.sum().clamp_min(1e-300)
    return Components(centred_VC @ directions.T, directions, share)


def pca_plane(codebook_VC: Tensor) -> Tensor:
    """(V,2) float32 coordinates along the first two principal components."""
    return principal_components(codebook_VC, 2).scores.float()


def umap_plane(codebook_VC: Tensor, neighbours: int = 15, min_dist: float = 0.1, seed: int = 0) -> Tensor:
    """(V,2) float32 coordinates by UMAP (McInnes et al. 2018); the same for the same codebook and seed.

    Slow: loading and compiling UMAP takes half a minute on one core, 4096 codes a minute or more, so
    results are worth keeping. Only neighbourhoods mean something, distances between clusters do not. The
    start is the PCA plane, so that both pictures are oriented alike.
    """
    if len(codebook_VC) <= neighbours:
        raise ValueError(
            f"UMAP looks at {neighbours} neighbours of each code, the codebook has {len(codebook_VC)} codes"
        )
    import umap  # heavy: compiles with numba when first used

    start_V2 = pca_plane(codebook_VC)
    start_V2 = start_V2 / start_V2.abs().max().clamp_min(1e-12) * 10
    reducer = umap.UMAP(
        n_neighbors=neighbours, min_dist=min_dist, random_state=seed, n_jobs=1, init=start_V2.numpy()
    )
    return torch.from_numpy(reducer.fit_transform(codebook_VC.detach().float().cpu().numpy())).float()
