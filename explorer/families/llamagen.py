"""LlamaGen (arXiv 2406.06525): a single-scale VQ tokenizer and class-conditional GPTs in raster order.

Files, maths and traps: MODELS.md section 3.
"""

from collections.abc import Mapping
from typing import Any

from explorer.errors import CheckpointError
from explorer.families.family import GENERATOR, RASTER, TOKENIZER, Family, Numbers, Released, Shapes
from explorer.families.grid_rules import one_map
from explorer.families.schedules import Grids
from explorer.families.shapes import autoencoder, count, shape
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.vqvae import LlamaGenVQ, VQVAEConfig
from explorer.orders import as_order

LICENCE = "MIT"
# The released GPTs by (depth, width): name and number of heads, which no tensor shows.
SIZES = {
    (12, 768): ("GPT-B", 12),
    (24, 1024): ("GPT-L", 16),
    (36, 1280): ("GPT-XL", 20),
    (48, 1536): ("GPT-XXL", 24),
    (24, 3200): ("GPT-3B", 32),
}


def read_tokenizer(shapes: Shapes) -> dict[str, Any]:
    return autoencoder(
        shapes, r"encoder\.conv_blocks\.(\d+)\.", "encoder.conv_blocks.{}.res.0.conv1.weight", r"res\.(\d+)\."
    )


def configure_tokenizer(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> VQVAEConfig:
    sizes = {key: numbers[key] for key in ("ch", "ch_mult", "z_channels", "num_res_blocks")}
    return VQVAEConfig(
        "llamagen-tokenizer", AutoencoderConfig(**sizes), numbers["vocab_size"], numbers["code_dim"]
    )


def read_generator(shapes: Shapes) -> dict[str, Any]:
    if any(name.startswith("cls_embedding.cap_proj.") for name in shapes):
        raise CheckpointError(
            "this is a text-conditional LlamaGen GPT (cls_embedding.cap_proj); only class-conditional ones "
            "(c2i_*) are supported"
        )
    vocab_size, width = shape(shapes, "tok_embeddings.weight", 2)
    class_rows, _ = shape(shapes, "cls_embedding.embedding_table.weight", 2)
    hidden, _ = shape(shapes, "layers.0.feed_forward.w1.weight", 2)
    qkv_rows, _ = shape(shapes, "layers.0.attention.wqkv.weight", 2)
    if qkv_rows != 3 * width:
        raise CheckpointError(
            f"this LlamaGen GPT shares keys and values between heads (layers.0.attention.wqkv has {qkv_rows} "
            f"rows, 3 x {width} = {3 * width} are supported)"
        )
    return {
        "depth": count(shapes, r"layers\.(\d+)\."),
        "width": width,
        "vocab_size": vocab_size,
        "num_classes": class_rows - 1,  # the last row means "no class"
        "ffn_width": hidden,
    }


def with_heads(numbers: dict[str, Any], stated: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The numbers with num_heads, from the card or the released sizes; else why it cannot be known."""
    size = (numbers["depth"], numbers["width"])
    heads = stated.get("num_heads")
    if heads is None and size in SIZES:
        heads = SIZES[size][1]
    if heads is None:
        return numbers, (
            f"its number of heads cannot be read from the file and depth {size[0]}, width {size[1]} is no "
            'released size; a card beside it must say {"config": {"num_heads": ...}}'
        )
    if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1 or size[1] % heads:
        raise CheckpointError(
            f"the card says num_heads = {heads!r}, which does not divide the width {size[1]}"
        )
    return numbers | {"num_heads": heads}, None


def configure_generator(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> LlamaGenConfig:
    keys = ("vocab_size", "num_classes", "depth", "width", "num_heads", "ffn_width")
    constants = {key: float(stated[key]) for key in ("norm_eps", "rope_base") if key in stated}
    order = None
    if stated.get("order", RASTER) != RASTER:
        try:
            order = tuple(as_order(stated["order"], grids[0]).tolist())
        except ValueError as error:
            raise CheckpointError(f"the card's order: {error}") from error
    return LlamaGenConfig(grid=grids[0], order=order, **{key: numbers[key] for key in keys}, **constants)


def generator_title(numbers: Numbers) -> str:
    size = (numbers["depth"], numbers["width"])
    return f"LlamaGen {SIZES[size][0] if size in SIZES else f'GPT depth {size[0]}'}"


def _released(name: str, family: str, parameters: int, about: str) -> Released:
    kind = TOKENIZER if family.endswith("-tokenizer") else GENERATOR
    return Released(
        name,
        f"{name}.pt",
        "FoundationVision/LlamaGen",
        family,
        parameters,
        about,
        kind=kind,
        licence=LICENCE,
    )


FAMILIES = (
    Family(
        name="llamagen-tokenizer",
        kind=TOKENIZER,
        maker="LlamaGen",
        marks=(r"encoder\.conv_blocks\.0\..+",),
        dropped=("codebook_used",),  # ids of recent batches
        read=read_tokenizer,
        title=lambda numbers: f"a LlamaGen tokenizer with {numbers['vocab_size']} codes",
        grid_rule=one_map("LlamaGen"),
        configure=configure_tokenizer,
        build=LlamaGenVQ,
        adapter="explorer.tokenizers.singlescale:SingleScaleTokenizer",
        reference="explorer.tokenizers.images:llamagen_reference",
        to_bytes="explorer.tokenizers.images:from_symmetric_rounded_up",
        pairs="Pairs with class-conditional LlamaGen GPTs for {codes}, on the same grid.",
        released=(
            _released(
                "vq_ds16_c2i",
                "llamagen-tokenizer",
                71_883_403,
                "LlamaGen's tokenizer, 16 pixels a token",
            ),
            _released(
                "vq_ds8_c2i",
                "llamagen-tokenizer",
                70_109_835,
                "LlamaGen's tokenizer, 8 pixels a token",
            ),
        ),
    ),
    Family(
        name="llamagen",
        kind=GENERATOR,
        maker="LlamaGen",
        marks=(r"cls_embedding\..+",),
        dropped=("freqs_cis",),  # rotary table
        read=read_generator,
        complete=with_heads,
        title=generator_title,
        grid_rule=one_map("LlamaGen"),
        configure=configure_generator,
        build=LlamaGenGPT,
        adapter="explorer.generators.raster:RasterGenerator",
        tokenizer="llamagen-tokenizer",
        order=RASTER,
        partner="vq_ds16_c2i",
        guidance_sweep=(1.0, 1.5, 2.0, 3.0, 4.0),
        pairs="Needs a tokenizer of family llamagen-tokenizer with {codes}{dims}.",
        released=(
            _released("c2i_B_256", "llamagen", 110_888_448, "LlamaGen-B, ImageNet 256 px"),
            _released("c2i_B_384", "llamagen", 110_888_448, "LlamaGen-B, ImageNet 384 px"),
            _released("c2i_L_256", "llamagen", 342_910_976, "LlamaGen-L, ImageNet 256 px"),
            _released("c2i_L_384", "llamagen", 342_910_976, "LlamaGen-L, ImageNet 384 px"),
            _released("c2i_XL_384", "llamagen", 774_699_520, "LlamaGen-XL, ImageNet 384 px"),
            _released("c2i_XXL_384", "llamagen", 1_410_972_672, "LlamaGen-XXL, ImageNet 384 px"),
            _released("c2i_3B_384", "llamagen", 3_096_659_200, "LlamaGen-3B, ImageNet 384 px"),
        ),
    ),
)
