"""What the page is told of the inside of its generator. In the page: assets/js/inside/.

Attention travels as bytes, each row relative to its own maximum: layers x heads x positions of a large model
would be megabytes of decimals. Shapes: n layers, H heads, L positions, K scales.
"""

import base64
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from explorer.analysis import attention as rows_of
from explorer.analysis.information import in_bits
from explorer.analysis.preview import apply_preview
from explorer.figures.images import data_uri
from explorer.generators import Generator
from explorer.generators.inside import Effects, Look, effects_growing
from explorer.token_maps import UNKNOWN, TokenMaps
from explorer.ui.generate.run_request import read_label, read_maps, read_place, read_whole
from explorer.ui.inside.switching import switch_views
from explorer.ui.workbench import Workbench

STRONGEST = 6  # replaced tokens that are listed
NO_GENERATOR = (
    "No generator is loaded, so there is nothing to look into. Start the page with --generator, for example "
    "--generator mini."
)


def introduction(bench: Workbench) -> dict:
    """What the page knows before it asks."""
    gen = bench.generator
    if gen is None:
        return {"introduction": True, "problem": NO_GENERATOR}
    return {
        "introduction": True,
        "problem": None,
        "name": gen.name,
        "order": gen.order,
        "classes": list(gen.classes),
        "can_guide": gen.null_class is not None,
        "slow": bench.slow,
        "layers": gen.config.depth,
        "heads": gen.config.num_heads,
        "grids": [list(grid) for grid in gen.grids],
    }


def views(bench: Workbench, data: Mapping) -> Iterator[dict | None]:
    """One question. data: "kind" (look, lens, layer, effects), "maps", "label", and what the kind needs."""
    gen = bench.generator
    if gen is None:
        raise ValueError(NO_GENERATOR)
    kinds = {
        "look": look_views,
        "lens": lens_views,
        "layer": layer_views,
        "effects": effects_views,
        "switch": switch_views,
    }
    kind = data.get("kind")
    if kind not in kinds:
        raise ValueError(f"the page asked to see {str(kind)[:40]!r}, which is unknown; reload it")
    maps = read_maps(gen, data.get("maps"), "The tokens to look at")
    if maps is None:
        raise ValueError("there is no picture to look at; open one in Inspect, or generate one")
    yield from kinds[kind](bench, gen, maps, read_label(gen, data.get("label")), data)


def look_views(
    bench: Workbench, gen: Generator, maps: TokenMaps, label: str | None, data: Mapping
) -> Iterator[dict]:
    """What every head looked at when one token was predicted."""
    place = read_place(gen, data)
    found = gen.look(maps, label, place.scale, (place.row, place.column))
    yield {"status": "done", "look": look_view(gen, found, (place.scale, place.row, place.column))}


def look_view(gen: Generator, found: Look, asked: tuple[int, int, int]) -> dict:
    peaks_nH = found.attention.amax(-1)
    levels = (found.attention / peaks_nH.clamp_min(1e-12)[..., None] * 255).round().to(torch.uint8)
    layers, heads, _ = levels.shape
    return {
        "asked": list(asked),
        "layers": layers,
        "heads": heads,
        "places": [list(place) for place in found.places],
        "class_positions": found.class_positions,
        "peaks": _rounded(peaks_nH, 5),
        "levels": base64.b64encode(levels.numpy().tobytes()).decode(),
        "means": _rounded(found.attention.mean(1), 5),
        "rollout": _rounded(found.rollout, 5),
        "facts": head_facts(found, asked),
        "mean_facts": _facts(found, found.attention.mean(1), asked),
        "rollout_facts": _facts(found, found.rollout[None], asked)[0],
        "seen": seen_positions(found),
    }


def seen_positions(found: Look) -> int:
    """How many positions, from the first on, the prediction could look at; the others weigh exactly 0."""
    return int((found.attention > 0).any(0).any(0).nonzero().max()) + 1


def head_facts(found: Look, asked: tuple[int, int, int]) -> list[list[dict]]:
    return [_facts(found, rows_HL, asked) for rows_HL in found.attention]


def _facts(found: Look, rows_HL: Tensor, asked: tuple[int, int, int]) -> list[dict]:
    """For each row: shares of class and scales, mean distance (picture sides), spread (bits), a name."""
    K = len(found.grids)
    shares_HK = rows_of.scale_shares(rows_HL, found.places, found.class_positions, K)
    distance_H = rows_of.mean_distance(rows_HL, found.places, found.grids, asked, found.class_positions)
    spread_H = rows_of.spread_bits(rows_HL)
    facts = []
    for shares_K, distance, spread in zip(shares_HK, distance_H.tolist(), spread_H.tolist(), strict=True):
        far = None if math.isnan(distance) else distance
        facts.append(
            {
                "class": float(shares_K[0]),
                "scales": [round(share, 5) for share in shares_K[1:].tolist()],
                "distance": far,
                "bits": spread,
                "name": rows_of.head_name(
                    shares_K, 0.0 if far is None else far, spread, seen_positions(found), asked[0]
                ),
            }
        )
    return facts


