"""Networks and tensors between a device and its callers."""

import copy

import torch
from torch import Tensor, nn

from explorer.devices import Device


def part_of(net: nn.Module, dtype: torch.dtype, device: Device, unused: tuple[str, ...]) -> nn.Module:
    """`net` itself, or a copy in another precision or layout without the parts that `unused` names."""
    if dtype == torch.float32 and not device.channels_last:
        return net
    part = copy.deepcopy(net)
    for name in unused:
        delattr(part, name)
    layout = torch.channels_last if device.channels_last else torch.contiguous_format
    return part.to(dtype=dtype, memory_format=layout)


def public(tensor: Tensor) -> Tensor:
    """A plain CPU copy: float32 or int64, and no inference tensor, so that callers may change it in place."""
    dtype = torch.float32 if tensor.dtype.is_floating_point else torch.int64
    with torch.inference_mode(False):
        return tensor.to("cpu", dtype, copy=True).contiguous()
