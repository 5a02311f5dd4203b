"""RQ-VAE (arXiv 2203.01941): residual depth over one codebook. Files, maths and traps: RQVAE.md.

The released archives lie on a server of Kakao Brain (licence of the weights: CC BY-NC-SA 4.0, no commercial
use), not on a hub, so none of them is in the catalogue; `stage1/model.pt` opens from disk.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from explorer.families.family import TOKENIZER, Family, Numbers, Shapes
from explorer.families.grid_rules import equal_maps
from explorer.families.schedules import Grids
from explorer.families.shapes import count, encoder_numbers, shape
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.rqvae import RQVAE, RQVAEConfig


def read(shapes: Shapes) -> dict[str, Any]:
    rows, code_dim = shape(shapes, "quantizer.codebooks.0.weight", 2)
    level, block = r"encoder\.down\.(\d+)\.", r"block\.(\d+)\."
    numbers = encoder_numbers(shapes, level, "encoder.down.{}.block.0.conv1.weight", block)
    levels = range(len(numbers["ch_mult"]))
    return numbers | {
        "vocab_size": rows - 1,  # the last row is padding
        "code_dim": code_dim,
        "code_depth": count(shapes, r"quantizer\.codebooks\.(\d+)\."),
        "attention_levels": tuple(i for i in levels if f"encoder.down.{i}.attn.0.q.weight" in shapes),
    }


def configure(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> RQVAEConfig:
    keys = ("ch", "ch_mult", "z_channels", "num_res_blocks", "attention_levels")
    autoencoder = AutoencoderConfig(**{key: numbers[key] for key in keys})
    return RQVAEConfig(autoencoder, numbers["vocab_size"], numbers["code_dim"], numbers["code_depth"])


def rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    old, new = "quantizer.", "quantize."
    return {new + name[len(old) :] if name.startswith(old) else name: one for name, one in tensors.items()}


FAMILIES = (
    Family(
        name="rqvae",
        kind=TOKENIZER,
        maker="RQ-VAE",
        marks=(r"quantizer\.codebooks\.0\.weight", r"encoder\.down\.0\..+"),
        dropped=("cluster_size_ema", "embed_ema"),  # training statistics; embed_ema is a running sum
        read=read,
        title=lambda numbers: (
            f"an RQ-VAE tokenizer with {numbers['vocab_size']} codes at {numbers['code_depth']} depths"
        ),
        grid_rule=equal_maps(lambda numbers: numbers["code_depth"], "RQ-VAE"),
        configure=configure,
        build=RQVAE,
        rename=rename,
        adapter="explorer.tokenizers.depth:DepthTokenizer",
        reference="explorer.tokenizers.references:covering_bilinear",
        to_bytes="explorer.tokenizers.images:from_symmetric",
        pairs="Pairs with RQ-Transformers, which cannot be run here yet.",
    ),
)
