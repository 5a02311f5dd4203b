"""About how much memory a model takes and how much work its first picture is, from names and shapes alone.

Estimates for somebody who chooses a model before it is loaded: weights are counted, what lies in memory while
computing is bounded by the largest layers. Work counts the multiply-adds of convolutions and matrix products.

Shapes: K scales, H W pixels, L tokens of a picture.
"""

import math
import re
from collections.abc import Mapping

import torch

from explorer.devices import Device

LIVE_MAPS = 4  # feature maps of a convolution block that exist at once: input, normalised, result, skip
ROWS = 2  # guidance runs every picture with and without its class
BATCH_PIXELS = 1 << 24  # pictures decoded together, as in tokenizers/base.py


def weight_bytes(shapes: Mapping[str, tuple[int, ...]], kind: str, device: Device) -> int:
    """Bytes of the weights once loaded. kind: "tokenizer" | "generator".

    A tokenizer is kept in float32; a part that runs in another precision or layout is held a second time.
    """
    if kind == "generator":
        return _numbers(shapes) * _width(device.compute_dtype)
    copies = 0
    for part, dtype in (("encoder.", device.encoder_dtype), ("decoder.", device.compute_dtype)):
        if dtype != torch.float32 or device.channels_last:
            copies += _numbers(shapes, part) * _width(dtype)
    return _numbers(shapes) * 4 + copies


def decoding_bytes(channels: int, image_hw: tuple[int, int], K: int, device: Device) -> int:
    """Bytes of the widest feature maps while all K scales are decoded. channels: at full resolution."""
    pixels = math.prod(image_hw)
    pictures = min(K, max(1, BATCH_PIXELS // pixels))
    return LIVE_MAPS * pictures * channels * pixels * _width(device.compute_dtype)


def cache_bytes(depth: int, width: int, L: int, device: Device) -> int:
    """Bytes of keys and values of a transformer over L tokens, with guidance."""
    return 2 * ROWS * depth * width * L * _width(device.compute_dtype)


def first_picture_work(
    tokenizer: Mapping[str, tuple[int, ...]],
    image_hw: tuple[int, int],
    K: int,
    L: int = 0,
    generator: Mapping[str, tuple[int, ...]] | None = None,
) -> int:
    """Multiply-adds until a page shows something: encode twice (tokens, trace), decode all scales, and one
    generated picture of L tokens decoded at all scales."""
    encode, decode = convolution_work(tokenizer, image_hw)
    work = 2 * encode + K * decode
    if generator is not None:
        work += K * decode + ROWS * L * _numbers(generator)
    return work


def convolution_work(shapes: Mapping[str, tuple[int, ...]], image_hw: tuple[int, int]) -> tuple[int, int]:
    """Multiply-adds of the convolutions of (encoder, decoder) for one picture.

    Names as in nets/autoencoder.py: levels halve the resolution, `mid` and the convolutions beside the codes
    work at the lowest one. Or as in nets/dalle_dvae.py: groups in the order of use, numbered from 1.
    """
    levels = _levels(shapes)
    work = {"encoder": 0, "decoder": 0}
    for name, shape in shapes.items():
        part = name.split(".")[0]
        if part in work and len(shape) == 4:
            work[part] += math.prod(shape) * math.prod(image_hw) // 4 ** _level(name, levels)
    return work["encoder"], work["decoder"]


LEVEL = re.compile(r"(encoder\.down|decoder\.up|encoder\.conv_blocks|decoder\.conv_blocks)\.(\d+)\.")
GROUP = re.compile(r"(encoder|decoder)\.blocks\.(?:group_(\d+)|(input|output))\.")


def _levels(shapes: Mapping[str, tuple[int, ...]]) -> int:
    found = [LEVEL.match(name) for name in shapes]
    groups = [int(match[2]) for name in shapes if (match := GROUP.match(name)) and match[2]]
    return max([1, *(int(match[2]) + 1 for match in found if match), *groups])


def _level(name: str, levels: int) -> int:
    """How often the resolution has been halved where this convolution works."""
    group = GROUP.match(name)
    if group:
        used = int(group[2]) - 1 if group[2] else (0 if group[3] == "input" else levels - 1)
        return used if group[1] == "encoder" else levels - 1 - used
    match = LEVEL.match(name)
    if match:
        level = int(match[2])
        level = levels - 1 - level if match[1] == "decoder.conv_blocks" else level
        if ".downsample." in name:
            return level + 1
        return level - 1 if ".upsample." in name else level
    return 0 if name.startswith(("encoder.conv_in", "decoder.conv_out")) else levels - 1


def _numbers(shapes: Mapping[str, tuple[int, ...]], prefix: str = "") -> int:
    return sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(prefix))


def _width(dtype: torch.dtype) -> int:
    return dtype.itemsize
