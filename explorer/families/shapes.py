"""Reading numbers off names and shapes: what the families' readers share."""

import re
from collections.abc import Mapping
from typing import Any

from explorer.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]


def shape(shapes: Shapes, name: str, dims: int) -> tuple[int, ...]:
    """The shape of a tensor that must be there, with that many dimensions; else CheckpointError."""
    if name not in shapes:
        raise CheckpointError(f"the file is incomplete: it has no tensor {name}")
    if len(shapes[name]) != dims or 0 in shapes[name]:
        raise CheckpointError(
            f"tensor {name} has shape {list(shapes[name])}; {dims} dimensions were expected"
        )
    return shapes[name]


def count(shapes: Shapes, pattern: str) -> int:
    """One more than the largest number that the pattern's group takes at the start of a name."""
    found = (re.match(pattern, name) for name in shapes)
    return max((int(match[1]) for match in found if match), default=-1) + 1


def autoencoder(shapes: Shapes, level: str, first_conv: str, block: str) -> dict[str, Any]:
    """Numbers of a convolutional tokenizer with a table of codes.

    level: pattern that counts levels. first_conv: name of a level's first convolution, with {}. block:
    pattern that counts a level's residual blocks.
    """
    vocab_size, code_dim = shape(shapes, "quantize.embedding.weight", 2)
    return encoder_numbers(shapes, level, first_conv, block) | {
        "vocab_size": vocab_size,
        "code_dim": code_dim,
    }


def encoder_numbers(shapes: Shapes, level: str, first_conv: str, block: str) -> dict[str, Any]:
    """Numbers of a convolutional encoder: ch, ch_mult, z_channels, num_res_blocks, downsample."""
    ch = shape(shapes, "encoder.conv_in.weight", 4)[0]
    widths = [shape(shapes, first_conv.format(i), 4)[0] for i in range(count(shapes, level))]
    if any(width % ch for width in widths):
        raise CheckpointError(f"the encoder's level widths {widths} are no multiples of its first width {ch}")
    return {
        "ch": ch,
        "ch_mult": tuple(width // ch for width in widths),
        "z_channels": shape(shapes, "encoder.conv_out.weight", 4)[0],
        "num_res_blocks": count(shapes, level.replace(r"(\d+)", "0") + block),
        "downsample": 2 ** (len(widths) - 1),
    }
