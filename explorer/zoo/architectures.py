"""The numbers of each family, read from names and shapes, and the network configs made of them.

One reader per family: shapes in, a plain dict of numbers out (the keys are the field names of the nets'
configs). Only what a shape says stands here; what it cannot say is decided in `deciding`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from explorer.errors import CheckpointError
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.llamagen_gpt import LlamaGenConfig
from explorer.nets.var_transformer import VARConfig
from explorer.nets.vqvae import VQVAEConfig
from explorer.zoo.schedules import Grids

Shapes = Mapping[str, tuple[int, ...]]

# LlamaGen's GPTs by (depth, width): name and number of heads, which no tensor shows (arXiv 2406.06525).
LLAMAGEN_SIZES = {
    (12, 768): ("GPT-B", 12),
    (24, 1024): ("GPT-L", 16),
    (36, 1280): ("GPT-XL", 20),
    (48, 1536): ("GPT-XXL", 24),
    (24, 3200): ("GPT-3B", 32),
}
VAR_PHI_CONVOLUTIONS = 4


def var_tokenizer(shapes: Shapes) -> dict[str, Any]:
    phis = _count(shapes, r"quantize\.quant_resi\.qresi_ls\.(\d+)\.")
    if phis != VAR_PHI_CONVOLUTIONS:
        raise CheckpointError(
            f"this VAR tokenizer has {phis} residual convolutions (quantize.quant_resi.qresi_ls); the "
            f"released layout, with {VAR_PHI_CONVOLUTIONS}, is supported"
        )
    return _autoencoder(
        shapes, r"encoder\.down\.(\d+)\.", "encoder.down.{}.block.0.conv1.weight", r"block\.(\d+)\."
    )


def llamagen_tokenizer(shapes: Shapes) -> dict[str, Any]:
    return _autoencoder(
        shapes, r"encoder\.conv_blocks\.(\d+)\.", "encoder.conv_blocks.{}.res.0.conv1.weight", r"res\.(\d+)\."
    )


def var(shapes: Shapes) -> dict[str, Any]:
    heads_name = "blocks.0.attn.scale_mul_1H11"
    if heads_name not in shapes:
        raise CheckpointError(
            f"this VAR transformer has no {heads_name}: attention without l2-normalised queries and keys, "
            "which no release uses, is not supported"
        )
    vocab_size, width = _shape(shapes, "head.weight", 2)
    _, code_dim = _shape(shapes, "word_embed.weight", 2)
    class_rows, _ = _shape(shapes, "class_emb.weight", 2)
    hidden, _ = _shape(shapes, "blocks.0.ffn.fc1.weight", 2)
    return {
        "depth": _count(shapes, r"blocks\.(\d+)\."),
        "width": width,
        "num_heads": _shape(shapes, heads_name, 4)[1],
        "vocab_size": vocab_size,
        "code_dim": code_dim,
        "num_classes": class_rows - 1,  # the last row means "no class"
        "mlp_ratio": hidden / width,
        "shared_adaln": "shared_ada_lin.1.weight" in shapes,
        "tokens": _shape(shapes, "pos_1LC", 3)[1],
        "first_tokens": _shape(shapes, "pos_start", 3)[1],
        "scales": _shape(shapes, "lvl_embed.weight", 2)[0],
    }


def llamagen(shapes: Shapes) -> dict[str, Any]:
    if any(name.startswith("cls_embedding.cap_proj.") for name in shapes):
        raise CheckpointError(
            "this is a text-conditional LlamaGen GPT (cls_embedding.cap_proj); only class-conditional ones "
            "(c2i_*) are supported"
        )
    vocab_size, width = _shape(shapes, "tok_embeddings.weight", 2)
    class_rows, _ = _shape(shapes, "cls_embedding.embedding_table.weight", 2)
    hidden, _ = _shape(shapes, "layers.0.feed_forward.w1.weight", 2)
    qkv_rows, _ = _shape(shapes, "layers.0.attention.wqkv.weight", 2)
    if qkv_rows != 3 * width:
        raise CheckpointError(
            f"this LlamaGen GPT shares keys and values between heads (layers.0.attention.wqkv has {qkv_rows} "
            f"rows, 3 x {width} = {3 * width} are supported)"
        )
    return {
        "depth": _count(shapes, r"layers\.(\d+)\."),
        "width": width,
        "vocab_size": vocab_size,
        "num_classes": class_rows - 1,  # the last row means "no class"
        "ffn_width": hidden,
    }


READERS: Mapping[str, Callable[[Shapes], dict[str, Any]]] = {
    "var-tokenizer": var_tokenizer,
    "llamagen-tokenizer": llamagen_tokenizer,
    "var": var,
    "llamagen": llamagen,
}


def title(family: str, numbers: Mapping[str, Any]) -> str:
    """Short name in prose: "VAR depth 16", "LlamaGen GPT-B", "a LlamaGen tokenizer"."""
    if family == "var":
        return f"VAR depth {numbers['depth']}"
    if family == "llamagen":
        size = (numbers["depth"], numbers["width"])
        return f"LlamaGen {LLAMAGEN_SIZES[size][0] if size in LLAMAGEN_SIZES else f'GPT depth {size[0]}'}"
    maker = "VAR" if family == "var-tokenizer" else "LlamaGen"
    return f"a {maker} tokenizer with {numbers['vocab_size']} codes"


def make_config(
    family: str, numbers: Mapping[str, Any], grids: Grids, card_config: Mapping[str, Any]
) -> VQVAEConfig | VARConfig | LlamaGenConfig:
    """The config that `building` turns into a network. ValueError where the nets refuse the numbers."""
    if family in ("var-tokenizer", "llamagen-tokenizer"):
        autoencoder = AutoencoderConfig(
            **{key: numbers[key] for key in ("ch", "ch_mult", "z_channels", "num_res_blocks")}
        )
        return VQVAEConfig(family, autoencoder, numbers["vocab_size"], numbers["code_dim"])
    sizes = {key: numbers[key] for key in ("vocab_size", "num_classes", "depth", "width", "num_heads")}
    constants = {key: float(card_config[key]) for key in ("norm_eps", "rope_base") if key in card_config}
    if family == "var":
        constants.pop("rope_base", None)
        keys = ("code_dim", "mlp_ratio", "shared_adaln")
        return VARConfig(grids=grids, **sizes, **{key: numbers[key] for key in keys}, **constants)
    return LlamaGenConfig(grid=grids[0], ffn_width=numbers["ffn_width"], **sizes, **constants)


def describe_unsupported(family: str, shapes: Shapes) -> tuple[str, dict[str, Any]]:
    """Title and number of codes, for the families that are known by name only."""
    if family == "dalle-dvae":
        from_pixels = shapes.get("blocks.input.w", (0, 0))[1] == 3
        title = "the encoder of a DALL-E dVAE" if from_pixels else "the decoder of a DALL-E dVAE"
        codes = ("blocks.output.conv.w", 0) if from_pixels else ("blocks.input.w", 1)
    elif family == "vqgan":
        gumbel = "quantize.embed.weight" in shapes
        title = "a taming-transformers VQGAN tokenizer" + (" (Gumbel)" if gumbel else "")
        codes = ("quantize.embed.weight" if gumbel else "quantize.embedding.weight", 0)
    else:
        title, codes = "a taming-transformers GPT with its VQGAN", ("transformer.tok_emb.weight", 0)
    name, axis = codes
    return title, {"vocab_size": shapes[name][axis]} if name in shapes else {}


def _autoencoder(shapes: Shapes, level: str, first_conv: str, block: str) -> dict[str, Any]:
    """Numbers of either tokenizer layout; the pattern `level` counts levels, `block` residual blocks."""
    ch = _shape(shapes, "encoder.conv_in.weight", 4)[0]
    vocab_size, code_dim = _shape(shapes, "quantize.embedding.weight", 2)
    widths = [_shape(shapes, first_conv.format(i), 4)[0] for i in range(_count(shapes, level))]
    if any(width % ch for width in widths):
        raise CheckpointError(f"the encoder's level widths {widths} are no multiples of its first width {ch}")
    return {
        "ch": ch,
        "ch_mult": tuple(width // ch for width in widths),
        "z_channels": _shape(shapes, "encoder.conv_out.weight", 4)[0],
        "num_res_blocks": _count(shapes, level.replace(r"(\d+)", "0") + block),
        "vocab_size": vocab_size,
        "code_dim": code_dim,
        "downsample": 2 ** (len(widths) - 1),
    }


def _shape(shapes: Shapes, name: str, dims: int) -> tuple[int, ...]:
    """The shape of a tensor that must be there, with that many dimensions."""
    if name not in shapes:
        raise CheckpointError(f"the file is incomplete: it has no tensor {name}")
    if len(shapes[name]) != dims or 0 in shapes[name]:
        raise CheckpointError(
            f"tensor {name} has shape {list(shapes[name])}; {dims} dimensions were expected"
        )
    return shapes[name]


def _count(shapes: Shapes, pattern: str) -> int:
    """One more than the largest number that the pattern's group takes at the start of a name."""
    found = (re.match(pattern, name) for name in shapes)
    return max((int(match[1]) for match in found if match), default=-1) + 1
