"""Tiny checkpoints of each family, with random weights, as dicts of tensors."""

import pytest
import torch

from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.masked_transformer import MaskedConfig, MaskedTransformer
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.nets.vqvae import VQVAEConfig, build_vqvae

TINY_GRIDS = ((1, 1), (2, 2), (4, 4))


def _weights(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.randn_like(tensor) * 0.1 for name, tensor in net.state_dict().items()}


@pytest.fixture
def var_tokenizer() -> dict[str, torch.Tensor]:
    """64 codes of 8 dimensions, 2 pixels a cell."""
    config = AutoencoderConfig(ch=32, ch_mult=(1, 2), z_channels=8, num_res_blocks=1)
    return _weights(build_vqvae(VQVAEConfig("var-tokenizer", config, vocab_size=64, code_dim=8)))


@pytest.fixture
def llamagen_tokenizer() -> dict[str, torch.Tensor]:
    """64 codes of 4 dimensions, 2 pixels a cell."""
    config = AutoencoderConfig(ch=32, ch_mult=(1, 2), z_channels=16, num_res_blocks=1)
    return _weights(build_vqvae(VQVAEConfig("llamagen-tokenizer", config, vocab_size=64, code_dim=4)))


@pytest.fixture
def var() -> dict[str, torch.Tensor]:
    """Grids 1, 2, 4: 21 tokens, which is no published schedule."""
    return _weights(
        VARTransformer(VARConfig(64, 8, TINY_GRIDS, num_classes=3, depth=2, width=32, num_heads=4))
    )


@pytest.fixture
def llamagen() -> dict[str, torch.Tensor]:
    """Depth 2, width 32: no released size, so the heads must be told."""
    return _weights(LlamaGenGPT(LlamaGenConfig(64, (4, 4), num_classes=3, depth=2, width=32, num_heads=4)))


@pytest.fixture
def masked() -> dict[str, torch.Tensor]:
    """The twin of `llamagen`: 16 places, one map of 4 x 4."""
    return _weights(
        MaskedTransformer(MaskedConfig(64, (4, 4), num_classes=3, depth=2, width=32, num_heads=4))
    )
