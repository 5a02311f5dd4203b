"""How surprised the generator is by the tokens in Inspect. The counterpart is assets/js/inspect/surprise.js.

Scoring all classes takes many forwards. The device is held for one at a time, and between two of them the
run looks whether its visitor has cancelled it.
"""

import math
from collections.abc import Container, Iterator

import gradio as gr
import torch

from explorer.analysis.information import surprise, total_bits
from explorer.families import NEXT_SCALE
from explorer.token_maps import TokenMaps
from explorer.ui.components import measure_parts as parts
from explorer.ui.inspect.measures import about
from explorer.ui.session import Session
from explorer.ui.wires import QUIET, StoppedJobs, hidden, streamed
from explorer.ui.workbench import Workbench

ASKING = 2  # visitors scored at once, all others wait
ROWS = {"cpu": 2}  # classes of one forward: how long others may have to wait; 16 elsewhere
NO_CLASS = ""  # how the page names the null class
LIKELIEST = "likeliest"
FAILED = "The generator failed on the server; it has been logged there. What you had is unchanged."
WIRE = "Tokenscope.connectSurprise({props, watch, server, ask: (data) => trigger('ask', data)})"


def build() -> None:
    parts.surprise()


def connect(bench: Workbench, state: gr.State) -> None:
    """The wire: "ask" streams, `cancel_ask` is a look-up beside the queue and is heard within one forward."""
    cancelled = StoppedJobs()

    def ask(session: Session, event: gr.EventData):
        yield from stream(bench, session, dict(event._data or {}), cancelled)

    wire = hidden(WIRE, value=introduction(bench), look_ups=[cancelled.look_up("cancel_ask")])
    wire.ask(
        ask,
        state,
        wire,
        concurrency_limit=ASKING,
        **QUIET,
    )


def introduction(bench: Workbench) -> dict:
    """What the page knows before it asks: whether there is a generator, and what an even guess takes."""
    return {
        "unavailable": problem_of(bench),
        "uniform": math.log2(bench.tokenizer.vocab_size),
        "generator": bench.generator.name if bench.generator else "",
    }


def problem_of(bench: Workbench) -> str | None:
    """Why no generator can be asked, and what to do; None when one can."""
    if bench.generator is None:
        return (
            "No generator is loaded. Start the page with --generator to see how likely it finds these tokens."
        )
    if bench.generator.order != NEXT_SCALE:
        return (
            f"{bench.generator.name} writes token by token. This map needs a generator that predicts whole "
            "scales: start the page with a next-scale model as --generator."
        )
    return None


def stream(bench: Workbench, session: Session, data: dict, cancelled: Container[str] = ()) -> Iterator[dict]:
    """Views of a growing ranking, each complete in itself; ends with status "done" or "failed".

    data: "job", "label" (a class, "" = no class, "likeliest" = the best of all), "rank" (all classes too).
    Ends without a word within one forward once its job is in `cancelled`.
    """
    yield from streamed(data, _views(bench, session, data), cancelled, FAILED)


def _views(bench: Workbench, session: Session, data: dict) -> Iterator[dict]:
    problem = problem_of(bench)
    if problem or session.present is None:
        raise ValueError(problem or "Open a picture first.")
    gen, maps = bench.generator, session.present.maps
    label = data.get("label")
    known = (*gen.classes, *([] if gen.null_class is None else [NO_CLASS]))
    if not isinstance(label, str) or label not in (*known, LIKELIEST):
        raise ValueError(f"there is no class {str(label)[:40]!r}; choose one of the list")
    first = [] if label == LIKELIEST else [label]
    others = [name for name in known if name not in first] if data.get("rank") else []
    if not first and not others:
        raise ValueError("choose a class")
    rows = ROWS.get(gen.device.torch_device.type, 16)
    parts_of = [first] * bool(first) + [others[at : at + rows] for at in range(0, len(others), rows)]
    of = {**about(session.present), "total": len(first) + len(others), "rank": bool(data.get("rank"))}
    ranked: dict[str, float] = {}
    shown = None  # label and maps that are drawn
    for names in parts_of:
        scored = score(gen, maps, names)
        ranked |= {name: bits for name, (bits, _) in scored.items()}
        best = min((*scored, *([shown[0]] if shown else [])), key=ranked.get)
        if shown is None or (label == LIKELIEST and best != shown[0]):
            shown = (best, scored[best][1])
        yield {
            **of,
            "status": "done" if len(ranked) == of["total"] else "running",
            "done": len(ranked),
            "label": shown[0],
            "bits": shown[1],
            "ranking": sorted(ranked.items(), key=lambda item: item[1]),
        }


def score(gen, maps: TokenMaps, names: list[str]) -> dict[str, tuple[float, list[list[float]]]]:
    """For each class: the bits of the whole picture, and of every token, scale by scale, row by row."""
    bits_KBhw = surprise(gen.score(maps, [None if name == NO_CLASS else name for name in names]))
    totals_B = total_bits(bits_KBhw)
    if not torch.isfinite(totals_B).all():
        raise ValueError("the generator finds a token impossible: its weights may be damaged")
    return {
        name: (float(totals_B[b]), [[round(v, 3) for v in bits[b].flatten().tolist()] for bits in bits_KBhw])
        for b, name in enumerate(names)
    }
