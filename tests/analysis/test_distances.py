"""Distances of sets: against known values and slow definitions."""

import math

import pytest
import torch

from explorer.analysis.distances import (
    Moments,
    frechet_distance,
    kernel_distance,
    moments,
    nearest_neighbours,
)


def draw(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(d: int, seed: int) -> torch.Tensor:
    root = draw(d, d, seed)
    return root @ root.T + 0.1 * torch.eye(d)


def test_moments_are_mean_and_covariance():
    x = draw(50, 4)
    found = moments(x)
    torch.testing.assert_close(found.mean_D, x.mean(0))
    torch.testing.assert_close(found.covariance_DD, torch.cov(x.T))


def test_frechet_distance_of_a_set_to_itself_is_zero():
    x = moments(draw(60, 8))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    few = moments(draw(5, 8))  # singular covariance
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_of_shifted_and_stretched_gaussians():
    x = draw(200, 6)
    shift = torch.arange(6.0, dtype=torch.float64)
    assert frechet_distance(moments(x), moments(x + shift)) == pytest.approx(shift.square().sum().item())
    eye = torch.eye(6, dtype=torch.float64)
    zero = torch.zeros(6, dtype=torch.float64)
    # Per axis (standard deviation 2 against 3): (3 - 2)^2.
    assert frechet_distance(Moments(zero, 4 * eye), Moments(zero, 9 * eye)) == pytest.approx(6.0)


@pytest.mark.parametrize("seed", range(3))
def test_frechet_distance_equals_the_general_solution(seed):
    """sqrt(A B) by its eigenvalues: positive real, although A B is not symmetric."""
    a, b = covariance(7, seed), covariance(7, seed + 10)
    zero = torch.zeros(7, dtype=torch.float64)
    wanted = a.trace() + b.trace() - 2 * torch.linalg.eigvals(a @ b).real.sqrt().sum()
    found = frechet_distance(Moments(zero, a), Moments(zero, b))
    assert found == pytest.approx(wanted.item())
    assert frechet_distance(Moments(zero, b), Moments(zero, a)) == pytest.approx(found)


def test_kernel_distance_equals_its_definition():
    x, y = draw(9, 4, 1), draw(7, 4, 2) + 0.5

    def kernel(u, v):
        return (float(u @ v) / 4 + 1) ** 3

    def pairs(s):
        values = [kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j]
        return sum(values) / len(values)

    cross = sum(kernel(u, v) for u in x for v in y) / (len(x) * len(y))
    assert kernel_distance(x, y) == pytest.approx(pairs(x) + pairs(y) - 2 * cross)


def test_kernel_distance_is_zero_on_average_for_one_distribution():
    found = torch.tensor([kernel_distance(draw(30, 5, s), draw(40, 5, 1000 + s)) for s in range(200)])
    assert abs(found.mean()) < 3 * found.std() / math.sqrt(len(found))
    assert (found < 0).float().mean() > 0.2
    assert kernel_distance(draw(30, 5, 1), draw(40, 5, 2) + 1) > 1


def test_integer_weights_count_vectors_several_times_in_the_mean():
    """Weights of 2 shift mean and cross terms as copies would; no pair of a vector with itself counts."""
    x = draw(20, 3)
    weights = torch.ones(20)
    weights[:5] = 2
    repeated = torch.cat([x, x[:5]])
    torch.testing.assert_close(moments(x, weights).mean_D, repeated.mean(0))
    torch.testing.assert_close(
        moments(x, weights).covariance_DD * (1 - (weights / weights.sum()).square().sum().double()),
        torch.cov(repeated.T, correction=0),
    )
    y = draw(30, 3, 5)
    assert kernel_distance(x, y, 7 * torch.ones(20)) == pytest.approx(kernel_distance(x, y))
    sparse = torch.ones(20)
    sparse[10:] = 0
    assert kernel_distance(x, y, sparse) == pytest.approx(kernel_distance(x[:10], y))


def test_nearest_neighbours_find_twins_exactly():
    x = draw(600, 5).float()
    asked = torch.cat([x[[7, 300]], x[:400] + 1e-4])
    distance, index = nearest_neighbours(asked, x)
    assert index[:2].tolist() == [7, 300] and distance[:2].tolist() == [0.0, 0.0]
    torch.testing.assert_close(distance, torch.cdist(asked.double(), x.double()).min(1).values.float())


def test_bad_sets_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        moments(draw(1, 3))
    with pytest.raises(ValueError, match="3 features cannot be compared with 4"):
        kernel_distance(draw(5, 3), draw(5, 4))
    with pytest.raises(ValueError, match="3 features cannot be compared with 4"):
        frechet_distance(moments(draw(5, 3)), moments(draw(5, 4)))
    with pytest.raises(ValueError, match="5 vectors have 4 weights"):
        moments(draw(5, 3), torch.ones(4))
    with pytest.raises(ValueError, match="no vectors"):
        nearest_neighbours(draw(5, 3), draw(0, 3))
