"""Small tokenizers with random weights, and every bundled one: what the tokenizer tests run over.

The weights are random but not degenerate: the codebook is drawn around features of random pictures, so that
tokens vary over a picture and between pictures.
"""

from pathlib import Path

import pytest
import torch

from explorer.devices import open_device
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.vqvae import VQVAEConfig, build_vqvae
from explorer.tokenizers import MultiScaleTokenizer, SingleScaleTokenizer, Tokenizer, load_tokenizer

CHECKPOINTS = Path(__file__).parent.parent / "checkpoints"
VOCAB = 64
MULTI_GRIDS = ((1, 1), (2, 2), (3, 3), (4, 4))


def tiny_net(family: str, seed: int = 0, vocab_size: int = VOCAB):
    torch.manual_seed(seed)
    net = build_vqvae(VQVAEConfig(family, AutoencoderConfig(32, (1, 1, 1), 8), vocab_size, 8)).eval()
    with torch.no_grad():
        f = net.features(torch.rand(8, 3, 16, 16) * 2 - 1)
        mean, spread = f.mean((0, 2, 3)), f.std((0, 2, 3))
        net.quant_conv.bias -= mean  # centred, so that l2-normalised features point everywhere
        net.quantize.embedding.weight *= spread
    return net


def tiny_multi(seed: int = 0, grids=MULTI_GRIDS, **options) -> MultiScaleTokenizer:
    """16 px, 4 px a cell, 64 codes."""
    options = {"precision": "exact", "device": "cpu", "name": f"tiny-multi-{seed}"} | options
    return MultiScaleTokenizer(tiny_net("var-tokenizer", seed), grids, **options)


def tiny_single(seed: int = 0, grids=((4, 4),), **options) -> SingleScaleTokenizer:
    options = {"precision": "exact", "device": "cpu", "name": f"tiny-single-{seed}"} | options
    return SingleScaleTokenizer(tiny_net("llamagen-tokenizer", seed), grids, **options)


def tiny_rectangle() -> MultiScaleTokenizer:
    return tiny_multi(grids=((1, 1), (1, 2), (2, 3), (3, 5)))


def every_tokenizer() -> list:
    """pytest params: functions that make a tokenizer."""
    params = [pytest.param(make, id=make.__name__) for make in (tiny_multi, tiny_single, tiny_rectangle)]
    for path in sorted(CHECKPOINTS.glob("*tokenizer*.safetensors")):
        params.append(pytest.param(lambda path=path: bundled(path), id=path.stem))
    return params


def bundled(path: Path) -> Tokenizer:
    return load_tokenizer(path, device=open_device("cpu", "exact"))


def pictures(tokenizer: Tokenizer, batch: int = 2, seed: int = 1) -> torch.Tensor:
    """Smooth random colours (batch,3,H,W) in [0,1]."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 4, 4, generator=draw)
    H, W = tokenizer.image_hw
    return torch.nn.functional.interpolate(coarse, size=(H, W), mode="bilinear").contiguous()
