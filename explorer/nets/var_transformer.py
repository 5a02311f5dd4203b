"""The next-scale transformer of VAR (Tian et al. 2024, "Visual Autoregressive Modeling", arXiv:2404.02905).

It predicts all tokens of one scale at once from all coarser scales. Parameter names are those of the released
files (`var_d16.pth` ... `var_d36.pth`), so these load with strict=True once three derived tensors are
dropped: `lvl_1L`, `attn_bias_for_masking` and `blocks.*.attn.zero_k_bias` follow from the configuration.

Two ways through the same blocks:
  forward   all scales at once, each seeing itself and what is coarser: training, teacher-forced logits
  advance   one scale, keys and values of the coarser ones in a cache that the caller owns: generation

Shape suffixes: B batch, L positions of the scales (N of one scale), D width, H heads, d = D/H, C channels
of a code, V codebook size. Specification: MODELS.md section 2.3.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.nets import switching

# exp(learned attention scale) is capped here: queries and keys have length 1, so scores stay within +-100.
MAX_ATTENTION_SCALE = 100.0

# Keys and values (B,H,L,d) of one layer, allocated by the caller for the whole schedule.
LayerCache = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class VARConfig:
    """Architecture of a next-scale transformer.

    vocab_size: number of codes V. code_dim: channels C of a code. grids: (h,w) of each scale, coarse to fine.
    num_classes: classes without the null class. norm_eps: of every layer norm.
    shared_adaln: one modulation layer for all blocks (the released 512 px model) instead of one per block.
    """

    vocab_size: int
    code_dim: int
    grids: tuple[tuple[int, int], ...]
    num_classes: int
    depth: int
    width: int
    num_heads: int
    mlp_ratio: float = 4.0
    shared_adaln: bool = False
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} is not a multiple of the number of heads {self.num_heads}")
        if not self.grids:
            raise ValueError("a next-scale transformer needs at least one scale, `grids` is empty")

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each scale."""
        return tuple(h * w for h, w in self.grids)

    @property
    def length(self) -> int:
        """Tokens of all scales, L."""
        return sum(self.lengths)

    @property
    def null_class(self) -> int:
        """The label that means "no class" (last row of the class embedding)."""
        return self.num_classes


@dataclass(frozen=True)
class Modulation:
    """What the class alone decides, computed once per call: it is the same at every scale.

    start_BD: class embedding, the content of the first scale. blocks: (B,1,6,D) for each block.
    head_B12D: shift and scale before the last linear layer.
    """

    start_BD: Tensor
    blocks: tuple[Tensor, ...]
    head_B12D: Tensor

    def rows(self, chosen: slice) -> "Modulation":
        """That of some rows of the batch."""
        blocks = tuple(block_B16D[chosen] for block_B16D in self.blocks)
        return Modulation(self.start_BD[chosen], blocks, self.head_B12D[chosen])


