"""Tokenizers with one map of tokens: LlamaGen's, VQGAN and DALL-E's dVAE."""

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.families.schedules import normalise_grids
from explorer.token_maps import Grid, TokenMaps
from explorer.tokenizers.base import Tokenizer
from explorer.tokenizers.single_tokens import kept_alone


class SingleScaleTokenizer(Tokenizer):
    """One token per cell. Unknown tokens are decoded as zero features, so a raster scan can be watched."""

    def _check_grids(self, grids: Sequence[Grid | int]) -> tuple[Grid, ...]:
        grids = normalise_grids(grids)
        if len(grids) != 1:
            raise ValueError(f"this tokenizer has 1 scale, {len(grids)} grids were given")
        return grids

    def _quantise(self, f_BChw: Tensor, given: list[Tensor] | None, masks: list[Tensor]) -> list[Tensor]:
        ids_Bhw = self._net.quantize.encode(f_BChw)
        return [ids_Bhw if given is None else torch.where(masks[0], given[0], ids_Bhw)]

    def requantise(self, before: TokenMaps, edited: TokenMaps, k: int) -> TokenMaps:
        """The tokens of `edited` (k = 1) or those of `before` (k = 0): there is no finer scale to adapt.

        Nothing is quantised, so that families which choose by logits and have no way from codes back to
        logits can do it too.
        """
        before, edited = self.check_maps(before), self.check_maps(edited)
        if before.batch != edited.batch:
            raise ValueError(f"`before` holds {before.batch} images, `edited` holds {edited.batch}")
        (mask_Bhw,) = self._check_keep(edited, edited.check_scale(k, lowest=0), edited.batch)
        return TokenMaps([torch.where(mask_Bhw, edited[0], before[0])], self.meta)

    def _f_hats(self, maps: list[Tensor]) -> list[Tensor]:
        return [self._net.quantize.lookup(ids_Bhw) for ids_Bhw in maps]

    def _shown_rows(self, maps: TokenMaps) -> tuple[int, ...]:
        return (1,) * maps.batch

    def _trace(self, f_BChw: Tensor, n: int, given: list[Tensor] | None) -> list[dict[str, Tensor]]:
        return self._net.quantize.trace(f_BChw, n, given)

    def _swatch_f_hat(self, ids_N: Tensor, grid: Grid, k: int) -> Tensor:
        return self._net.quantize.lookup(ids_N[:, None, None].expand(-1, *grid))

    def _token_contributions(self, ids_hw: Tensor, cells_N: Tensor, k: int) -> Tensor:
        return kept_alone(self._net.quantize.lookup(ids_hw[None])[0], cells_N)

    def _contributions(self, ids_N: Tensor, k: int) -> Tensor:
        return self._net.quantize.lookup(ids_N[:, None, None])[:, :, 0, 0]
