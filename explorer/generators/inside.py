"""What happens inside a generator when it predicts a token: attention, layers, causes. Conditional, unguided.

    look      what each head looked at (attention is a place, not yet a cause)
    lens      what each layer would have predicted: the logit lens (nostalgebraist 2020), for pictures
    effects   which earlier token matters: replace it and see how far the prediction moves

"Earlier" is what the prediction may look at. For a masked model these are all other known tokens: it is asked
about one cell while the rest is seen.

Nothing is kept on the network; each call runs one teacher-forced pass, `effects` one per replaced token.

Shapes: B batch, K scales, L input positions, V codes, n layers, H heads, h w the grid of a scale.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from explorer.generators import sampling
from explorer.generators.arguments import Label, cell_position
from explorer.token_maps import UNKNOWN, Grid, TokenMaps

if TYPE_CHECKING:
    from explorer.generators.base import Generator

# Rows of one forward pass while tokens are replaced one by one.
ROWS_PER_FORWARD = 16
REPLACEMENTS = ("likeliest", "drawn")


@dataclass(frozen=True, eq=False)
class Look:
    """What one prediction looked at.

    attention: (n,H,L) float32, rows sum to 1; L input positions up to the predicted token's scale.
    rollout: (L,), attention through all layers (Abnar & Zuidema 2020, arXiv:2005.00928): heads averaged, half
        of each layer passing straight on; sums to 1.
    places: (scale, row, column) of each position, scales from 1; (0, 0, 0) is a class token of its own.
        A position of a raster model holds the token of that place. A position of a next-scale model holds the
        picture so far (f_hat of all coarser scales) at that place; those of scale 1 hold the class.
    class_positions: how many positions, from the first on, hold the class and no token.
    grids: the model's schedule.
    """

    attention: Tensor
    rollout: Tensor
    places: tuple[tuple[int, int, int], ...]
    class_positions: int
    grids: tuple[Grid, ...]

    @property
    def class_share(self) -> Tensor:
        """(n,H): share of attention on the class."""
        return self.attention[..., : self.class_positions].sum(-1)

    def on_grid(self, scale: int, values: Tensor | None = None) -> Tensor:
        """`values` (...,L), default the attention, on a scale's grid (from 1): (...,h,w); 0 = not seen."""
        if not 1 <= scale <= len(self.grids):
            raise ValueError(f"there is no scale {scale}; this model has scales 1 to {len(self.grids)}")
        values = self.attention if values is None else values
        height, width = self.grids[scale - 1]
        found = values.new_zeros(*values.shape[:-1], height, width)
        for position, (k, i, j) in enumerate(self.places):
            if k == scale:
                found[..., i, j] = values[..., position]
        return found


@dataclass(frozen=True, eq=False)
class Lens:
    """What each layer would have predicted, had the network ended there; per scale, K entries each.

    ids: (n,B,h,w) int64, the likeliest codes. entropy: (n,B,h,w), nats. divergence: (n,B,h,w), nats, the
    Kullback-Leibler divergence of the layer's distribution from the last one's; 0 at the last layer.
    """

    ids: tuple[Tensor, ...]
    entropy: tuple[Tensor, ...]
    divergence: tuple[Tensor, ...]

    @property
    def layers(self) -> int:
        return self.ids[0].shape[0]

    def maps(self, layer: int, given: TokenMaps, scale: int) -> TokenMaps:
        """`given` with the map that this layer (from 1) writes at a scale (from 1), for the decoder."""
        if not 1 <= layer <= self.layers:
            raise ValueError(f"there is no layer {layer}; this model has layers 1 to {self.layers}")
        return given.with_map(scale, self.ids[scale - 1][layer - 1])

    @property
    def agreement(self) -> Tensor:
        """(n,K): share of tokens for which the layer names the same code as the last layer."""
        return torch.stack([(ids == ids[-1:]).float().flatten(1).mean(1) for ids in self.ids], dim=1)


@dataclass(frozen=True, eq=False)
class Effects:
    """How far one prediction moves when an earlier token is replaced; K maps (h,w) each.

    bits: Kullback-Leibler divergence of the new distribution from the old one; NaN where a token does not
    come before the prediction. replaced_by: the other code, -1 where none was tried.
    """

    bits: tuple[Tensor, ...]
    replaced_by: tuple[Tensor, ...]


