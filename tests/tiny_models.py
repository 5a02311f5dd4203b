"""A tiny photo set and tiny model files with cards, as the command line and the jobs meet them.

The models have random weights: nothing about their quality is tested with them.
"""

import zlib
from pathlib import Path

import numpy as np
from generator_support import fill
from PIL import Image
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_net
from torch import nn

from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.masked_transformer import MaskedConfig, MaskedTransformer
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.training.shipping import save_model

CLASSES = ("grass", "night", "poppy")
SIDE = 16
SAMPLING = {"guidance": 1.0, "top_k": 0, "top_p": 0.95, "temperature": 1.0}


def photo_names(label: str, trained_on: int, held_out: int) -> list[str]:
    """File names of which exactly so many fall on either side of `PhotoSet.held_out`."""
    sides: dict[bool, list[str]] = {True: [], False: []}
    for i in range(10_000):
        name = f"{label}/{i:05d}"
        sides[zlib.crc32(name.encode()) / 2**32 < 0.05].append(name)
    return sides[False][:trained_on] + sides[True][:held_out]


def write_photos(folder: Path, trained_on: int = 16, held_out: int = 6) -> Path:
    """Class folders of noise in the class's colour: easy to tell apart, no two alike."""
    random = np.random.default_rng(0)
    colours = {"grass": (40, 200, 60), "night": (20, 20, 60), "poppy": (220, 40, 30)}
    for label, colour in colours.items():
        (folder / label).mkdir(parents=True)
        for name in photo_names(label, trained_on, held_out):
            noise = random.normal(colour, 40, (24, 24, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noise).save(folder / f"{name}.png")
    return folder


def write_model(folder: Path, name: str, net: nn.Module, card: dict) -> Path:
    """In half precision, with its card."""
    tensors = {key: tensor.half().contiguous() for key, tensor in net.state_dict().items()}
    return save_model(folder / f"{name}.safetensors", tensors, {"image_size": SIDE, "name": name, **card})


def write_masked(folder: Path) -> Path:
    """tiny-masked, for the tokens of tiny-raster-tokenizer."""
    net = fill(MaskedTransformer(MaskedConfig(VOCAB, MULTI_GRIDS[-1], len(CLASSES), 1, 16, 2)), 2, 0.3)
    card = {"config": {"num_heads": 2}, "classes": list(CLASSES), "sampling": SAMPLING}
    return write_model(folder, "tiny-masked", net, {"grids": [list(MULTI_GRIDS[-1])], **card})


def write_models(folder: Path) -> Path:
    """tiny-tokenizer, tiny-var, tiny-raster-tokenizer and tiny-raster, in half precision with cards."""

    def write(name, net, card):
        write_model(folder, name, net, card)

    multi, single = [list(grid) for grid in MULTI_GRIDS], [list(MULTI_GRIDS[-1])]
    write("tiny-tokenizer", tiny_net("var-tokenizer"), {"family": "var-tokenizer", "grids": multi})
    write(
        "tiny-raster-tokenizer",
        tiny_net("llamagen-tokenizer"),
        {"family": "llamagen-tokenizer", "grids": single},
    )
    generated = {"config": {"num_heads": 2}, "classes": list(CLASSES), "sampling": SAMPLING}
    var = fill(VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, len(CLASSES), 1, 16, 2)), 1, 0.3)
    write("tiny-var", var, {"family": "var", "grids": multi, **generated})
    raster = fill(LlamaGenGPT(LlamaGenConfig(VOCAB, MULTI_GRIDS[-1], len(CLASSES), 1, 16, 2)), 2, 0.3)
    write("tiny-raster", raster, {"family": "llamagen", "grids": single, **generated})
    return folder
