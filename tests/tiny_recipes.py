"""Recipes of a few seconds on synthetic photos, for the tests of training and of what follows from it."""

from pathlib import Path

import numpy as np
from PIL import Image

from explorer.training.recipes import TokenizerRecipe, TransformerRecipe

SIDE = 16
CLASSES = ("circle", "square", "wave")
PHOTOS_PER_CLASS = 40
MULTI = TokenizerRecipe(
    "tokenizer",
    "var-tokenizer",
    (1, 2, 8),
    image_size=SIDE,
    ch_mult=(1, 1),
    code_dim=4,
    z_channels=4,
    vocab_size=32,
    batch=4,
    feature_minutes=0.01,
    adversarial_from=0.3,
)
SINGLE = TokenizerRecipe(
    "raster-tokenizer",
    "llamagen-tokenizer",
    (8,),
    image_size=SIDE,
    ch_mult=(1, 1),
    code_dim=4,
    z_channels=8,
    vocab_size=32,
    batch=4,
    feature_weight=0.0,
    scale_dropout=0.0,
)
NEXT = TransformerRecipe("var", "var", width=32, depth=1, heads=2, batch=4, copies=2)
RASTER = TransformerRecipe("raster", "llamagen", width=32, depth=1, heads=2, batch=4, copies=2)
MASKED = TransformerRecipe("masked", "masked", width=32, depth=1, heads=2, batch=4, copies=2)


def quiet(_: str) -> None:
    pass


def write_photos(folder: Path) -> Path:
    """Class folders of noise pictures."""
    random = np.random.default_rng(0)
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for i in range(PHOTOS_PER_CLASS):
            pixels = random.integers(0, 255, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{i:03d}.png")
    return folder
