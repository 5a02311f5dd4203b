"""What the comparisons of both orders share: streams that can be cancelled, classes, facts about fairness."""

from collections.abc import Callable, Iterator

import gradio as gr

from explorer.token_maps import TokenMaps, whole_number
from explorer.ui.compare.pairs import NEXT_SCALE, RASTER, Pair
from explorer.ui.session import Session
from explorer.ui.wires import QUIET, StoppedJobs, hidden, streamed
from explorer.ui.workbench import Workbench

AT_ONCE = 2  # visitors served at once by one comparison, all others wait
NO_CLASS = ""  # how the page names the null class
LARGEST_SEED = 2**31 - 1
ABSENT = {
    NEXT_SCALE: "No next-scale model is loaded. Start the page with one as --generator.",
    RASTER: "No raster model is loaded. Start the page with --raster-tokenizer and --raster-generator.",
}


def wire(
    script: str, state: gr.State, introduction: dict, views: Callable[[Session, dict], Iterator[dict | None]]
) -> None:
    """A hidden wire: "ask" streams the views of a job; `cancel_ask` goes beside the queue.

    It is heard within one step: between two steps of a generator the stream looks whether it is still wanted.
    """
    cancelled = StoppedJobs()

    def ask(session: Session, event: gr.EventData):
        data = dict(event._data or {})
        yield from streamed(data, views(session, data), cancelled)

    link = hidden(script, value=introduction, look_ups=[cancelled.look_up("cancel_ask")])
    link.ask(
        ask,
        state,
        link,
        concurrency_limit=AT_ONCE,
        **QUIET,
    )


def absent(bench: Workbench) -> list[dict]:
    """The orders that cannot be compared, and what to do about it."""
    return [{"order": order, "why": why} for order, why in ABSENT.items() if order not in bench.pairs]


def need_pairs(bench: Workbench) -> dict[str, Pair]:
    """The loaded pairs by order; ValueError where there is none at all."""
    if not bench.pairs:
        raise ValueError(
            "No generator is loaded. Start the page with --generator, and with --raster-generator"
        )
    return bench.pairs


def common_classes(bench: Workbench) -> list[str]:
    """Classes that all loaded generators know, in the order of the first."""
    pairs = list(bench.pairs.values())
    return (
        [name for name in pairs[0].generator.classes if all(name in p.generator.classes for p in pairs)]
        if pairs
        else []
    )


def checked_class(bench: Workbench, label: object, *others: str) -> str:
    """A class that all generators know, NO_CLASS, or one of `others`; ValueError for anything else."""
    if not isinstance(label, str) or label not in (*common_classes(bench), NO_CLASS, *others):
        raise ValueError(f"there is no class {str(label)[:40]!r}; choose one of the list")
    return label


def checked_number(value: object, what: str, low: int, high: int) -> int:
    number = whole_number(value, what)
    if not low <= number <= high:
        raise ValueError(f"{what} is a whole number from {low} to {high}, not {number}")
    return number


def as_label(label: str) -> str | None:
    return None if label == NO_CLASS else label


def model_facts(pair: Pair) -> dict:
    """What makes a comparison fair or not, for the caption: size, steps, tokens, sampling."""
    gen = pair.generator
    return {
        "order": pair.order,
        "name": gen.name,
        "tokenizer": pair.tokenizer.name,
        "parameters": gen.parameters,
        "steps": gen.steps,
        "tokens": sum(h * w for h, w in gen.grids),
        "codes": gen.vocab_size,
        "grids": [list(grid) for grid in gen.grids],
        "size": list(pair.tokenizer.image_hw),
        "sampling": dict(gen.sampling),
    }


def one_image(maps: TokenMaps, row: int) -> list[list[int]]:
    """K flat lists of ids of one image of a batch."""
    return [ids[row].flatten().tolist() for ids in maps]