def look(gen: "Generator", maps: TokenMaps, label: Label, scale: int, cell: int | tuple[int, int]) -> Look:
    """Attention of the prediction of one token of one picture, given the true ones before it.

    scale from 1; cell (row, column) or row * width + column. ValueError for more than one picture, a bad
    place, or a token before it that is not known.
    """
    maps, labels, scale, row, column = _asked(gen, maps, label, scale, cell)
    place = gen.device.torch_device
    with gen.device.forward():
        labels_B = torch.tensor(labels, device=place)
        inputs = gen._inputs_of_a_cell(maps, labels_B, scale, row, column)
        query = gen._asked_at(scale, row, column)
        length = len(gen._places(scale))
        rows, means = [], []
        for weights_1HLL in gen._net.attention(labels_B, inputs, torch.arange(length, device=place)):
            rows.append(weights_1HLL[0, :, query])
            means.append(weights_1HLL[0].mean(0))
        attention = torch.stack(rows)
        rollout = _roll_out(means, query)
    return Look(
        attention.to("cpu", copy=True),
        rollout.to("cpu", copy=True),
        tuple(gen._places(scale)),
        gen._class_positions(),
        tuple(gen.grids),
    )


def _roll_out(means: list[Tensor], query: int) -> Tensor:
    """(L,): from the last layer back to the first, half of each step along the residual stream."""
    share_L = torch.zeros_like(means[0][0])
    share_L[query] = 1
    for mean_LL in reversed(means):
        share_L = 0.5 * share_L + 0.5 * (share_L @ mean_LL)
    return share_L


def lens(gen: "Generator", maps: TokenMaps, label: Label) -> Lens:
    """After each layer the final norm and head, for every token of whole pictures, teacher-forced.

    ValueError where a token that a prediction looks at is not known.
    """
    maps = gen._check_maps(maps)
    labels = gen._labels(label)
    if len(labels) not in (1, maps.batch):
        raise ValueError(f"{len(labels)} labels for {maps.batch} pictures; give one, or one for each")
    if not all(known.all() for known in gen._reachable(maps)):
        raise ValueError("the layers are read on whole pictures: some tokens of these maps are not known")
    labels = labels if len(labels) == maps.batch else labels * maps.batch
    place, K = gen.device.torch_device, len(gen.grids)
    with gen.device.forward():
        labels_B = torch.tensor(labels, device=place)
        (last_BLV,) = deque(gen._layer_logits(maps, labels_B), maxlen=1)  # the others are let go
        last = last_BLV.log_softmax(-1)
        ids, entropy, divergence = [], [], []
        for logits_BLV in gen._layer_logits(maps, labels_B):
            found = logits_BLV.log_softmax(-1)
            ids.append(logits_BLV.argmax(-1).cpu())
            entropy.append(-(found.exp() * found).sum(-1).cpu())
            divergence.append((last.exp() * (last - found)).sum(-1).clamp_min(0).cpu())

    def per_scale(values: list[Tensor]) -> tuple[Tensor, ...]:
        layers = [gen._by_scale(values_BL, K) for values_BL in values]
        return tuple(torch.stack([layer[k] for layer in layers]).clone() for k in range(K))

    return Lens(per_scale(ids), per_scale(entropy), per_scale(divergence))


def effects(
    gen: "Generator",
    maps: TokenMaps,
    label: Label,
    scale: int,
    cell: int | tuple[int, int],
    replacement: str = "likeliest",
    seed: int = 0,
) -> Effects:
    """The prediction at one cell before and after each earlier token is replaced, one at a time.

    replacement: by the "likeliest" other code at that place, or by another code "drawn" there with `seed`,
    in both cases as the model itself expects it there. Time grows with the number of earlier tokens.
    """
    (*_, (_, _, found)) = effects_growing(gen, maps, label, scale, cell, replacement, seed)
    return found


