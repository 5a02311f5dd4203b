"""Vector quantizers: features to token ids and back.

SingleScaleQuantizer: one id per cell, codes l2-normalised (LlamaGen) or as they are (VQGAN).
MultiScaleQuantizer: K token maps over one shared codebook, each describing what the coarser ones left over
(VAR).
trace_logits: for quantizers that choose by the largest logit (VQGAN's Gumbel variant, DALL-E's dVAE).

Shapes: B batch, K scales, V codebook size, C code dimension, H W the finest grid, h w one scale's grid, N
nearest. Scales are counted from 0 here (as Python sequences are). Ids are int64; -1 means "not known".
Sources: van den Oord et al. 2017 (VQ-VAE), Tian et al. 2024 (VAR, algorithms 1 and 2), Sun et al. 2024
(LlamaGen).
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Grid = tuple[int, int]
# Distances are computed in slices so that a 16384-entry codebook does not need a (cells, V) matrix at once.
ROWS_PER_SLICE = 4096


def squared_distances(z_NC: Tensor, codebook_VC: Tensor) -> Tensor:
    """|z - e|^2 for all pairs, (N,V), expanded into one matrix product."""
    z_norm_N1 = z_NC.square().sum(1, keepdim=True)
    code_norm_V = codebook_VC.square().sum(1)
    return torch.addmm(z_norm_N1 + code_norm_V, z_NC, codebook_VC.T, alpha=-2.0)


def nearest_code(z_BChw: Tensor, codebook_VC: Tensor) -> Tensor:
    """Ids (B,h,w) of the codes with the smallest Euclidean distance."""
    B, C, h, w = z_BChw.shape
    rows_NC = z_BChw.permute(0, 2, 3, 1).reshape(-1, C)
    ids_N = torch.cat(
        [squared_distances(rows, codebook_VC).argmin(1) for rows in rows_NC.split(ROWS_PER_SLICE)]
    )
    return ids_N.view(B, h, w)


def nearest_codes(z_BChw: Tensor, codebook_VC: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The n nearest ids and their Euclidean distances, both (B,h,w,n), nearest first."""
    B, C, h, w = z_BChw.shape
    rows_NC = z_BChw.permute(0, 2, 3, 1).reshape(-1, C)
    n = min(n, codebook_VC.shape[0])
    found = [
        squared_distances(rows, codebook_VC).topk(n, dim=1, largest=False)
        for rows in rows_NC.split(ROWS_PER_SLICE)
    ]
    ids_NN = torch.cat([f.indices for f in found])
    distances_NN = torch.cat([f.values for f in found]).clamp_min(0).sqrt()
    return ids_NN.view(B, h, w, n), distances_NN.view(B, h, w, n)


def look_up(ids_Bhw: Tensor, codebook_VC: Tensor) -> Tensor:
    """(B,C,h,w) codes; unknown tokens (-1) become zero vectors."""
    known = (ids_Bhw >= 0).unsqueeze(-1)
    codes_BhwC = F.embedding(ids_Bhw.clamp_min(0), codebook_VC) * known
    return codes_BhwC.permute(0, 3, 1, 2).contiguous()


def energy(x_BCHW: Tensor) -> Tensor:
    """Mean square per image, (B,)."""
    return x_BCHW.square().mean(dim=(1, 2, 3))


class SingleScaleQuantizer(nn.Module):
    """Nearest code, one per cell.

    normalise: on the unit sphere, and the decoder sees the normalised codes (LlamaGen); else features and
    codes are taken as they are (VQGAN).
    """

    def __init__(self, vocab_size: int, code_dim: int, normalise: bool = True):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, code_dim)
        self.normalise = normalise

    def codebook(self) -> Tensor:
        """(V,C) as the decoder sees them; normalised: vectors of length 1."""
        return self._normalised(self.embedding.weight)

    def _normalised(self, vectors: Tensor) -> Tensor:
        """Along axis 1."""
        return F.normalize(vectors, dim=1, eps=1e-12) if self.normalise else vectors

    def encode(self, f_BChw: Tensor) -> Tensor:
        return nearest_code(self._normalised(f_BChw), self.codebook())

    def lookup(self, ids_Bhw: Tensor) -> Tensor:
        """(B,C,h,w) codes; unknown tokens (-1) become zero vectors."""
        return look_up(ids_Bhw, self.codebook())

    def trace(self, f_BChw: Tensor, n: int, given: Sequence[Tensor] | None = None) -> list[dict[str, Tensor]]:
        """One entry: ids (the `given` ones, or the nearest), features as they are compared with the codes,
        residual energy before and after, the n nearest codes."""
        z_BChw = self._normalised(f_BChw)
        near_ids, near_distance = nearest_codes(z_BChw, self.codebook(), n)
        ids_Bhw = nearest_code(z_BChw, self.codebook()) if given is None else given[0]
        rest = z_BChw - self.lookup(ids_Bhw)
        return [
            {
                "ids_Bhw": ids_Bhw,
                "z_BChw": z_BChw,
                "energy_before_B": energy(z_BChw),
                "energy_after_B": energy(rest),
                "distance_Bhw": rest.square().sum(1).sqrt(),
                "nearest_ids_BhwN": near_ids,
                "nearest_distance_BhwN": near_distance,
            }
        ]


