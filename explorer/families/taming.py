"""taming-transformers (arXiv 2012.09841): VQGAN and the class-conditional minGPT on top of it.

Files, maths and traps: MODELS.md section 4. The published files are Lightning checkpoints behind links that
no hub serves, so none of them is in the catalogue; they open from disk.
"""

import math
from collections.abc import Mapping
from typing import Any

from explorer.errors import CheckpointError
from explorer.families.family import GENERATOR, RASTER, TOKENIZER, Family, Numbers, Shapes
from explorer.families.grid_rules import GridRule, one_map
from explorer.families.schedules import Grid, Grids
from explorer.families.shapes import count, encoder_numbers, shape
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.taming_gpt import TamingGPT, TamingGPTConfig
from explorer.nets.taming_vqgan import TamingVQGAN, TamingVQGANConfig

# Perceptual loss and discriminator, which Lightning keeps in the same file.
LOSS = ("loss.",)
IMAGENET_CLASSES = 1000
# The released transformers by (depth, width): number of heads, which no tensor shows.
HEADS = {(48, 1536): 24}


def read_tokenizer(shapes: Shapes) -> dict[str, Any]:
    gumbel = "quantize.embed.weight" in shapes
    name = "quantize.embed.weight" if gumbel else "quantize.embedding.weight"
    vocab_size, code_dim = shape(shapes, name, 2)
    level, block = r"encoder\.down\.(\d+)\.", r"block\.(\d+)\."
    numbers = encoder_numbers(shapes, level, "encoder.down.{}.block.0.conv1.weight", block)
    levels = range(len(numbers["ch_mult"]))
    return numbers | {
        "vocab_size": vocab_size,
        "code_dim": code_dim,
        "gumbel": gumbel,
        "attention_levels": tuple(i for i in levels if f"encoder.down.{i}.attn.0.q.weight" in shapes),
    }


def configure_tokenizer(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> TamingVQGANConfig:
    keys = ("ch", "ch_mult", "z_channels", "num_res_blocks", "attention_levels")
    autoencoder = AutoencoderConfig(**{key: numbers[key] for key in keys})
    return TamingVQGANConfig(autoencoder, numbers["vocab_size"], numbers["code_dim"], numbers["gumbel"])


def tokenizer_title(numbers: Numbers) -> str:
    kind = "Gumbel-quantised VQGAN" if numbers["gumbel"] else "VQGAN"
    return f"a {kind} tokenizer with {numbers['vocab_size']} codes"


def read_generator(shapes: Shapes) -> dict[str, Any]:
    other = next((name for name in shapes if name.startswith("cond_stage_model.")), None)
    if other:
        raise CheckpointError(
            f"this is a taming-transformers GPT that is conditioned on pictures ({other}); only those that "
            "are conditioned on a class are supported"
        )
    vocab_size, width = shape(shapes, "tok_emb.weight", 2)
    _, block_size, _ = shape(shapes, "pos_emb", 3)
    hidden, _ = shape(shapes, "blocks.0.mlp.0.weight", 2)
    return {
        "depth": count(shapes, r"blocks\.(\d+)\."),
        "width": width,
        "vocab_size": vocab_size,
        "block_size": block_size,
        "ffn_width": hidden,
    }


def with_heads_and_classes(
    numbers: dict[str, Any], stated: Mapping[str, Any]
) -> tuple[dict[str, Any], str | None]:
    """num_heads from the card or the released sizes; num_classes from the card, else ImageNet's.

    A class is a token of the shared vocabulary, so nothing in the file says how many there are.
    """
    size = (numbers["depth"], numbers["width"])
    classes = stated.get("num_classes", min(IMAGENET_CLASSES, numbers["vocab_size"]))
    heads = stated.get("num_heads", HEADS.get(size))
    if heads is None:
        return numbers | {"num_classes": classes}, (
            f"its number of heads cannot be read from the file and depth {size[0]}, width {size[1]} is no "
            'released size; a card beside it must say {"config": {"num_heads": ...}}'
        )
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1 or size[1] % heads:
        raise CheckpointError(
            f"the card says num_heads = {heads!r}, which does not divide the width {size[1]}"
        )
    if not isinstance(classes, int) or isinstance(classes, bool):
        raise CheckpointError(f"the card says num_classes = {classes!r}, which is no whole number")
    return numbers | {"num_heads": heads, "num_classes": classes}, None


def generator_grids() -> GridRule:
    """One map with a token for each learned position; the first of them is the class's.

    Where there are more positions than tokens, something else than a class conditions the model.
    """
    plain = one_map("taming-transformers")

    def misfit(grids: Grids, numbers: Numbers) -> str | None:
        h, w = grids[-1]
        if h * w != numbers["block_size"]:
            return f"are {h} x {w} = {h * w} tokens; this model was made for {numbers['block_size']}"
        return plain.misfit(grids, numbers)

    def default(numbers: Numbers, downsample: int) -> tuple[Grids | None, str]:
        side = math.isqrt(numbers["block_size"])
        square: Grid | None = (side, side) if side**2 == numbers["block_size"] else None
        return square and (square,), f"the square of its {numbers['block_size']} learned positions"

    def unknown(numbers: Numbers) -> str:
        return f"its {numbers['block_size']} learned positions make no square"

    return GridRule(plain.for_size, misfit, default, unknown, plain.why_not)


def configure_generator(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> TamingGPTConfig:
    keys = ("vocab_size", "num_classes", "depth", "width", "num_heads", "block_size")
    return TamingGPTConfig(grid=grids[0], hidden=numbers["ffn_width"], **{key: numbers[key] for key in keys})


FAMILIES = (
    Family(
        name="taming-transformer",
        kind=GENERATOR,
        maker="taming-transformers",
        marks=(r"tok_emb\.weight", r"pos_emb", r"blocks\.0\.attn\.key\.weight"),
        dropped=("attn.mask",),  # causal mask
        read=read_generator,
        complete=with_heads_and_classes,
        title=lambda numbers: f"a taming-transformers GPT depth {numbers['depth']}",
        grid_rule=generator_grids(),
        configure=configure_generator,
        build=TamingGPT,
        adapter="explorer.generators.label_token:LabelTokenGenerator",
        tokenizer="vqgan",
        order=RASTER,
        guidance_sweep=(0.0,),  # it has none
        pairs="Needs a tokenizer of family vqgan with {codes}{dims}; net2net files hold it too.",
    ),
    Family(
        name="vqgan",
        kind=TOKENIZER,
        maker="taming-transformers",
        marks=(r"encoder\.down\.0\..+", r"encoder\.mid\.attn_1\.q\.weight"),
        without=(r"quantizer\..+", r"model_ema\.decay", r"encoder\.down\.0\.block\.3\..+"),
        dropped_prefixes=LOSS,
        read=read_tokenizer,
        title=tokenizer_title,
        grid_rule=one_map("VQGAN"),
        configure=configure_tokenizer,
        build=TamingVQGAN,
        adapter="explorer.tokenizers.singlescale:SingleScaleTokenizer",
        reference="explorer.tokenizers.references:covering_bilinear",
        to_bytes="explorer.tokenizers.images:from_symmetric",
        pairs="Pairs with class-conditional taming-transformers GPTs for {codes}.",
    ),
)
