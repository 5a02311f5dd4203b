"""VAR (arXiv 2404.02905): a multi-scale residual VQ-VAE and the transformer that predicts the next scale.

Files, maths and traps: MODELS.md section 2.
"""

from collections.abc import Mapping
from typing import Any

from explorer.errors import CheckpointError
from explorer.families.family import GENERATOR, NEXT_SCALE, TOKENIZER, Family, Numbers, Released, Shapes
from explorer.families.grid_rules import DEFAULT_IMAGE_SIZE, GridRule
from explorer.families.schedules import (
    PUBLISHED_SCHEDULES,
    Grid,
    Grids,
    published_for,
    show_grids,
    token_count,
)
from explorer.families.shapes import autoencoder, count, shape
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.nets.vqvae import VarVQVAE, VQVAEConfig

DOWNSAMPLE = 16  # of the released tokenizer
PHI_CONVOLUTIONS = 4
LICENCE = "MIT"


def read_tokenizer(shapes: Shapes) -> dict[str, Any]:
    phis = count(shapes, r"quantize\.quant_resi\.qresi_ls\.(\d+)\.")
    if phis != PHI_CONVOLUTIONS:
        raise CheckpointError(
            f"this VAR tokenizer has {phis} residual convolutions (quantize.quant_resi.qresi_ls); the "
            f"released layout, with {PHI_CONVOLUTIONS}, is supported"
        )
    return autoencoder(
        shapes, r"encoder\.down\.(\d+)\.", "encoder.down.{}.block.0.conv1.weight", r"block\.(\d+)\."
    )


