"""What is trained and how, as plain numbers: five recipes in two sizes.

"mini" is made for a CPU: 64 px, downsampling 8, six scales (130 tokens). "large" is made for a GPU: 128 px
and the ten published scales (680 tokens). Everything can be overridden from the command line.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class TokenizerRecipe:
    """family: which network (see explorer.nets.vqvae). scales: sides of the token maps, coarse to fine.

    commitment: weight of the pull of features towards their codes. size_weight: penalty on features of more
    than unit mean square. feature_weight, adversarial_weight: 0 switches a loss off. adversarial_from: share
    of the run after which the discriminator's gradient reaches the tokenizer. scale_dropout: share of
    pictures decoded from their first scales only. decoder_only: encoder, codes and residual convolutions stay
    as they are in the weights to start from, so tokens keep their meaning and generators their use; only the
    way from f_hat to pixels learns. warm_up: share of the run without quantisation, while the
    codes follow the features. feature_minutes: training time of the classifier whose features are compared.
    augment: "photo" crops, "drawing" moves and scales on white and turns the hue.
    """

    name: str
    family: str
    scales: tuple[int, ...]
    image_size: int = 64
    ch: int = 32
    ch_mult: tuple[int, ...] = (1, 1, 2, 4)
    num_res_blocks: int = 1
    z_channels: int = 16
    code_dim: int = 16
    vocab_size: int = 4096
    batch: int = 16
    lr: float = 1e-3
    commitment: float = 1.0
    size_weight: float = 0.3
    feature_weight: float = 1.0
    adversarial_weight: float = 0.4
    adversarial_from: float = 0.45
    scale_dropout: float = 0.15
    decoder_only: bool = False
    warm_up: float = 0.04
    feature_minutes: float = 4.0
    augment: str = "photo"
    seed: int = 0


@dataclass(frozen=True)
class TransformerRecipe:
    """family: "var" (next-scale), "llamagen" (raster) or "masked" (any order).

    width, depth, heads: of the transformer. copies: augmented versions of each photo that are seen, made as
    `augment` says ("photo" or "drawing"). class_dropout: share of pictures trained without their class, for
    guidance. order: in which a raster transformer predicts the cells (`explorer.orders`; "raster" = row by
    row). coarse_first: a token of a scale of n tokens counts as n**-coarse_first in the
    loss, since few coarse tokens decide what is to be seen and many fine ones only how it is textured.
    ema: decay of the averaged weights. sampling: default settings for the card.
    """

    name: str
    family: str
    width: int
    depth: int
    heads: int
    batch: int = 24
    lr: float = 1e-3
    weight_decay: float = 0.05
    class_dropout: float = 0.1
    coarse_first: float = 0.5
    copies: int = 4
    augment: str = "photo"
    order: str = "raster"
    ema: float = 0.999
    sampling: tuple[tuple[str, float], ...] = (
        ("guidance", 2.0),
        ("top_k", 0),
        ("top_p", 0.95),
        ("temperature", 1.0),
    )
    seed: int = 0


MINI_SCALES = (1, 2, 3, 4, 6, 8)
PUBLISHED_SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)

TOKENIZER = TokenizerRecipe("tokenizer", "var-tokenizer", MINI_SCALES)
RASTER_TOKENIZER = TokenizerRecipe(
    "raster-tokenizer", "llamagen-tokenizer", MINI_SCALES[-1:], z_channels=32, code_dim=8, scale_dropout=0.0
)
VAR = TransformerRecipe("var", "var", width=256, depth=6, heads=4)
RASTER = TransformerRecipe("raster", "llamagen", width=256, depth=7, heads=4)
# Eight copies, because the raster model of the same size has seen as many: two rounds of four.
MASKED = TransformerRecipe("masked", "masked", width=256, depth=7, heads=4, copies=8)

LARGE_TOKENIZER = replace(
    TOKENIZER,
    scales=PUBLISHED_SCALES,
    image_size=128,
    ch=64,
    num_res_blocks=2,
    vocab_size=4096,
    batch=64,
    lr=4e-4,
)
LARGE_RASTER_TOKENIZER = replace(
    RASTER_TOKENIZER,
    scales=(16,),
    image_size=128,
    ch=64,
    num_res_blocks=2,
    vocab_size=4096,
    batch=64,
    lr=4e-4,
)
LARGE_VAR = replace(VAR, width=384, depth=8, heads=6, batch=96, lr=8e-4)
LARGE_RASTER = replace(RASTER, width=384, depth=11, heads=6, batch=96, lr=8e-4)
LARGE_MASKED = replace(MASKED, width=384, depth=11, heads=6, batch=96, lr=8e-4)

PRESETS: dict[str, dict[str, TokenizerRecipe | TransformerRecipe]] = {
    "mini": {r.name: r for r in (TOKENIZER, RASTER_TOKENIZER, VAR, RASTER, MASKED)},
    "large": {
        r.name: r for r in (LARGE_TOKENIZER, LARGE_RASTER_TOKENIZER, LARGE_VAR, LARGE_RASTER, LARGE_MASKED)
    },
}


def find_recipe(name: str, preset: str = "mini") -> TokenizerRecipe | TransformerRecipe:
    """The named recipe; ValueError lists what there is."""
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}; there are: {', '.join(PRESETS)}")
    if name not in PRESETS[preset]:
        raise ValueError(f"there is no recipe {name!r}; there are: {', '.join(PRESETS[preset])}")
    return PRESETS[preset][name]


POSITIVE = ("batch", "image_size", "ch", "num_res_blocks", "z_channels", "code_dim", "vocab_size")
POSITIVE += ("width", "depth", "heads", "copies")


def check_numbers(recipe: TokenizerRecipe | TransformerRecipe) -> None:
    """ValueError, naming the field, for numbers that no recipe can be trained with."""
    for name in POSITIVE:
        if getattr(recipe, name, 1) < 1:
            raise ValueError(f"the recipe's {name} is at least 1, not {getattr(recipe, name)}")
    if getattr(recipe, "feature_weight", 0) and recipe.feature_minutes <= 0:
        raise ValueError(
            f"the recipe's feature_minutes is greater than 0, not {recipe.feature_minutes}; feature_weight=0 "
            "trains without the feature classifier"
        )
