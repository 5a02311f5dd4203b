"""How one picture differs from another, as a picture: a diverging colour scale around zero."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

# From darker to lighter than before; equal steps to both sides, neutral in the middle.
ANCHORS = ((33, 72, 140), (104, 150, 205), (242, 242, 240), (222, 128, 96), (150, 38, 30))
# The end of the scale is one of these, so that pictures of similar edits can be compared.
LIMITS = (0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Difference:
    """pixels: bytes (H,W,3). limit: the difference at the ends of the scale. mean: of its absolute value."""

    pixels: np.ndarray
    limit: float
    mean: float


def difference(before_3HW: Tensor, after_3HW: Tensor) -> Difference:
    """The change of brightness (mean over the channels) from one picture in [0,1] to another."""
    if before_3HW.shape != after_3HW.shape:
        raise ValueError(f"two pictures of one size are needed, got {before_3HW.shape} and {after_3HW.shape}")
    change_3HW = (after_3HW - before_3HW).double()
    change_HW = change_3HW.mean(0).numpy()
    largest = float(np.abs(change_HW).max(initial=0.0))
    limit = next((limit for limit in LIMITS if largest <= limit), LIMITS[-1])
    return Difference(diverging(change_HW / limit), limit, float(change_3HW.abs().mean()))


def diverging(value_HW: np.ndarray) -> np.ndarray:
    """Bytes (H,W,3) for values in [-1,1]."""
    anchors = np.array(ANCHORS, dtype=float)
    position = (np.clip(value_HW, -1, 1) + 1) / 2
    stops = np.linspace(0, 1, len(anchors))
    channels = [np.interp(position, stops, anchors[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).round().astype(np.uint8)


def gradient() -> str:
    """The same scale as a CSS background, for the legend."""
    return f"linear-gradient(90deg, {', '.join(f'rgb{colour}' for colour in ANCHORS)})"