def effects_growing(
    gen: "Generator",
    maps: TokenMaps,
    label: Label,
    scale: int,
    cell: int | tuple[int, int],
    replacement: str = "likeliest",
    seed: int = 0,
) -> Iterator[tuple[int, int, Effects]]:
    """`effects` as it is measured: (tokens replaced, tokens in all, what is known by now), after each pass.

    The device is held within a pass only. Tokens that are still to come are NaN; at least one view comes.
    """
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement is one of {', '.join(REPLACEMENTS)}, not {replacement!r}")
    maps, labels, scale, row, column = _asked(gen, maps, label, scale, cell)
    before = [
        may_hw & (ids[0] >= 0)
        for may_hw, ids in zip(gen._comes_before(scale, row, column), maps, strict=True)
    ]
    done, total = 0, sum(int(map_hw.sum()) for map_hw in before)
    others = _other_codes(gen, maps, labels, scale, replacement, seed)
    old_V = _prediction(gen, list(maps.maps), labels, scale, row, column)[0]
    bits = [torch.full(grid, torch.nan) for grid in gen.grids]
    replaced_by = [torch.full(grid, UNKNOWN) for grid in gen.grids]
    for places in _parts(before):
        rows = [ids.repeat(len(places), 1, 1) for ids in maps]
        for b, (k, i, j) in enumerate(places):
            rows[k][b, i, j] = replaced_by[k][i, j] = others[k][0, i, j]
        new_BV = _prediction(gen, rows, labels, scale, row, column)
        moved_B = (old_V.exp() * (old_V - new_BV)).sum(-1).clamp_min(0) / torch.log(torch.tensor(2.0))
        for (k, i, j), moved in zip(places, moved_B, strict=True):
            bits[k][i, j] = moved
        done += len(places)
        yield done, total, _copied(bits, replaced_by)
    if not total:
        yield 0, 0, _copied(bits, replaced_by)


def _copied(bits: list[Tensor], replaced_by: list[Tensor]) -> Effects:
    return Effects(tuple(one.clone() for one in bits), tuple(one.clone() for one in replaced_by))


def _parts(before: list[Tensor]) -> Iterator[list[tuple[int, int, int]]]:
    places = [(k, i, j) for k, map_hw in enumerate(before) for i, j in map_hw.nonzero().tolist()]
    for start in range(0, len(places), ROWS_PER_FORWARD):
        yield places[start : start + ROWS_PER_FORWARD]


def _other_codes(
    gen: "Generator", maps: TokenMaps, labels: tuple[int, ...], scale: int, replacement: str, seed: int
) -> list[Tensor]:
    """For each token of the first `scale` scales another code (1,h,w), as the model expects it there."""
    found = gen._guided_logits(maps, labels, sampling.Sampling(), scale, gen.inside_order)
    others = []
    for k, (logits, ids) in enumerate(zip(found, maps, strict=False), start=1):
        without = logits.scatter(-1, ids.clamp_min(0).unsqueeze(-1), -torch.inf)
        if replacement == "drawn":
            noise = sampling.noise([seed], k, ids[0].numel(), gen.vocab_size)
            without = without.softmax(-1) / noise.view_as(without)
        others.append(without.argmax(-1))
    return others


def _prediction(
    gen: "Generator", maps: list[Tensor], labels: tuple[int, ...], scale: int, row: int, column: int
) -> Tensor:
    """(B,V) log probabilities of one cell."""
    batch = TokenMaps(maps)
    labels, plain = labels * batch.batch, sampling.Sampling()
    return gen._cell_logits(batch, labels, plain, scale, row, column, gen.inside_order).log_softmax(-1)


def _asked(
    gen: "Generator", maps: TokenMaps, label: Label, scale: int, cell: int | tuple[int, int]
) -> tuple[TokenMaps, tuple[int, ...], int, int, int]:
    maps = gen._check_maps(maps)
    labels = gen._labels(label)
    if maps.batch != 1 or len(labels) != 1:
        raise ValueError(f"one picture and one label are looked at, not {maps.batch} and {len(labels)}")
    scale = maps.check_scale(scale)
    row, column = cell_position(cell, gen.grids[scale - 1])
    if not gen._reachable(maps)[scale - 1][0, row, column]:
        raise ValueError(
            f"cell ({row}, {column}) of scale {scale} cannot be predicted: "
            "tokens that come before it are not known"
        )
    return maps, labels, scale, row, column
