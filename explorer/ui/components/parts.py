"""One factory per part: a `gr.HTML` that mounts a component of assets/js.

doc: which of the page's two pictures a part shows, "session" (Inspect, Edit) or "run" (Generate). All parts
of a page share one selection. Factories, not subclasses: a subclass of gr.HTML writes stub files and re-runs
its constructor.
"""

import json

import gradio as gr


def _part(name: str, **options: object) -> gr.HTML:
    return gr.HTML(
        html_template='<div class="ts-part"></div>',
        js_on_load=f"Tokenscope.mount({json.dumps(name)}, element, {json.dumps(options)})",
        apply_default_css=False,
    )


def header() -> gr.HTML:
    """Name, one line that says what this is, the model chip, light or dark."""
    return _part("header")


def notice() -> gr.HTML:
    """One sentence when something went wrong; hidden otherwise."""
    return _part("notice")


def finding(about: str) -> gr.HTML:
    """The headline of a stage: what is to be seen. about: "inspect" or "edit"."""
    return _part("finding", about=about)


def specimen(doc: str, mode: str) -> gr.HTML:
    """The picture, footprints, a before/after slider. mode: "inspect", "edit" (with differences), "run"."""
    return _part("specimen", doc=doc, mode=mode)


def sources() -> gr.HTML:
    """Samples, upload, and how a picture is fitted."""
    return _part("sources")


def pyramid(doc: str, label: str, editable: bool = False) -> gr.HTML:
    """All token maps on one surface. editable: drag selects or paints many."""
    return _part("pyramid", doc=doc, label=label, editable=editable)


def timeline(doc: str, title: str) -> gr.HTML:
    """The picture after each scale, a slider with play and pause."""
    return _part("timeline", doc=doc, title=title)


def card(doc: str, replace: bool = False) -> gr.HTML:
    """The code of the selected token. replace: its lists put codes into the picture."""
    return _part("card", doc=doc, replace=replace)


def tools() -> gr.HTML:
    """Edit's toolbar: tool, brush, policy for finer scales, undo, redo, reset."""
    return _part("tools")


def history() -> gr.HTML:
    """The session's steps."""
    return _part("history")


def classes() -> gr.HTML:
    """Class buttons with the state of the run, progress and stop."""
    return _part("classes")


def sampling() -> gr.HTML:
    """Seed, guidance, top-k, top-p, each with a sentence."""
    return _part("sampling")


def sending() -> gr.HTML:
    """Takes a finished run over to Inspect or Edit."""
    return _part("sending")


def sections(key: str, label: str, choices: list[tuple[str, str]]) -> gr.HTML:
    """Buttons that open one section of a tab; which one is open lies in the store as `key`.

    choices: name and text. A section is a column of class `ts-section ts-section-NAME`.
    """
    named = [{"value": name, "text": text} for name, text in choices]
    return _part("sections", key=key, label=label, choices=named)


def compare_exports(of: str) -> gr.HTML:
    """The same for the runs of Compare, one model at a time. of: "race" or "completion"."""
    return _part("compare-exports", of=of)


def run_exports() -> gr.HTML:
    """Saves the picture of Generate: animations, contact sheets, tokens, a script that draws it again."""
    return _part("run-exports")


def gallery() -> gr.HTML:
    """The pictures of a run with several seeds; choosing one shows it in all panels."""
    return _part("gallery")


def run_steps() -> gr.HTML:
    """The timeline of a run that goes token by token: a slider over all steps."""
    return _part("run-steps")


def run_again() -> gr.HTML:
    """Writes the run again from a scale on, with a new seed."""
    return _part("run-again")


def branches() -> gr.HTML:
    """The tree of pictures that were made of one another."""
    return _part("branches")


def candidates() -> gr.HTML:
    """The likeliest codes at the selected place; choosing one forces it."""
    return _part("candidates")
