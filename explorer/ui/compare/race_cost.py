"""What a picture costs as it grows, for the page: counted at once, measured when asked.

The counterpart is assets/js/compare/race_cost.js. Counted work depends on the models' architecture alone, so
it is the first view; times are measured on request, size by size, for at most `SECONDS` of computing.
"""

from collections.abc import Iterator

import gradio as gr

from explorer.analysis.cost import parameter_count
from explorer.bench.growth import (
    NEXT_SCALE,
    RASTER,
    Counted,
    Family,
    count,
    measure,
    own_family,
    published_family,
)
from explorer.devices import hardware_name
from explorer.ui.wires import QUIET, StoppedJobs, hidden, streamed
from explorer.ui.workbench import Workbench

SECONDS = 15.0
ABOUT_EQUAL = 1.1  # ratio of parameters up to which two models are called equal in size
WIRE = "Tokenscope.connectRaceCost({props, watch, server, ask: (data) => trigger('ask', data)})"
BY_COMMAND = "Its networks are large: measure them with python -m explorer bench growth --published."


def connect(bench: Workbench) -> None:
    """The wire: "ask" measures, `cancel_cost` is heard within one step."""
    cancelled = StoppedJobs()

    def ask(event: gr.EventData):
        data = dict(event._data or {})
        yield from streamed(data, views(bench), cancelled)

    wire = hidden(WIRE, value=introduction(bench), look_ups=[cancelled.look_up("cancel_cost")])
    wire.ask(
        ask,
        None,
        wire,
        concurrency_limit=1,
        **QUIET,
    )


def introduction(bench: Workbench) -> dict:
    own = _own(bench)
    families = [family_view(own)] if own else []
    device = bench.tokenizer.device
    return {
        "families": [*families, family_view(published_family())],
        "hardware": f"{hardware_name(device.torch_device)}, {device}",
        "seconds": SECONDS,
    }


def _own(bench: Workbench) -> Family | None:
    return own_family({order: pair.generator for order, pair in bench.pairs.items()})


def family_view(family: Family) -> dict:
    rows = [
        {
            "side": side,
            "pixels": side * family.cell,
            "scales": [h for h, _ in family.grids(side)],
            **{order: _counted_view(count(family, order, side)) for order in family.configs},
        }
        for side in family.sides
    ]
    return {
        "name": family.name,
        "title": "The two on this page" if family.name == "own" else " and ".join(family.names.values()),
        "models": dict(family.names),
        "cell": family.cell,
        "parameters": {order: parameter_count(config) for order, config in family.configs.items()},
        "measured": None if family.name == "own" else BY_COMMAND,
        "rows": rows,
        "finding": finding(rows),
        "caveats": caveats(family, rows),
    }


def _counted_view(found: Counted) -> dict:
    return {
        "steps": found.steps,
        "tokens": found.tokens,
        "flops": found.flops,
        "attention": found.attention,
        "without_cache": found.without_cache,
    }


def finding(rows: list[dict]) -> str:
    """The title: what grows, at the largest size."""
    last = rows[-1]
    a, b = last[NEXT_SCALE], last[RASTER]
    more, less, ratio = _compared(a["flops"], b["flops"])
    return (
        f"At {last['pixels']} px raster takes {b['steps']:,} steps one after the other, next-scale "
        f"{a['steps']}; {more} does {ratio:.1f} times the work of {less}."
    )


def caveats(family: Family, rows: list[dict]) -> list[str]:
    """What a table of large numbers must not be read as; figures computed."""
    first, last = rows[0], rows[-1]
    a, b = first[NEXT_SCALE], first[RASTER]
    sizes = {order: parameter_count(config) for order, config in family.configs.items()}
    more, less, ratio = _compared(a["flops"], b["flops"])
    small, share = (max(row[order]["attention"] for order in sizes) for row in (first, last))
    return [
        f"Fewer operations are not less time. At {first['pixels']} px {more} does {ratio:.1f} times the work "
        f"of {less}, but the {b['steps']} steps of raster depend on each other, and each reads all "
        f"{sizes[RASTER] / 1e6:.0f} M weights for one token; next-scale has {a['steps']} steps.",
        _sizes(family, sizes, a, b),
        "O(n⁴) against O(n⁶) holds for raster generation without a cache of keys and values, which hardly "
        "anyone runs. With one, both need O(n⁴) for attention and O(n²) for everything else; what differs is "
        "the number of dependent steps, n² against about log n.",
        f"The law of n⁴ is attention's, and attention is {100 * small:.0f} % of the work at "
        f"{first['pixels']} px, {100 * share:.0f} % at {last['pixels']} px. At sizes like these, trust the "
        "counted numbers.",
    ]


def _sizes(family: Family, sizes: dict[str, int], a: dict, b: dict) -> str:
    tokens = f"{a['tokens']} to {b['tokens']} tokens"

    def millions(order: str) -> str:
        return f"{sizes[order] / 1e6:.0f} M"

    if max(sizes.values()) < ABOUT_EQUAL * min(sizes.values()):
        return (
            f"Both have about {millions(RASTER)} parameters, so the ratio of work is about that of tokens: "
            f"{a['flops'] / b['flops']:.1f} of work, {a['tokens'] / b['tokens']:.1f} of tokens ({tokens})."
        )
    return (
        f"Part of the ratio is size: {family.names[NEXT_SCALE]} has {millions(NEXT_SCALE)} parameters, "
        f"{family.names[RASTER]} {millions(RASTER)}. At equal size the ratio of work is about the ratio of "
        f"tokens, here {tokens}."
    )


def _compared(next_scale: int, raster: int) -> tuple[str, str, float]:
    names = ("next-scale", "raster") if next_scale >= raster else ("raster", "next-scale")
    return *names, max(next_scale, raster) / min(next_scale, raster)


def views(bench: Workbench) -> Iterator[dict]:
    """The measurement so far, after every step; ends with status "done". ValueError without a pair."""
    family = _own(bench)
    if family is None:
        raise ValueError("two loaded generators with square maps of one size are needed")
    tokenizers = {order: pair.tokenizer for order, pair in bench.pairs.items()}
    found: list[dict] = []
    view: dict = {}
    for timing in measure(family, tokenizers, SECONDS):
        if timing.seconds is not None or timing.skipped is not None:
            found.append(
                {
                    "order": timing.order,
                    "side": timing.side,
                    "seconds": timing.seconds,
                    "expected": timing.skipped,
                }
            )
        at = {"order": timing.order, "side": timing.side, "done": timing.done, "total": timing.total}
        view = {"status": "running", "measured": list(found), "at": at}
        yield view
    yield {**view, "status": "done"}
