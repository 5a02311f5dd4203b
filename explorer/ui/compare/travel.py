"""Flip one token, decode or regenerate, and see how far the change goes.
The counterpart is assets/js/compare/travel.js."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import gradio as gr
import torch
from torch import Tensor

from explorer.analysis.colours import codebook_colours
from explorer.analysis.travel import (
    Affected,
    Place,
    affected,
    changed_tokens,
    keep_up_to,
    means_by_place,
    other_code,
    spread_places,
    written_before,
)
from explorer.figures.difference import difference, gradient
from explorer.figures.images import bytes_uri, data_uri
from explorer.token_maps import TokenMaps
from explorer.ui.compare import comparing
from explorer.ui.compare.completion import SESSION, fitted_to, source
from explorer.ui.compare.pairs import Pair
from explorer.ui.components import travel_parts as parts
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

RUN = "run"  # pictures that the models draw for a class and a seed
THRESHOLDS = (4, 8, 16, 32)  # of 255: a pixel changed if one of its channels changed by more than this
DECODE, REGENERATE = "decode", "regenerate"
OTHERS = ("random", "nearest", "farthest")
MOST_FLIPS = 48  # of one model in one sweep
RASTER_VIEWS = 16
WIRE = "Tokenscope.connectTravel({props, watch, server, ask: (data) => trigger('ask', data)})"

Colours = Callable[[Pair], list[str]]


def build() -> None:
    with gr.Row(elem_classes="ts-frame ts-travel-frame"):
        with gr.Column(elem_classes="ts-left"):
            parts.pictures()
            parts.flip()
        with gr.Column(elem_classes="ts-stage"):
            parts.maps()
            parts.result()
            parts.sweep()
        with gr.Column(elem_classes="ts-right"):
            parts.numbers()
            parts.reading()


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire between the parts and Python."""
    colours = lru_cache(maxsize=4)(code_colours)  # of loaded codebooks, the same for all visitors
    comparing.wire(
        WIRE, state, introduction(bench), lambda session, data: views(bench, session, data, colours)
    )


def introduction(bench: Workbench) -> dict:
    """What the page knows before it asks."""
    return {
        "introduction": True,
        "models": [comparing.model_facts(pair) for pair in bench.pairs.values()],
        "absent": comparing.absent(bench),
        "classes": comparing.common_classes(bench),
        "thresholds": list(THRESHOLDS),
        "gradient": gradient(),
        "most": MOST_FLIPS,
    }


def code_colours(pair: Pair) -> list[str]:
    """One colour per code, similar for similar codes."""
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in codebook_colours(pair.tokenizer.codebook).tolist()]


def views(
    bench: Workbench, session: Session, data: Mapping, colours: Colours = code_colours
) -> Iterator[dict | None]:
    """data["kind"]: "draw" (pictures to start from), "flip" (one token of each), "sweep" (many)."""
    kinds = {"draw": draw, "flip": flip, "sweep": sweep}
    kind = data.get("kind")
    if kind not in kinds:
        raise ValueError(f"the page asked for {str(kind)[:40]!r}, which this version cannot do; reload it")
    comparing.need_pairs(bench)
    label = comparing.checked_class(bench, data.get("label"))
    seed = comparing.checked_number(data.get("seed"), "the seed", 0, comparing.LARGEST_SEED)
    of = {"kind": kind, "label": label, "seed": seed}
    for view in kinds[kind](bench, session, data, label, seed, colours):
        yield None if view is None else of | view


# Pictures to start from