def configure_tokenizer(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> VQVAEConfig:
    sizes = {key: numbers[key] for key in ("ch", "ch_mult", "z_channels", "num_res_blocks")}
    return VQVAEConfig(
        "var-tokenizer", AutoencoderConfig(**sizes), numbers["vocab_size"], numbers["code_dim"]
    )


def read_generator(shapes: Shapes) -> dict[str, Any]:
    heads_name = "blocks.0.attn.scale_mul_1H11"
    if heads_name not in shapes:
        raise CheckpointError(
            f"this VAR transformer has no {heads_name}: attention without l2-normalised queries and keys, "
            "which no release uses, is not supported"
        )
    vocab_size, width = shape(shapes, "head.weight", 2)
    _, code_dim = shape(shapes, "word_embed.weight", 2)
    class_rows, _ = shape(shapes, "class_emb.weight", 2)
    hidden, _ = shape(shapes, "blocks.0.ffn.fc1.weight", 2)
    return {
        "depth": count(shapes, r"blocks\.(\d+)\."),
        "width": width,
        "num_heads": shape(shapes, heads_name, 4)[1],
        "vocab_size": vocab_size,
        "code_dim": code_dim,
        "num_classes": class_rows - 1,  # the last row means "no class"
        "mlp_ratio": hidden / width,
        "shared_adaln": "shared_ada_lin.1.weight" in shapes,
        "tokens": shape(shapes, "pos_1LC", 3)[1],
        "first_tokens": shape(shapes, "pos_start", 3)[1],
        "scales": shape(shapes, "lvl_embed.weight", 2)[0],
    }


def configure_generator(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> VARConfig:
    keys = (
        "vocab_size",
        "num_classes",
        "depth",
        "width",
        "num_heads",
        "code_dim",
        "mlp_ratio",
        "shared_adaln",
    )
    constants = {"norm_eps": float(stated["norm_eps"])} if "norm_eps" in stated else {}
    return VARConfig(grids=grids, **{key: numbers[key] for key in keys}, **constants)


# Grids: the published schedules, unless somebody says others.


def for_size(size: Grid, downsample: int, numbers: Numbers) -> Grids | None:
    return PUBLISHED_SCHEDULES.get(size[0]) if size[0] == size[1] and downsample == DOWNSAMPLE else None


def misfit(grids: Grids, numbers: Numbers) -> str | None:
    """A transformer's position tables are for one schedule; a tokenizer takes any."""
    if "tokens" not in numbers:
        return None
    given = (token_count(grids), len(grids), grids[0][0] * grids[0][1])
    tables = tuple(numbers[key] for key in ("tokens", "scales", "first_tokens"))
    if given == tables:
        return None
    told = "{} tokens in {} scales, {} in the first"
    return f"({show_grids(grids)}) make {told.format(*given)}; the file has {told.format(*tables)}"


def default(numbers: Numbers, downsample: int) -> tuple[Grids | None, str]:
    if "tokens" in numbers:
        tokens, scales = numbers["tokens"], numbers["scales"]
        return published_for(tokens, scales), f"published schedule with {tokens} tokens in {scales} scales"
    grids = for_size((DEFAULT_IMAGE_SIZE, DEFAULT_IMAGE_SIZE), downsample, numbers)
    return grids, f"default of the family ({DEFAULT_IMAGE_SIZE} px)"


def unknown(numbers: Numbers) -> str:
    if "tokens" in numbers:
        return f"{numbers['tokens']} tokens in {numbers['scales']} scales fit no published schedule"
    return f"no schedule was published for {numbers['downsample']} pixels a cell"


GRIDS = GridRule(
    for_size, misfit, default, unknown, "only 256 and 512 px have published schedules at 16; ", DOWNSAMPLE
)


def _released(name: str, family: str, parameters: int, about: str) -> Released:
    kind = TOKENIZER if family.endswith("-tokenizer") else GENERATOR
    return Released(
        name,
        f"{name}.pth",
        "FoundationVision/var",
        family,
        parameters,
        about,
        kind=kind,
        licence=LICENCE,
    )


FAMILIES = (
    Family(
        name="var-tokenizer",
        kind=TOKENIZER,
        maker="VAR",
        marks=(r"quantize\.quant_resi\..+",),
        dropped=("ema_vocab_hit_SV",),  # moving average of code hits, one row per scale
        read=read_tokenizer,
        title=lambda numbers: f"a VAR tokenizer with {numbers['vocab_size']} codes",
        grid_rule=GRIDS,
        configure=configure_tokenizer,
        build=VarVQVAE,
        adapter="explorer.tokenizers.multiscale:MultiScaleTokenizer",
        reference="explorer.tokenizers.images:var_reference",
        reference_cover=1.125,
        to_bytes="explorer.tokenizers.images:from_symmetric",
        pairs="Pairs with VAR transformers for {codes} of {code_dim} dimensions, on the same grids.",
        released=(
            _released(
                "vae_ch160v4096z32",
                "var-tokenizer",
                108_948_355,
                "VAR's tokenizer, ten scales, 256 and 512 px",
            ),
        ),
    ),
    Family(
        name="var",
        kind=GENERATOR,
        maker="VAR",
        marks=(r"blocks\.0\.(ada_lin\.1\.weight|ada_gss)",),
        # The scale of each position, the mask of training, the keys' bias (all zeros).
        dropped=("lvl_1L", "attn_bias_for_masking", "zero_k_bias"),
        read=read_generator,
        title=lambda numbers: f"VAR depth {numbers['depth']}",
        grid_rule=GRIDS,
        configure=configure_generator,
        build=VARTransformer,
        adapter="explorer.generators.next_scale:NextScaleGenerator",
        tokenizer="var-tokenizer",
        order=NEXT_SCALE,
        partner="vae_ch160v4096z32",
        guidance_sweep=(0.0, 1.0, 2.0, 3.0, 4.0),
        pairs="Needs a tokenizer of family var-tokenizer with {codes}{dims}.",
        released=(
            _released("var_d16", "var", 310_283_520, "VAR depth 16, ImageNet 256 px"),
            _released("var_d20", "var", 600_917_136, "VAR depth 20, ImageNet 256 px"),
            _released("var_d24", "var", 1_033_399_360, "VAR depth 24, ImageNet 256 px"),
            _released("var_d30", "var", 2_010_020_356, "VAR depth 30, ImageNet 256 px"),
            _released("var_d36", "var", 2_353_893_904, "VAR depth 36, ImageNet 512 px"),
        ),
    ),
)
