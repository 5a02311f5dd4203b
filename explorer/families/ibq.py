"""IBQ of SEED-Voken (arXiv 2412.02692): a VQGAN that chooses codes by dot product. SEEDVOKEN.md 3 and 6.

Its Lightning files hold every weight twice; the authors evaluate the averaged copy (`model_ema.`, the
parameter's name without its dots), which is taken here. The files on the hub were not seen, so none of them
is in the catalogue; they open from disk.
"""

from collections.abc import Mapping
from typing import Any

from explorer.families.family import TOKENIZER, Family, Numbers
from explorer.families.grid_rules import one_map
from explorer.families.schedules import Grids
from explorer.families.taming import read_tokenizer
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.ibq import IBQ, IBQConfig

AVERAGED = "model_ema."


def configure(numbers: Numbers, grids: Grids, stated: Mapping[str, Any]) -> IBQConfig:
    keys = ("ch", "ch_mult", "z_channels", "num_res_blocks", "attention_levels")
    autoencoder = AutoencoderConfig(**{key: numbers[key] for key in keys})
    return IBQConfig(autoencoder, numbers["vocab_size"], numbers["code_dim"])


def averaged(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Each weight's averaged copy where the file has one, under the weight's own name."""
    plain = (name for name in entries if not name.startswith(AVERAGED))
    return {name: entries.get(AVERAGED + name.replace(".", ""), entries[name]) for name in plain}


FAMILIES = (
    Family(
        name="ibq",
        kind=TOKENIZER,
        maker="IBQ",
        # A file without the copies has VQGAN's names; four blocks a level tell it from the released VQGANs.
        marks=(
            r"model_ema\.decay|encoder\.down\.0\.block\.3\..+",
            r"quantize\.embedding\.weight",
            r"quant_conv\.weight",
            r"encoder\.mid\.attn_1\.q\.weight",
        ),
        dropped=("model_ema.decay", "model_ema.num_updates"),
        dropped_prefixes=("loss.", "model_ema.loss"),
        copies=AVERAGED,
        read=read_tokenizer,
        title=lambda numbers: f"an IBQ tokenizer with {numbers['vocab_size']} codes",
        grid_rule=one_map("IBQ"),
        configure=configure,
        build=IBQ,
        rename=averaged,
        adapter="explorer.tokenizers.singlescale:SingleScaleTokenizer",
        reference="explorer.tokenizers.references:covering_bilinear",
        to_bytes="explorer.tokenizers.images:from_symmetric",
        pairs="Pairs with IBQ's generators, which cannot be run here yet.",
    ),
)