def draw(
    bench: Workbench, session: Session, data: Mapping, label: str, seed: int, colours: Colours
) -> Iterator[dict | None]:
    """Every model's tokens of the picture in Inspect, or of one that it draws itself."""
    wanted = data.get("source")
    if wanted not in (RUN, SESSION):
        raise ValueError(f"pictures come from {RUN} or {SESSION}, not {str(wanted)[:40]!r}")
    pairs = list(bench.pairs.values())
    of = {"source": wanted, "title": "", "total": sum(pair.generator.steps for pair in pairs)}
    models, done = [], 0
    if wanted == SESSION:
        image_1CHW, title = source(bench, session, SESSION)
        for pair in pairs:
            tok = pair.generator.tokenizer
            models.append(start_view(pair, tok.encode(fitted_to(tok, image_1CHW)), colours))
        yield of | {"status": "done", "title": title, "done": of["total"], "models": models}
        return
    for pair in pairs:
        tok, total = pair.generator.tokenizer, pair.generator.steps
        every = max(1, total // RASTER_VIEWS)
        for step in pair.generator.generate(comparing.as_label(label), seed=seed):
            done += 1
            if step.index % every and step.index < total:
                yield None
                continue
            growing = [*models, start_view(pair, step.maps, colours)]
            last = pair is pairs[-1] and step.index == total
            yield of | {"status": "done" if last else "running", "done": done, "models": growing}
        models.append(start_view(pair, step.maps, colours))


def start_view(pair: Pair, maps: TokenMaps, colours: Colours) -> dict:
    colour = colours(pair)
    return {
        "order": pair.order,
        "name": pair.generator.name,
        "size": list(pair.tokenizer.image_hw),
        "image": data_uri(pair.generator.tokenizer.decode(maps)[0]),
        "scales": [
            {"h": h, "w": w, "ids": ids, "colours": [colour[code] if code >= 0 else None for code in ids]}
            for (h, w), ids in zip(maps.grids, comparing.one_image(maps, 0), strict=True)
        ],
    }


# One flip


@dataclass(frozen=True)
class Flip:
    """One token of one model's picture that becomes another. row, column: of its place."""

    pair: Pair
    maps: TokenMaps
    place: Place
    old: int
    code: int

    @property
    def cell(self) -> tuple[int, int]:
        return divmod(self.place.cell, self.maps.grids[self.place.scale - 1][1])

    def flipped(self, code: int) -> TokenMaps:
        ids_1hw = self.maps[self.place.scale - 1].clone()
        ids_1hw[0][self.cell] = code
        return self.maps.with_map(self.place.scale, ids_1hw)


@dataclass(frozen=True)
class Outcome:
    """What a flip led to.

    drawn_Khw: True where a token was drawn again. control: tokens that come out otherwise although nothing
    was flipped (0 shows that the flip alone makes the difference); None where that was not tried.
    """

    flip: Flip
    maps: TokenMaps
    drawn_Khw: list[Tensor]
    before_3HW: Tensor
    after_3HW: Tensor
    control: int | None = None

    def affected(self) -> dict[int, Affected]:
        grid = self.maps.grids[self.flip.place.scale - 1]
        pictures = (self.before_3HW, self.after_3HW)
        return {t: affected(*pictures, t / 255, self.flip.cell, grid) for t in THRESHOLDS}

    def changed(self) -> list[list[tuple[int, int]]]:
        return changed_tokens(
            [ids[0] for ids in self.flip.maps], [ids[0] for ids in self.maps], self.drawn_Khw
        )


def flip(
    bench: Workbench, session: Session, data: Mapping, label: str, seed: int, colours: Colours
) -> Iterator[dict | None]:
    mode = checked_mode(data)
    flips = [checked_flip(bench, sent, seed) for sent in checked_models(bench, data)]
    steps = [one.pair.generator.steps if mode == REGENERATE else 1 for one in flips]
    of = {"mode": mode, "total": sum(steps) * (2 if mode == REGENERATE else 1)}
    done, found = 0, []
    yield of | {"status": "running", "done": 0, "models": []}
    for one in flips:
        for outcome in outcomes(one, mode, label, seed, control=True):
            done += 1
            if outcome is None:
                yield None
                continue
            found.append(outcome_view(outcome, colours))
        last = one is flips[-1]
        yield of | {"status": "done" if last else "running", "done": done, "models": found}


def outcomes(one: Flip, mode: str, label: str, seed: int, control: bool = False) -> Iterator[Outcome | None]:
    """None after every step of a generator, the outcome at last."""
    gen = one.pair.generator
    after, same = one.flipped(one.code), None
    drawn_Khw = [torch.zeros(grid, dtype=torch.bool) for grid in one.maps.grids]
    if mode == REGENERATE:
        kept_Khw = keep_up_to(one.maps.grids, one.place)
        drawn_Khw = [~kept_hw for kept_hw in kept_Khw]
        settings = {"label": comparing.as_label(label), "seed": seed, "keep": kept_Khw}
        if control:
            for step in gen.generate(given=one.maps, **settings):
                again = step.maps
                yield None
            same = sum(int((a != b).sum()) for a, b in zip(again, one.maps, strict=True))
        for step in gen.generate(given=after, **settings):
            if step.index < step.total:
                yield None
        after = step.maps
    pictures = gen.tokenizer.decode(one.maps)[0], gen.tokenizer.decode(after)[0]
    yield Outcome(one, after, drawn_Khw, *pictures, same)


def outcome_view(outcome: Outcome, colours: Colours) -> dict:
    one, found = outcome.flip, difference(outcome.before_3HW, outcome.after_3HW)
    rows = outcome.changed()
    row, column = one.cell
    changed = [a != b for a, b in zip(outcome.maps, one.maps, strict=True)]
    return {
        **start_view(one.pair, outcome.maps, colours),
        "scale": one.place.scale,
        "row": row,
        "column": column,
        "cell": one.place.cell,
        "old": one.old,
        "code": one.code,
        "before": data_uri(outcome.before_3HW),
        "difference": bytes_uri(found.pixels),
        "limit": found.limit,
        "mean": found.mean,
        "affected": {str(t): vars(value) for t, value in outcome.affected().items()},
        "changed": [ids_1hw[0].int().flatten().tolist() for ids_1hw in changed],
        "rows": rows,
        "differ": sum(a for scale in rows for a, _ in scale),
        "drawn": sum(b for scale in rows for _, b in scale),
        "before_share": written_before(one.maps.grids, one.place),
        "control": outcome.control,
    }


# Many flips


def sweep(
    bench: Workbench, session: Session, data: Mapping, label: str, seed: int, colours: Colours
) -> Iterator[dict | None]:
    """One flip after the other, spread over the steps of both models; a point for each."""
    mode = checked_mode(data)
    count = comparing.checked_number(data.get("count"), "the number of flips", 2, MOST_FLIPS)
    how = data.get("how")
    if how not in OTHERS:
        raise ValueError(f"a sweep takes the {', '.join(OTHERS[:-1])} or {OTHERS[-1]} other code")
    flips = []
    for sent in checked_models(bench, data):
        pair, maps = checked_tokens(bench, sent)
        for place in spread_places(maps.grids, count):
            flips.append(flip_of(pair, maps, place, how, seed))
    of, points = {"mode": mode, "how": how, "total": len(flips)}, []
    yield of | {"status": "running", "done": 0, "points": [], "lines": {}}
    for number, one in enumerate(flips, start=1):
        for outcome in outcomes(one, mode, label, seed):
            if outcome is None:
                yield None
        points.append(point_view(outcome))
        yield of | {
            "status": "done" if number == len(flips) else "running",
            "done": number,
            "points": list(points),
            "lines": mean_lines(points),
        }


def mean_lines(points: list[dict]) -> dict:
    """For every order and threshold: (share known before, mean share of pixels changed), in this order."""
    lines: dict[str, dict[str, list]] = {}
    for order in dict.fromkeys(point["order"] for point in points):
        mine = [point for point in points if point["order"] == order]
        before = [point["before_share"] for point in mine]
        lines[order] = {
            str(t): means_by_place(before, [point["share"][str(t)] for point in mine]) for t in THRESHOLDS
        }
    return lines


def point_view(outcome: Outcome) -> dict:
    one, rows = outcome.flip, outcome.changed()
    return {
        "order": one.pair.order,
        "scale": one.place.scale,
        "cell": one.place.cell,
        "old": one.old,
        "code": one.code,
        "before_share": written_before(one.maps.grids, one.place),
        "share": {str(t): value.share for t, value in outcome.affected().items()},
        "mean": float((outcome.after_3HW - outcome.before_3HW).abs().double().mean()),
        "differ": sum(a for scale in rows for a, _ in scale),
        "drawn": sum(b for scale in rows for _, b in scale),
    }


# What the browser sent


def checked_mode(data: Mapping) -> str:
    mode = data.get("mode")
    if mode not in (DECODE, REGENERATE):
        raise ValueError(f"a flip is followed by {DECODE} or {REGENERATE}, not {str(mode)[:40]!r}")
    if mode == REGENERATE and data.get("source") != RUN:
        raise ValueError(
            "only pictures that the models drew can be drawn again with the same randomness; "
            "choose “decode only”, or draw pictures first"
        )
    return mode


def checked_models(bench: Workbench, data: Mapping) -> list[Mapping]:
    sent = data.get("models")
    if not isinstance(sent, list) or not 0 < len(sent) <= len(bench.pairs):
        raise ValueError("there are no pictures to flip a token of; draw them first")
    orders = [one.get("order") if isinstance(one, Mapping) else None for one in sent]
    if any(order not in bench.pairs for order in orders) or len(set(orders)) < len(orders):
        raise ValueError("these pictures are of models that are not loaded; draw them again")
    return sent


def checked_tokens(bench: Workbench, sent: Mapping) -> tuple[Pair, TokenMaps]:
    """The token maps that the browser holds, complete and within the codebook."""
    pair = bench.pairs[sent["order"]]
    grids, ids = pair.generator.grids, sent.get("ids")
    if not isinstance(ids, list) or len(ids) != len(grids):
        raise ValueError(f"the tokens of {pair.generator.name} are not complete; draw the pictures again")
    maps = []
    for k, ((h, w), flat) in enumerate(zip(grids, ids, strict=True), start=1):
        if not isinstance(flat, list) or len(flat) != h * w:
            raise ValueError(f"scale {k} of {pair.generator.name} is not complete; draw the pictures again")
        flat = [comparing.checked_number(code, "a code", 0, pair.generator.vocab_size - 1) for code in flat]
        maps.append(torch.tensor(flat).view(1, h, w))
    return pair, TokenMaps(tuple(maps), pair.generator.tokenizer.meta)


def checked_flip(bench: Workbench, sent: Mapping, seed: int) -> Flip:
    pair, maps = checked_tokens(bench, sent)
    scale = comparing.checked_number(sent.get("scale"), "the scale", 1, len(maps))
    h, w = maps.grids[scale - 1]
    cell = comparing.checked_number(sent.get("cell"), "the cell", 0, h * w - 1)
    return flip_of(pair, maps, Place(scale, cell), sent.get("code"), seed)


def flip_of(pair: Pair, maps: TokenMaps, place: Place, code: object, seed: int) -> Flip:
    """code: a number, or which other one is meant."""
    old = int(maps[place.scale - 1].flatten()[place.cell])
    if code in OTHERS and isinstance(code, str):
        return Flip(pair, maps, place, old, other_code(pair.tokenizer.codebook, old, code, seed))
    new = comparing.checked_number(code, "the new code", 0, pair.generator.vocab_size - 1)
    if new == old:
        raise ValueError(f"the token of {pair.generator.name} is code {old} already; choose another code")
    return Flip(pair, maps, place, old, new)
