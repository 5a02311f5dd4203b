"""The class-conditional raster-scan transformer of LlamaGen (Sun et al. 2024, arXiv:2406.06525).

A Llama-style decoder that predicts image tokens one by one, row by row. Parameter names are those of the
released files (`c2i_B_256.pt` ... `c2i_3B_384.pt`), so these load with strict=True; a stray `freqs_cis`
table may be dropped, the rotary angles follow from the configuration.

Two ways through the same blocks:
  forward   all positions at once, each seeing what came before: training, scoring, teacher-forced logits
  advance   one position, with keys and values of the earlier ones in a cache that the caller owns: generation

Shape suffixes: B batch, L positions (position 0 is the class, position 1 + n the n-th token), D width,
H heads, d = D/H, V codebook size. Specification: MODELS.md section 3.3.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Keys and values (B,H,L,d) of one layer, allocated by the caller for the whole sequence.
LayerCache = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class LlamaGenConfig:
    """Architecture of a raster-scan transformer.

    vocab_size: number of codes V. grid: (h,w) of the token map (one number means a square).
    num_classes: classes without the null class. ffn_width: hidden units of the feed-forward; None = the
    published rule, 8/3 of the width rounded up to a multiple of `multiple_of`. order: the cells in the order
    in which they are predicted; None = row by row, as all released models.
    """

    vocab_size: int
    grid: tuple[int, int]
    num_classes: int
    depth: int
    width: int
    num_heads: int
    rope_base: float = 10000.0
    norm_eps: float = 1e-5
    multiple_of: int = 256
    ffn_width: int | None = None
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.grid, int):
            object.__setattr__(self, "grid", (self.grid, self.grid))
        if self.order is not None and sorted(self.order) != list(range(self.length)):
            raise ValueError(f"an order names each of the cells 0..{self.length - 1} once")
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} is not a multiple of the number of heads {self.num_heads}")
        if self.head_dim % 4:
            # Half of the pairs turn with the row, half with the column.
            raise ValueError(
                f"2-D rotary embedding needs heads of a multiple of 4, this one has {self.head_dim}"
            )

    @property
    def head_dim(self) -> int:
        return self.width // self.num_heads

    @property
    def length(self) -> int:
        """Tokens of one image, N."""
        return self.grid[0] * self.grid[1]

    @property
    def hidden(self) -> int:
        """Width of the feed-forward."""
        if self.ffn_width is not None:
            return self.ffn_width
        return math.ceil(int(8 * self.width / 3) / self.multiple_of) * self.multiple_of

    @property
    def null_class(self) -> int:
        """The label that means "no class" (last row of the class embedding)."""
        return self.num_classes


class RMSNorm(nn.Module):
    """x / root-mean-square(x) * weight, in float32; the result has the type of the weights."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return x.to(self.weight.dtype) * self.weight


