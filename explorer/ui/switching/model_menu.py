"""The header's model chip: the wire between a page and `Houses`. Its counterpart is assets/js/models.js."""

import logging
from collections import deque

import gradio as gr

from explorer.ui.switching.houses import PREFIX, Houses

log = logging.getLogger(__name__)

REMEMBERED = 256  # jobs that visitors have cancelled
OPENING = 8  # visitors who wait for a model at once
WIRE = "Tokenscope.connectModels({props, watch, server, open: (data) => trigger('open', data)})"


def connect(houses: Houses, here: str) -> None:
    """here: the id of this page's choice, "" on the first page. "open" streams; `list_models` and
    `cancel_model` are look-ups beside the queue."""
    cancelled: deque[str] = deque(maxlen=REMEMBERED)

    def list_models(_):
        try:
            return houses.view(here)
        except Exception:  # an exception would reach the page as nothing at all
            log.exception("listing models failed")
            return None

    def cancel_model(job):
        cancelled.append(str(job)[:60])

    async def open_model(event: gr.EventData):
        data = dict(event._data or {})
        job = str(data.get("job", ""))[:60]
        async for view in houses.open(data.get("id"), job, cancelled):
            yield view

    home = "../" * (PREFIX.count("/") + 1) if here else "./"
    wire = gr.HTML(
        html_template="",
        js_on_load=WIRE,
        apply_default_css=False,
        visible="hidden",
        value={"home": home, "here": here},
        server_functions=[list_models, cancel_model],
    )
    wire.open(
        open_model,
        None,
        wire,
        concurrency_limit=OPENING,
        show_progress="hidden",
        trigger_mode="multiple",
        api_visibility="private",
    )
