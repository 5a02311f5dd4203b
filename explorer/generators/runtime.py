"""What a run needs besides the network: key/value caches and weights in the precision of the device.

Caches belong to one call. They are allocated for the whole sequence, because every length is known
beforehand, and never hang on modules.
"""

import torch
from torch import nn

from explorer.devices import Device
from explorer.nets.var_transformer import LayerCache

# Log of an attention scale: rounded to bf16 it would be off by up to 1.6 %.
KEPT_FLOAT32 = ("scale_mul_1H11",)


def allocate_caches(
    device: Device, layers: int, batch: int, heads: int, length: int, head_dim: int
) -> list[LayerCache]:
    """Empty keys and values (B,H,L,d) for each layer. Zeros, since masked positions still enter a product."""
    shape = (batch, heads, length, head_dim)
    place = {"dtype": device.compute_dtype, "device": device.torch_device}
    return [(torch.zeros(shape, **place), torch.zeros(shape, **place)) for _ in range(layers)]


def leading_rows(caches: list[LayerCache], rows: int) -> list[LayerCache]:
    """Views of the first rows of each cache."""
    return [(keys[:rows], values[:rows]) for keys, values in caches]


def place_network(net: nn.Module, device: Device) -> nn.Module:
    """The network on the device in its compute precision, ready to run (in place)."""
    kept = {name: p for name, p in net.named_parameters() if name.endswith(KEPT_FLOAT32)}
    originals = {name: p.detach().float() for name, p in kept.items()}
    net.to(device.torch_device, device.compute_dtype).eval().requires_grad_(False)
    for name, parameter in net.named_parameters():
        if name in originals:
            parameter.data = originals[name].to(device.torch_device)
    return net
