"""VQGAN (Esser et al. 2021, "Taming Transformers", arXiv 2012.09841), plain and Gumbel-quantised.

The ancestor of VAR's and LlamaGen's tokenizers: their encoder and decoder, attention at chosen levels, one
map of tokens. The plain one takes the nearest code by Euclidean distance, nothing is normalised. The Gumbel
variant makes a logit for every code with a 1x1 convolution and takes the largest; its official forward adds
noise even at inference, so that its tokens are random there and are not here. Parameter names are those of
the released Lightning files (`vqgan_imagenet_f16_{1024,16384}`, `vqgan_gumbel_f8`), so they load with
strict=True.

Shapes: B batch, C code dimension, V codes, H W pixels, h w the feature grid. Pixels are RGB in [-1, 1].
Specification: MODELS.md section 4.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from explorer.nets.autoencoder import AutoencoderConfig, Decoder, Encoder
from explorer.nets.quantizers import SingleScaleQuantizer, look_up, trace_logits


@dataclass(frozen=True)
class TamingVQGANConfig:
    """vocab_size: codes V. code_dim: channels of a code. gumbel: codes are chosen by logits."""

    autoencoder: AutoencoderConfig
    vocab_size: int
    code_dim: int
    gumbel: bool = False
    family: str = "vqgan"

    @property
    def widest_channels(self) -> int:
        """Channels of the decoder's maps at full resolution, which take the most memory."""
        return self.autoencoder.ch * self.autoencoder.ch_mult[0]

    @property
    def downsample(self) -> int:
        return self.autoencoder.downsample


class GumbelQuantizer(nn.Module):
    """One logit a code; the token is the largest, without noise. Features have the code dimension too."""

    chooses_by = "logits"

    def __init__(self, vocab_size: int, code_dim: int):
        super().__init__()
        self.proj = nn.Conv2d(code_dim, vocab_size, 1)
        self.embed = nn.Embedding(vocab_size, code_dim)

    def codebook(self) -> Tensor:
        """(V,C) as the decoder sees it."""
        return self.embed.weight

    def logits(self, f_BChw: Tensor) -> Tensor:
        """(B,V,h,w)"""
        return self.proj(f_BChw)

    def encode(self, f_BChw: Tensor) -> Tensor:
        """Ids (B,h,w)."""
        return self.logits(f_BChw).argmax(1)

    def lookup(self, ids_Bhw: Tensor) -> Tensor:
        """(B,C,h,w) codes; unknown tokens (-1) become zero vectors."""
        return look_up(ids_Bhw, self.codebook())

    def trace(self, f_BChw: Tensor, n: int, given: Sequence[Tensor] | None = None) -> list[dict[str, Tensor]]:
        """As `quantizers.trace_logits`: a token's "distance" is its logit margin."""
        return trace_logits(self.logits(f_BChw), self.codebook(), n, given)


class TamingVQGAN(nn.Module):
    """72.1 M parameters with 1024 codes, 76.1 M with 16384 (f16, without the loss's networks)."""

    def __init__(self, config: TamingVQGANConfig):
        super().__init__()
        self.config = config
        z_channels = config.autoencoder.z_channels
        self.encoder = Encoder(config.autoencoder, "taming")
        self.decoder = Decoder(config.autoencoder, "taming")
        if config.gumbel:
            self.quantize = GumbelQuantizer(config.vocab_size, config.code_dim)
        else:
            self.quantize = SingleScaleQuantizer(config.vocab_size, config.code_dim, normalise=False)
        self.quant_conv = nn.Conv2d(z_channels, config.code_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.code_dim, z_channels, 1)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """(B,3,H,W) in [-1,1] to the feature f (B,C,h,w)."""
        return self.quant_conv(self.encoder(x_BCHW))

    def to_pixels(self, f_hat_BChw: Tensor) -> Tensor:
        """Codes (B,C,h,w) to pixels (B,3,H,W), nominally in [-1,1], not clamped."""
        return self.decoder(self.post_quant_conv(f_hat_BChw))
