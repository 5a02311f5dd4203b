"""How much each scale explains. Shapes: B batch, K scales, C channels, H W the finest grid."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class HasEnergy(Protocol):
    """One scale of `Tokenizer.trace`."""

    energy_before: Tensor
    energy_after: Tensor


def unexplained_share(trace: Sequence[HasEnergy]) -> Tensor:
    """(K+1,B): the share of the feature's energy that is left before any scale (1) and after each scale.

    Energy is the mean square over channels and cells. It usually falls, but need not: a scale quantises its
    downsampled residual, and what comes back after upsampling may miss. A feature without energy gives zeros.
    """
    energies = torch.stack([trace[0].energy_before, *(scale.energy_after for scale in trace)])
    whole_B = energies[0]
    return torch.where(whole_B > 0, energies / whole_B.clamp_min(1e-30), torch.zeros_like(energies))


def explained_by_scale(trace: Sequence[HasEnergy]) -> Tensor:
    """(K,B): the share of the feature's energy that each scale takes away (negative where it adds to it)."""
    left = unexplained_share(trace)
    return left[:-1] - left[1:]


def unexplained_of(f_BCHW: Tensor, f_hat_KBCHW: Tensor) -> Tensor:
    """(K+1,B): as `unexplained_share`, from a feature and its approximations (edited or generated maps)."""
    if f_hat_KBCHW.shape[1:] != f_BCHW.shape:
        raise ValueError(
            f"approximations of shape {tuple(f_hat_KBCHW.shape[1:])}, feature of {tuple(f_BCHW.shape)}"
        )
    whole_B = f_BCHW.square().mean((1, 2, 3))
    left_KB = (f_BCHW - f_hat_KBCHW).square().mean((2, 3, 4))
    energies = torch.cat([whole_B[None], left_KB])
    return torch.where(whole_B > 0, energies / whole_B.clamp_min(1e-30), torch.zeros_like(energies))