class SelfAttention(nn.Module):
    """Attention with unit-length queries and keys and one learned scale per head; no 1/sqrt(d)."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale_mul_1H11 = nn.Parameter(torch.full((1, num_heads, 1, 1), math.log(4.0)))
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.mat_qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(
        self, x_BLD: Tensor, mask_LL: Tensor | None = None, cache: LayerCache | None = None, start: int = 0
    ) -> Tensor:
        """mask_LL: True where a row may look. With a cache, x holds the positions start .. start+L-1."""
        B, L, D = x_BLD.shape
        q_BHLd, k_BHLd, v_BHLd = self.queries_keys_values(x_BLD)
        if cache is not None:
            keys, values = cache
            keys[:, :, start : start + L] = k_BHLd
            values[:, :, start : start + L] = v_BHLd
            k_BHLd, v_BHLd = keys[:, :, : start + L], values[:, :, : start + L]
        out_BHLd = F.scaled_dot_product_attention(q_BHLd, k_BHLd, v_BHLd, attn_mask=mask_LL, scale=1.0)
        return self.proj(out_BHLd.transpose(1, 2).reshape(B, L, D))

    def queries_keys_values(self, x_BLD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B,H,L,d) each; queries and keys of unit length, the queries times the learned scale."""
        B, L, D = x_BLD.shape
        # Keys have no bias; the released files store these zeros, here they are made on the spot.
        bias = torch.cat((self.q_bias, torch.zeros_like(self.q_bias), self.v_bias))
        qkv = F.linear(x_BLD, self.mat_qkv.weight, bias).view(B, L, 3, self.num_heads, D // self.num_heads)
        q_BHLd, k_BHLd, v_BHLd = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        # Unit length in float32: a bf16 norm would blur scores that are then multiplied by up to 100.
        scale = self.scale_mul_1H11.float().clamp(max=math.log(MAX_ATTENTION_SCALE)).exp()
        q_BHLd = (F.normalize(q_BHLd.float(), dim=-1) * scale).to(v_BHLd.dtype)
        k_BHLd = F.normalize(k_BHLd.float(), dim=-1).to(v_BHLd.dtype)
        return q_BHLd, k_BHLd, v_BHLd

    def weights(self, x_BLD: Tensor, rows_R: Tensor, mask_LL: Tensor) -> Tensor:
        """What the positions `rows_R` look at: (B,H,R,L) float32; each row sums to 1."""
        q_BHLd, k_BHLd, _ = self.queries_keys_values(x_BLD)
        scores_BHRL = q_BHLd[:, :, rows_R].float() @ k_BHLd.float().transpose(-1, -2)
        return scores_BHRL.masked_fill(~mask_LL[rows_R], -torch.inf).softmax(-1)


class FeedForward(nn.Module):
    """Two linear layers around a tanh-approximated GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    """Attention and feed-forward, each with a layer norm that the class shifts, scales and gates."""

    def __init__(self, config: VARConfig) -> None:
        super().__init__()
        D = config.width
        self.norm_eps = config.norm_eps
        self.attn = SelfAttention(D, config.num_heads)
        self.ffn = FeedForward(D, round(D * config.mlp_ratio))
        if config.shared_adaln:
            self.ada_gss = nn.Parameter(torch.zeros(1, 1, 6, D))
        else:
            self.ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(D, 6 * D))

    def modulation(self, cond_BD: Tensor, shared_B16D: Tensor | None) -> Tensor:
        """The six vectors (B,1,6,D): gates of attention and feed-forward, scales, shifts."""
        if shared_B16D is not None:
            return shared_B16D + self.ada_gss
        return self.ada_lin(cond_BD).view(cond_BD.shape[0], 1, 6, -1)

    def forward(
        self,
        x_BLD: Tensor,
        modulation_B16D: Tensor,
        mask_LL: Tensor | None = None,
        cache: LayerCache | None = None,
        start: int = 0,
    ) -> Tensor:
        gate1, gate2, _, scale2, _, shift2 = modulation_B16D.unbind(2)
        x_BLD = x_BLD + gate1 * self.attn(self.attended(x_BLD, modulation_B16D), mask_LL, cache, start)
        y = modulated_norm(x_BLD, scale2, shift2, self.norm_eps, self.ffn.fc1.weight.dtype)
        return x_BLD + gate2 * self.ffn(y)

    def attended(self, x_BLD: Tensor, modulation_B16D: Tensor) -> Tensor:
        """What the attention reads of the stream: normalised, scaled and shifted by the class."""
        return modulated_norm(
            x_BLD,
            modulation_B16D[:, :, 2],
            modulation_B16D[:, :, 4],
            self.norm_eps,
            self.attn.proj.weight.dtype,
        )


class HeadNorm(nn.Module):
    """The layer norm before the last linear layer; the class gives its scale and shift."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def modulation(self, cond_BD: Tensor) -> Tensor:
        return self.ada_lin(cond_BD).view(cond_BD.shape[0], 1, 2, -1)


def modulated_norm(
    x_BLD: Tensor, scale_B1D: Tensor, shift_B1D: Tensor, eps: float, dtype: torch.dtype
) -> Tensor:
    """Layer norm without parameters, then scale and shift, as `dtype`; the residual stream stays float32."""
    return (F.layer_norm(x_BLD, x_BLD.shape[-1:], eps=eps) * (scale_B1D + 1) + shift_B1D).to(dtype)


class VARTransformer(nn.Module):
    """See the module docstring. Labels run from 0 to num_classes; num_classes is the null class."""

    switchable = ("blocks", "attn", "proj")  # see nets/switching.py
    hidden: frozenset[int] = frozenset()  # scales (from 0) that finer ones do not see, of a switched view

    def __init__(self, config: VARConfig) -> None:
        super().__init__()
        self.config = config
        D = config.width
        self.pos_start = nn.Parameter(torch.zeros(1, config.lengths[0], D))
        self.pos_1LC = nn.Parameter(torch.zeros(1, config.length, D))
        self.word_embed = nn.Linear(config.code_dim, D)
        self.class_emb = nn.Embedding(config.num_classes + 1, D)
        self.lvl_embed = nn.Embedding(len(config.grids), D)
        if config.shared_adaln:
            self.shared_ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(D, 6 * D))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.head_nm = HeadNorm(D)
        self.head = nn.Linear(D, config.vocab_size)

    def forward(self, labels_B: Tensor, inputs_BLC: Tensor) -> Tensor:
        """Logits (B,L,V) of every scale, each given the true coarser ones.

        inputs_BLC: for scales 2, 3, ... the accumulated f_hat of the scales before, area-downsampled to the
        grid of that scale and flattened row by row, concatenated. It may stop after any scale; the logits
        cover the first scale and those.
        """
        modulation = self.modulation(labels_B)
        (x_BLD,) = deque(
            self.states(modulation, inputs_BLC), maxlen=1
        )  # the last state; the others are let go
        return self.logits(x_BLD, modulation)

    def states(self, modulation: Modulation, inputs_BLC: Tensor) -> Iterator[Tensor]:
        """The residual stream (B,L,D): as it enters the first block, then after each block in turn."""
        scales = self._scales_covered(inputs_BLC.shape[1])
        x_BLD = self.embed_start(modulation)
        if scales > 1:
            x_BLD = torch.cat((x_BLD, self.embed(inputs_BLC, 1, scales)), dim=1)
        yield x_BLD
        mask_LL = self.scale_mask(scales, x_BLD.device)
        for block, block_modulation in zip(self.blocks, modulation.blocks, strict=True):
            x_BLD = block(x_BLD, block_modulation, mask_LL)
            yield x_BLD

    def layer_logits(self, labels_B: Tensor, inputs_BLC: Tensor) -> Iterator[Tensor]:
        """Logits (B,L,V) had the network ended after each block: the last ones are those of `forward`."""
        modulation = self.modulation(labels_B)
        for n, x_BLD in enumerate(self.states(modulation, inputs_BLC)):
            if n:
                yield self.logits(x_BLD, modulation)

    def attention(self, labels_B: Tensor, inputs_BLC: Tensor, rows_R: Tensor) -> Iterator[Tensor]:
        """Of each block, what the positions `rows_R` look at: (B,H,R,L) float32, rows that sum to 1."""
        modulation = self.modulation(labels_B)
        mask_LL = self.scale_mask(self._scales_covered(inputs_BLC.shape[1]), labels_B.device)
        layers = zip(self.blocks, modulation.blocks, self.states(modulation, inputs_BLC), strict=False)
        for block, block_modulation, x_BLD in layers:
            yield block.attn.weights(block.attended(x_BLD, block_modulation), rows_R, mask_LL)

    def advance(self, x_BND: Tensor, modulation: Modulation, caches: list[LayerCache], start: int) -> Tensor:
        """Logits (B,N,V) of one scale; its keys and values are written to `caches` at start .. start+N-1."""
        mask_NL = None  # everything in the cache is seen
        if self.hidden:
            scales = self._scales_covered(start + x_BND.shape[1] - self.config.lengths[0])
            mask_NL = self.scale_mask(scales, x_BND.device)[start:]
        for block, block_modulation, cache in zip(self.blocks, modulation.blocks, caches, strict=True):
            x_BND = block(x_BND, block_modulation, mask_NL, cache=cache, start=start)
        return self.logits(x_BND, modulation)

    def modulation(self, labels_B: Tensor) -> Modulation:
        """Everything that depends on the class alone."""
        cond_BD = self.class_emb(labels_B)
        shared = None
        if self.config.shared_adaln:
            shared = self.shared_ada_lin(cond_BD).view(cond_BD.shape[0], 1, 6, -1)
        blocks = tuple(block.modulation(cond_BD, shared) for block in self.blocks)
        return Modulation(cond_BD, blocks, self.head_nm.modulation(cond_BD))

    def embed_start(self, modulation: Modulation) -> Tensor:
        """The first scale's sequence (B,N,D), float32: the class, with position and level."""
        n = self.config.lengths[0]
        x_BND = modulation.start_BD.float().unsqueeze(1) + self.pos_start
        return x_BND + self.pos_1LC[:, :n] + self.lvl_embed.weight[0]

    def embed(self, inputs_BNC: Tensor, first: int, stop: int) -> Tensor:
        """The sequence (B,N,D), float32, of scales first .. stop-1 (from 0), from downsampled f_hats."""
        lengths = self.config.lengths
        begin, end = sum(lengths[:first]), sum(lengths[:stop])
        counts = torch.tensor(lengths[first:stop], device=inputs_BNC.device)
        levels_ND = self.lvl_embed.weight[first:stop].repeat_interleave(
            counts, dim=0, output_size=end - begin
        )
        x_BND = self.word_embed(inputs_BNC.to(self.word_embed.weight.dtype)).float()
        return x_BND + self.pos_1LC[:, begin:end] + levels_ND

    def logits(self, x_BLD: Tensor, modulation: Modulation) -> Tensor:
        """The head; float32 whatever the weights are."""
        scale, shift = modulation.head_B12D.unbind(2)
        y = modulated_norm(x_BLD, scale, shift, self.config.norm_eps, self.head.weight.dtype)
        return self.head(y).float()

    def scale_mask(self, scales: int, device: torch.device) -> Tensor:
        """(L,L) bool: a position sees all positions of its own and of coarser scales."""
        lengths = torch.tensor(self.config.lengths[:scales], device=device)
        level_L = torch.arange(scales, device=device).repeat_interleave(
            lengths, output_size=sum(self.config.lengths[:scales])
        )
        return switching.hide(level_L[:, None] >= level_L[None, :], level_L, self.hidden)

    def _scales_covered(self, inputs: int) -> int:
        total = 0
        for k, n in enumerate(self.config.lengths):
            total += n
            if total - self.config.lengths[0] == inputs:
                return k + 1
        expected = self.config.length - self.config.lengths[0]
        raise ValueError(f"the input has {inputs} positions; all scales after the first have {expected}")

    @torch.no_grad()
    def init_weights(self) -> None:
        """Fresh weights for training: every block starts close to the identity, the logits close to zero."""
        std = math.sqrt(1 / (3 * self.config.width))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.trunc_normal_(module.weight, std=std)
        for position in (self.pos_start, self.pos_1LC):
            nn.init.trunc_normal_(position, std=std)
        self.head.weight.mul_(0.02)
        self.head_nm.ada_lin[1].weight.mul_(0.5)
        if self.config.shared_adaln:
            _shrink_modulation(self.shared_ada_lin[1].weight.view(6, -1))
        for block in self.blocks:
            block.attn.scale_mul_1H11.fill_(math.log(4.0))
            nn.init.zeros_(block.attn.q_bias)
            nn.init.zeros_(block.attn.v_bias)
            # The residual stream sums 2*depth branches; keep its variance independent of the depth.
            block.attn.proj.weight.div_(math.sqrt(2 * self.config.depth))
            block.ffn.fc2.weight.div_(math.sqrt(2 * self.config.depth))
            if self.config.shared_adaln:
                nn.init.normal_(block.ada_gss, std=self.config.width**-0.5)
                _shrink_modulation(block.ada_gss.view(6, -1))
            else:
                _shrink_modulation(block.ada_lin[1].weight.view(6, -1))


def _shrink_modulation(rows_6: Tensor) -> None:
    """The two gates start at almost nothing, scales and shifts at half."""
    rows_6[:2].mul_(1e-5)
    rows_6[2:].mul_(0.5)
