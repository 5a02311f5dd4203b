"""A run that somebody wants to keep: checked, as pictures step by step, and whether it can be drawn again.

The browser sends token ids and settings, never pictures; all pictures are decoded here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from PIL import Image
from torch import Tensor

from explorer.analysis.colours import codebook_colours
from explorer.figures.animations import hatched
from explorer.figures.contact_sheet import Tile
from explorer.generators import GenerationStep, Generator
from explorer.token_maps import UNKNOWN, TokenMaps
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import to_pil
from explorer.ui.compare.pairs import NEXT_SCALE, RASTER, Pair
from explorer.ui.generate.run_request import RunRequest, read_maps, read_request
from explorer.ui.workbench import Workbench

MAX_GALLERY = 16


@dataclass(frozen=True, eq=False)
class SavedRun:
    """One picture of a generator. request: how it was asked for, with one seed.

    maps: its tokens, -1 where nothing is drawn yet. seconds: of each step, None where not known.
    """

    pair: Pair
    request: RunRequest
    maps: TokenMaps
    seconds: tuple[float | None, ...] = ()

    @property
    def tokenizer(self) -> Tokenizer:
        return self.pair.generator.tokenizer

    @property
    def seed(self) -> int:
        return self.request.seeds[0]

    @property
    def name(self) -> str:
        return (self.request.label or "no class").replace("_", " ")

    @property
    def title(self) -> str:
        note = f", {self.request.note}" if self.request.note else ""
        return f"{self.name.capitalize()}, seed {self.seed}{note}"


def run_sent(bench: Workbench, data: Mapping) -> SavedRun:
    """The run that the browser describes: the message that asked for it (run_request.py), and its tokens.

    data: also "maps", K flat lists, -1 = not drawn; "seconds", of each step; "order", which of the page's
    pairs drew it, without it the page's own; settings that are not there are the card's. ValueError.
    """
    pair = _pair(bench, data.get("order"))
    request = read_request(pair.generator, {**_own_settings(pair.generator), **data, "seeds": 1})
    maps = read_maps(pair.generator, data.get("maps"), "The tokens of the run")
    if maps is None or not any((ids >= 0).any() for ids in maps):
        raise ValueError("nothing has been drawn yet; start a run first")
    return SavedRun(
        pair, request, maps.with_meta(pair.generator.tokenizer.meta), _seconds(data.get("seconds"))
    )


def _own_settings(gen: Generator) -> dict[str, float | int]:
    """The card's, for comparisons, which do not set all of them."""
    return {**gen.sampling, "top_k": min(gen.sampling["top_k"], gen.vocab_size)}


def gallery_sent(bench: Workbench, data: Mapping) -> list[SavedRun]:
    """Several runs of the same settings; data["gallery"]: one {"seed", "maps"} for each."""
    sent = data.get("gallery")
    fits = isinstance(sent, list) and 0 < len(sent) <= MAX_GALLERY
    if not fits or not all(isinstance(one, dict) for one in sent):
        raise ValueError(f"a gallery has 1 to {MAX_GALLERY} pictures")
    return [run_sent(bench, {**data, "seed": one.get("seed"), "maps": one.get("maps")}) for one in sent]


def _pair(bench: Workbench, order: object) -> Pair:
    if order is None and bench.generator is not None:
        return Pair(bench.tokenizer, bench.generator)
    if order in (NEXT_SCALE, RASTER) and order in bench.pairs:
        return bench.pairs[order]
    raise ValueError(f"no generator is loaded that writes in {str(order or 'any')[:40]} order")


def _seconds(sent: object) -> tuple[float | None, ...]:
    if not isinstance(sent, list):
        return ()
    return tuple(
        float(one) if isinstance(one, int | float) and 0 <= one < 1e6 else None for one in sent[:4096]
    )


def steps_again(run: SavedRun) -> Iterator[GenerationStep]:
    """The same run from the start, one step at a time."""
    request = run.request
    return run.pair.generator.generate(
        request.label, seed=run.seed, given=request.given, keep=list(request.keep), **asdict(request.settings)
    )


@dataclass(frozen=True, eq=False)
class Stage:
    """One of the pictures on the way. steps: which steps of the run these are."""

    maps: TokenMaps
    scale: int
    name: str
    steps: slice


def stages(maps: TokenMaps, kept_hw: Tensor | None = None) -> list[Stage]:
    """What is looked at one after another.

    Several scales: after each known one. A single scale: after each row that holds a known token, since a
    picture per token would be too many; kept_hw, tokens that were known from the start, stay in sight.
    """
    if len(maps) > 1:
        return [
            Stage(maps, k, f"Scale {k}, {h} by {w}", slice(k - 1, k))
            for k, (h, w) in enumerate(maps.grids[: maps.known], start=1)
        ]
    ids_hw = maps[0][0]
    h, w = ids_hw.shape
    kept_hw = torch.zeros(h, w, dtype=torch.bool) if kept_hw is None else kept_hw
    drawn = max((n + 1 for n, row in enumerate((ids_hw >= 0) & ~kept_hw) if row.any()), default=0)
    found = []
    for row in range(drawn):
        later_hw = (torch.arange(h)[:, None] > row) & ~kept_hw
        found.append(
            Stage(
                maps.with_map(1, ids_hw.masked_fill(later_hw, UNKNOWN)),
                1,
                f"Row {row + 1} of {h}",
                slice(row * w, (row + 1) * w),
            )
        )
    return found or [Stage(maps, 1, "All tokens kept", slice(0, 0))]


def stage_picture(tokenizer: Tokenizer, stage: Stage) -> Image.Image:
    """The picture after a stage; where tokens of a single-scale picture are unknown it is hatched."""
    (picture,) = to_pil(tokenizer.decode_progressive(stage.maps, [stage.scale])[0])
    unknown_hw = (stage.maps[stage.scale - 1][0] < 0).numpy()
    return hatched(picture, unknown_hw) if unknown_hw.any() else picture


def stage_tile(
    stage: Stage,
    picture: Image.Image,
    colours: Sequence[str],
    seconds: Sequence[float | None],
    remark: str = "",
) -> Tile:
    """A stage as a tile of a sheet: token map, picture, what it is, how long its steps took, a remark.

    colours: of every code. seconds: of each step of the run; unknown times are left out.
    """
    ids_hw = stage.maps[stage.scale - 1][0].tolist()
    times = seconds[stage.steps]
    took = f"drawn in {1000 * sum(times):.0f} ms" if times and None not in times else ""
    return Tile(
        picture,
        [line for line in (stage.name, took, remark) if line],
        [[colours[code] if code >= 0 else None for code in row] for row in ids_hw],
    )


def code_colours(tokenizer: Tokenizer) -> list[str]:
    """The page's colour of every code, "#rrggbb"."""
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in codebook_colours(tokenizer.codebook).tolist()]
