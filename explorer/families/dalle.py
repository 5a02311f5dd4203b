"""DALL-E's dVAE (arXiv 2102.12092): 8192 codes by logits, 8 pixels a token.

Files, maths and traps: MODELS.md section 5. It is published as two pickled modules, which `explorer convert`
joins to one file; nothing else reads them.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from explorer.errors import CheckpointError
from explorer.families.family import TOKENIZER, Family, Numbers, Shapes
from explorer.families.grid_rules import one_map
from explorer.families.schedules import Grids
from explorer.families.shapes import count, shape
from explorer.nets.dalle_dvae import DalleDVAE, DalleDVAEConfig

HALVES = ("encoder", "decoder")
FIRST = "blocks.input.w"


def read(shapes: Shapes) -> dict[str, Any]:
    if not any(name.startswith("blocks.") for name in shapes):
        return _read_whole(shapes)
    half = "encoder" if shape(shapes, FIRST, 4)[1] == 3 else "decoder"
    vocab_size = shape(shapes, "blocks.output.conv.w", 4)[0] if half == "encoder" else shapes[FIRST][1]
    return {"half": half, "vocab_size": vocab_size, "downsample": 8}


def _read_whole(shapes: Shapes) -> dict[str, Any]:
    here = [half for half in HALVES if f"{half}.{FIRST}" in shapes]
    if len(here) == 1:
        own = {name.removeprefix(f"{here[0]}."): size for name, size in shapes.items()}
        return read(own)
    vocab_size = shape(shapes, "encoder.blocks.output.conv.w", 4)[0]
    code_dim, inputs = shape(shapes, f"decoder.{FIRST}", 4)[:2]
    if inputs != vocab_size:
        raise CheckpointError(
            f"the encoder writes {vocab_size} codes, the decoder reads {inputs}; these are halves of two "
            "different models"
        )
    return {
        "vocab_size": vocab_size,
        "code_dim": code_dim,
        "hidden": shape(shapes, f"encoder.{FIRST}", 4)[0],
        "blocks": count(shapes, r"encoder\.blocks\.group_1\.block_(\d+)\.") - 1,  # counted from 1
        "downsample": 8,
    }


def whole(numbers: dict[str, Any], stated: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Both halves are needed."""
    if "half" not in numbers:
        return numbers, None
    return numbers, (
        "the other half is missing; join the two published files: python -m explorer convert encoder.pkl "
        "decoder.pkl --out dalle.safetensors"
    )


def title(numbers: Numbers) -> str:
    if "half" in numbers:
        return f"the {numbers['half']} of a DALL-E dVAE"
    return f"a DALL-E dVAE with {numbers['vocab_size']} codes"


def configure(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> DalleDVAEConfig:
    return DalleDVAEConfig(*(numbers[key] for key in ("vocab_size", "code_dim", "hidden", "blocks")))


def rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The decoder's first convolution reads one-hot tokens: its columns are the table of codes."""
    named = dict(tensors)
    if f"decoder.{FIRST}" in named:
        columns = named.pop(f"decoder.{FIRST}")
        named["quantize.embedding.weight"] = columns[:, :, 0, 0].T.contiguous()
    return named


FAMILIES = (
    Family(
        name="dalle-dvae",
        kind=TOKENIZER,
        maker="DALL-E",
        marks=(r"(encoder\.|decoder\.)?blocks\.group_1\.block_1\.res_path\..+",),
        read=read,
        complete=whole,
        title=title,
        part=lambda numbers: numbers.get("half"),
        grid_rule=one_map("DALL-E"),
        configure=configure,
        build=DalleDVAE,
        rename=rename,
        adapter="explorer.tokenizers.singlescale:SingleScaleTokenizer",
        reference="explorer.tokenizers.references:covering_lanczos",
        to_bytes="explorer.tokenizers.images:from_symmetric",
        pairs="Pairs with nothing here: DALL-E's transformer was never published.",
    ),
)
