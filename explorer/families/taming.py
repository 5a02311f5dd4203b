"""taming-transformers (arXiv 2012.09841): VQGAN and its transformer. Recognised, not yet run."""

from typing import Any

from explorer.families.family import GENERATOR, RASTER, TOKENIZER, Family, Shapes

# Perceptual loss and discriminator, which Lightning keeps in the same file.
LOSS = ("loss.", "first_stage_model.loss.")


def read_tokenizer(shapes: Shapes) -> dict[str, Any]:
    gumbel = "quantize.embed.weight" in shapes
    name = "quantize.embed.weight" if gumbel else "quantize.embedding.weight"
    return {"gumbel": gumbel} | ({"vocab_size": shapes[name][0]} if name in shapes else {})


def read_generator(shapes: Shapes) -> dict[str, Any]:
    name = "transformer.tok_emb.weight"
    return {"vocab_size": shapes[name][0]} if name in shapes else {}


def tokenizer_title(numbers) -> str:
    return "a taming-transformers VQGAN tokenizer" + (" (Gumbel)" if numbers["gumbel"] else "")


FAMILIES = (
    Family(
        name="taming-transformer",
        kind=GENERATOR,
        maker="taming-transformers",
        marks=(r"transformer\.tok_emb\.weight",),
        dropped=("attn.mask",),  # causal mask
        dropped_prefixes=LOSS,
        read=read_generator,
        title=lambda numbers: "a taming-transformers GPT with its VQGAN",
        order=RASTER,
    ),
    Family(
        name="vqgan",
        kind=TOKENIZER,
        maker="taming-transformers",
        marks=(r"encoder\.down\.0\..+",),
        without=(r"quantize\.quant_resi\..+",),
        dropped_prefixes=LOSS,
        read=read_tokenizer,
        title=tokenizer_title,
    ),
)
