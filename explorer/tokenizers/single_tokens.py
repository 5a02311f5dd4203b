"""What single tokens of a picture do: a part of `Tokenizer` (base.py), which explains the names used here.

Shapes: N tokens, C code dimension, H W pixels, h w a grid. Cells of a map are numbered row by row from 0.
"""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.token_maps import TokenMaps
from explorer.tokenizers.tensors import public


class SingleTokens:
    """Mixed into `Tokenizer`: tokens are taken out of f_hat one at a time."""

    @abstractmethod
    def _token_contributions(self, ids_hw: Tensor, cells_N: Tensor, k: int) -> Tensor:
        """(N,C,h,w) on the finest grid: what each cell of a map of scale k (from 0) adds to f_hat."""

    def token_contributions(self, maps: TokenMaps, k: int, cells: Sequence[int]) -> Tensor:
        """What single tokens of scale k (from 1) of one picture add to f_hat, (N,C,h,w) on the finest grid.

        f_hat is linear in these: a scale adds the sum over its cells, and a constant where its residual
        convolution has a bias. An unknown token of a single-scale tokenizer adds nothing. ValueError for more
        than one picture, for a scale that is not known, and for cells outside the map.
        """
        k, ids_hw, cells_N = self._tokens_asked(maps, k, cells)
        with self.device.forward():
            return public(self._token_contributions(ids_hw, cells_N, k - 1))

    def decode_without(self, maps: TokenMaps, k: int, cells: Sequence[int]) -> Tensor:
        """The picture after scale k (from 1) without one of that scale's tokens: (N,3,H,W) in [0,1].

        One whole decode for each cell: ask for as many as may be computed at once. ValueError as in
        `token_contributions`.
        """
        k, ids_hw, cells_N = self._tokens_asked(maps, k, cells)
        with self.device.forward():
            f_hat_1Chw = self._shown_f_hat(maps, [(0, k)])
            without_NChw = f_hat_1Chw - self._token_contributions(ids_hw, cells_N, k - 1)
        return self._to_images(without_NChw)

    def _tokens_asked(self, maps: TokenMaps, k: int, cells: Sequence[int]) -> tuple[int, Tensor, Tensor]:
        maps = self.check_maps(maps)
        k = maps.check_scale(k)
        if maps.batch != 1:
            raise ValueError(f"the maps hold {maps.batch} images; single tokens are asked of one")
        (known,) = self._shown_rows(maps)
        if k > known:
            raise ValueError(f"a token of scale {k} was asked, scales 1..{known} are known")
        ids_hw = maps[k - 1][0]
        cells_N = torch.as_tensor(list(cells), dtype=torch.int64)
        if len(cells_N) == 0:
            raise ValueError("no cell was asked, at least 1 is needed")
        low, high = int(cells_N.min()), int(cells_N.max())
        if low < 0 or high >= ids_hw.numel():
            raise ValueError(
                f"cells {low} to {high} were asked, scale {k} has cells 0 to {ids_hw.numel() - 1}"
            )
        device = self.device.torch_device
        return k, ids_hw.to(device), cells_N.to(device)


def kept_alone(codes_Chw: Tensor, cells_N: Tensor) -> Tensor:
    """(N,C,h,w): copies of a map of vectors in which all but one cell are zero."""
    C, h, w = codes_Chw.shape
    alone_NCL = codes_Chw.new_zeros(len(cells_N), C, h * w)
    rows_N = torch.arange(len(cells_N), device=cells_N.device)
    alone_NCL[rows_N, :, cells_N] = codes_Chw.reshape(C, -1)[:, cells_N].T
    return alone_NCL.view(-1, C, h, w)
