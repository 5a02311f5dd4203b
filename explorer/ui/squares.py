"""What a square of a token map shows where it shows a picture: looked up scale by scale, beside the queue.

    look   the token's code decoded alone, as its scale adds it
    adds   what this one token changes in its part of the picture after its scale: with it minus without it

The third, the picture after a scale cut into its cells, needs no answer: the page has those pictures. Answers
depend on token ids alone and are remembered by them. The counterpart is assets/js/parts/squares.js.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from explorer.analysis.preview import preview_change
from explorer.figures.squares import limit_of, own_part, signed_sprite, swatch_sprite
from explorer.token_maps import UNKNOWN, TokenMaps
from explorer.tokenizers import Tokenizer
from explorer.ui.wires import hidden
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

KINDS = ("look", "adds")
WIRE = "Tokenscope.connectSquares({server})"
REMEMBERED = 256  # answers; one is about 20 kB of text
AT_ONCE = 200_000  # pixels decoded before others may have the device, a fraction of a second on a CPU
# Pixels of all decodes that "adds" needs, one of the whole picture for each token: seconds at most. Above it
# the changes are estimated by a linear map.
EXACT = {"cpu": 2_000_000, "other": 64_000_000}

Ids = tuple[int, ...]


def connect(bench: Workbench) -> None:
    """The wire: one look-up for one map."""
    squares = Squares(bench)

    def square_pictures(data):
        try:
            return squares.answer(data if isinstance(data, Mapping) else {})
        except ValueError as error:
            return {"problem": str(error)}
        except Exception:  # the page says that there is no answer; the log has the reason
            log.exception("what squares show could not be computed")
            return None

    hidden(WIRE, look_ups=[square_pictures])


class Squares:
    """Sprites for the page of a workbench."""

    def __init__(self, bench: Workbench):
        self.bench = bench
        self._look = lru_cache(REMEMBERED)(self._make_look)
        self._adds = lru_cache(REMEMBERED)(self._make_adds)

    def answer(self, data: Mapping) -> dict:
        """{image: the sprite, values, limit, exact} of one map; see the two makers.

        data: kind; scale (from 1); maps: ids of that scale alone for "look", of all scales up to it for
        "adds", row by row, -1 = not known. ValueError: anything else.
        """
        kind, grids = data.get("kind"), self.bench.tokenizer.grids
        if kind not in KINDS:
            raise ValueError(
                f"Squares can show {' or '.join(KINDS)}, not {str(kind)[:40]!r}. Reload the page."
            )
        scale = data.get("scale")
        if type(scale) is not int or not 1 <= scale <= len(grids):
            raise ValueError(
                f"There is no scale {str(scale)[:40]!r}; there are {len(grids)}. Reload the page."
            )
        needed = range(scale - 1, scale) if kind == "look" else range(scale)
        maps = self._read(data.get("maps"), needed)
        return self._look(scale, maps[-1]) if kind == "look" else self._adds(scale, maps)

    def _read(self, sent: object, scales: range) -> tuple[Ids, ...]:
        grids, codes = self.bench.tokenizer.grids, self.bench.tokenizer.vocab_size
        if not isinstance(sent, list) or len(sent) != len(scales):
            raise ValueError(f"Token maps of {len(scales)} scales are needed. Reload the page.")
        for k, ids in zip(scales, sent, strict=True):
            h, w = grids[k]
            if not isinstance(ids, list) or len(ids) != h * w:
                raise ValueError(f"Scale {k + 1} has {h * w} tokens, other maps were sent. Reload the page.")
            if not all(type(code) is int and UNKNOWN <= code < codes for code in ids):
                raise ValueError(f"Tokens are whole numbers from 0 to {codes - 1}. Reload the page.")
        return tuple(tuple(ids) for ids in sent)

    def _make_look(self, scale: int, ids: Ids) -> dict:
        """values: the mean colour of each swatch, "#rrggbb"."""
        tiles = self.bench.tiles(sorted({code for code in ids if code >= 0}), scale)
        cells = {cell: tiles[code].numpy() for cell, code in enumerate(ids) if code >= 0}
        means = {
            cell: "#" + bytes(tile.reshape(-1, 3).mean(0).round().astype("u1")).hex()
            for cell, tile in cells.items()
        }
        return {
            "image": swatch_sprite(cells, self.bench.tokenizer.grids[scale - 1]).uri,
            "values": [means.get(cell) for cell in range(len(ids))],
            "limit": None,
            "exact": True,
        }

    def _make_adds(self, scale: int, maps: tuple[Ids, ...]) -> dict:
        """values: the mean change of brightness; limit: the change that is drawn in full; exact: by decoding
        the picture once for each token, not by a linear map."""
        tok = self.bench.tokenizer
        grid = tok.grids[scale - 1]
        known = [cell for cell, code in enumerate(maps[-1]) if code >= 0]
        exact = adds_exactly(tok)
        changes: dict[int, Tensor] = {}
        if known:
            sent = [*maps, *([UNKNOWN] * (h * w) for h, w in tok.grids[scale:])]
            whole = TokenMaps(
                [torch.tensor(ids).view(1, *one) for ids, one in zip(sent, tok.grids, strict=True)]
            )
            changes = dict(
                self._decoded(whole, scale, known) if exact else self._estimated(whole, scale, known)
            )
        limit = limit_of(changes)
        return {
            "image": signed_sprite(changes, grid, limit).uri,
            "values": [
                round(float(changes[cell].mean()), 4) if cell in changes else None
                for cell in range(len(maps[-1]))
            ],
            "limit": limit,
            "exact": exact,
        }

    def _decoded(self, maps: TokenMaps, scale: int, cells: Sequence[int]) -> Iterator[tuple[int, Tensor]]:
        tok = self.bench.tokenizer
        H, W = tok.image_hw
        picture_3HW = tok.decode_progressive(maps, [scale])[0, 0]
        for part in parts_of(cells, AT_ONCE // (H * W)):
            for cell, without_3HW in zip(part, tok.decode_without(maps, scale, part), strict=True):
                yield cell, own_part(picture_3HW - without_3HW, tok.grids[scale - 1], cell).clone()

    def _estimated(self, maps: TokenMaps, scale: int, cells: Sequence[int]) -> Iterator[tuple[int, Tensor]]:
        tok, weights = self.bench.tokenizer, self.bench.linear_map
        h, w = tok.grids[-1]
        for part in parts_of(cells, AT_ONCE // (h * w)):
            added_N3hw = preview_change(tok.token_contributions(maps, scale, part), weights)
            for cell, added_3hw in zip(part, added_N3hw, strict=True):
                yield cell, own_part(added_3hw, tok.grids[scale - 1], cell).clone()


def adds_exactly(tokenizer: Tokenizer) -> bool:
    """Whether decoding the picture once for every token takes seconds, not minutes."""
    H, W = tokenizer.image_hw
    tokens = sum(h * w for h, w in tokenizer.grids)
    kind = "cpu" if tokenizer.device.torch_device.type == "cpu" else "other"
    return tokens * H * W <= EXACT[kind]


def parts_of(cells: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """At most `size` at a time, at least one."""
    size = max(1, size)
    for at in range(0, len(cells), size):
        yield cells[at : at + size]
