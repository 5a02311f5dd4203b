"""Small tokenizers with random weights, and every bundled one: what the tokenizer tests run over.

The weights are random but not degenerate: the codebook is drawn around features of random pictures, so that
tokens vary over a picture and between pictures.
"""

from pathlib import Path

import pytest
import torch

from explorer.devices import open_device
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.dalle_dvae import DalleDVAE, DalleDVAEConfig
from explorer.nets.rqvae import RQVAE, RQVAEConfig
from explorer.nets.taming_vqgan import TamingVQGAN, TamingVQGANConfig
from explorer.nets.vitvqgan import ViTConfig, ViTVQGAN, ViTVQGANConfig
from explorer.nets.vqvae import VQVAEConfig, build_vqvae
from explorer.tokenizers import MultiScaleTokenizer, SingleScaleTokenizer, Tokenizer, load_tokenizer
from explorer.tokenizers.depth import DepthTokenizer

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


def tiny_depth(seed: int = 0, depth: int = 3, **options) -> DepthTokenizer:
    """16 px, 4 px a cell, 64 codes at each of three depths, drawn ever closer around nothing."""
    torch.manual_seed(seed)
    net = RQVAE(RQVAEConfig(AutoencoderConfig(32, (1, 1, 1), 8, 1), VOCAB, 6, depth)).eval()
    with torch.no_grad():
        f = net.features(torch.rand(8, 3, 16, 16) * 2 - 1)
        shared = torch.randn(VOCAB + 1, 6) * f.std() * torch.rand(VOCAB + 1, 1)
        for table in net.quantize.codebooks:
            table.weight.copy_(shared)
    options = {"precision": "exact", "device": "cpu", "name": f"tiny-depth-{seed}"} | options
    return DepthTokenizer(net, ((4, 4),) * depth, **options)


def tiny_vit(seed: int = 0, **options) -> SingleScaleTokenizer:
    """16 px, 4 px a cell, 64 codes around the features of random pictures."""
    torch.manual_seed(seed)
    side = ViTConfig(16, 2, 64, 32)
    net = ViTVQGAN(ViTVQGANConfig(4, (4, 4), side, side, VOCAB, 6)).eval()
    with torch.no_grad():
        f = net.features(torch.rand(8, 3, 16, 16) * 2 - 1)
        net.pre_quant.bias -= f.mean((0, 2, 3))  # centred, so that l2-normalised features point everywhere
    options = {"precision": "exact", "device": "cpu", "name": f"tiny-vit-{seed}"} | options
    return SingleScaleTokenizer(net, ((4, 4),), **options)


def tiny_vqgan_net(gumbel: bool = False, seed: int = 0, vocab_size: int = VOCAB) -> TamingVQGAN:
    """Codes around the features of random pictures, or logits that spread, so that tokens vary."""
    torch.manual_seed(seed)
    autoencoder = AutoencoderConfig(32, (1, 1, 1), 8, 1, attention_levels=(1, 2))
    net = TamingVQGAN(TamingVQGANConfig(autoencoder, vocab_size, 6, gumbel)).eval()
    with torch.no_grad():
        f = net.features(torch.rand(8, 3, 16, 16) * 2 - 1)
        mean, spread = f.mean((0, 2, 3)), f.std((0, 2, 3))
        if gumbel:
            net.quantize.proj.weight /= spread[:, None, None]
            net.quantize.proj.bias -= net.quantize.proj.weight[:, :, 0, 0] @ mean
        else:
            net.quantize.embedding.weight.mul_(spread).add_(mean)
    return net


def tiny_vqgan(seed: int = 0, grids=((4, 4),), **options) -> SingleScaleTokenizer:
    """16 px, 4 px a cell, 64 codes; as published, nothing is normalised."""
    options = {"precision": "exact", "device": "cpu", "name": f"tiny-vqgan-{seed}"} | options
    return SingleScaleTokenizer(tiny_vqgan_net(False, seed), grids, **options)


def tiny_gumbel(seed: int = 0, grids=((4, 4),), **options) -> SingleScaleTokenizer:
    options = {"precision": "exact", "device": "cpu", "name": f"tiny-gumbel-{seed}"} | options
    return SingleScaleTokenizer(tiny_vqgan_net(True, seed), grids, **options)


def tiny_dvae_net(seed: int = 0, vocab_size: int = VOCAB) -> DalleDVAE:
    """A dVAE whose logits are centred, so that no code wins everywhere."""
    torch.manual_seed(seed)
    net = DalleDVAE(DalleDVAEConfig(vocab_size, code_dim=6, hidden=8, blocks=1)).eval()
    with torch.no_grad():
        logits = net.features(torch.rand(8, 3, 32, 32) * 2 - 1)
        output = net.encoder.blocks["output"]["conv"]
        scale = 3 / logits.std((0, 2, 3))
        output.w.mul_(scale[:, None, None, None])
        output.b.copy_(-logits.mean((0, 2, 3)) * scale)
    return net


def tiny_dvae(seed: int = 0, grids=((4, 4),), **options) -> SingleScaleTokenizer:
    """32 px, 8 px a cell, 64 codes that are chosen by logits."""
    options = {"precision": "exact", "device": "cpu", "name": f"tiny-dvae-{seed}"} | options
    return SingleScaleTokenizer(tiny_dvae_net(seed), grids, **options)


def tiny_rectangle() -> MultiScaleTokenizer:
    return tiny_multi(grids=((1, 1), (1, 2), (2, 3), (3, 5)))


def every_tokenizer() -> list:
    """pytest params: functions that make a tokenizer."""
    tiny = (tiny_multi, tiny_single, tiny_rectangle, tiny_vqgan, tiny_gumbel, tiny_dvae, tiny_depth, tiny_vit)
    params = [pytest.param(make, id=make.__name__) for make in tiny]
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
