"""The header's model chip: the wire between a page and `Houses`. Its counterpart is assets/js/models.js."""

import logging

import gradio as gr

from explorer.ui.switching.houses import PREFIX, Houses
from explorer.ui.wires import QUIET, StoppedJobs, hidden

log = logging.getLogger(__name__)

OPENING = 8  # visitors who wait for a model at once
WIRE = "Tokenscope.connectModels({props, watch, server, open: (data) => trigger('open', data)})"


def connect(houses: Houses, here: str) -> None:
    """here: the id of this page's choice, "" on the first page. "open" streams; `list_models` and
    `cancel_model` are look-ups beside the queue."""
    cancelled = StoppedJobs()

    def list_models(_):
        try:
            return houses.view(here)
        except Exception:  # an exception would reach the page as nothing at all
            log.exception("listing models failed")
            return None

    async def open_model(event: gr.EventData):
        data = dict(event._data or {})
        job = str(data.get("job", ""))[:60]
        async for view in houses.open(data.get("id"), job, cancelled):
            yield view

    home = "../" * (PREFIX.count("/") + 1) if here else "./"
    wire = hidden(
        WIRE, value={"home": home, "here": here}, look_ups=[list_models, cancelled.look_up("cancel_model")]
    )
    wire.open(
        open_model,
        None,
        wire,
        concurrency_limit=OPENING,
        **QUIET,
    )
