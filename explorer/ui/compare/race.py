"""Next-scale against raster at equal compute time, and what each costs as pictures grow.

Each model's clock is the sum of its measured step times; the one that is behind goes next
(`explorer.bench.racing`). Decoding is measured apart. A view holds the whole race so far, so that none has to
arrive; only pictures come one by one, and those that did not arrive can be asked for again by their tokens.
The counterparts are assets/js/compare/race.js and race_*.js.
"""

import time
from collections.abc import Iterator, Mapping
from threading import Lock

import gradio as gr
import torch

from explorer.analysis.colours import codebook_colours
from explorer.bench.racing import first_finish, median_step, race, warm_up
from explorer.figures.images import data_uri
from explorer.generators import GenerationStep
from explorer.token_maps import UNKNOWN, TokenMaps
from explorer.ui import components
from explorer.ui.compare import race_cost
from explorer.ui.compare.comparing import AT_ONCE, LARGEST_SEED, checked_number
from explorer.ui.compare.pairs import RASTER, Pair
from explorer.ui.compare.race_facts import introduction, is_guided, why_not, work
from explorer.ui.components import race_parts as parts
from explorer.ui.session import Session
from explorer.ui.wires import QUIET, StoppedJobs, hidden, streamed
from explorer.ui.workbench import Workbench

FRAME_SECONDS = 0.04  # views of a race are at least this far apart
DECODING_SHARE = 3  # after a picture the models run this many times as long as it took, or longer
MOST_GUIDANCE = 20.0
WIRE = "Tokenscope.connectRace({props, watch, server, ask: (data) => trigger('ask', data)})"


def build() -> None:
    with gr.Row(elem_classes="ts-frame ts-race-frame"):
        with gr.Column(elem_classes="ts-left"):
            parts.controls()
        with gr.Column(elem_classes="ts-stage"):
            parts.stage()
            parts.figures()
            components.compare_exports("race")
    parts.fairness()
    parts.cost()


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire: "ask" streams a race; `cancel_race`, a look-up beside the queue, is heard within one step."""
    cancelled = StoppedJobs()
    colours = {order: _colours(bench, pair) for order, pair in bench.pairs.items()}
    examples: list[dict] = []  # at most one, raced for the first visitor who looks; others wait for it
    first_look = Lock()

    def race_picture(asked):
        try:
            return picture(bench, asked)
        except (ValueError, TypeError, KeyError, OverflowError):
            return None

    def race_example(_):
        with first_look:
            if not examples and not why_not(bench) and not bench.slow:
                examples.append(example(bench, colours))
        return examples[0] if examples else None

    def ask(event: gr.EventData):
        data = dict(event._data or {})
        yield from streamed(data, views(bench, data, colours), cancelled)

    wire = hidden(
        WIRE,
        value=introduction(bench),
        look_ups=[cancelled.look_up("cancel_race"), race_picture, race_example],
    )
    wire.ask(
        ask,
        None,
        wire,
        concurrency_limit=AT_ONCE,
        **QUIET,
    )
    race_cost.connect(bench)


def _colours(bench: Workbench, pair: Pair) -> list[str]:
    if pair.tokenizer is bench.tokenizer:
        return bench.colours
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in codebook_colours(pair.tokenizer.codebook).tolist()]


def example(bench: Workbench, colours: Mapping[str, list[str]]) -> dict:
    """A real race that nobody asked for, with the cards' settings; its status says so."""
    classes = introduction(bench)["classes"]
    label = "sunflower" if "sunflower" in classes else classes[0]
    guidance = {order: pair.generator.sampling["guidance"] for order, pair in bench.pairs.items()}
    *_, last = (
        view
        for view in views(bench, {"label": label, "seed": 0, "guidance": guidance}, colours)
        if view is not None
    )
    return {**last, "status": "example"}


def views(bench: Workbench, data: Mapping, colours: Mapping[str, list[str]]) -> Iterator[dict | None]:
    """The race so far, again and again, None for a step without a view; ends with status "done".

    data: "label", "seed", "guidance" (a number for each order). ValueError says what cannot be done.
    """
    settings = checked(bench, data)
    lanes = {
        order: _Lane(pair, settings["guidance"][order], colours[order]) for order, pair in bench.pairs.items()
    }
    about = {**settings, "finish": None}
    yield {**about, "status": "warming", "wall": 0.0, "lanes": [lane.view() for lane in lanes.values()]}
    for lane in lanes.values():
        warm_up(lane.pair.generator, settings["label"], lane.guidance)
        yield None
    began = shown = time.perf_counter()
    runners = {
        order: lane.pair.generator.generate(settings["label"], seed=settings["seed"], guidance=lane.guidance)
        for order, lane in lanes.items()
    }
    for move in race(runners):
        lane = lanes[move.runner]
        lane.take(move.step, move.seconds)
        due = time.perf_counter() - shown >= FRAME_SECONDS
        if lane.wants_picture(due, bench.slow):
            lane.decode()
            due = True
        if not due:
            yield None
            continue
        shown = time.perf_counter()
        yield {
            **about,
            "status": "running",
            "wall": shown - began,
            "lanes": [one.view() for one in lanes.values()],
        }
    finish = first_finish({order: lane.clock for order, lane in lanes.items()})
    yield {
        **about,
        "status": "done",
        "wall": time.perf_counter() - began,
        "finish": {"first": finish.first, "seconds": finish.seconds, "others": finish.others},
        "lanes": [lane.view(every_picture=True) for lane in lanes.values()],
    }


