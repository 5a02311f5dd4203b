"""A class-conditional masked transformer: it predicts any hidden tokens of a map from any visible ones.

The training of MaskGIT (Chang et al. 2022, arXiv:2202.04200) on the blocks of LlamaGen's raster transformer
(`llamagen_gpt.py`), so that the two differ in one thing: here every position sees every other one, and a
hidden token is a learned vector in its place. One forward predicts all hidden tokens at once, each as if it
were the only one that is asked; which of them become visible, and in which order, is the caller's choice.

Positions are told twice: rotary angles, as in the raster model (row and column count from 1; the class lies
at (0, 0)), and a learned vector for each cell, because hidden tokens would otherwise enter the first block
all alike.

Shape suffixes: B batch, N tokens of a map, L = 1 + N positions (position 0 is the class), D width, H heads,
d = D/H, R rows asked about, V codebook size.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.nets.llamagen_gpt import FeedForward, LlamaGenConfig, RMSNorm, rotate


@dataclass(frozen=True)
class MaskedConfig(LlamaGenConfig):
    """Architecture of a masked transformer: the numbers of a raster-scan transformer, with their meaning.

    `order` has none here, since every call chooses its own, and stays None.
    """


class Attention(nn.Module):
    """Every position looks at every position; queries and keys are turned by their places."""

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.wqkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.wo = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x_BLD: Tensor, rotary_Ld2: Tensor) -> Tensor:
        B, L, D = x_BLD.shape
        q_BHLd, k_BHLd, v_BHLd = self.queries_keys_values(x_BLD, rotary_Ld2)
        out_BHLd = F.scaled_dot_product_attention(q_BHLd, k_BHLd, v_BHLd)
        return self.wo(out_BHLd.transpose(1, 2).reshape(B, L, D))

    def queries_keys_values(self, x_BLD: Tensor, rotary_Ld2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B,H,L,d) each; queries and keys turned by their positions."""
        B, L, D = x_BLD.shape
        qkv = self.wqkv(x_BLD).view(B, L, 3, self.num_heads, D // self.num_heads)
        q_BHLd, k_BHLd, v_BHLd = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return rotate(q_BHLd, rotary_Ld2), rotate(k_BHLd, rotary_Ld2), v_BHLd

    def weights(self, x_BLD: Tensor, rotary_Ld2: Tensor, rows_R: Tensor) -> Tensor:
        """What the positions `rows_R` look at: (B,H,R,L) float32; each row sums to 1."""
        q_BHLd, k_BHLd, _ = self.queries_keys_values(x_BLD, rotary_Ld2)
        scores_BHRL = q_BHLd[:, :, rows_R].float() @ k_BHLd.float().transpose(-1, -2)
        return (scores_BHRL / math.sqrt(q_BHLd.shape[-1])).softmax(-1)


class Block(nn.Module):
    """Attention and feed-forward, each behind an RMS norm."""

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config.width, config.hidden)
        self.attention_norm = RMSNorm(config.width, config.norm_eps)
        self.ffn_norm = RMSNorm(config.width, config.norm_eps)

    def forward(self, x_BLD: Tensor, rotary_Ld2: Tensor) -> Tensor:
        x_BLD = x_BLD + self.attention(self.attention_norm(x_BLD), rotary_Ld2)
        return x_BLD + self.feed_forward(self.ffn_norm(x_BLD))


def rotary_table(config: MaskedConfig, device: torch.device | str = "cpu") -> Tensor:
    """(1+N, d/2, 2) cosines and sines: the row turns the first half of the pairs, the column the second half.

    Unlike the raster model's, the class has a place, (0, 0), and with it a share in every attention.
    """
    half = config.head_dim // 2
    frequencies = config.rope_base ** (-torch.arange(0, half, 2, device=device).float() / half)
    height, width = config.grid
    zero = torch.zeros(1, device=device)
    rows_L = torch.cat((zero, torch.arange(1, height + 1, device=device).float().repeat_interleave(width)))
    columns_L = torch.cat((zero, torch.arange(1, width + 1, device=device).float().repeat(height)))
    angles = torch.cat((rows_L[:, None] * frequencies, columns_L[:, None] * frequencies), dim=-1)
    return torch.stack((angles.cos(), angles.sin()), dim=-1)


