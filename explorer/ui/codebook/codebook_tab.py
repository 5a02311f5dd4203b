"""Codebook: all codes on one plane, and how they are used. The counterpart in the page is
assets/js/codebook/codebook_data.js.
"""

import logging
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from explorer.jobs.codebook_planes import CodebookPlanes, SwatchSheet
from explorer.jobs.derived import read_tokenizer_derived
from explorer.jobs.zip_usage import count_zip
from explorer.ui import components
from explorer.ui.codebook.codebook_views import (
    codebook_view,
    news_view,
    picture_usage_view,
    zip_progress_view,
    zip_result_view,
)
from explorer.ui.components import codebook_parts as parts
from explorer.ui.wires import QUIET, StoppedJobs, hidden
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

COUNTING = 2  # zips counted at once, over all visitors
FAILED = "Counting stopped: something went wrong on the server; it has been logged there."
WIRE = "Tokenscope.connectCodebook({props, watch, server, upload, count: (data) => trigger('count', data)})"


def build() -> None:
    with gr.Row(elem_classes="ts-frame ts-codebook"):
        with gr.Column(elem_classes="ts-left"):
            parts.numbers()
            parts.chosen()
        with gr.Column(elem_classes="ts-stage"):
            parts.codebook_map()
            parts.frequencies()
            parts.overlap()
        with gr.Column(elem_classes="ts-right"):
            components.card("session")
            parts.occurrences()


def connect(bench: Workbench) -> None:
    """The wire between the tab and Python: look-ups beside the queue, and the count of a zip in it.

    Cancelling is a look-up too, not Gradio's `cancels`: that one needs a run which has already begun.
    """
    shipped = read_tokenizer_derived(bench.tokenizer.name, bench.tokenizer.sha256)
    planes = CodebookPlanes(bench.codebook, (shipped.pca, shipped.umap) if shipped else None)
    sheet = SwatchSheet(bench.tokenizer)
    cancelled = StoppedJobs()
    wire = hidden(WIRE, look_ups=look_ups(bench, planes, sheet, cancelled))

    def count(event: gr.EventData):
        yield from count_upload(bench, dict(event._data or {}), cancelled)

    wire.count(count, None, wire, concurrency_limit=COUNTING, **QUIET)


def look_ups(bench: Workbench, planes: CodebookPlanes, sheet: SwatchSheet, cancelled: StoppedJobs) -> list:
    """Server functions: quick, without a session; None where there is no answer."""

    def codebook(_):
        return codebook_view(bench, planes)

    def codebook_news(have):
        return news_view(bench, planes, sheet, have if isinstance(have, Mapping) else {})

    def picture_usage(maps):
        try:
            return picture_usage_view(bench, maps)
        except ValueError:
            return None

    return [codebook, codebook_news, picture_usage, cancelled.look_up("cancel_count")]


def count_upload(bench: Workbench, data: Mapping, cancelled: Container[str] = ()) -> Iterator[dict]:
    """Views of a growing count; the last one holds the usage, or a sentence under "problem".

    Ends before the next file once its job is in `cancelled`. The upload stays: files lie under a hash of what
    they hold, so another page may be about to count the same one. Gradio removes them after an hour.
    """
    job = str(data.get("job", ""))[:60]
    name = Path(str(data.get("name", ""))[:120]).name or "the zip"
    folder = Path(get_upload_folder()).resolve()
    path = Path(str(data.get("path", ""))).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        yield {
            "job": job,
            "name": name,
            "status": "failed",
            "problem": "The upload did not arrive. Try again.",
        }
        return
    try:
        for counted in count_zip(bench.tokenizer, path, stopped=lambda: job in cancelled):
            yield {"job": job, **zip_progress_view(name, counted)}
        if job not in cancelled:
            yield {"job": job, **zip_result_view(name, counted)}
    except ValueError as error:
        yield {
            "job": job,
            "name": name,
            "status": "failed",
            "problem": f"“{name}” cannot be counted. {error}",
        }
    except Exception:  # the page must say something whatever happens; the log has the rest
        log.exception("counting failed")
        yield {"job": job, "name": name, "status": "failed", "problem": FAILED}