class _Lane:
    """One model's part of a running race. Pictures are decoded without the memo, so that times are real."""

    def __init__(self, pair: Pair, guidance: float, colours: list[str]):
        self.pair, self.guidance, self.colours = pair, guidance, colours
        self.painter = pair.tokenizer.with_grids(pair.generator.grids)
        self.painter.memo = None
        self.work = work(pair, guidance)
        self.clock: list[float] = []
        self.tokens: list[int] = []
        self.step: GenerationStep | None = None
        self.images: dict[int, str] = {}
        self.new: dict[int, str] = {}
        self.decoding = 0.0
        self.last_decoding = 0.0
        self.decoded_at = 0.0

    @property
    def done(self) -> bool:
        return self.step is not None and self.step.index == self.step.total

    def take(self, step: GenerationStep, seconds: float) -> None:
        self.step = step
        self.clock.append(seconds)
        self.tokens.append(sum(int((ids >= 0).sum()) for ids in step.maps))

    def wants_picture(self, due: bool, slow: bool) -> bool:
        """Every scale where decoding is quick; else as often as it takes little of the time."""
        if self.done or (self.pair.order != RASTER and not slow):
            return True
        rested = time.perf_counter() - self.decoded_at
        return due and rested >= DECODING_SHARE * self.last_decoding

    def decode(self) -> None:
        began = time.perf_counter()
        image = self.painter.decode(self.step.maps)[0]
        self.decoded_at = time.perf_counter()
        self.last_decoding = self.decoded_at - began
        self.decoding += self.last_decoding
        self.new[self.step.index] = self.images[self.step.index] = data_uri(image)

    def view(self, every_picture: bool = False) -> dict:
        images, self.new = (self.images if every_picture else self.new), {}
        return {
            "order": self.pair.order,
            "guided": is_guided(self.pair.order, self.guidance),
            "total": self.pair.generator.steps,
            "done": len(self.clock),
            "clock": list(self.clock),
            "tokens": list(self.tokens),
            "work": self.work,
            "median": median_step(self.clock),
            "decoding": {"pictures": len(self.images), "seconds": self.decoding},
            "maps": self._maps(),
            "images": {str(n): image for n, image in images.items()},
        }

    def _maps(self) -> list[dict]:
        found = []
        for k, (h, w) in enumerate(self.pair.generator.grids):
            ids = self.step.maps[k][0].flatten().tolist() if self.step else [UNKNOWN] * (h * w)
            colours = [self.colours[code] if code >= 0 else None for code in ids]
            found.append({"h": h, "w": w, "ids": ids, "colours": colours})
        return found


def picture(bench: Workbench, asked: Mapping) -> str:
    """The picture of a lane after its first `done` steps, by its tokens: {"order", "maps", "done"}.

    Raster steps are tokens, row by row; next-scale steps are maps. ValueError for anything else.
    """
    pair = bench.pairs[asked["order"]]
    grids = pair.generator.grids
    done = checked_number(asked["done"], "steps done", 1, pair.generator.steps)
    if not isinstance(asked["maps"], list) or len(asked["maps"]) != len(grids):
        raise ValueError(f"{len(grids)} token maps are needed")
    maps = []
    for k, (ids, (h, w)) in enumerate(zip(asked["maps"], grids, strict=True)):
        if not isinstance(ids, list) or len(ids) != h * w:
            raise ValueError(f"scale {k + 1} needs {h * w} tokens")
        known = done if pair.order == RASTER else len(ids) * (k < done)
        ids = [checked_number(code, "a code", 0, pair.tokenizer.vocab_size - 1) for code in ids[:known]]
        maps.append(ids + [UNKNOWN] * (h * w - known))
    tensors = tuple(_tensor(ids, h, w) for ids, (h, w) in zip(maps, grids, strict=True))
    return data_uri(pair.generator.tokenizer.decode(TokenMaps(tensors))[0])


def _tensor(ids: list[int], h: int, w: int):
    return torch.tensor(ids).view(1, h, w)


def checked(bench: Workbench, data: Mapping) -> dict:
    """The settings that the browser sent, or a ValueError with a sentence."""
    facts = introduction(bench)
    if facts["problem"]:
        raise ValueError(facts["problem"])
    label = data.get("label")
    if not isinstance(label, str) or label not in facts["classes"]:
        raise ValueError(f"there is no class {str(label)[:40]!r}; choose one of the buttons")
    guidance = data.get("guidance")
    guidance = guidance if isinstance(guidance, Mapping) else {}
    return {
        "label": label,
        "seed": checked_number(data.get("seed"), "the seed", 0, LARGEST_SEED),
        "guidance": {lane["order"]: _guidance(lane, guidance.get(lane["order"])) for lane in facts["lanes"]},
    }


def _guidance(lane: dict, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_GUIDANCE:
        raise ValueError(
            f"guidance of {lane['name']} is a number from 0 to {MOST_GUIDANCE:g}, not {str(value)[:40]!r}"
        )
    return float(value)
