"""Tokenizers of residual depth (RQ-VAE): D maps on one grid, each correcting what earlier ones left over."""

from collections.abc import Sequence

from torch import Tensor

from explorer.families.schedules import normalise_grids
from explorer.token_maps import Grid, TokenMaps
from explorer.tokenizers.base import Tokenizer
from explorer.tokenizers.single_tokens import kept_alone


class DepthTokenizer(Tokenizer):
    """A "scale" is a depth here: keeping the first d is the timeline, from coarse to fine in value only."""

    def _check_grids(self, grids: Sequence[Grid | int]) -> tuple[Grid, ...]:
        grids, depth = normalise_grids(grids), self._depth
        if len(grids) != depth or len(set(grids)) != 1:
            given = ", ".join(f"{h}x{w}" for h, w in grids)
            raise ValueError(f"this tokenizer has {depth} maps on one grid; the grids given are {given}")
        return grids

    def __init__(self, net, grids: Sequence[Grid], *more, **options) -> None:
        self._depth = net.config.depth
        super().__init__(net, grids, *more, **options)

    def _quantise(self, f_BChw: Tensor, given: list[Tensor] | None, masks: list[Tensor]) -> list[Tensor]:
        return self._net.quantize.encode(f_BChw, given, masks)

    def _f_hats(self, maps: list[Tensor]) -> list[Tensor]:
        # Unknown tokens of images that are shown only up to an earlier depth stand in as code 0.
        return self._net.quantize.accumulate([ids.clamp_min(0) for ids in maps])

    def _shown_rows(self, maps: TokenMaps) -> tuple[int, ...]:
        return maps.known_rows()

    def _trace(self, f_BChw: Tensor, n: int, given: list[Tensor] | None) -> list[dict[str, Tensor]]:
        return self._net.quantize.trace(f_BChw, n, given)

    def _swatch_f_hat(self, ids_N: Tensor, grid: Grid, k: int) -> Tensor:
        return self._net.quantize.lookup(ids_N[:, None, None].expand(-1, *grid), k)

    def _token_contributions(self, ids_hw: Tensor, cells_N: Tensor, k: int) -> Tensor:
        return kept_alone(self._net.quantize.lookup(ids_hw[None], k)[0], cells_N)

    def _contributions(self, ids_N: Tensor, k: int) -> Tensor:
        return self._net.quantize.lookup(ids_N[:, None, None], k)[:, :, 0, 0]
