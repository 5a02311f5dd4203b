"""Orders in which a grid can be read, drawn as paths, and what they do to neighbours.
The counterpart is assets/js/compare/orders.js, which only draws what is computed here."""

from collections.abc import Mapping
from functools import lru_cache

import gradio as gr

from explorer import orders as cell_orders
from explorer.analysis import scan_orders
from explorer.token_maps import Grid
from explorer.ui.components import orders_parts as parts
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

SMALLEST, LARGEST = 2, 32  # cells along a side
LARGEST_SEED = 2**31 - 1
REMEMBERED = 64  # grids; one is at most 150 kB of numbers
USUAL: Grid = (16, 16)  # where the page's own grid is too large or too small
WIRE = "Tokenscope.connectOrders({props, server})"
TITLES = {
    "raster": "Raster",
    "serpentine": "Serpentine",
    "spiral": "Spiral",
    "spiral-outwards": "Spiral",
    "z-curve": "Z-curve",
    "hilbert": "Hilbert",
    "random": "Random",
}


def build() -> None:
    """The parts of this section of Compare."""
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            parts.close_up()
            parts.settings()
        with gr.Column(elem_classes="ts-stage"):
            parts.overview()
            parts.distances()
            parts.table()
        with gr.Column(elem_classes="ts-right"):
            parts.cell()


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire between the parts and Python: a look-up, the same for all visitors."""
    own = bench.tokenizer.grids
    h, w = own[-1]
    fits = SMALLEST <= min(h, w) and max(h, w) <= LARGEST
    start = {"rows": h, "columns": w} if fits else {"rows": USUAL[0], "columns": USUAL[1]}

    def scan_orders(asked):
        return answer(own, asked)

    gr.HTML(
        html_template="",
        js_on_load=WIRE,
        apply_default_css=False,
        visible="hidden",
        value=answer(own, start),
        server_functions=[scan_orders],
    )


def answer(own: tuple[Grid, ...], asked: object) -> dict:
    """All orders of the asked grid {"rows", "columns", "spiral", "seed"}, or a sentence under "problem".

    own: the schedule of the page's tokenizer, for next-scale where the grid is its finest one.
    """
    try:
        asked = asked if isinstance(asked, Mapping) else {}
        h = _whole(asked.get("rows"), "The number of rows", SMALLEST, LARGEST)
        w = _whole(asked.get("columns"), "The number of columns", SMALLEST, LARGEST)
        seed = _whole(asked.get("seed", 0), "The seed", 0, LARGEST_SEED)
        inwards = asked.get("spiral", "inwards")
        if inwards not in ("inwards", "outwards"):
            raise ValueError(f"The spiral goes inwards or outwards, not {str(inwards)[:40]!r}.")
    except ValueError as error:
        return {"problem": str(error)}
    return orders_view(h, w, seed, inwards == "inwards", own if own[-1] == (h, w) else None)


def _whole(value: object, what: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        given = "nothing was given" if value is None else f"not {str(value)[:40]}"
        raise ValueError(f"{what} is a whole number from {low} to {high:,}, {given}.")
    if not low <= value <= high:
        raise ValueError(f"{what} lies from {low} to {high:,}; {str(value)[:20]} is outside.")
    return int(value)


@lru_cache(REMEMBERED)
def orders_view(h: int, w: int, seed: int, inwards: bool, own: tuple[Grid, ...] | None) -> dict:
    """What the page draws for one grid. own: a schedule of next-scale that ends at it, None: one is made."""
    names = [
        "raster",
        "serpentine",
        "spiral" if inwards else "spiral-outwards",
        "z-curve",
        "hilbert",
        "random",
    ]
    found = {name: cell_orders.scan_order(name, h, w, seed) for name in names}
    figures = {
        name: scan_orders.locality(cell_orders.steps_of(order_N, h, w)) for name, order_N in found.items()
    }
    bins = scan_orders.doubling_bins(h * w - 1)
    maps = scan_orders.next_scale_steps(own or scan_orders.next_scale_grids(h, w))
    pairs = len(figures["raster"].distances_E)
    return {
        "rows": h,
        "columns": w,
        "seed": seed,
        "spiral": "inwards" if inwards else "outwards",
        "pairs": pairs,
        "known_mean": pairs / (h * w),
        "exact": cell_orders.fills_its_square(h, w),
        "bins": [list(one) for one in bins],
        "orders": [
            {
                "name": name,
                "title": TITLES[name],
                "tokens": h * w,
                "steps": h * w,
                "cells": order_N.tolist(),
                "jumps": scan_orders.jumps(order_N, w),
                **_figures(figures[name], bins),
            }
            for name, order_N in found.items()
        ],
        "scales": {
            "name": "next-scale",
            "title": "Next-scale",
            "tokens": sum(step.tokens for step in maps),
            "steps": len(maps),
            "own": own is not None,
            "covered_4": maps[-1].covered_4,
            "covered_8": maps[-1].covered_8,
            **_figures(maps[-1].within, bins),
            "maps": [
                {
                    "h": step.grid[0],
                    "w": step.grid[1],
                    "tokens": step.tokens,
                    "known_4": float(step.within.share_4_hw.mean()) if step.within else None,
                    "known_8": float(step.within.share_8_hw.mean()) if step.within else None,
                    "apart": step.within.longest if step.within else None,
                    "covered_4": step.covered_4,
                    "covered_8": step.covered_8,
                    "coarser": float(step.coarser_hw.double().mean()),
                }
                for step in maps
            ],
        },
    }


def _figures(found: scan_orders.Locality, bins: list[tuple[int, int]]) -> dict:
    """Distances in steps; shares from 0 to 1; lists row by row."""
    return {
        "mean": found.mean,
        "median": found.median,
        "longest": found.longest,
        "counts": scan_orders.counts_in(found.distances_E, bins),
        "known_4": float(found.share_4_hw.mean()),
        "known_8": float(found.share_8_hw.mean()),
        "alone": int((found.known_4_hw == 0).sum()),
        "known_4_of": [int((found.known_4_hw == n).sum()) for n in range(5)],
        "share": [round(value, 4) for value in found.share_4_hw.flatten().tolist()],
        "known": found.known_4_hw.flatten().tolist(),
        "look_back": found.look_back_hw.flatten().tolist(),
    }
