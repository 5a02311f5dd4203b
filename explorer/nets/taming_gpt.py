"""The class-conditional transformer of taming-transformers (Esser et al. 2021, arXiv 2012.09841): a minGPT.

It predicts VQGAN's tokens one by one, row by row. There is no class embedding: the class label is used as a
token id of the shared vocabulary and stands at the first position, so class 7 and code 7 have one embedding
and only their position tells them apart. There is no "no class" either, and so no classifier-free guidance.
Positions are learned, one row for the class and one for each token but the last, which nobody looks at.
Parameter names are those of the released net2net files (without their prefix `transformer.`).

Two ways through the same blocks, as in llamagen_gpt.py:
  forward   all positions at once, each seeing what came before: scoring, teacher-forced logits
  advance   one position, with keys and values of the earlier ones in a cache that the caller owns: generation

Shape suffixes: B batch, L positions (position 0 is the class, position 1 + n the n-th token), D width,
H heads, d = D/H, V codebook size, R asked rows. Specification: MODELS.md section 4.3.
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
class TamingGPTConfig:
    """Architecture of a minGPT over VQGAN's tokens.

    vocab_size: codes V, shared with the class labels. grid: (h,w) of the token map. num_classes: labels
    0 .. num_classes-1, which no tensor shows. block_size: learned positions, at least h*w.
    """

    vocab_size: int
    grid: tuple[int, int]
    num_classes: int
    depth: int
    width: int
    num_heads: int
    block_size: int
    hidden: int

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} is not a multiple of the number of heads {self.num_heads}")
        if self.length > self.block_size:
            raise ValueError(
                f"a grid of {self.grid[0]} x {self.grid[1]} has {self.length} tokens, this model has learned "
                f"{self.block_size} positions"
            )
        if not 1 <= self.num_classes <= self.vocab_size:
            raise ValueError(
                f"{self.num_classes} classes cannot be labels in a vocabulary of {self.vocab_size}"
            )

    @property
    def head_dim(self) -> int:
        return self.width // self.num_heads

    @property
    def length(self) -> int:
        """Tokens of one image, N."""
        return self.grid[0] * self.grid[1]

    @property
    def order(self) -> None:
        """Always row by row."""
        return None

    @property
    def null_class(self) -> None:
        """There is no label that means "no class"."""
        return None


class Attention(nn.Module):
    """Causal attention; query, key and value each have their own matrix and bias."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.key = nn.Linear(width, width)
        self.query = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(
        self,
        x_BLD: Tensor,
        cache: LayerCache | None = None,
        position_1: Tensor | None = None,
        visible_1L: Tensor | None = None,
    ) -> Tensor:
        """With a cache, x holds one position, index `position_1`; `visible_1L` marks what it may see."""
        q_BHLd, k_BHLd, v_BHLd = self.queries_keys_values(x_BLD)
        if cache is None:
            out = F.scaled_dot_product_attention(q_BHLd, k_BHLd, v_BHLd, is_causal=True)
        else:
            # Always the whole cache under a mask: with equal shapes one CUDA graph serves every step.
            keys, values = cache
            keys.index_copy_(2, position_1, k_BHLd)
            values.index_copy_(2, position_1, v_BHLd)
            out = F.scaled_dot_product_attention(q_BHLd, keys, values, attn_mask=visible_1L)
        return self.proj(out.transpose(1, 2).reshape(x_BLD.shape))

    def queries_keys_values(self, x_BLD: Tensor) -> tuple[Tensor, ...]:
        """(B,H,L,d) each."""
        made = (layer(x_BLD) for layer in (self.query, self.key, self.value))
        return tuple(t.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for t in made)

    def weights(self, x_BLD: Tensor, rows_R: Tensor) -> Tensor:
        """What the positions `rows_R` look at: (B,H,R,L) float32; each row sums to 1."""
        q_BHLd, k_BHLd, _ = self.queries_keys_values(x_BLD)
        scores_BHRL = q_BHLd[:, :, rows_R].float() @ k_BHLd.float().transpose(-1, -2)
        later_RL = torch.arange(x_BLD.shape[1], device=x_BLD.device) > rows_R[:, None]
        return (scores_BHRL / math.sqrt(q_BHLd.shape[-1])).masked_fill(later_RL, -torch.inf).softmax(-1)


class Norm(nn.LayerNorm):
    """LayerNorm of a float32 stream in float32; the result has the type of the weights."""

    def forward(self, x: Tensor) -> Tensor:
        found = F.layer_norm(
            x.float(), self.normalized_shape, self.weight.float(), self.bias.float(), self.eps
        )
        return found.to(self.weight.dtype)