def lens_views(
    bench: Workbench, gen: Generator, maps: TokenMaps, label: str | None, data: Mapping
) -> Iterator[dict]:
    """The figures of all layers, then their pictures, one layer a view; previews where decoding is slow."""
    found = gen.lens(maps, label)
    n, K = found.layers, len(gen.grids)
    figures = {
        "layers": n,
        "scales": K,
        "agreement": _rounded(found.agreement, 4),
        "entropy": [_rounded(in_bits(entropy).mean((1, 2, 3)), 3) for entropy in found.entropy],
        "divergence": [_rounded(in_bits(moved).mean((1, 2, 3)), 3) for moved in found.divergence],
    }
    yield {"status": "running", "lens": figures, "done": 0, "total": n}
    for layer in range(1, n + 1):
        stack = layer_maps(maps, [ids[layer - 1] for ids in found.ids])
        images = _drawn(bench, gen, stack)
        last = layer == n
        yield {
            "status": "done" if last else "running",
            "layer": layer,
            "images": images,
            "preview": bench.slow,
            "done": layer,
            "total": n,
        }


def layer_maps(maps: TokenMaps, ids: list[Tensor]) -> TokenMaps:
    """K pictures: the k-th has coarser maps as given, its own as a layer writes it, and no finer one."""
    unknown = [torch.full_like(one, UNKNOWN) for one in maps]
    K = len(maps)
    stacked = [
        torch.cat([ids[j] if j == k else maps[j] if j < k else unknown[j] for k in range(K)])
        for j in range(K)
    ]
    return TokenMaps(stacked, maps.meta)


def _drawn(bench: Workbench, gen: Generator, stack: TokenMaps) -> list[str]:
    if not bench.slow or bench.preview is None:
        return [data_uri(picture) for picture in gen.tokenizer.decode(stack)]
    pictures = []
    for k in range(len(stack)):
        f_hats = gen.tokenizer.accumulate(stack.image(k))
        pictures.append(data_uri(apply_preview(f_hats[k], bench.preview)[0]))
    return pictures


def layer_views(
    bench: Workbench, gen: Generator, maps: TokenMaps, label: str | None, data: Mapping
) -> Iterator[dict]:
    """One picture of the lens by the decoder: "layer" and "scale" from 1."""
    scale = read_whole(data.get("scale"), "The scale", 1, len(gen.grids))
    found = gen.lens(maps, label)
    layer = read_whole(data.get("layer"), "The layer", 1, found.layers)
    stack = layer_maps(maps, [ids[layer - 1] for ids in found.ids])
    (picture,) = gen.tokenizer.decode(stack.image(scale - 1))
    yield {"status": "done", "layer": layer, "scale": scale, "image": data_uri(picture)}


def effects_views(
    bench: Workbench, gen: Generator, maps: TokenMaps, label: str | None, data: Mapping
) -> Iterator[dict]:
    """Bits by which the prediction moves for each earlier token that is replaced, as they are measured."""
    place = read_place(gen, data)
    how = data.get("replacement", "likeliest")
    cell = (place.row, place.column)
    look = gen.look(maps, label, place.scale, cell)
    attended = [_rounded(look.on_grid(k, look.rollout).flatten(), 5) for k in range(1, len(gen.grids) + 1)]
    for done, total, found in effects_growing(gen, maps, label, place.scale, cell, str(how)[:20]):
        yield {
            "status": "done" if done == total else "running",
            "asked": [place.scale, place.row, place.column],
            "done": done,
            "total": total,
            "bits": [
                [None if math.isnan(bit) else round(bit, 5) for bit in bits.flatten().tolist()]
                for bits in found.bits
            ],
            "strongest": strongest(maps, found),
            "attention": attended,
        }


def strongest(maps: TokenMaps, found: Effects) -> list[dict]:
    """The replaced tokens that moved the prediction most. scale from 1, row and column from 0."""
    rows = [
        {
            "scale": k,
            "row": i,
            "column": j,
            "bits": float(bits[i, j]),
            "code": int(ids[0, i, j]),
            "by": int(other[i, j]),
        }
        for k, (bits, other, ids) in enumerate(zip(found.bits, found.replaced_by, maps, strict=True), start=1)
        for i, j in (~bits.isnan()).nonzero().tolist()
    ]
    return sorted(rows, key=lambda row: -row["bits"])[:STRONGEST]


def _rounded(values: Tensor, digits: int) -> list:
    if values.dim() == 1:
        return [round(value, digits) for value in values.tolist()]
    return [_rounded(row, digits) for row in values]
