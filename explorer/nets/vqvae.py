"""The two tokenizer networks: VAR's multi-scale VQ-VAE and LlamaGen's single-scale VQ model.

Each is encoder -> convolution -> quantizer -> convolution -> decoder. What is learned stands here; what a
user asks of a tokenizer (fitting pictures, checking ids, devices) stands in `explorer.tokenizers`.

Shapes: B batch, C code dimension, H W pixels, h w the feature grid. Pixels are RGB in [-1, 1].
"""

from dataclasses import dataclass

from torch import Tensor, nn

from explorer.nets.autoencoder import AutoencoderConfig, Decoder, Encoder
from explorer.nets.quantizers import MultiScaleQuantizer, SingleScaleQuantizer


@dataclass(frozen=True)
class VQVAEConfig:
    """family: "var-tokenizer" or "llamagen-tokenizer". vocab_size: codes. code_dim: channels of a code."""

    family: str
    autoencoder: AutoencoderConfig
    vocab_size: int
    code_dim: int

    def __post_init__(self):
        if self.family not in ("var-tokenizer", "llamagen-tokenizer"):
            raise ValueError(f"family must be var-tokenizer or llamagen-tokenizer, not {self.family!r}")
        if self.family == "var-tokenizer" and self.autoencoder.z_channels != self.code_dim:
            raise ValueError(
                f"VAR's encoder ends in the code dimension: z_channels is {self.autoencoder.z_channels}, "
                f"code_dim is {self.code_dim}"
            )

    @property
    def widest_channels(self) -> int:
        """Channels of the decoder's maps at full resolution, which take the most memory."""
        return self.autoencoder.ch * self.autoencoder.ch_mult[0]

    @property
    def downsample(self) -> int:
        return self.autoencoder.downsample


class VarVQVAE(nn.Module):
    """Multi-scale VQ-VAE of VAR (arXiv 2404.02905, section 3.2); 108.9 M parameters as released."""

    def __init__(self, config: VQVAEConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.autoencoder, "var")
        self.decoder = Decoder(config.autoencoder, "var")
        self.quantize = MultiScaleQuantizer(config.vocab_size, config.code_dim)
        self.quant_conv = nn.Conv2d(config.code_dim, config.code_dim, 3, padding=1)
        self.post_quant_conv = nn.Conv2d(config.code_dim, config.code_dim, 3, padding=1)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """(B,3,H,W) in [-1,1] to the feature f (B,C,h,w)."""
        return self.quant_conv(self.encoder(x_BCHW))

    def to_pixels(self, f_hat_BChw: Tensor) -> Tensor:
        """f_hat (B,C,h,w) to pixels (B,3,H,W), nominally in [-1,1], not clamped."""
        return self.decoder(self.post_quant_conv(f_hat_BChw))


class LlamaGenVQ(nn.Module):
    """Single-scale VQ model of LlamaGen (arXiv 2406.06525, section 3.1); 71.9 M parameters as released
    (ds16).
    """

    def __init__(self, config: VQVAEConfig):
        super().__init__()
        self.config = config
        z_channels = config.autoencoder.z_channels
        self.encoder = Encoder(config.autoencoder, "llamagen")
        self.decoder = Decoder(config.autoencoder, "llamagen")
        self.quantize = SingleScaleQuantizer(config.vocab_size, config.code_dim)
        self.quant_conv = nn.Conv2d(z_channels, config.code_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.code_dim, z_channels, 1)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """(B,3,H,W) in [-1,1] to the feature f (B,C,h,w), before normalisation."""
        return self.quant_conv(self.encoder(x_BCHW))

    def to_pixels(self, f_hat_BChw: Tensor) -> Tensor:
        """Codes (B,C,h,w) to pixels (B,3,H,W), nominally in [-1,1], not clamped."""
        return self.decoder(self.post_quant_conv(f_hat_BChw))


def build_vqvae(config: VQVAEConfig) -> VarVQVAE | LlamaGenVQ:
    return VarVQVAE(config) if config.family == "var-tokenizer" else LlamaGenVQ(config)