def trace_logits(
    logits_BVhw: Tensor, codebook_VC: Tensor, n: int, given: Sequence[Tensor] | None = None
) -> list[dict[str, Tensor]]:
    """The trace of a quantizer that takes the code with the largest logit; keys as SingleScaleQuantizer's.

    Two things differ, since nothing is compared by distance. `distance_Bhw` is the token's logit margin: by
    how much its logit exceeds that of every other code (negative for a given token that is not the
    likeliest). `nearest_*` are the n codes of the largest logits, and how far each lies below the first.
    The feature that energies are about is the mean of the codes under softmax(logits): what the decoder saw
    while it was trained with the relaxed choice, before noise (Jang et al. 2017, arXiv 1611.01144).
    """
    B, V, h, w = logits_BVhw.shape
    logits_BhwV = logits_BVhw.permute(0, 2, 3, 1)
    best = logits_BhwV.topk(min(max(n, 2), V), dim=-1)
    ids_Bhw = logits_BhwV.argmax(-1) if given is None else given[0]
    own_Bhw = logits_BhwV.gather(-1, ids_Bhw.clamp_min(0).unsqueeze(-1)).squeeze(-1)
    is_first = best.indices[..., 0] == ids_Bhw
    rival_Bhw = torch.where(is_first, best.values[..., min(1, V - 1)], best.values[..., 0])
    z_BChw = (logits_BhwV.softmax(-1) @ codebook_VC).permute(0, 3, 1, 2)
    return [
        {
            "ids_Bhw": ids_Bhw,
            "z_BChw": z_BChw,
            "energy_before_B": energy(z_BChw),
            "energy_after_B": energy(z_BChw - look_up(ids_Bhw, codebook_VC)),
            "distance_Bhw": own_Bhw - rival_Bhw,
            "nearest_ids_BhwN": best.indices[..., :n],
            "nearest_distance_BhwN": (best.values[..., :1] - best.values)[..., :n],
        }
    ]


class SharedResidualConvs(nn.Module):
    """The few 3x3 convolutions (phi in the paper) that all scales share; named as in the released files."""

    def __init__(self, code_dim: int, count: int):
        super().__init__()
        self.qresi_ls = nn.ModuleList(nn.Conv2d(code_dim, code_dim, 3, padding=1) for _ in range(count))


