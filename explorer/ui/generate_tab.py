"""Generate: choose a class and watch a picture appear, scale by scale."""

import logging
from collections.abc import Iterator, Mapping

import gradio as gr

from explorer.ui import components
from explorer.ui.run_request import read_request
from explorer.ui.run_views import run_views
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

FIRST_CLASS = "sunflower"  # reads at 64 px


def build() -> None:
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            components.specimen("run", "run")
            components.sampling()
        with gr.Column(elem_classes="ts-stage"):
            components.classes()
            components.pyramid("run", "Token maps of the generated picture")
            components.timeline("run", "The picture after each step")
        with gr.Column(elem_classes="ts-right"):
            components.sending()
            components.card("run")


def connect(bench: Workbench) -> None:
    """The wires of this tab beside the page's runner: look-ups, exports, masks."""


def stream(bench: Workbench, data: Mapping) -> Iterator[dict]:
    """The run as it grows: one view per step, or one view with a sentence under "problem"."""
    run = str(data.get("run", ""))[:60]
    try:
        if bench.generator is None:
            raise ValueError("No generator was loaded. Start the page with --generator.")
        yield from run_views(bench, read_request(bench.generator, data))
    except ValueError as error:
        yield {"run": run, "problem": sentence(error)}
    except Exception:  # the page must say something whatever happens; the log has the rest
        log.exception("generation failed")
        yield {
            "run": run,
            "problem": "The generator failed on the server. Try other settings, or restart the page.",
        }


def example(bench: Workbench, sampling: Mapping) -> dict:
    """The run of the first paint, made by the loaded model when the page is built."""
    names = bench.generator.classes
    label = FIRST_CLASS if FIRST_CLASS in names else names[0]
    request = read_request(bench.generator, {"label": label, **sampling})
    *_, view = run_views(bench, request, status="example")
    return view


def sentence(error: ValueError) -> str:
    """A library's message as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
