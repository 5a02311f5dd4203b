"""Small generators for tests: with the reference weights, or random ones of any configuration."""

from pathlib import Path

import torch
from golden_support import load_config, load_weights, weight_file

from explorer.devices import open_device
from explorer.generators import MaskedGenerator, NextScaleGenerator, RasterGenerator
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.masked_transformer import MaskedConfig, MaskedTransformer
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.nets.vqvae import VQVAEConfig, build_vqvae
from explorer.tokenizers import MultiScaleTokenizer, SingleScaleTokenizer

DERIVED = ("lvl_1L", "attn_bias_for_masking", "zero_k_bias", "ema_vocab_hit_SV", "codebook_used")
EXACT = open_device("cpu", "exact")


def own(weights: dict) -> dict:
    return {name: tensor for name, tensor in weights.items() if not name.endswith(DERIVED)}


def golden_var(case: Path) -> tuple[NextScaleGenerator, bool]:
    """The generator of a case, and whether its tokenizer decodes (the subset may hold the quantizer only)."""
    stored = load_config(case)
    grids = tuple((p, p) for p in stored["patch_nums"])
    autoencoder = AutoencoderConfig(stored["ch"], tuple(stored["ch_mult"]), stored["Cvae"])
    vae = build_vqvae(VQVAEConfig("var-tokenizer", autoencoder, stored["V"], stored["Cvae"]))
    whole = weight_file(case, "vae") is not None
    vae.load_state_dict(own(load_weights(case, "vae" if whole else "quantizer")), strict=whole)
    var = VARTransformer(
        VARConfig(
            stored["V"],
            stored["Cvae"],
            grids,
            stored["num_classes"],
            stored["depth"],
            stored["embed_dim"],
            stored["num_heads"],
            shared_adaln=stored["shared_aln"],
        )
    )
    var.load_state_dict(own(load_weights(case, "var")))
    tokenizer = MultiScaleTokenizer(vae, grids, EXACT, name="golden")
    return NextScaleGenerator(var, tokenizer, name="golden"), whole


def golden_raster(case: Path) -> tuple[RasterGenerator, bool]:
    """As golden_var; without stored weights the tokenizer's are random and only pictures suffer."""
    stored = load_config(case)
    side = round(stored["block_size"] ** 0.5)
    autoencoder = AutoencoderConfig(stored["ch"], tuple(stored["ch_mult"]), stored["z_channels"])
    vq = build_vqvae(
        VQVAEConfig("llamagen-tokenizer", autoencoder, stored["codebook_size"], stored["codebook_embed_dim"])
    )
    whole = weight_file(case, "vq") is not None
    if whole:
        vq.load_state_dict(own(load_weights(case, "vq")))
    gpt = LlamaGenGPT(
        LlamaGenConfig(
            stored["codebook_size"],
            (side, side),
            stored["num_classes"],
            stored["n_layer"],
            stored["dim"],
            stored["n_head"],
        )
    )
    gpt.load_state_dict(load_weights(case, "gpt"))
    tokenizer = SingleScaleTokenizer(vq, ((side, side),), EXACT, name="golden")
    return RasterGenerator(gpt, tokenizer, name="golden"), whole


def fill(net: torch.nn.Module, seed: int, spread: float = 0.4) -> torch.nn.Module:
    """Random weights of a size that makes every part of the network matter."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * spread)
    return net.eval()


def random_var(
    seed: int = 0,
    grids: tuple = ((1, 1), (2, 2), (3, 4)),
    shared_adaln: bool = False,
    vocab_size: int = 24,
    device=EXACT,
    **options,
) -> NextScaleGenerator:
    autoencoder = AutoencoderConfig(32, (1, 1), 6, num_res_blocks=1)
    vae = fill(build_vqvae(VQVAEConfig("var-tokenizer", autoencoder, vocab_size, 6)), seed, 0.1)
    fill(vae.quantize, seed)
    net = fill(VARTransformer(VARConfig(vocab_size, 6, grids, 4, 2, 16, 2, 2.0, shared_adaln)), seed)
    tokenizer = MultiScaleTokenizer(vae, grids, device, name="random")
    return NextScaleGenerator(net, tokenizer, name="random", **options)


def random_raster(
    seed: int = 0, grid: tuple = (3, 4), vocab_size: int = 24, device=EXACT, order=None, **options
) -> RasterGenerator:
    autoencoder = AutoencoderConfig(32, (1, 1), 6, num_res_blocks=1)
    vq = fill(build_vqvae(VQVAEConfig("llamagen-tokenizer", autoencoder, vocab_size, 5)), seed, 0.1)
    net = fill(LlamaGenGPT(LlamaGenConfig(vocab_size, grid, 4, 2, 16, 2, multiple_of=8, order=order)), seed)
    tokenizer = SingleScaleTokenizer(vq, (grid,), device, name="random")
    return RasterGenerator(net, tokenizer, name="random", **options)


def random_masked(
    seed: int = 0, grid: tuple = (3, 4), vocab_size: int = 24, device=EXACT, **options
) -> MaskedGenerator:
    autoencoder = AutoencoderConfig(32, (1, 1), 6, num_res_blocks=1)
    vq = fill(build_vqvae(VQVAEConfig("llamagen-tokenizer", autoencoder, vocab_size, 5)), seed, 0.1)
    net = fill(MaskedTransformer(MaskedConfig(vocab_size, grid, 4, 2, 16, 2, multiple_of=8)), seed, 0.7)
    tokenizer = SingleScaleTokenizer(vq, (grid,), device, name="random")
    return MaskedGenerator(net, tokenizer, name="random", **options)


def last(steps):
    """The last step of a run."""
    *_, step = steps
    return step