class Block(nn.Module):
    """Attention and feed-forward, each behind a LayerNorm."""

    def __init__(self, config: TamingGPTConfig) -> None:
        super().__init__()
        self.ln1 = Norm(config.width, eps=1e-5)
        self.ln2 = Norm(config.width, eps=1e-5)
        self.attn = Attention(config.width, config.num_heads)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, config.hidden), nn.GELU(), nn.Linear(config.hidden, config.width)
        )

    def forward(self, x_BLD: Tensor, **cached) -> Tensor:
        """`cached`: cache, position_1 and visible_1L of Attention."""
        x_BLD = x_BLD + self.attn(self.ln1(x_BLD), **cached)
        return x_BLD + self.mlp(self.ln2(x_BLD))


class TamingGPT(nn.Module):
    """See the module docstring. Labels run from 0 to num_classes - 1."""

    switchable = ("blocks", "attn", "proj")  # see nets/switching.py

    def __init__(self, config: TamingGPTConfig) -> None:
        super().__init__()
        self.config = config
        self.tok_emb = nn.Embedding(config.vocab_size, config.width)
        self.pos_emb = nn.Parameter(torch.zeros(1, config.block_size, config.width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.ln_f = Norm(config.width, eps=1e-5)
        self.head = nn.Linear(config.width, config.vocab_size, bias=False)

    def forward(self, labels_B: Tensor, ids_BL: Tensor) -> Tensor:
        """Logits (B,L+1,V): row j predicts token j from the class and tokens 0 .. j-1.

        At most block_size - 1 tokens: there is no position for the last one. ValueError for more.
        """
        (x_BLD,) = deque(self.states(labels_B, ids_BL), maxlen=1)  # the last state; the others are let go
        return self.logits(x_BLD)

    def states(self, labels_B: Tensor, ids_BL: Tensor) -> Iterator[Tensor]:
        """The residual stream (B,L+1,D): as it enters the first block, then after each block in turn."""
        length = ids_BL.shape[1] + 1
        if length > self.config.block_size:
            raise ValueError(
                f"a class and {ids_BL.shape[1]} tokens given, there are {self.config.block_size} positions"
            )
        x_BLD = torch.cat((self.embed_class(labels_B), self.embed_tokens(ids_BL)), dim=1)
        x_BLD = x_BLD + self.position_rows()[:length]
        yield x_BLD
        for block in self.blocks:
            x_BLD = block(x_BLD)
            yield x_BLD

    def layer_logits(self, labels_B: Tensor, ids_BL: Tensor) -> Iterator[Tensor]:
        """Logits (B,L+1,V) had the network ended after each block: the last ones are those of `forward`."""
        for n, x_BLD in enumerate(self.states(labels_B, ids_BL)):
            if n:
                yield self.logits(x_BLD)

    def attention(self, labels_B: Tensor, ids_BL: Tensor, rows_R: Tensor) -> Iterator[Tensor]:
        """Of each block, what the positions `rows_R` look at: (B,H,R,L+1) float32, rows that sum to 1."""
        for block, x_BLD in zip(self.blocks, self.states(labels_B, ids_BL), strict=False):
            yield block.attn.weights(block.ln1(x_BLD), rows_R)

    def advance(
        self,
        x_B1D: Tensor,
        position_1D: Tensor,
        caches: list[LayerCache],
        position_1: Tensor,
        visible_1L: Tensor,
    ) -> Tensor:
        """Logits (B,1,V) after one more position, written to `caches` at index position_1.

        x: embed_class or embed_tokens. position_1D: that row of position_rows. visible_1L: (1,L) bool, True
        up to and including position_1.
        """
        x_B1D = x_B1D + position_1D
        for block, cache in zip(self.blocks, caches, strict=True):
            x_B1D = block(x_B1D, cache=cache, position_1=position_1, visible_1L=visible_1L)
        return self.logits(x_B1D)

    def position_rows(self) -> Tensor:
        """(block_size,D) float32, added to the embeddings."""
        return self.pos_emb[0].float()

    def embed_class(self, labels_B: Tensor) -> Tensor:
        """(B,1,D), float32 as the residual stream: a label is a token id."""
        return self.embed_tokens(labels_B.unsqueeze(1))

    def embed_tokens(self, ids_BL: Tensor) -> Tensor:
        """(B,L,D), float32 as the residual stream."""
        return self.tok_emb(ids_BL).float()

    def logits(self, x_BLD: Tensor) -> Tensor:
        """The head; float32 whatever the weights are."""
        return self.head(self.ln_f(x_BLD)).float()
