"""The convolutional autoencoder of the VQGAN line, in the layouts that VAR, LlamaGen and VQGAN released.

All compute the same thing: residual blocks on a pyramid of resolutions, single-head attention at the lowest
one (or at chosen ones), strided convolutions down and nearest-neighbour upsampling back. They differ in
parameter names and in whether q, k and v share one convolution:

    layout      levels called       q, k, v
    "var"       down, up            together
    "llamagen"  conv_blocks         apart
    "taming"    down, up            apart

Shapes: B batch, C channels, H W pixels, h w the feature grid (H / 2**levels). Pixels are RGB in [-1, 1].
Sources: Esser et al. 2021 (VQGAN, arXiv 2012.09841), Tian et al. 2024 (VAR, arXiv 2404.02905),
Sun et al. 2024 (LlamaGen, arXiv 2406.06525).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_GROUPS = 32


@dataclass(frozen=True)
class AutoencoderConfig:
    """Widths of encoder and decoder.

    ch: channels at full resolution. ch_mult: multiplier per level, full resolution first; every level but
    the last halves height and width. z_channels: channels between encoder and quantizer. num_res_blocks:
    residual blocks per encoder level (the decoder has one more). attention_levels: levels (from 0, full
    resolution) whose residual blocks are each followed by attention; None = the last one alone.
    """

    ch: int
    ch_mult: tuple[int, ...]
    z_channels: int
    num_res_blocks: int = 2
    attention_levels: tuple[int, ...] | None = None

    def __post_init__(self):
        for mult in (1, *self.ch_mult):
            if self.ch * mult % NORM_GROUPS:
                raise ValueError(
                    f"every level's width must be a multiple of {NORM_GROUPS} (group normalisation); "
                    f"{self.ch} x {mult} = {self.ch * mult} is not"
                )
        if any(not 0 <= level < len(self.ch_mult) for level in self.attention_levels or ()):
            raise ValueError(
                f"attention at the levels {self.attention_levels} was asked, there are the levels "
                f"0..{len(self.ch_mult) - 1}"
            )

    @property
    def level_channels(self) -> tuple[int, ...]:
        return tuple(self.ch * mult for mult in self.ch_mult)

    def attends(self, level: int) -> bool:
        """Whether the residual blocks of this level (from 0, full resolution) are followed by attention."""
        return level in ((len(self.ch_mult) - 1,) if self.attention_levels is None else self.attention_levels)

    @property
    def downsample(self) -> int:
        """Pixels per feature cell along one side."""
        return 2 ** (len(self.ch_mult) - 1)


def group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(NORM_GROUPS, channels, eps=1e-6, affine=True)


class ResidualBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = group_norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if in_channels != out_channels:
            self.nin_shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x_BCHW)))
        h = self.conv2(F.silu(self.norm2(h)))
        shortcut = self.nin_shortcut(x_BCHW) if hasattr(self, "nin_shortcut") else x_BCHW
        return shortcut + h


class AttentionBlock(nn.Module):
    """One-head self-attention over all cells; `fused`: q, k, v in one 1x1 convolution (VAR), or in three."""

    def __init__(self, channels: int, fused: bool):
        super().__init__()
        self.norm = group_norm(channels)
        if fused:
            self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        else:
            self.q = nn.Conv2d(channels, channels, 1)
            self.k = nn.Conv2d(channels, channels, 1)
            self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.norm(x_BCHW)
        q, k, v = self.qkv(y).chunk(3, dim=1) if hasattr(self, "qkv") else (self.q(y), self.k(y), self.v(y))
        q, k, v = (t.flatten(2).transpose(1, 2).unsqueeze(1) for t in (q, k, v))
        out_BCL = F.scaled_dot_product_attention(q, k, v).squeeze(1).transpose(1, 2)
        return x_BCHW + self.proj_out(out_BCL.reshape(x_BCHW.shape))


class Downsample(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        # The released models pad on the right and the bottom only.
        return self.conv(F.pad(x_BCHW, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.conv(F.interpolate(x_BCHW, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    """Residual blocks of one resolution, each followed by attention when `attention`, then a change of
    resolution.

    The list of residual blocks is called `block` in VAR's and VQGAN's files and `res` in LlamaGen's.
    """

    def __init__(self, in_channels, out_channels, blocks, attention, *, fused, blocks_name, resample=None):
        super().__init__()
        widths = [in_channels] + [out_channels] * blocks
        residual = nn.ModuleList(ResidualBlock(i, o) for i, o in zip(widths, widths[1:], strict=False))
        self.blocks_name = blocks_name
        self.add_module(blocks_name, residual)
        self.attn = nn.ModuleList(
            AttentionBlock(out_channels, fused) for _ in range(blocks if attention else 0)
        )
        if resample == "down":
            self.downsample = Downsample(out_channels)
        elif resample == "up":
            self.upsample = Upsample(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        for index, block in enumerate(getattr(self, self.blocks_name)):
            x = block(x)
            if len(self.attn):
                x = self.attn[index](x)
        if hasattr(self, "downsample"):
            return self.downsample(x)
        return self.upsample(x) if hasattr(self, "upsample") else x


def middle_blocks(channels: int, fused: bool, named: bool) -> nn.Module:
    """Residual, attention, residual: named in VAR's and VQGAN's files, numbered in LlamaGen's."""
    parts = (
        ResidualBlock(channels, channels),
        AttentionBlock(channels, fused),
        ResidualBlock(channels, channels),
    )
    if not named:
        return nn.ModuleList(parts)
    return nn.ModuleDict(dict(zip(("block_1", "attn_1", "block_2"), parts, strict=True)))


