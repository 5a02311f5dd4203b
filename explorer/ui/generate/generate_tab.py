"""Generate: choose a class and watch a picture appear, scale by scale."""

import logging
from collections.abc import Callable, Container, Iterator, Mapping

import gradio as gr

from explorer.ui import components
from explorer.ui.generate import painting, run_look_ups
from explorer.ui.generate.run_request import read_request
from explorer.ui.generate.run_views import run_views
from explorer.ui.wires import StoppedJobs, hidden
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

WIRE = "Tokenscope.connectGenerate({server})"
FIRST_CLASS = "sunflower"  # reads at 64 px


def build() -> None:
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            components.specimen("run", "run")
            components.sampling()
        with gr.Column(elem_classes="ts-stage"):
            components.classes()
            components.gallery()
            components.pyramid("run", "Token maps of the generated picture")
            components.timeline("run", "The picture after each step")
            components.run_steps()
            components.run_again()
            painting.build()
            components.branches()
        with gr.Column(elem_classes="ts-right"):
            components.sending()
            components.candidates()
            components.card("run")
            components.run_exports()


def connect(bench: Workbench) -> Container[str]:
    """The wires of this tab beside the page's runner: what is looked up about a run.

    Gives the runs that visitors have replaced by others, for `stream`.
    """
    replaced = StoppedJobs()

    def candidates(data):
        return answer(run_look_ups.candidates, bench, data)

    def row_view(data):
        return answer(run_look_ups.row_view, bench, data)

    def picture(data):
        return answer(run_look_ups.picture, bench, data)

    painting.connect(bench)
    hidden(WIRE, look_ups=[candidates, row_view, picture, replaced.look_up("leave_run")])
    return replaced


def answer(look_up: Callable[[Workbench, Mapping], dict], bench: Workbench, data: object) -> dict | None:
    """What a look-up found, or {"problem": a sentence}; None, logged, when it failed."""
    try:
        return look_up(bench, data if isinstance(data, Mapping) else {})
    except ValueError as error:
        return {"problem": sentence(error)}
    except Exception:  # the browser would get nothing; the log has the reason
        log.exception("a look-up of Generate failed")
        return None


def stream(bench: Workbench, data: Mapping, replaced: Container[str] = ()) -> Iterator[dict]:
    """The run as it grows: one view per step, or one view with a sentence under "problem".

    Ends without a word within one step once the run is in `replaced`.
    """
    run = str(data.get("run", ""))[:60]
    try:
        if bench.generator is None:
            raise ValueError("No generator was loaded. Start the page with --generator.")
        for view in run_views(bench, read_request(bench.generator, data)):
            if run in replaced:
                return
            yield view
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