class MultiScaleQuantizer(nn.Module):
    """K residual token maps over one codebook (VAR, algorithms 1 and 2)."""

    def __init__(self, vocab_size: int, code_dim: int, phi_count: int = 4, phi_ratio: float = 0.5):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, code_dim)
        self.quant_resi = SharedResidualConvs(code_dim, phi_count)
        self.phi_ratio = phi_ratio

    def codebook(self) -> Tensor:
        """(V,C), as the decoder sees it."""
        return self.embedding.weight

    def phi_index(self, k: int, K: int) -> int:
        """Which shared convolution serves scale k (from 0) of a schedule of K.

        The nearest of evenly spaced ticks in float64. For K = 3, 5, 9, 10 two ticks are mathematically
        equally near and rounding decides, so the ticks must be rounded as numpy's linspace rounds them:
        start + i * step.
        """
        count = len(self.quant_resi.qresi_ls)
        edge = 1 / 3 / count if count == 4 else 1 / 2 / count
        step = (1 - edge - edge) / (count - 1) if count > 1 else 0.0
        ticks = [edge + i * step for i in range(count)]
        if count > 1:
            ticks[-1] = 1 - edge
        ratio = k / (K - 1) if K > 1 else 0.0
        return min(range(count), key=lambda i: abs(ticks[i] - ratio))

    def refine(self, h_BCHW: Tensor, k: int, K: int) -> Tensor:
        """The residual convolution of scale k mixed into its input (phi in algorithm 1)."""
        phi = self.quant_resi.qresi_ls[self.phi_index(k, K)]
        return h_BCHW * (1 - self.phi_ratio) + phi(h_BCHW) * self.phi_ratio

    def contribution_of(self, codes_BChw: Tensor, k: int, K: int, size: Grid) -> Tensor:
        """What code vectors at scale k add to f_hat: upsampled to `size`, then refined, (B,C,H,W)."""
        if tuple(codes_BChw.shape[-2:]) != tuple(size):
            codes_BChw = F.interpolate(codes_BChw, size=tuple(size), mode="bicubic")
        return self.refine(codes_BChw, k, K)

    def lookup(self, ids_Bhw: Tensor) -> Tensor:
        """(B,C,h,w) code vectors."""
        return F.embedding(ids_Bhw, self.embedding.weight).permute(0, 3, 1, 2).contiguous()

    def contribution(self, ids_Bhw: Tensor, k: int, K: int, size: Grid) -> Tensor:
        return self.contribution_of(self.lookup(ids_Bhw), k, K, size)

    @staticmethod
    def shrink(x_BCHW: Tensor, grid: Grid) -> Tensor:
        """Area downsampling (adaptive average) to `grid`; the identity at full size."""
        if tuple(x_BCHW.shape[-2:]) == tuple(grid):
            return x_BCHW
        return F.interpolate(x_BCHW, size=tuple(grid), mode="area")

    def next_input(self, f_hat_BCHW: Tensor, grid: Grid) -> Tensor:
        """What the transformer sees when it predicts the map of `grid`, (B,C,h,w)."""
        return self.shrink(f_hat_BCHW, grid)

    def encode(
        self,
        f_BCHW: Tensor,
        grids: Sequence[Grid],
        given: Sequence[Tensor] | None = None,
        keep: int | Sequence[Tensor] = 0,
    ) -> list[Tensor]:
        """K id maps of a feature.

        The first `keep` maps are taken from `given`, the rest explain what those leave; or `keep` is K bool
        masks (B,h,w), and tokens where a mask is True are taken from `given`.
        """
        K, size = len(grids), tuple(f_BCHW.shape[-2:])
        rest, maps = f_BCHW, []
        for k, grid in enumerate(grids):
            if isinstance(keep, int):
                ids_Bhw = (
                    given[k] if k < keep else nearest_code(self.shrink(rest, grid), self.embedding.weight)
                )
            elif keep[k].all():
                ids_Bhw = given[k]
            else:
                ids_Bhw = nearest_code(self.shrink(rest, grid), self.embedding.weight)
                if given is not None:
                    ids_Bhw = torch.where(keep[k], given[k], ids_Bhw)
            maps.append(ids_Bhw)
            if k < K - 1:
                rest = rest - self.contribution(ids_Bhw, k, K, size)
        return maps

    def accumulate(self, maps: Sequence[Tensor], size: Grid, K: int | None = None) -> Iterator[Tensor]:
        """f_hat (B,C,H,W) after each of the given maps. K is the length of the whole schedule."""
        K = len(maps) if K is None else K
        f_hat = None
        for k, ids_Bhw in enumerate(maps):
            added = self.contribution(ids_Bhw, k, K, size)
            f_hat = added if f_hat is None else f_hat + added
            yield f_hat

    def trace(
        self, f_BCHW: Tensor, grids: Sequence[Grid], n: int, given: Sequence[Tensor] | None = None
    ) -> list[dict[str, Tensor]]:
        """Per scale: ids (the `given` ones, or the nearest), the quantised vectors, residual energy before
        and after, the n nearest codes."""
        K, size, rest, scales = len(grids), tuple(f_BCHW.shape[-2:]), f_BCHW, []
        for k, grid in enumerate(grids):
            z_BChw = self.shrink(rest, grid)
            ids_Bhw = nearest_code(z_BChw, self.embedding.weight) if given is None else given[k]
            near_ids, near_distance = nearest_codes(z_BChw, self.embedding.weight, n)
            before = energy(rest)
            rest = rest - self.contribution(ids_Bhw, k, K, size)
            scales.append(
                {
                    "ids_Bhw": ids_Bhw,
                    "z_BChw": z_BChw,
                    "energy_before_B": before,
                    "energy_after_B": energy(rest),
                    "distance_Bhw": (z_BChw - self.lookup(ids_Bhw)).square().sum(1).sqrt(),
                    "nearest_ids_BhwN": near_ids,
                    "nearest_distance_BhwN": near_distance,
                }
            )
        return scales
