"""The shell: header, seven tabs, and the two wires between the page's script and Python.

`link` carries the session: the script sends one action at a time ("act"), the answer is the new view.
`runner` streams a generation ("generate", "stop"). Both hold plain values; assets/js/link.js is
their other end.
"""

import logging
from collections.abc import Callable, Container, Iterator, Mapping
from functools import cache

import gradio as gr
from PIL import Image

from explorer.figures.images import picture_uri
from explorer.samples import SAMPLES, load_sample
from explorer.ui import actions, components, restoring, session_memory, squares
from explorer.ui.codebook import codebook_tab
from explorer.ui.compare import compare_tab
from explorer.ui.edit import edit_tab, exporting
from explorer.ui.endpoints import api, arguments, stay_local
from explorer.ui.generate import generate_tab, run_exporting
from explorer.ui.inside import inside_tab
from explorer.ui.inspect import developing, inspect_tab, measures, surprise
from explorer.ui.learn import learn_tab
from explorer.ui.session import Session
from explorer.ui.session_memory import SessionMemory
from explorer.ui.views import model_view, session_view
from explorer.ui.wires import QUIET, hidden
from explorer.ui.workbench import FIRST_SAMPLE, Workbench

log = logging.getLogger(__name__)

FAILED = "Something went wrong on the server; it has been logged there. What you had is unchanged."
PHOTO = 1024  # pixels at most of a photo as it is shown beside what the model sees
VISITORS = 16  # actions or runs at once; the device's lock makes models take turns within them
TABS = {
    "Inspect": inspect_tab,
    "Edit": edit_tab,
    "Codebook": codebook_tab,
    "Generate": generate_tab,
    "Inside": inside_tab,
    "Compare": compare_tab,
    "Learn": learn_tab,
}
LINK = "Tokenscope.connect({props, watch, server, upload, act: (data) => trigger('act', data)})"
RUNNER = """Tokenscope.connectRunner({props, watch, send: (name, data) =>
  name === 'stop' ? trigger('stop', data) : trigger('generate', data)})"""


def build_page(
    bench: Workbench,
    connect_menu: Callable[[], None] | None = None,
    memory: SessionMemory | None = None,
) -> gr.Blocks:
    """The page around loaded models; serve it with `explorer.ui.open_site`.

    connect_menu: makes the wire of the header's model menu; without it the header only names the models.
    memory: bounds what the sessions of all pages hold; the page has one of its own where none is given.
    """
    memory = memory or SessionMemory()
    # Where computing is slow the page is there first, and asks for its first picture itself.
    first = Session() if bench.slow else first_session(bench)
    with gr.Blocks(
        title="Tokenscope", analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True
    ) as page:
        state = gr.State(first)
        components.header()
        components.notice()
        with gr.Tabs(elem_classes="ts-tabs"):
            for name, tab in TABS.items():
                with gr.Tab(name):
                    tab.build()
        squares.connect(bench)
        codebook_tab.connect(bench)
        measures.connect(bench, state, first)
        developing.connect(bench, state)
        surprise.connect(bench, state)
        run_exporting.connect(bench, state)
        replaced = generate_tab.connect(bench)
        inside_tab.connect(bench, state)
        compare_tab.connect(bench, state, first)
        learn_tab.connect(bench, state)
        if connect_menu:
            connect_menu()
        link = hidden(LINK, value=first_view(bench, first), look_ups=_look_ups(bench))
        runner = hidden(RUNNER)

        session_memory.connect(memory, page)
        link.act(
            _act_function(bench, page, memory), state, [state, link], concurrency_limit=VISITORS, **QUIET
        )
        going = runner.generate(
            _generate_function(bench, replaced), None, runner, concurrency_limit=VISITORS, **QUIET
        )
        runner.stop(None, None, None, cancels=[going], api_visibility="private")
        api.add_endpoints(bench)
    stay_local.refuse_addresses(page)
    arguments.tell_what_is_wrong(page)
    return page


