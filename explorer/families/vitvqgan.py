"""ViT-VQGAN (arXiv 2110.04627), Parti's kind of tokenizer; Parti itself was never released. VITVQGAN.md.

The weights of enhancing-transformers (MIT) are Lightning files on the hub; their names there were not
checked, so none of them is in the catalogue; they open from disk.
"""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from explorer.families.family import TOKENIZER, Family, Numbers, Shapes
from explorer.families.grid_rules import GridRule, one_map
from explorer.families.schedules import Grids
from explorer.families.shapes import count, shape
from explorer.nets.vitvqgan import ViTConfig, ViTVQGAN, ViTVQGANConfig


def read(shapes: Shapes) -> dict[str, Any]:
    vocab_size, code_dim = shape(shapes, "quantizer.embedding.weight", 2)
    _, tokens, _ = shape(shapes, "encoder.en_pos_embedding", 3)
    _, _, patch, _ = shape(shapes, "encoder.to_patch_embedding.0.weight", 4)
    numbers = {"vocab_size": vocab_size, "code_dim": code_dim, "downsample": patch, "table": tokens}
    for side in ("encoder", "decoder"):
        numbers |= {f"{side}_{key}": value for key, value in side_numbers(shapes, side).items()}
    return numbers


def side_numbers(shapes: Shapes, side: str) -> dict[str, int]:
    first = f"{side}.transformer.layers.0."
    width, attention = shape(shapes, f"{first}0.fn.to_out.weight", 2)
    hidden, _ = shape(shapes, f"{first}1.fn.net.0.weight", 2)
    depth = count(shapes, rf"{side}\.transformer\.layers\.(\d+)\.")
    return {"width": width, "depth": depth, "attention": attention, "hidden": hidden}


def grids() -> GridRule:
    """One map with as many tokens as the stored position tables have rows; a square unless somebody says."""
    plain = one_map("ViT-VQGAN")

    def misfit(grids: Grids, numbers: Numbers) -> str | None:
        h, w = grids[-1]
        if h * w != numbers["table"]:
            return f"are {h} x {w} = {h * w} tokens; the file's position tables have {numbers['table']}"
        return plain.misfit(grids, numbers)

    def default(numbers: Numbers, downsample: int) -> tuple[Grids | None, str]:
        side = math.isqrt(numbers["table"])
        square = ((side, side),) if side**2 == numbers["table"] else None
        return square, f"the square of its {numbers['table']} positions"

    def unknown(numbers: Numbers) -> str:
        return f"its {numbers['table']} positions make no square"

    return GridRule(plain.for_size, misfit, default, unknown, plain.why_not)


def configure(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> ViTVQGANConfig:
    keys = ("width", "depth", "attention", "hidden")
    sides = [ViTConfig(**{key: numbers[f"{side}_{key}"] for key in keys}) for side in ("encoder", "decoder")]
    return ViTVQGANConfig(numbers["downsample"], grids[0], *sides, numbers["vocab_size"], numbers["code_dim"])


def rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    old = "quantizer."
    return {f"quantize.{n[len(old) :]}" if n.startswith(old) else n: one for n, one in tensors.items()}


FAMILIES = (
    Family(
        name="vitvqgan",
        kind=TOKENIZER,
        maker="ViT-VQGAN",
        marks=(r"encoder\.en_pos_embedding", r"decoder\.de_pos_embedding", r"pre_quant\.weight"),
        dropped_prefixes=("loss.",),  # perceptual loss and discriminator
        read=read,
        title=lambda numbers: f"a ViT-VQGAN tokenizer with {numbers['vocab_size']} codes",
        grid_rule=grids(),
        configure=configure,
        build=ViTVQGAN,
        rename=rename,
        adapter="explorer.tokenizers.singlescale:SingleScaleTokenizer",
        reference="explorer.tokenizers.references:stretched_bilinear",
        to_bytes="explorer.tokenizers.images:from_symmetric",
        pairs="Pairs with nothing here: no transformer for its tokens was released.",
    ),
)
