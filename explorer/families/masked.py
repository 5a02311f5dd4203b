"""The masked transformer of this program: MaskGIT's training (arXiv 2202.04200) on LlamaGen's blocks.

It reads the same tokens as LlamaGen's raster transformer, so the two can be compared; see
`nets/masked_transformer.py`.
"""

import math
from collections.abc import Mapping
from typing import Any

from explorer.errors import CheckpointError
from explorer.families.family import ANY_ORDER, GENERATOR, Family, Numbers, Shapes
from explorer.families.grid_rules import GridRule, one_map
from explorer.families.schedules import Grid, Grids, show_grids, token_count
from explorer.families.shapes import count, shape
from explorer.nets.masked_transformer import MaskedConfig, MaskedTransformer


def read(shapes: Shapes) -> dict[str, Any]:
    vocab_size, width = shape(shapes, "token_embeddings.weight", 2)
    class_rows, _ = shape(shapes, "class_embeddings.weight", 2)
    length, _ = shape(shapes, "position_embeddings.weight", 2)
    hidden, _ = shape(shapes, "layers.0.feed_forward.w1.weight", 2)
    return {
        "depth": count(shapes, r"layers\.(\d+)\."),
        "width": width,
        "vocab_size": vocab_size,
        "num_classes": class_rows - 1,  # the last row means "no class"
        "ffn_width": hidden,
        "length": length,
    }


def with_heads(numbers: dict[str, Any], stated: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The numbers with num_heads from the card; else why it cannot be known."""
    heads, width = stated.get("num_heads"), numbers["width"]
    if heads is None:
        return numbers, (
            "its number of heads cannot be read from the file; a card beside it must say "
            '{"config": {"num_heads": ...}}'
        )
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1 or width % heads:
        raise CheckpointError(f"the card says num_heads = {heads!r}, which does not divide the width {width}")
    return numbers | {"num_heads": heads}, None


def configure(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> MaskedConfig:
    keys = ("vocab_size", "num_classes", "depth", "width", "num_heads", "ffn_width")
    return MaskedConfig(grid=grids[0], **{key: numbers[key] for key in keys})


# Grids: one map with as many cells as the file has places.


def for_size(size: Grid, downsample: int, numbers: Numbers) -> Grids | None:
    grids = one_map("masked").for_size(size, downsample, numbers)
    return grids if grids and not misfit(grids, numbers) else None


def misfit(grids: Grids, numbers: Numbers) -> str | None:
    if len(grids) == 1 and token_count(grids) == numbers["length"]:
        return None
    return (
        f"({show_grids(grids)}) make {token_count(grids)} tokens in {len(grids)} maps; the file has "
        f"places for {numbers['length']} in one"
    )


def default(numbers: Numbers, downsample: int) -> tuple[Grids | None, str]:
    side = math.isqrt(numbers["length"])
    square = ((side, side),) if side**2 == numbers["length"] else None
    return square, f"the square of {numbers['length']} places"


GRIDS = GridRule(
    for_size,
    misfit,
    default,
    unknown=lambda numbers: f"{numbers['length']} places make no square map",
    why_not="it must give as many cells as the file has places; ",
)

FAMILIES = (
    Family(
        name="masked",
        kind=GENERATOR,
        maker="masked",
        marks=(r"mask_token", r"position_embeddings\.weight", r"layers\.0\.attention\.wqkv\.weight"),
        read=read,
        complete=with_heads,
        title=lambda numbers: f"masked transformer depth {numbers['depth']}",
        grid_rule=GRIDS,
        configure=configure,
        build=MaskedTransformer,
        adapter="explorer.generators.masked:MaskedGenerator",
        tokenizer="llamagen-tokenizer",
        order=ANY_ORDER,
        guidance_sweep=(1.0, 1.5, 2.0, 3.0, 4.0),
        pairs="Needs a tokenizer of family llamagen-tokenizer with {codes}{dims}.",
    ),
)
