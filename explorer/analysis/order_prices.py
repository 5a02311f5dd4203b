"""What pictures cost along an order of their tokens: means with intervals, differences, the way through.

Shapes: P pictures, N tokens of a picture in the grid's own order.
"""

from dataclasses import dataclass

from torch import Tensor

NORMAL_95 = 1.959964  # standard errors to each side


@dataclass(frozen=True)
class Interval:
    """A mean and where it lies with 95 % confidence: normal approximation over P independent values."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def mean_interval(values_P: Tensor) -> Interval:
    """ValueError for fewer than two values, which show no spread."""
    if len(values_P) < 2:
        raise ValueError(f"an interval needs at least 2 values, not {len(values_P)}")
    values_P = values_P.double()
    mean, error = values_P.mean().item(), values_P.std().item() / len(values_P) ** 0.5
    return Interval(mean, mean - NORMAL_95 * error, mean + NORMAL_95 * error)


def difference(bits_PN: Tensor, others_PN: Tensor) -> Interval:
    """Bits per token that the first cost more than the others, picture by picture.

    Paired, because pictures differ from each other much more than orders do.
    """
    if bits_PN.shape != others_PN.shape:
        raise ValueError(
            f"prices of the same pictures are compared, not {bits_PN.shape} with {others_PN.shape}"
        )
    return mean_interval(bits_PN.double().mean(1) - others_PN.double().mean(1))


def along(bits_PN: Tensor, orders_PN: Tensor) -> Tensor:
    """(N,): mean price of the token at each turn. orders_PN: of every picture its order of cells."""
    return bits_PN.double().gather(1, orders_PN).mean(0)
