"""VAR's tokenizer: K residual token maps over one codebook, coarse to fine (nets/vqvae.py, VarVQVAE)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.families.schedules import normalise_grids
from explorer.token_maps import Grid, TokenMaps
from explorer.tokenizers.base import Tokenizer
from explorer.tokenizers.single_tokens import kept_alone


class MultiScaleTokenizer(Tokenizer):
    """Every scale describes what the coarser ones left unexplained; f_hat is the sum of their contributions.

    A partial set of maps is shown up to the first scale that holds an unknown token. The residual
    convolution of a scale depends on its place among all K, so scales may be left out at the end but never
    in the schedule.
    """

    def _check_grids(self, grids: Sequence[Grid | int]) -> tuple[Grid, ...]:
        return normalise_grids(grids)

    def _quantise(self, f_BChw: Tensor, given: list[Tensor] | None, masks: list[Tensor]) -> list[Tensor]:
        return self._net.quantize.encode(f_BChw, self.grids, given, masks)

    def _f_hats(self, maps: list[Tensor]) -> list[Tensor]:
        # Unknown tokens of images that are shown only up to a coarser scale stand in as code 0; nobody
        # looks at them.
        known = [ids.clamp_min(0) for ids in maps]
        return list(self._net.quantize.accumulate(known, self.grids[-1], K=len(self.grids)))

    def _shown_rows(self, maps: TokenMaps) -> tuple[int, ...]:
        return maps.known_rows()

    def _trace(self, f_BChw: Tensor, n: int, given: list[Tensor] | None) -> list[dict[str, Tensor]]:
        return self._net.quantize.trace(f_BChw, self.grids, n, given)

    def _swatch_f_hat(self, ids_N: Tensor, grid: Grid, k: int) -> Tensor:
        ids_Nhw = ids_N[:, None, None].expand(-1, *grid)
        return self._net.quantize.contribution(ids_Nhw, k, len(self.grids), grid)

    def _token_contributions(self, ids_hw: Tensor, cells_N: Tensor, k: int) -> Tensor:
        quantize, K, size = self._net.quantize, len(self.grids), self.grids[-1]
        alone_NChw = kept_alone(quantize.lookup(ids_hw[None])[0], cells_N)
        constant_1Chw = quantize.contribution_of(torch.zeros_like(alone_NChw[:1]), k, K, size)
        return quantize.contribution_of(alone_NChw, k, K, size) - constant_1Chw

    def _contributions(self, ids_N: Tensor, k: int) -> Tensor:
        ids_N33 = ids_N[:, None, None].expand(-1, 3, 3)
        return self._net.quantize.contribution(ids_N33, k, len(self.grids), (3, 3))[:, :, 1, 1]