def run_middle(mid: nn.Module, x: Tensor) -> Tensor:
    for part in mid.values() if isinstance(mid, nn.ModuleDict) else mid:
        x = part(x)
    return x


class Encoder(nn.Module):
    """Pixels (B,3,H,W) to (B,z_channels,h,w). `layout` is "var", "llamagen" or "taming" and decides the
    parameter names.
    """

    def __init__(self, config: AutoencoderConfig, layout: str):
        super().__init__()
        fused, named, levels = layout == "var", layout != "llamagen", config.level_channels
        last = len(levels) - 1
        self.conv_in = nn.Conv2d(3, config.ch, 3, padding=1)
        modules = nn.ModuleList(
            Level(
                levels[i - 1] if i else config.ch,
                channels,
                config.num_res_blocks,
                attention=config.attends(i),
                fused=fused,
                blocks_name="block" if named else "res",
                resample=None if i == last else "down",
            )
            for i, channels in enumerate(levels)
        )
        self.levels_name = "down" if named else "conv_blocks"
        self.add_module(self.levels_name, modules)
        self.mid = middle_blocks(levels[-1], fused, named)
        self.norm_out = group_norm(levels[-1])
        self.conv_out = nn.Conv2d(levels[-1], config.z_channels, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h = self.conv_in(x_BCHW)
        for level in getattr(self, self.levels_name):
            h = level(h)
        return self.conv_out(F.silu(self.norm_out(run_middle(self.mid, h))))


class Decoder(nn.Module):
    """(B,z_channels,h,w) to pixels (B,3,H,W), not clamped. `layout` as for the encoder.

    VAR and VQGAN number the levels by resolution (level 0 is full size and is used last), LlamaGen in the
    order of use.
    """

    def __init__(self, config: AutoencoderConfig, layout: str):
        super().__init__()
        fused, named, levels = layout == "var", layout != "llamagen", config.level_channels
        last = len(levels) - 1
        self.conv_in = nn.Conv2d(config.z_channels, levels[-1], 3, padding=1)
        self.mid = middle_blocks(levels[-1], fused, named)
        in_order_of_use = [
            Level(
                levels[min(i + 1, last)],
                levels[i],
                config.num_res_blocks + 1,
                attention=config.attends(i),
                fused=fused,
                blocks_name="block" if named else "res",
                resample="up" if i else None,
            )
            for i in range(last, -1, -1)
        ]
        self.finest_first = named
        self.levels_name = "up" if named else "conv_blocks"
        self.add_module(
            self.levels_name, nn.ModuleList(reversed(in_order_of_use) if named else in_order_of_use)
        )
        self.norm_out = group_norm(levels[0])
        self.conv_out = nn.Conv2d(levels[0], 3, 3, padding=1)

    def forward(self, z_BChw: Tensor) -> Tensor:
        h = run_middle(self.mid, self.conv_in(z_BChw))
        levels = getattr(self, self.levels_name)
        for level in reversed(levels) if self.finest_first else levels:
            h = level(h)
        return self.conv_out(F.silu(self.norm_out(h)))


def init_autoencoder(module: nn.Module) -> None:
    """Start values for training from scratch: scaled for SiLU, residual branches and the last layer start
    small.
    """
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, nonlinearity="linear")
            if child.bias is not None:
                nn.init.zeros_(child.bias)
            if name.endswith((".conv2", "proj_out")):
                with torch.no_grad():
                    child.weight.mul_(0.2)
