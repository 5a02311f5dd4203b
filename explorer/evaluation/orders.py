"""Is one order better than another? The price of held-out photos along each, by one masked model.

Shapes: P photos, N tokens of a photo.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from explorer.analysis.order_prices import Interval, along, difference, mean_interval
from explorer.evaluation.run import check_generator, model_entries
from explorer.families import ANY_ORDER
from explorer.generators import Generator
from explorer.generators.masked import NAMES
from explorer.orders import RANDOM, as_order
from explorer.token_maps import TokenMaps
from explorer.training.photos import PhotoSet, plain_batch

REFERENCE = "raster"
ORDERS = ("raster", "serpentine", "spiral", "spiral-outwards", "z-curve", "hilbert", RANDOM, "entropy")
PHOTOS_AT_ONCE = 8
CAVEAT = (
    "one net, trained on random masks, favours no order: what differs is what the orders ask of it, not what "
    "a net trained on each of them would have learned"
)


def order_prices(
    generator: Generator,
    photos: PhotoSet,
    orders: Sequence[str] = ORDERS,
    count: int = 200,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Bits per token of held-out photos given their class, by the chain rule along each order, exactly.

    count: photos, spread evenly over those held out. "random" is another order for every photo. Raster is
    always measured: the differences are to it, photo by photo. Intervals hold 95 %.
    ValueError for a generator of one order, an unknown order, fewer than two photos, or a class of the photos
    that the generator does not have.
    """
    if generator.order != ANY_ORDER:
        raise ValueError(f"{generator.name} knows one order, {generator.order}; a masked model knows any")
    check_generator(generator, photos)
    if count < 2:
        raise ValueError(f"{count} photos show no spread; take at least 2")
    orders = tuple(dict.fromkeys((REFERENCE, *orders)))
    for order in orders:
        if order not in NAMES["score"]:
            raise ValueError(f"photos are priced along {', '.join(NAMES['score'])}, not {order!r}")
    held_N = photos.held_out()[1]
    chosen_P = held_N[torch.linspace(0, len(held_N) - 1, min(count, len(held_N))).long()]
    prices: dict[str, list[Tensor]] = {order: [] for order in orders}
    done = 0
    for indices_B in chosen_P.split(PHOTOS_AT_ONCE):
        picture = (plain_batch(photos, indices_B, generator.tokenizer.image_hw[0]) + 1) / 2
        maps = generator.tokenizer.encode(picture)
        labels = [photos.classes[label] for label in photos.labels_N[indices_B]]
        for order in orders:
            prices[order].append(_bits(generator, maps, labels, order, indices_B.tolist()))
        done += len(indices_B)
        show(done, len(chosen_P))
    bits = {order: torch.cat(parts) for order, parts in prices.items()}
    found = {}
    for order, bits_PN in bits.items():
        found[order] = {"bits_per_token": _shown(mean_interval(bits_PN.double().mean(1)))}
        if order != REFERENCE:
            found[order]["more_than_raster"] = _shown(difference(bits_PN, bits[REFERENCE]))
        paths = _paths(generator, order, chosen_P.tolist())
        if paths is not None:
            found[order]["bits_along_the_way"] = [round(b, 4) for b in along(bits_PN, paths).tolist()]
    return {
        **model_entries(generator),
        "photos": len(chosen_P),
        "tokens_per_photo": math.prod(generator.grids[0]),
        "orders": found,
        "caveat": CAVEAT,
    }


def _bits(generator: Generator, maps: TokenMaps, labels: list[str], order: str, indices: list[int]) -> Tensor:
    """(B,N), in the grid's own order."""
    if order != RANDOM:
        parts = [generator.score(maps, labels, order=order)[0]]
    else:
        paths = _paths(generator, order, indices)
        parts = [
            generator.score(maps.image(b), label, order=path)[0]
            for b, (label, path) in enumerate(zip(labels, paths, strict=True))
        ]
    return -torch.cat(parts).flatten(1) / math.log(2)


def _paths(generator: Generator, order: str, indices: list[int]) -> Tensor | None:
    """(P,N) cells; None for an order that finds its way in each picture. "random": seeded by the photo."""
    if order == "entropy":
        return None
    return torch.stack([as_order(order, generator.grids[0], seed) for seed in indices])


def _shown(interval: Interval) -> dict:
    return {
        "mean": round(interval.mean, 4),
        "interval_95": [round(interval.low, 4), round(interval.high, 4)],
    }
