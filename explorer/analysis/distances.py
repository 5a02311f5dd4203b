"""How far apart two sets of feature vectors are.

Shapes: N and M vectors, D features. Weights (N), any positive scale, say how much each vector counts: sets
whose classes are unevenly filled are compared as if they were even. Everything is computed in float64.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Moments:
    """mean_D and covariance_DD of a set, float64."""

    mean_D: Tensor
    covariance_DD: Tensor


def moments(features_ND: Tensor, weights_N: Tensor | None = None) -> Moments:
    """Mean and unbiased covariance. ValueError for fewer than 2 vectors."""
    x_ND, share_N = _checked(features_ND, weights_N)
    mean_D = share_N @ x_ND
    centred_ND = x_ND - mean_D
    covariance_DD = (centred_ND.T * share_N) @ centred_ND / (1 - share_N.square().sum())
    return Moments(mean_D, covariance_DD)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mean_a - mean_b|^2 + trace(A + B - 2 sqrt(A B)): the squared 2-Wasserstein distance of two Gaussians.

    Dowson and Landau 1982. Estimated from few vectors it is too large, the more so the more features there
    are: compare figures of equal N only, or print the N beside them.
    """
    if a.mean_D.shape != b.mean_D.shape:
        raise ValueError(f"{len(a.mean_D)} features cannot be compared with {len(b.mean_D)}")
    # The trace of sqrt(A B) is that of sqrt(S B S) with S = sqrt(A), which is symmetric, so that neither
    # complex numbers nor a general matrix root are needed, and singular covariances do no harm.
    root_DD = _symmetric_root(a.covariance_DD)
    product_DD = root_DD @ b.covariance_DD @ root_DD
    shared = torch.linalg.eigvalsh((product_DD + product_DD.T) / 2).clamp_min(0).sqrt().sum()
    spread = a.covariance_DD.trace() + b.covariance_DD.trace() - 2 * shared
    return ((a.mean_D - b.mean_D).square().sum() + spread).clamp_min(0).item()


def kernel_distance(
    features_ND: Tensor,
    others_MD: Tensor,
    weights_N: Tensor | None = None,
    other_weights_M: Tensor | None = None,
) -> float:
    """Squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, unbiased: 0 on average for two draws
    from one distribution, whatever N and M, and slightly negative half of the time.

    Gretton et al. 2012 (the estimator), Binkowski et al. 2018 (this kernel).
    """
    x_ND, share_N = _checked(features_ND, weights_N)
    y_MD, share_M = _checked(others_MD, other_weights_M)
    if x_ND.shape[1] != y_MD.shape[1]:
        raise ValueError(f"{x_ND.shape[1]} features cannot be compared with {y_MD.shape[1]}")
    within = _mean_of_pairs(x_ND, share_N) + _mean_of_pairs(y_MD, share_M)
    return (within - 2 * (share_N @ _cubic_kernel(x_ND, y_MD) @ share_M)).item()


def nearest_neighbours(features_ND: Tensor, others_MD: Tensor) -> tuple[Tensor, Tensor]:
    """Of each vector the Euclidean distance (N) float32 to the nearest of the others, and its index (N)."""
    if not len(others_MD):
        raise ValueError("there are no vectors to look for neighbours in")
    distances, indices = [], []
    others_MD = others_MD.float()
    for part_BD in features_ND.float().split(ROWS_AT_ONCE):
        # The direct formula: the matrix-product one cannot tell twins from neighbours.
        part_BM = torch.cdist(part_BD, others_MD, compute_mode="donot_use_mm_for_euclid_dist")
        nearest = part_BM.min(dim=1)
        distances.append(nearest.values)
        indices.append(nearest.indices)
    return torch.cat(distances), torch.cat(indices)


def _checked(features_ND: Tensor, weights_N: Tensor | None) -> tuple[Tensor, Tensor]:
    """Vectors in float64, and weights that sum to 1."""
    if features_ND.ndim != 2 or len(features_ND) < 2:
        raise ValueError(f"at least 2 feature vectors (N,D) are needed, got {tuple(features_ND.shape)}")
    if weights_N is None:
        weights_N = torch.ones(len(features_ND))
    if weights_N.shape != features_ND.shape[:1]:
        raise ValueError(f"{len(features_ND)} vectors have {len(weights_N)} weights")
    return features_ND.double(), weights_N.double() / weights_N.double().sum()


def _symmetric_root(matrix_DD: Tensor) -> Tensor:
    values_D, vectors_DD = torch.linalg.eigh(matrix_DD)
    return (vectors_DD * values_D.clamp_min(0).sqrt()) @ vectors_DD.T


def _cubic_kernel(x_ND: Tensor, y_MD: Tensor) -> Tensor:
    return (x_ND @ y_MD.T / x_ND.shape[1] + 1) ** 3


def _mean_of_pairs(x_ND: Tensor, share_N: Tensor) -> Tensor:
    """Weighted mean of the kernel over pairs of different vectors."""
    kernel_NN = _cubic_kernel(x_ND, x_ND)
    own = (share_N.square() * kernel_NN.diagonal()).sum()
    return (share_N @ kernel_NN @ share_N - own) / (1 - share_N.square().sum())
