"""RQ-VAE (Lee et al. 2022, arXiv 2203.01941): residual depth, D tokens at each position from one codebook.

The control experiment beside next-scale: the maps are as many and every one corrects what the earlier ones
left over, but all have the same grid ("depth instead of scale"). Encoder and decoder are VQGAN's. Parameter
names are those of the released `model.pt`, with `quantize` for `quantizer`.

Shapes: B batch, D depth, C code dimension, V codes, H W pixels, h w the feature grid, N nearest. Pixels are
RGB in [-1, 1]. Specification: RQVAE.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn, where

from explorer.nets.autoencoder import AutoencoderConfig, Decoder, Encoder
from explorer.nets.quantizers import energy, look_up, nearest_code, nearest_codes


@dataclass(frozen=True)
class RQVAEConfig:
    """vocab_size: codes V of each codebook. code_dim: channels of a code. depth: tokens at each position."""

    autoencoder: AutoencoderConfig
    vocab_size: int
    code_dim: int
    depth: int
    family: str = "rqvae"

    @property
    def widest_channels(self) -> int:
        """Channels of the decoder's maps at full resolution, which take the most memory."""
        return self.autoencoder.ch * self.autoencoder.ch_mult[0]

    @property
    def downsample(self) -> int:
        return self.autoencoder.downsample


class ResidualDepthQuantizer(nn.Module):
    """Plain Euclidean nearest codes of what the earlier depths left over; f_hat is the sum of the codes.

    Each codebook has one row more than codes: the last is padding, never a token. All released models share
    one codebook, stored under D names; `codebook()` is the first.
    """

    def __init__(self, vocab_size: int, code_dim: int, depth: int):
        super().__init__()
        self.codebooks = nn.ModuleList(nn.Embedding(vocab_size + 1, code_dim) for _ in range(depth))

    def codebook(self) -> Tensor:
        """(V,C) as the decoder sees it."""
        return self.table(0)

    def table(self, d: int) -> Tensor:
        """(V,C) of depth d (from 0), without the padding."""
        return self.codebooks[d].weight[:-1]

    def lookup(self, ids_Bhw: Tensor, d: int) -> Tensor:
        """(B,C,h,w) codes of depth d (from 0); unknown tokens (-1) become zero vectors."""
        return look_up(ids_Bhw, self.table(d))

    def encode(
        self, f_BChw: Tensor, given: Sequence[Tensor] | None = None, masks: Sequence[Tensor] | None = None
    ) -> list[Tensor]:
        """D id maps of a feature; where masks[d] is True, given[d] is taken as it is."""
        rest, maps = f_BChw, []
        for d in range(len(self.codebooks)):
            ids_Bhw = nearest_code(rest, self.table(d))
            if given is not None and masks is not None:
                ids_Bhw = where(masks[d], given[d], ids_Bhw)
            maps.append(ids_Bhw)
            rest = rest - self.lookup(ids_Bhw, d)
        return maps

    def accumulate(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """f_hat (B,C,h,w) after each of the given depths."""
        f_hats: list[Tensor] = []
        for d, ids_Bhw in enumerate(maps):
            added = self.lookup(ids_Bhw, d)
            f_hats.append(added if not f_hats else f_hats[-1] + added)
        return f_hats

    def trace(self, f_BChw: Tensor, n: int, given: Sequence[Tensor] | None = None) -> list[dict[str, Tensor]]:
        """Per depth: ids (the `given` ones, or the nearest), the residual, its energy before and after, the n
        nearest codes."""
        rest, depths = f_BChw, []
        for d in range(len(self.codebooks)):
            near_ids, near_distance = nearest_codes(rest, self.table(d), n)
            ids_Bhw = nearest_code(rest, self.table(d)) if given is None else given[d]
            z_BChw, rest = rest, rest - self.lookup(ids_Bhw, d)
            depths.append(
                {
                    "ids_Bhw": ids_Bhw,
                    "z_BChw": z_BChw,
                    "energy_before_B": energy(z_BChw),
                    "energy_after_B": energy(rest),
                    "distance_Bhw": rest.square().sum(1).sqrt(),
                    "nearest_ids_BhwN": near_ids,
                    "nearest_distance_BhwN": near_distance,
                }
            )
        return depths


class RQVAE(nn.Module):
    """104.4 M parameters for ImageNet (factor 32, 16384 codes, depth 4), statistics not counted."""

    def __init__(self, config: RQVAEConfig):
        super().__init__()
        self.config = config
        z_channels = config.autoencoder.z_channels
        self.encoder = Encoder(config.autoencoder, "taming")
        self.decoder = Decoder(config.autoencoder, "taming")
        self.quantize = ResidualDepthQuantizer(config.vocab_size, config.code_dim, config.depth)
        self.quant_conv = nn.Conv2d(z_channels, config.code_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.code_dim, z_channels, 1)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """(B,3,H,W) in [-1,1] to the feature f (B,C,h,w)."""
        return self.quant_conv(self.encoder(x_BCHW))

    def to_pixels(self, f_hat_BChw: Tensor) -> Tensor:
        """Sums of codes (B,C,h,w) to pixels (B,3,H,W), nominally in [-1,1], not clamped."""
        return self.decoder(self.post_quant_conv(f_hat_BChw))
