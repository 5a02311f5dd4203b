"""Learn: short pages, each ticked off by what the reader does in the live panels. The counterpart is
assets/js/learn/learn.js; the texts are in lessons.py.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict

import gradio as gr

from explorer.analysis.contrast import VISIBLE, code_distance, moved_share
from explorer.ui import components
from explorer.ui.compare.pairs import RASTER
from explorer.ui.components import codebook_parts, learn_parts
from explorer.ui.learn import guidance_runs
from explorer.ui.learn.card_facts import card_facts
from explorer.ui.learn.lesson import Facts
from explorer.ui.learn.lessons import lessons
from explorer.ui.session import Session
from explorer.ui.wires import QUIET, StoppedJobs, hidden
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

RUNNING = 4  # visitors whose guided runs go on at once, all others wait
WIRE = """Tokenscope.connectLearn({props, watch, server,
  measure: (data) => trigger('measure', data), guide: (data) => trigger('guide', data)})"""

# The live parts in the order in which they stand, "aside" left of "main"; a lesson names those it shows.
PANELS: tuple[tuple[str, str, Callable[[], gr.HTML]], ...] = (
    ("specimen", "aside", lambda: components.specimen("session", "inspect")),
    ("edited", "aside", lambda: components.specimen("session", "edit")),
    ("run", "aside", lambda: components.specimen("run", "run")),
    ("codes", "aside", learn_parts.compared_codes),
    ("writing", "main", learn_parts.writing),
    ("pyramid", "main", lambda: components.pyramid("session", "Token maps of the picture")),
    ("distances", "main", learn_parts.distances),
    ("palette", "main", learn_parts.palette),
    ("codebook", "main", codebook_parts.codebook_map),
    ("timeline", "main", lambda: components.timeline("session", "The picture after each scale")),
    ("energy", "main", learn_parts.energy),
    ("run-pyramid", "main", lambda: components.pyramid("run", "Token maps of the written picture")),
    ("run-timeline", "main", lambda: components.timeline("run", "The written picture after each step")),
    ("sources", "main", components.sources),
    ("neighbours", "main", learn_parts.neighbours),
    ("guidance", "main", learn_parts.guidance),
    ("information", "main", learn_parts.information),
    ("looked", "main", learn_parts.looked),
    ("layers", "main", learn_parts.layers),
    ("facts", "main", learn_parts.facts),
)


def build() -> None:
    with gr.Row(elem_classes="ts-learn"):
        with gr.Column(elem_classes="ts-learn-contents"):
            learn_parts.contents()
        with gr.Column(elem_classes="ts-learn-stage"):
            learn_parts.page()
            with gr.Column(elem_classes="ts-learn-live"):
                for name, place, part in PANELS:
                    with gr.Column(elem_classes=f"ts-panel ts-panel-{place} ts-panel-{name}"):
                        part()
            learn_parts.steps()


def connect(bench: Workbench, state: gr.State) -> None:
    """The wire: guided runs stream, the share of changed pixels is asked for after an edit, the rest is there
    from the start. Cancelling is a look-up beside the queue and is heard within one step."""
    cancelled = StoppedJobs()

    def distance_of(codes):
        try:
            return code_distance(bench.codebook, *codes)
        except (TypeError, ValueError):
            return None

    def guide(event: gr.EventData):
        for view in guidance_runs.stream(bench, dict(event._data or {}), cancelled):
            yield {"guided": view}

    def measure(session: Session, event: gr.EventData):
        data = dict(event._data or {})
        try:
            return {"moved": moved(bench, session, data)}
        except Exception:  # the edit itself has been done; only its size stays unknown
            log.exception("an edit could not be measured")
            return {"moved": {"ticket": data.get("ticket"), "picture": None, "share": None}}

    wire = hidden(WIRE, value=introduction(bench), look_ups=[cancelled.look_up("cancel_guided"), distance_of])
    wire.guide(guide, None, wire, concurrency_limit=RUNNING, **QUIET)
    wire.measure(measure, state, wire, concurrency_limit=RUNNING, **QUIET)


def introduction(bench: Workbench) -> dict:
    """What the page knows from the start: texts, cards, and the settings of the guided runs."""
    generator = bench.generator
    facts = facts_of(bench)
    return {
        "lessons": [asdict(lesson) for lesson in lessons(facts)],
        "facts": card_facts(bench.tokenizer.about, generator.about if generator else None),
        "order": facts.order,
        "raster_grid": list(facts.raster_grid),
        "guidance": {
            "values": guidance_runs.proposed(generator),
            "none": guidance_runs.no_guidance(generator),
            "strongest": guidance_runs.STRONGEST,
        }
        if generator
        else None,
        "visible": VISIBLE,
    }


def facts_of(bench: Workbench) -> Facts:
    """The numbers of the texts."""
    tok, gen, pairs = bench.tokenizer, bench.generator, bench.pairs
    own = next((order for order, pair in pairs.items() if pair.generator is gen), "")
    raster = pairs.get(RASTER)
    data = tok.about.get("data")
    photos = data.get("photos_trained_on") if isinstance(data, Mapping) else None
    return Facts(
        image=tuple(tok.image_hw),
        grids=tuple(tok.grids),
        codes=tok.vocab_size,
        dimensions=None if bench.codebook is None else bench.codebook.shape[1],
        generator=gen.name if gen else "",
        order=own,
        classes=gen.num_classes if gen else 0,
        guidance=float(gen.sampling["guidance"]) if gen else 0.0,
        can_guide=gen is None or gen.null_class is not None,
        chooses_by=tok.chooses_by,
        raster_grid=tuple(raster.generator.grids[-1] if raster else tok.grids[-1]),
        photos=photos if isinstance(photos, int) else None,
    )


def moved(bench: Workbench, session: Session, data: Mapping) -> dict:
    """How many pixels the last step of the session moved: {"ticket", "picture", "share"}.

    share: of the pixels of the final picture, None where the last step was no edit of the same picture.
    """
    view = {"ticket": data.get("ticket"), "picture": None, "share": None}
    scene, before = session.present, session.past[-1] if session.past else None
    if scene is None:
        return view
    view["picture"] = scene.number
    if before is not None and before.number == scene.number:
        last = [len(scene.maps)]
        pictures = [bench.pictures(one.maps, last)[0] for one in (before, scene)]
        view["share"] = moved_share(*pictures)
    return view
