"""A view of a transformer in which some heads or whole blocks do nothing; all other weights are shared.

A head is silent when its columns of the output projection are zero: whatever it looked at, it adds nothing. A
block is silent when the residual stream passes by it. Nothing of the given network is changed.
"""

import copy
from collections.abc import Collection

import torch
from torch import Tensor, nn


class Skipped(nn.Module):
    """A block that is switched off: the stream passes by. What else is asked of it, the block answers."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x_BLD: Tensor, *_, **__) -> Tensor:
        return x_BLD

    def __getattr__(self, name: str):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("block"), name)


def view(module: nn.Module) -> nn.Module:
    """A copy that shares parameters and children, and whose children can be exchanged."""
    other = copy.copy(module)
    other._modules = dict(module._modules)
    other._parameters = dict(module._parameters)
    other._buffers = dict(module._buffers)
    return other


def without(net: nn.Module, heads: Collection[tuple[int, int]], layers: Collection[int]) -> nn.Module:
    """heads: (layer, head), layers: both from 0. `net.switchable` names its list of blocks, a block's
    attention, and the output projection in that.
    """
    other = view(net)
    blocks, attention, out = net.switchable
    num_heads = net.config.num_heads
    kept = []
    for layer, block in enumerate(getattr(net, blocks)):
        silent = sorted(head for of, head in heads if of == layer)
        if layer in layers:
            block = Skipped(block)
        elif silent:
            block = view(block)
            block._modules[attention] = view(block._modules[attention])
            linear = view(block._modules[attention]._modules[out])
            weight = linear.weight.detach().clone()
            width = weight.shape[1] // num_heads
            for head in silent:
                weight[:, head * width : (head + 1) * width] = 0
            linear._parameters["weight"] = nn.Parameter(weight, requires_grad=False)
            block._modules[attention]._modules[out] = linear
        kept.append(block)
    other._modules[blocks] = nn.ModuleList(kept)
    return other


def hide(visible_LL: Tensor, level_L: Tensor, hidden: Collection[int]) -> Tensor:
    """The mask without the positions of hidden levels, which only their own level still sees."""
    if not hidden:
        return visible_LL
    gone_L = torch.isin(level_L, torch.tensor(sorted(hidden), device=level_L.device))
    own_LL = level_L[:, None] == level_L[None, :]
    return visible_LL & (own_LL | ~gone_L[None, :])
