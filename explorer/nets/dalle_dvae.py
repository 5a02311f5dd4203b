"""DALL-E's discrete VAE (Ramesh et al. 2021, arXiv 2102.12092): 8192 codes, 8 pixels a token.

The encoder ends in a logit for every code and the token is the largest one; nothing is compared with a table.
The decoder starts from the one-hot token through a 1x1 convolution, which is a look-up: its columns are the
codebook. Convolutions have biases and keep the size; encoder blocks have kernels 3, 3, 3, 1, decoder blocks
1, 3, 3, 3. Pixels are squeezed into [0.1, 0.9] first, and the decoder's first three channels, through a
sigmoid, are the picture (the other three are widths of a logit-Laplace distribution, which a picture does
not need).

Parameter names are those inside the released pickles, under `encoder.` and `decoder.`, but for the decoder's
first convolution: its columns are `quantize.embedding.weight` (V,C), its bias stays with the decoder.

Shapes: B batch, V codes, C channels of a code (the decoder's first width), H W pixels, h w the grid.
Specification: MODELS.md section 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.nets.quantizers import look_up, trace_logits

GROUPS = 4
EPSILON = 0.1  # of the logit-Laplace distribution: pixels lie in [EPSILON, 1 - EPSILON]
ENCODER_KERNELS, DECODER_KERNELS = (3, 3, 3, 1), (1, 3, 3, 3)


@dataclass(frozen=True)
class DalleDVAEConfig:
    """hidden: channels at full resolution. code_dim: channels of the decoder's first layer.
    blocks: residual blocks in each of the four groups.
    """

    vocab_size: int
    code_dim: int
    hidden: int
    blocks: int
    family: str = "dalle-dvae"

    def __post_init__(self) -> None:
        if self.hidden % 4:
            raise ValueError(f"residual blocks work at a quarter of their width; {self.hidden} / 4 is broken")

    @property
    def widest_channels(self) -> int:
        """Channels of the decoder's maps at full resolution, which take the most memory."""
        return self.hidden

    @property
    def downsample(self) -> int:
        """Pixels per cell: every group but one ends in a change of resolution."""
        return 2 ** (GROUPS - 1)


def squeeze(x_BCHW: Tensor) -> Tensor:
    """[0,1] to [0.1,0.9], where a logit is finite."""
    return (1 - 2 * EPSILON) * x_BCHW + EPSILON


def unsqueeze(y_BCHW: Tensor) -> Tensor:
    """The way back, clamped to [0,1]."""
    return ((y_BCHW - EPSILON) / (1 - 2 * EPSILON)).clamp(0, 1)


