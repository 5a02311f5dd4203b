"""DALL-E's dVAE (arXiv 2102.12092): 8192 codes by logits. Recognised, not yet run."""

from typing import Any

from explorer.families.family import TOKENIZER, Family, Numbers, Shapes


def read(shapes: Shapes) -> dict[str, Any]:
    from_pixels = shapes.get("blocks.input.w", (0, 0))[1] == 3
    name, axis = ("blocks.output.conv.w", 0) if from_pixels else ("blocks.input.w", 1)
    half = "encoder" if from_pixels else "decoder"
    return {"half": half} | ({"vocab_size": shapes[name][axis]} if name in shapes else {})


def title(numbers: Numbers) -> str:
    return f"the {numbers['half']} of a DALL-E dVAE"


FAMILIES = (
    Family(
        name="dalle-dvae",
        kind=TOKENIZER,
        maker="DALL-E",
        marks=(r"(encoder\.|decoder\.)?blocks\.group_1\.block_1\..+",),
        read=read,
        title=title,
    ),
)