class MaskedTransformer(nn.Module):
    """See the module docstring. Labels run from 0 to num_classes; num_classes is the null class."""

    switchable = ("layers", "attention", "wo")  # see nets/switching.py

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.config = config
        self.class_embeddings = nn.Embedding(config.num_classes + 1, config.width)
        self.token_embeddings = nn.Embedding(config.vocab_size, config.width)
        self.mask_token = nn.Parameter(torch.empty(1, config.width))
        self.position_embeddings = nn.Embedding(config.length, config.width)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = RMSNorm(config.width, config.norm_eps)
        self.output = nn.Linear(config.width, config.vocab_size, bias=False)

    def forward(self, labels_B: Tensor, ids_BN: Tensor) -> Tensor:
        """Logits (B,N,V) of every cell. ids: a whole map row by row, below 0 = hidden.

        At visible cells they have no meaning: the network was never asked for what it sees.
        """
        return self.logits(self.cells(labels_B, ids_BN))

    def cells(self, labels_B: Tensor, ids_BN: Tensor) -> Tensor:
        """The last state of every cell (B,N,D), for callers that ask the head about some cells only."""
        (x_BLD,) = deque(self.states(labels_B, ids_BN), maxlen=1)  # the last state; the others are let go
        return x_BLD[:, 1:]

    def states(self, labels_B: Tensor, ids_BN: Tensor) -> Iterator[Tensor]:
        """The residual stream (B,1+N,D): as it enters the first block, then after each block in turn."""
        if ids_BN.shape[1] != self.config.length:
            raise ValueError(
                f"{ids_BN.shape[1]} tokens given, the map has {self.config.length} (hidden ones are below 0)"
            )
        x_BLD = self.embed(labels_B, ids_BN)
        yield x_BLD
        rotary_Ld2 = rotary_table(self.config, x_BLD.device)
        for layer in self.layers:
            x_BLD = layer(x_BLD, rotary_Ld2)
            yield x_BLD

    def layer_logits(self, labels_B: Tensor, ids_BN: Tensor) -> Iterator[Tensor]:
        """Logits (B,N,V) had the network ended after each block: the last ones are those of `forward`."""
        for n, x_BLD in enumerate(self.states(labels_B, ids_BN)):
            if n:
                yield self.logits(x_BLD[:, 1:])

    def attention(self, labels_B: Tensor, ids_BN: Tensor, rows_R: Tensor) -> Iterator[Tensor]:
        """Of each block, what the positions `rows_R` look at: (B,H,R,1+N) float32, rows that sum to 1."""
        rotary_Ld2 = rotary_table(self.config, labels_B.device)
        for layer, x_BLD in zip(self.layers, self.states(labels_B, ids_BN), strict=False):
            yield layer.attention.weights(layer.attention_norm(x_BLD), rotary_Ld2, rows_R)

    def embed(self, labels_B: Tensor, ids_BN: Tensor) -> Tensor:
        """(B,1+N,D), float32 as the residual stream."""
        visible_BN1 = (ids_BN >= 0).unsqueeze(-1)
        tokens_BND = torch.where(visible_BN1, self.token_embeddings(ids_BN.clamp_min(0)), self.mask_token)
        placed_BND = tokens_BND.float() + self.position_embeddings.weight.float()
        return torch.cat((self.class_embeddings(labels_B).float().unsqueeze(1), placed_BND), dim=1)

    def logits(self, x_D: Tensor) -> Tensor:
        """The head of any cells' last states (...,D): (...,V), float32 whatever the weights are."""
        return self.output(self.norm(x_D)).float()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Fresh weights for training: normal with std 0.02, logits zero at the start."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, RMSNorm):
                nn.init.ones_(module.weight)
        nn.init.normal_(self.mask_token, std=0.02)
        nn.init.zeros_(self.output.weight)