class Attention(nn.Module):
    """Causal attention with 2-D rotary positions."""

    def __init__(self, config: LlamaGenConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.wqkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.wo = nn.Linear(config.width, config.width, bias=False)

    def forward(
        self,
        x_BLD: Tensor,
        rotary_Ld2: Tensor,
        cache: LayerCache | None = None,
        position_1: Tensor | None = None,
        visible_1L: Tensor | None = None,
    ) -> Tensor:
        """With a cache, x holds one position, index `position_1`; `visible_1L` marks what it may see."""
        B, L, D = x_BLD.shape
        q_BHLd, k_BHLd, v_BHLd = self.queries_keys_values(x_BLD, rotary_Ld2)
        if cache is None:
            out = F.scaled_dot_product_attention(q_BHLd, k_BHLd, v_BHLd, is_causal=True)
        else:
            # Always the whole cache under a mask: with equal shapes one CUDA graph serves every step.
            keys, values = cache
            keys.index_copy_(2, position_1, k_BHLd)
            values.index_copy_(2, position_1, v_BHLd)
            out = F.scaled_dot_product_attention(q_BHLd, keys, values, attn_mask=visible_1L)
        return self.wo(out.transpose(1, 2).reshape(B, L, D))

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
        later_RL = torch.arange(x_BLD.shape[1], device=x_BLD.device) > rows_R[:, None]
        return (scores_BHRL / math.sqrt(q_BHLd.shape[-1])).masked_fill(later_RL, -torch.inf).softmax(-1)


class FeedForward(nn.Module):
    """Gated: w2(silu(w1 x) * w3 x)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w3 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """Attention and feed-forward, each behind an RMS norm."""

    def __init__(self, config: LlamaGenConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config.width, config.hidden)
        self.attention_norm = RMSNorm(config.width, config.norm_eps)
        self.ffn_norm = RMSNorm(config.width, config.norm_eps)

    def forward(self, x_BLD: Tensor, rotary_Ld2: Tensor, **cached) -> Tensor:
        """`cached`: cache, position_1 and visible_1L of Attention."""
        x_BLD = x_BLD + self.attention(self.attention_norm(x_BLD), rotary_Ld2, **cached)
        return x_BLD + self.feed_forward(self.ffn_norm(x_BLD))


class ClassEmbedding(nn.Module):
    """One row per class and a last one for "no class"."""

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.embedding_table = nn.Embedding(num_classes + 1, width)

    def forward(self, labels_B: Tensor) -> Tensor:
        return self.embedding_table(labels_B)


def rotate(x_BHLd: Tensor, rotary_Ld2: Tensor) -> Tensor:
    """Turn each adjacent pair (2j, 2j+1) by its angle, in float32. rotary: (L, d/2, 2) cosines and sines."""
    pairs = x_BHLd.float().unflatten(-1, (-1, 2))
    a, b = pairs.unbind(-1)
    cos, sin = rotary_Ld2.unbind(-1)
    turned = torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1)
    return turned.flatten(-2).to(x_BHLd.dtype)


def rotary_table(config: LlamaGenConfig, device: torch.device | str = "cpu") -> Tensor:
    """(1+N, d/2, 2) cosines and sines: the row turns the first half of the pairs, the column the second half.

    In the order of the configuration. The class position holds zeros, not the angle 0: its query and key
    vanish, so every later position gives it the score 0. Unusual, but the released weights were trained so.
    """
    half = config.head_dim // 2
    frequencies = config.rope_base ** (-torch.arange(0, half, 2, device=device).float() / half)
    height, width = config.grid
    rows = torch.arange(height, device=device).float().repeat_interleave(width)
    columns = torch.arange(width, device=device).float().repeat(height)
    angles = torch.cat((rows[:, None] * frequencies, columns[:, None] * frequencies), dim=-1)
    table = torch.stack((angles.cos(), angles.sin()), dim=-1)
    if config.order is not None:
        table = table[list(config.order)]
    return torch.cat((torch.zeros_like(table[:1]), table))


class LlamaGenGPT(nn.Module):
    """See the module docstring. Labels run from 0 to num_classes; num_classes is the null class."""

    switchable = ("layers", "attention", "wo")  # see nets/switching.py

    def __init__(self, config: LlamaGenConfig) -> None:
        super().__init__()
        self.config = config
        self.cls_embedding = ClassEmbedding(config.num_classes, config.width)
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.width)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = RMSNorm(config.width, config.norm_eps)
        self.output = nn.Linear(config.width, config.vocab_size, bias=False)

    def forward(self, labels_B: Tensor, ids_BL: Tensor) -> Tensor:
        """Logits (B,L+1,V): row j predicts token j from the class and tokens 0 .. j-1. At most N tokens."""
        (x_BLD,) = deque(self.states(labels_B, ids_BL), maxlen=1)  # the last state; the others are let go
        return self.logits(x_BLD)

    def states(self, labels_B: Tensor, ids_BL: Tensor) -> Iterator[Tensor]:
        """The residual stream (B,L+1,D): as it enters the first block, then after each block in turn."""
        if ids_BL.shape[1] > self.config.length:
            raise ValueError(f"{ids_BL.shape[1]} tokens given, the grid holds {self.config.length}")
        x_BLD = torch.cat((self.embed_class(labels_B), self.embed_tokens(ids_BL)), dim=1)
        yield x_BLD
        rotary = rotary_table(self.config, x_BLD.device)[: x_BLD.shape[1]]
        for layer in self.layers:
            x_BLD = layer(x_BLD, rotary)
            yield x_BLD

    def layer_logits(self, labels_B: Tensor, ids_BL: Tensor) -> Iterator[Tensor]:
        """Logits (B,L+1,V) had the network ended after each block: the last ones are those of `forward`."""
        for n, x_BLD in enumerate(self.states(labels_B, ids_BL)):
            if n:
                yield self.logits(x_BLD)

    def attention(self, labels_B: Tensor, ids_BL: Tensor, rows_R: Tensor) -> Iterator[Tensor]:
        """Of each block, what the positions `rows_R` look at: (B,H,R,L+1) float32, rows that sum to 1."""
        rotary = rotary_table(self.config, labels_B.device)[: ids_BL.shape[1] + 1]
        for layer, x_BLD in zip(self.layers, self.states(labels_B, ids_BL), strict=False):
            yield layer.attention.weights(layer.attention_norm(x_BLD), rotary, rows_R)

    def advance(
        self,
        x_B1D: Tensor,
        rotary_1d2: Tensor,
        caches: list[LayerCache],
        position_1: Tensor,
        visible_1L: Tensor,
    ) -> Tensor:
        """Logits (B,1,V) after one more position, written to `caches` at index position_1.

        rotary_1d2: that row of rotary_table. visible_1L: (1,L) bool, True up to and including position_1.
        """
        for layer, cache in zip(self.layers, caches, strict=True):
            x_B1D = layer(x_B1D, rotary_1d2, cache=cache, position_1=position_1, visible_1L=visible_1L)
        return self.logits(x_B1D)

    def position_rows(self) -> Tensor:
        """`rotary_table` on the device of the weights; `advance` takes one row of it."""
        return rotary_table(self.config, self.output.weight.device)

    def embed_class(self, labels_B: Tensor) -> Tensor:
        """(B,1,D), float32 as the residual stream."""
        return self.cls_embedding(labels_B).float().unsqueeze(1)

    def embed_tokens(self, ids_BL: Tensor) -> Tensor:
        """(B,L,D), float32 as the residual stream."""
        return self.tok_embeddings(ids_BL).float()

    def logits(self, x_BLD: Tensor) -> Tensor:
        """The head; float32 whatever the weights are."""
        return self.output(self.norm(x_BLD)).float()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Fresh weights for training: normal with std 0.02, logits zero at the start."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, RMSNorm):
                nn.init.ones_(module.weight)
        nn.init.zeros_(self.output.weight)