def first_session(bench: Workbench) -> Session:
    """What stands on the page before anybody touched it: a sample, tokenized by the loaded model."""
    sample = next(sample for sample in SAMPLES if sample.name == FIRST_SAMPLE)
    image = load_sample(sample.name)
    return actions.open_picture(bench, Session(), image, sample.title, sample.credit, sample.name)


def first_view(bench: Workbench, session: Session) -> dict:
    """What the page knows from the start. Nothing is generated here by a model that takes its time."""
    view = {
        "model": model_view(bench),
        "session": session_view(bench, session),
        "first": None if session.present else FIRST_SAMPLE,
        "selection": {"k": 3, "i": 1, "j": 1},
    }
    view["selection"]["k"] = min(3, len(bench.tokenizer.grids) - 1)
    if bench.generator and not bench.slow:
        view["run"] = generate_tab.example(bench, view["model"]["sampling"])
    return view


def act(bench: Workbench, session: Session, data: dict) -> Iterator[tuple[Session, dict]]:
    """One action: the new session and its view; the old session with a sentence when it cannot be done.

    Where decoding is slow the tokens come first, with previews, then the final picture; the page asks for the
    others while the visitor goes on (inspect/developing.py).
    """
    ticket, known = data.get("ticket"), data.get("known")
    try:
        if data.get("kind") == "export":
            yield session, {"ticket": ticket, "file": exporting.download(bench, session, data.get("what"))}
            return
        new = _perform(bench, session, str(data.get("kind")), data)
        if not bench.slow:
            yield new, {"ticket": ticket, "session": session_view(bench, new, known=known)}
            return
        yield new, {"session": session_view(bench, new, (), known=known)}
        last = len(bench.tokenizer.grids)
        yield new, {"ticket": ticket, "session": session_view(bench, new, (last,), known=known)}
    except ValueError as error:
        yield session, {"ticket": ticket, "problem": str(error)}
    except Exception:  # whatever happens the visitor keeps the session and reads a sentence
        log.exception("action failed")
        yield session, {"ticket": ticket, "problem": FAILED}


def _perform(bench: Workbench, session: Session, kind: str, data: dict) -> Session:
    if kind == "restore":
        return restoring.restore(bench, session, data)
    return actions.perform(bench, session, kind, data)


def _act_function(bench: Workbench, page: gr.Blocks, memory: SessionMemory):
    def act_on(session: Session, event: gr.EventData, request: gr.Request):
        data, visitor = dict(event._data or {}), request.session_hash or ""
        try:
            memory.check(visitor, str(data.get("kind")))
        except ValueError as error:
            yield session, {"ticket": data.get("ticket"), "problem": str(error)}
            return
        for new, answer in act(bench, session, data):
            memory.note(page, visitor, new)
            yield new, answer

    return act_on


def _generate_function(bench: Workbench, replaced: Container[str]):
    def generate_for_page(event: gr.EventData):  # `generate` is the endpoint's name
        yield from generate_tab.stream(bench, dict(event._data or {}), replaced)

    return generate_for_page


def _look_ups(bench: Workbench) -> list:
    """Server functions: cheap, without a session, and a falsy answer where there is none."""

    def card(code):
        try:
            return bench.card(code)
        except ValueError:
            return None

    def swatches(data):  # {"codes": a list, "scale": from 1, else the finest}
        data = data if isinstance(data, Mapping) else {}
        scale = data.get("scale")
        try:
            return bench.swatches(data.get("codes"), scale if type(scale) is int else None)
        except ValueError:
            return None

    @cache
    def photo(name: str) -> str:
        picture = load_sample(name)
        picture.thumbnail((PHOTO, PHOTO), Image.Resampling.LANCZOS)
        return picture_uri(picture)

    def sample_photo(name):
        return photo(name) if any(sample.name == name for sample in SAMPLES) else None

    return [card, swatches, sample_photo]
