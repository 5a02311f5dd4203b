"""Which model is this? Family and size from the names and shapes of a checkpoint's tensors.

Nothing here reads a file or allocates a weight. A family is known by tensor names that no other family has;
its numbers come from shapes; what shapes cannot tell (grids, the heads of a LlamaGen GPT) from the caller,
the card, the file name or the releases. A file that is recognised but cannot be run carries the reason in
`problem`, so that `inspect` can still say everything else.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from explorer.errors import CheckpointError
from explorer.nets.llamagen_gpt import LlamaGenConfig
from explorer.nets.var_transformer import VARConfig
from explorer.nets.vqvae import VQVAEConfig
from explorer.zoo import architectures, deciding
from explorer.zoo.architectures import Shapes
from explorer.zoo.cards import Card
from explorer.zoo.schedules import Grid, Grids, normalise_grids, normalise_image_size

Config = VQVAEConfig | VARConfig | LlamaGenConfig

TOKENIZERS = ("var-tokenizer", "llamagen-tokenizer", "vqgan", "dalle-dvae")

# Entries of released files that are statistics, tables or training leftovers, not weights. Matched as whole
# trailing name parts (`blocks.0.attn.mask` matches `attn.mask`); everything else must fit the network
# exactly.
DROPPED_NAMES = (
    "ema_vocab_hit_SV",  # VAR tokenizer: moving average of code hits, one row per scale
    "lvl_1L",  # VAR: scale of each position
    "attn_bias_for_masking",  # VAR: attention mask of training
    "zero_k_bias",  # VAR: the keys' bias, all zeros
    "codebook_used",  # LlamaGen tokenizer: ids of recent batches
    "freqs_cis",  # LlamaGen GPT: rotary table
    "attn.mask",  # taming's GPT: causal mask
)
DROPPED_PREFIXES = ("loss.", "first_stage_model.loss.")  # taming: perceptual loss and discriminator


def is_dropped(name: str) -> bool:
    """Whether an entry of a file is on the explicit list of things that are no weights."""
    if name.startswith(DROPPED_PREFIXES):
        return True
    return any(name == dropped or name.endswith("." + dropped) for dropped in DROPPED_NAMES)


def is_tokenizer(names: Iterable[str]) -> bool:
    """Whether the names are a tokenizer's: only those have an image encoder at the top."""
    return any(name.startswith("encoder.") for name in names)


@dataclass(frozen=True)
class Recognition:
    """What a checkpoint is.

    config: what `zoo.building` builds, None when `problem` says why it cannot. grids: ((h, w), ...) coarse to
    fine, None when unknown; grids_source says who told. image_size: (height, width) in pixels. parameters:
    weights after the dropped entries (`ignored`). architecture: every number that was read from names and
    shapes.
    """

    family: str
    title: str
    config: Config | None
    grids: Grids | None
    grids_source: str
    image_size: Grid | None
    parameters: int
    ignored: tuple[str, ...]
    architecture: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    problem: str | None = None

    @property
    def kind(self) -> str:
        """Either "tokenizer" or "generator"."""
        return "tokenizer" if self.family in TOKENIZERS else "generator"

    @property
    def depth(self) -> int | None:
        return self.architecture.get("depth")

    @property
    def width(self) -> int | None:
        return self.architecture.get("width")

    @property
    def heads(self) -> int | None:
        return self.architecture.get("num_heads")

    @property
    def vocab_size(self) -> int | None:
        return self.architecture.get("vocab_size")

    @property
    def code_dim(self) -> int | None:
        return self.architecture.get("code_dim")

    @property
    def num_classes(self) -> int | None:
        return self.architecture.get("num_classes")


# (family, a name that every file of the family has and no other family's, as a pattern)
_MARKS = (
    ("taming-transformer", r"transformer\.tok_emb\.weight"),
    ("var-tokenizer", r"quantize\.quant_resi\..+"),
    ("llamagen-tokenizer", r"encoder\.conv_blocks\.0\..+"),
    ("vqgan", r"encoder\.down\.0\..+"),  # after var-tokenizer, which has these names too
    ("var", r"blocks\.0\.(ada_lin\.1\.weight|ada_gss)"),
    ("llamagen", r"cls_embedding\..+"),
    ("dalle-dvae", r"(encoder\.|decoder\.)?blocks\.group_1\.block_1\..+"),
)


def recognise(
    shapes: Shapes,
    card: Card | None = None,
    filename: str = "",
    *,
    grids: object = None,
    image_size: object = None,
    fallback_grids: Grids | None = None,
) -> Recognition:
    """Family, size and grids of a checkpoint from its tensors' names and shapes.

    grids, image_size: the caller's wish, which goes before the card. filename: for `_256`, `_384`, `_512`.
    fallback_grids: used only where nothing else tells (for a generator, the grids of its tokenizer).
    CheckpointError: no known family, or the card contradicts the tensors. ValueError: the wish does.
    """
    ignored = tuple(name for name in shapes if is_dropped(name))
    kept = {name: tuple(shape) for name, shape in shapes.items() if not is_dropped(name)}
    family = _family_of(kept)
    card = card or Card()
    if card.family not in (None, family):
        raise CheckpointError(f"the card says {card.family}, but the tensors are those of {family}")
    parameters = sum(math.prod(shape) for shape in kept.values())

    if family not in architectures.READERS:
        title, architecture = architectures.describe_unsupported(family, kept)
        return Recognition(
            family=family,
            title=title,
            config=None,
            grids=None,
            grids_source="not read for this family",
            image_size=None,
            parameters=parameters,
            ignored=ignored,
            architecture=MappingProxyType(architecture),
            problem=f"this is {title}: recognised, but running it is not supported yet",
        )

    architecture = architectures.READERS[family](kept)
    wish = deciding.Wish(
        grids=None if grids is None else normalise_grids(grids),
        image_size=None if image_size is None else normalise_image_size(image_size),
        fallback=fallback_grids,
    )
    deciding.check_card_config(card, architecture)
    architecture, heads_problem = deciding.with_heads(family, architecture, card)
    decision = deciding.decide_grids(family, architecture, card, filename, wish)
    title = architectures.title(family, architecture)
    problem = heads_problem or decision.problem
    config = None
    if problem is None:
        try:
            config = architectures.make_config(family, architecture, decision.grids, card.config)
        except (TypeError, ValueError) as error:
            problem = f"cannot be built: {error}"
    return Recognition(
        family=family,
        title=title,
        config=config,
        grids=decision.grids,
        grids_source=decision.source,
        image_size=decision.image_size,
        parameters=parameters,
        ignored=ignored,
        architecture=MappingProxyType(architecture),
        problem=problem and f"this is {title}: {problem}",
    )


def _family_of(shapes: Shapes) -> str:
    for family, mark in _MARKS:
        if any(re.fullmatch(mark, name) for name in shapes):
            return family
    if not shapes:
        raise CheckpointError("the file holds no weights")
    some = ", ".join(list(shapes)[:3])
    raise CheckpointError(
        f"not a model that Tokenscope knows: {len(shapes)} tensors, the first are {some}; supported are the "
        "tokenizers and class-conditional transformers of VAR and LlamaGen"
    )