class Conv(nn.Module):
    """A convolution that keeps the size; its weight and bias are called w and b in the released files."""

    def __init__(self, inputs: int, outputs: int, kernel: int):
        super().__init__()
        self.w = nn.Parameter(
            torch.empty(outputs, inputs, kernel, kernel).normal_(std=(inputs * kernel**2) ** -0.5)
        )
        self.b = nn.Parameter(torch.zeros(outputs))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.conv2d(x_BCHW, self.w, self.b, padding=self.w.shape[-1] // 2)


class Block(nn.Module):
    """id_path(x) + gain * (ReLU, convolution) four times; id_path is a convolution where widths differ."""

    def __init__(self, inputs: int, outputs: int, kernels: Sequence[int], gain: float):
        super().__init__()
        self.gain = gain
        self.id_path = Conv(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        widths = (inputs, *[outputs // 4] * 3, outputs)
        self.res_path = nn.ModuleDict(
            {
                f"conv_{n}": Conv(*pair, kernel)
                for n, (pair, kernel) in enumerate(zip(pairwise(widths), kernels, strict=True), start=1)
            }
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h = x_BCHW
        for conv in self.res_path.values():
            h = conv(F.relu(h))
        return self.id_path(x_BCHW) + self.gain * h


def group(inputs: int, outputs: int, blocks: int, kernels: Sequence[int]) -> nn.ModuleDict:
    """block_1, block_2, ... of one resolution."""
    gain = 1 / (GROUPS * blocks) ** 2
    return nn.ModuleDict(
        {
            f"block_{n}": Block(outputs if n > 1 else inputs, outputs, kernels, gain)
            for n in range(1, blocks + 1)
        }
    )


def run_group(blocks: nn.ModuleDict, x_BCHW: Tensor) -> Tensor:
    for block in blocks.values():
        x_BCHW = block(x_BCHW)
    return x_BCHW


class Encoder(nn.Module):
    """Squeezed pixels (B,3,H,W) to logits (B,V,h,w)."""

    def __init__(self, config: DalleDVAEConfig):
        super().__init__()
        widths = [config.hidden, *(config.hidden * 2**i for i in range(GROUPS))]
        self.blocks = nn.ModuleDict({"input": Conv(3, config.hidden, 7)})
        for n, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            self.blocks[f"group_{n}"] = group(inputs, outputs, config.blocks, ENCODER_KERNELS)
        self.blocks["output"] = nn.ModuleDict({"conv": Conv(widths[-1], config.vocab_size, 1)})

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h = self.blocks["input"](x_BCHW)
        for n in range(1, GROUPS + 1):
            h = run_group(self.blocks[f"group_{n}"], h)
            if n < GROUPS:
                h = F.max_pool2d(h, 2)
        return self.blocks["output"]["conv"](F.relu(h))


class Bias(nn.Module):
    """What is left of the decoder's first convolution once its columns have been looked up."""

    def __init__(self, channels: int):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.b[:, None, None]


class Decoder(nn.Module):
    """Codes (B,C,h,w) to six channels (B,6,H,W): three of the picture and three of its widths."""

    def __init__(self, config: DalleDVAEConfig):
        super().__init__()
        widths = [config.code_dim, *(config.hidden * 2**i for i in reversed(range(GROUPS)))]
        self.blocks = nn.ModuleDict({"input": Bias(config.code_dim)})
        for n, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            self.blocks[f"group_{n}"] = group(inputs, outputs, config.blocks, DECODER_KERNELS)
        self.blocks["output"] = nn.ModuleDict({"conv": Conv(widths[-1], 6, 1)})

    def forward(self, f_hat_BChw: Tensor) -> Tensor:
        h = self.blocks["input"](f_hat_BChw)
        for n in range(1, GROUPS + 1):
            h = run_group(self.blocks[f"group_{n}"], h)
            if n < GROUPS:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
        return self.blocks["output"]["conv"](F.relu(h))


class LogitQuantizer(nn.Module):
    """Features are the logits themselves, (B,V,h,w); codes are the columns of the decoder's first layer."""

    chooses_by = "logits"

    def __init__(self, vocab_size: int, code_dim: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, code_dim)

    def codebook(self) -> Tensor:
        """(V,C) as the decoder sees it, before the bias that all codes share."""
        return self.embedding.weight

    def encode(self, f_BVhw: Tensor) -> Tensor:
        """Ids (B,h,w)."""
        return f_BVhw.argmax(1)

    def lookup(self, ids_Bhw: Tensor) -> Tensor:
        """(B,C,h,w) codes; unknown tokens (-1) become zero vectors: no entry of the one-hot input is set."""
        return look_up(ids_Bhw, self.codebook())

    def trace(self, f_BVhw: Tensor, n: int, given: Sequence[Tensor] | None = None) -> list[dict[str, Tensor]]:
        """As `quantizers.trace_logits`: a token's "distance" is its logit margin."""
        return trace_logits(f_BVhw, self.codebook(), n, given)


class DalleDVAE(nn.Module):
    """53.8 M parameters in the encoder and 43.8 M in the decoder, as released."""

    def __init__(self, config: DalleDVAEConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quantize = LogitQuantizer(config.vocab_size, config.code_dim)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """(B,3,H,W) in [-1,1] to logits (B,V,h,w)."""
        return self.encoder(squeeze((x_BCHW + 1) * 0.5))

    def to_pixels(self, f_hat_BChw: Tensor) -> Tensor:
        """Codes (B,C,h,w) to pixels (B,3,H,W) in [-1,1]."""
        picture, _ = self.decoder(f_hat_BChw).chunk(2, dim=1)
        return unsqueeze(picture.sigmoid()) * 2 - 1
