"""The loaded models and what all sessions may share: memories of pictures, addressed by content."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.colours import codebook_colours
from explorer.analysis.erasing import least_code
from explorer.analysis.neighbours import nearest_codes
from explorer.analysis.preview import fit_preview
from explorer.analysis.residuals import unexplained_share
from explorer.devices import Device
from explorer.figures.images import bytes_uri
from explorer.generators import Generator
from explorer.jobs.derived import GeneratorDerived
from explorer.samples import load_sample
from explorer.token_maps import TokenMaps
from explorer.tokenizers import DecodeMemo, ScaleTrace, Tokenizer
from explorer.tokenizers.images import to_uint8
from explorer.ui.compare.pairs import Pair, by_order
from explorer.ui.session import ScaleNumbers

FIRST_SAMPLE = "flower"  # near what the bundled models have seen, and it reads at 64 px
TRACED = 32  # fitted pictures whose tokens are remembered; some 50 kB each at 256 px
NEIGHBOURS = 8  # codes shown beside a code
REMEMBERED = 4096  # code cards; one is about 10 kB of text
TILE_BYTES = 16 << 20  # of codes decoded alone: twenty thousand where a cell has 16 pixels a side
QUICK_PIXELS = 200_000  # decoded on a CPU in a fraction of a second; six scales at 64 px are 25 000


def decodes_slowly(scales: int, image_hw: tuple[int, int], device: Device) -> bool:
    """Whether decoding all scales takes so long that the page should not wait for it."""
    H, W = image_hw
    return device.torch_device.type == "cpu" and scales * H * W > QUICK_PIXELS


@dataclass(frozen=True, eq=False)
class Traced:
    """The token maps of one fitted picture and how each scale came about."""

    maps: TokenMaps
    numbers: tuple[ScaleNumbers, ...]

    @classmethod
    def of(cls, scales: Sequence[ScaleTrace], meta: Mapping) -> "Traced":
        """From `Tokenizer.trace` of one picture."""
        left = unexplained_share(scales)[:, 0].tolist()
        numbers = tuple(
            ScaleNumbers(
                scale.distance[0].numpy(),
                scale.nearest_ids[0].numpy().astype(np.int32),
                scale.nearest_distance[0].numpy(),
                (left[k], left[k + 1]),
            )
            for k, scale in enumerate(scales)
        )
        return cls(TokenMaps([scale.ids for scale in scales], meta), numbers)


class Workbench:
    """Models for the page. Nothing here belongs to one visitor.

    usage_KV: counts of every code at every scale over `usage_of` (a phrase), or None.
    examples: finished runs of the generator that were shipped with it, or None.
    counterpart: another pair to compare with, usually in the other order, or None.
    preview: weights (C+1,3) of `analysis.preview`, shown while the decoder works where it is slow, or None.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        generator: Generator | None = None,
        usage_KV: Tensor | None = None,
        usage_of: str = "",
        examples: GeneratorDerived | None = None,
        counterpart: Pair | None = None,
        preview: Tensor | None = None,
    ):
        self.tokenizer = tokenizer
        self.generator = generator
        self.codebook = tokenizer.codebook
        self.colours = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in codebook_colours(self.codebook).tolist()]
        self.usage_KV = usage_KV
        self.usage_of = re.sub(r"\d{4,}", lambda number: f"{int(number[0]):,}", usage_of)
        self.examples = examples
        self._preview = preview
        self._traced: OrderedDict[str, Traced] = OrderedDict()
        self._tracing = Lock()
        self.pairs = by_order(Pair(tokenizer, generator) if generator else None, counterpart)
        self._card = lru_cache(REMEMBERED)(self._make_card)
        self.least_code = lru_cache(len(tokenizer.grids))(self._least_code)
        self._tiles = DecodeMemo(TILE_BYTES)

    def traced(self, fitted_HW3: np.ndarray) -> Traced:
        """How the tokenizer sees a fitted picture of bytes. A class that opens one picture asks once."""
        key = hashlib.sha256(np.ascontiguousarray(fitted_HW3)).hexdigest()
        with self._tracing:
            if key not in self._traced:
                image = torch.from_numpy(np.array(fitted_HW3)).permute(2, 0, 1)[None].float() / 255
                scales = self.tokenizer.trace(image, n=min(NEIGHBOURS, self.tokenizer.vocab_size))
                self._traced[key] = Traced.of(scales, self.tokenizer.meta)
                while len(self._traced) > TRACED:
                    self._traced.popitem(last=False)
            self._traced.move_to_end(key)
            return self._traced[key]

    @property
    def preview(self) -> Tensor | None:
        """Weights (C+1,3) of `analysis.preview`; None where nobody would see a preview."""
        return self.linear_map if self.slow else self._preview

    @property
    def linear_map(self) -> Tensor:
        """Weights (C+1,3) of `analysis.preview`.

        Those of models that ship none are fitted on one sample when first asked for: some hundred cells for a
        few dozen weights.
        """
        if self._preview is None:
            image = self.tokenizer.fit(load_sample(FIRST_SAMPLE))
            seen = self.traced(to_uint8(image)[0].numpy())
            self._preview = fit_preview(self.tokenizer.accumulate(seen.maps)[-1], image)
        return self._preview

    @property
    def slow(self) -> bool:
        """Whether showing all scales takes so long that the last one should come first."""
        return decodes_slowly(len(self.tokenizer.grids), self.tokenizer.image_hw, self.tokenizer.device)

    def pictures(self, maps: TokenMaps, scales: list[int] | None = None) -> Tensor:
        """The picture after each (asked) scale, (K,3,H,W); remembered by the tokenizer's memo."""
        return self.tokenizer.decode_progressive(maps, scales)[:, 0]

    def tiles(self, codes: Sequence[int], scale: int | None = None) -> dict[int, Tensor]:
        """What each code looks like alone at a scale (from 1, the finest where None): bytes (d,d,3) by code.

        Remembered; the device is free for others between some of them and the next. ValueError: no such code.
        """
        K = len(self.tokenizer.grids)
        scale = K if scale is None else scale
        found = {code: self._tiles.get((scale, self._checked(code))) for code in codes}
        missing = [code for code, tile in found.items() if tile is None]
        at_once = max(1, QUICK_PIXELS // (9 * self.tokenizer.downsample**2))
        for at in range(0, len(missing), at_once):
            part = missing[at : at + at_once]
            for code, tile in zip(
                part, to_uint8(self.tokenizer.decode_code_swatches(part, scale)), strict=True
            ):
                found[code] = tile.clone()
                self._tiles.put((scale, code), found[code])
        return found

    def swatches(self, codes: list[int], scale: int | None = None) -> list[dict]:
        """What each code looks like alone: {"id", "swatch", "colour"}. ValueError for more than 64 codes."""
        if not isinstance(codes, list) or not 0 < len(codes) <= 64:
            raise ValueError("between 1 and 64 codes can be looked up at once")
        tiles = self.tiles(codes, scale)
        return [
            {"id": code, "swatch": bytes_uri(tiles[code].numpy()), "colour": self.colours[code]}
            for code in codes
        ]

    def shares(self, k: int, codes: list[int]) -> list[float | None] | None:
        """Each code's share of the tokens of scale k (from 0) over `usage_of`, 0..1; None for the code -1.

        None altogether where nothing was counted.
        """
        if self.usage_KV is None or k >= len(self.usage_KV):
            return None
        counts_V = self.usage_KV[k]
        shares = counts_V[[max(code, 0) for code in codes]] / counts_V.sum().clamp_min(1)
        return [
            float(f"{share:.4g}") if code >= 0 else None
            for code, share in zip(codes, shares.tolist(), strict=True)
        ]

    def _least_code(self, scale: int) -> int:
        """The code that an erased token of a scale (from 1) gets; looked up as `least_code`."""
        tok = self.tokenizer
        return least_code(tok.contributions(scale), beside_others=len(tok.grids) > 1)

    def _checked(self, code: int) -> int:
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code < self.tokenizer.vocab_size:
            raise ValueError(f"there is no code {code!r}; codes go from 0 to {self.tokenizer.vocab_size - 1}")
        return code

    def card(self, code: int) -> dict:
        """What the page shows about a code: picture, norm, neighbours, use by scale."""
        return self._card(self._checked(code))

    def _make_card(self, code: int) -> dict:
        count = min(NEIGHBOURS, self.tokenizer.vocab_size - 1)
        ids_1N, distances_1N = nearest_codes(self.codebook, [code], count)
        own, *others = self.swatches([code, *ids_1N[0].tolist()])
        near = [
            {**other, "distance": distance}
            for other, distance in zip(others, distances_1N[0].tolist(), strict=True)
        ]
        return {
            **own,
            "norm": float(torch.linalg.vector_norm(self.codebook[code])),
            "near": near,
            **self._usage(code),
        }

    def _usage(self, code: int) -> dict:
        if self.usage_KV is None:
            return {"usage": None}
        counts_K, totals_K = self.usage_KV[:, code], self.usage_KV.sum(1).clamp_min(1)
        shares = (counts_K / totals_K).tolist()
        return {
            "usage": shares,
            "usage_text": [
                f"{count:,} of {total:,} tokens ({share:.2%})"
                for count, total, share in zip(counts_K.tolist(), totals_K.tolist(), shares, strict=True)
            ],
            "usage_of": self.usage_of,
            "usage_peak": f"at most {max(shares):.2%}" if max(shares) else "never used",
        }
