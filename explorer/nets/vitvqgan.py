"""ViT-VQGAN (Yu et al. 2021, arXiv 2110.04627): the tokenizer kind of Parti, a transformer on either side.

A patch is a token is a position: the encoder embeds patches, the decoder gives them back, and both look at
the whole picture in every layer. The codes are short and of unit length. Layout and parameter names are those
of the open re-implementation enhancing-transformers, which released weights, with `quantize` for `quantizer`.

Shapes: B batch, N tokens, D width, C code dimension, V codes, H W pixels, h w the grid. This net's pixels are
in [0, 1] inside; `features` and `to_pixels` speak [-1, 1] like all others. Specification: VITVQGAN.md.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.nets.quantizers import SingleScaleQuantizer

HEAD_DIM = 64  # every configuration leaves it there, and no tensor shows it


@dataclass(frozen=True)
class ViTConfig:
    """One side. attention: heads times 64. hidden: of the feed-forward layers."""

    width: int
    depth: int
    attention: int
    hidden: int

    def __post_init__(self) -> None:
        if self.attention % HEAD_DIM or self.width % 4:
            raise ValueError(
                f"attention of {self.attention} must be a multiple of {HEAD_DIM}, a width of {self.width} "
                "one of 4: the position tables have four parts"
            )


@dataclass(frozen=True)
class ViTVQGANConfig:
    """patch: pixels of a token along one side. grid: (h,w) for which the position tables are stored."""

    patch: int
    grid: tuple[int, int]
    encoder: ViTConfig
    decoder: ViTConfig
    vocab_size: int
    code_dim: int
    family: str = "vitvqgan"

    @property
    def downsample(self) -> int:
        return self.patch

    @property
    def widest_channels(self) -> int:
        """A layer's numbers for each pixel: there are no maps at full resolution."""
        return max(1, max(self.encoder.hidden, self.decoder.hidden) // self.patch**2)


def position_table(grid: tuple[int, int], width: int) -> Tensor:
    """(1,N,D): sines and cosines of the column, then of the row; a quarter of the width each."""
    h, w = grid
    quarter = width // 4
    frequencies = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    columns_Nd = torch.arange(w, dtype=torch.float64).repeat(h)[:, None] * frequencies
    rows_Nd = torch.arange(h, dtype=torch.float64).repeat_interleave(w)[:, None] * frequencies
    parts = (columns_Nd.sin(), columns_Nd.cos(), rows_Nd.sin(), rows_Nd.cos())
    return torch.cat(parts, dim=1).float()[None]


class Attention(nn.Module):
    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.heads = config.attention // HEAD_DIM
        self.to_qkv = nn.Linear(config.width, 3 * config.attention, bias=False)
        self.to_out = nn.Linear(config.attention, config.width)

    def forward(self, x_BND: Tensor) -> Tensor:
        q, k, v = self.to_qkv(x_BND).unflatten(-1, (3, self.heads, HEAD_DIM)).permute(2, 0, 3, 1, 4).unbind(0)
        out_BHNd = F.scaled_dot_product_attention(q, k, v)
        return self.to_out(out_BHNd.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(config.width, config.hidden), nn.Tanh(), nn.Linear(config.hidden, config.width)
        )

    def forward(self, x_BND: Tensor) -> Tensor:
        return self.net(x_BND)


class Normed(nn.Module):
    """A layer norm and what reads it."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, x_BND: Tensor) -> Tensor:
        return self.fn(self.norm(x_BND))


class Transformer(nn.Module):
    """No mask; one more layer norm at the end."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        D = config.width
        self.layers = nn.ModuleList(
            nn.ModuleList((Normed(D, Attention(config)), Normed(D, FeedForward(config))))
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(D)

    def forward(self, x_BND: Tensor) -> Tensor:
        for attend, feed in self.layers:
            x_BND = x_BND + attend(x_BND)
            x_BND = x_BND + feed(x_BND)
        return self.norm(x_BND)


class Encoder(nn.Module):
    def __init__(self, config: ViTVQGANConfig) -> None:
        super().__init__()
        D, p = config.encoder.width, config.patch
        self.grid = config.grid
        self.en_pos_embedding = nn.Parameter(position_table(config.grid, D), requires_grad=False)
        self.to_patch_embedding = nn.Sequential(nn.Conv2d(3, D, p, stride=p))
        self.transformer = Transformer(config.encoder)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B,D,h,w)."""
        x_BDhw = self.to_patch_embedding(x_BCHW)
        grid = tuple(x_BDhw.shape[2:])
        x_BND = x_BDhw.flatten(2).transpose(1, 2) + positions(self.en_pos_embedding, self.grid, grid)
        return self.transformer(x_BND).transpose(1, 2).unflatten(2, grid)


class Decoder(nn.Module):
    def __init__(self, config: ViTVQGANConfig) -> None:
        super().__init__()
        D, p = config.decoder.width, config.patch
        self.grid = config.grid
        self.de_pos_embedding = nn.Parameter(position_table(config.grid, D), requires_grad=False)
        self.transformer = Transformer(config.decoder)
        self.to_pixel = nn.Sequential(nn.Identity(), nn.ConvTranspose2d(D, 3, p, stride=p))

    def forward(self, x_BDhw: Tensor) -> Tensor:
        grid = tuple(x_BDhw.shape[2:])
        x_BND = x_BDhw.flatten(2).transpose(1, 2) + positions(self.de_pos_embedding, self.grid, grid)
        return self.to_pixel(self.transformer(x_BND).transpose(1, 2).unflatten(2, grid))


def positions(stored_1ND: Tensor, own: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """The stored table on the grid that it was made for; another grid's is computed, which nobody trained."""
    if grid == tuple(own):
        return stored_1ND
    return position_table(grid, stored_1ND.shape[-1]).to(stored_1ND)


class ViTVQGAN(nn.Module):
    """52.0 M parameters (small) or 172.2 M (base), tables included."""

    def __init__(self, config: ViTVQGANConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quantize = SingleScaleQuantizer(config.vocab_size, config.code_dim)
        self.pre_quant = nn.Linear(config.encoder.width, config.code_dim)
        self.post_quant = nn.Linear(config.code_dim, config.decoder.width)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """(B,3,H,W) in [-1,1] to the feature f (B,C,h,w), before normalisation."""
        f_BDhw = self.encoder((x_BCHW + 1) / 2)
        return self.pre_quant(f_BDhw.movedim(1, -1)).movedim(-1, 1)

    def to_pixels(self, f_hat_BChw: Tensor) -> Tensor:
        """Unit codes (B,C,h,w) to pixels (B,3,H,W), nominally in [-1,1], not clamped."""
        x_BDhw = self.post_quant(f_hat_BChw.movedim(1, -1)).movedim(-1, 1)
        return self.decoder(x_BDhw) * 2 - 1
