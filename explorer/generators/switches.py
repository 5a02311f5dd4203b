"""Parts of a generator switched off, to see what they were for: heads, layers, a scale, the class.

A switched generator is a view that shares its weights with the one it was made of; two with different
switches do not disturb each other. Ablation, as Michel et al. 2019 (arXiv:1905.10650) did with heads of text
models.
"""

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.nets import switching
from explorer.token_maps import whole_number

if TYPE_CHECKING:
    from explorer.generators.base import Generator


@dataclass(frozen=True)
class Switches:
    """What is off, all counted from 1. heads: (layer, head). hidden: scales that finer ones do not see.

    swap: (scale, label): from that scale on the model is told this class instead; None = nowhere.
    """

    heads: frozenset[tuple[int, int]] = frozenset()
    layers: frozenset[int] = frozenset()
    hidden: frozenset[int] = frozenset()
    swap: tuple[int, int] | None = None

    def said(self, classes: tuple[str, ...] = ()) -> str:
        """In words, for titles and captions; "" where nothing is off."""
        words = [f"head {head} of layer {layer} off" for layer, head in sorted(self.heads)]
        words += [f"layer {layer} off" for layer in sorted(self.layers)]
        words += [f"scale {scale} hidden" for scale in sorted(self.hidden)]
        if self.swap:
            scale, label = self.swap
            name = classes[label] if label < len(classes) else "no class"
            words.append(f"class {name} from scale {scale} on")
        return ", ".join(words)


def switched(
    gen: "Generator",
    heads: Collection[tuple[int, int]] = (),
    layers: Collection[int] = (),
    hidden: Collection[int] = (),
    swap: tuple[int, object] | None = None,
) -> "Generator":
    """A view of `gen` with these parts off (see `Switches`). ValueError for parts that it does not have."""
    depth, width, K = gen.config.depth, gen.config.num_heads, len(gen.grids)
    checked = Switches(
        heads=frozenset(
            (_within(layer, depth, "layer"), _within(head, width, "head")) for layer, head in heads
        ),
        layers=frozenset(_within(layer, depth, "layer") for layer in layers),
        hidden=frozenset(_within(scale, K, "scale") for scale in hidden),
        swap=_swap(gen, swap),
    )
    if (checked.hidden or checked.swap) and K == 1:
        raise ValueError("a raster model has one scale: only heads and layers can be switched off")
    if K in checked.hidden:
        raise ValueError(f"scale {K} is the last one: nobody looks at it, so it cannot be hidden")
    other = copy.copy(gen)
    other._net = switching.without(
        gen._net,
        heads={(layer - 1, head - 1) for layer, head in checked.heads},
        layers={layer - 1 for layer in checked.layers},
    )
    if checked.hidden:
        other._net.hidden = frozenset(scale - 1 for scale in checked.hidden)
    other.switches = checked
    return other


def _within(value: object, most: int, what: str) -> int:
    number = whole_number(value, f"a {what}")
    if not 1 <= number <= most:
        raise ValueError(f"there is no {what} {number}; this model has {what}s 1 to {most}")
    return number


def _swap(gen: "Generator", swap: tuple[int, object] | None) -> tuple[int, int] | None:
    if swap is None:
        return None
    scale, label = swap
    (number,) = gen._labels(label)
    return _within(scale, len(gen.grids), "scale"), number
