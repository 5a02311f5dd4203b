"""Inside: choose a token, see what the model looked at when it predicted it, and what mattered.

Sketch. Left: the picture with the chosen head's attention as light on it; whose tokens, which class. Middle:
the token maps, coloured by attention; below them one of four sections: heads (layers x heads), layers (the
lens), causes (what moves when an earlier token is replaced), switches (drawn again without some parts).
Right: the chosen head in numbers.
"""

import gradio as gr

from explorer.ui.compare import comparing
from explorer.ui.components import inside_parts as parts
from explorer.ui.inside.inside_views import introduction, views
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

WIRE = "Tokenscope.connectInside({props, watch, server, ask: (data) => trigger('ask', data)})"


def build() -> None:
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            parts.picture()
            parts.settings()
        with gr.Column(elem_classes="ts-stage"):
            parts.finding()
            parts.maps()
            parts.heads()
            parts.layers()
            parts.causes()
            parts.switches()
        with gr.Column(elem_classes="ts-right"):
            parts.facts()


def connect(bench: Workbench, state: gr.State) -> None:
    """The wire "ask"; the tokens travel with the question, so a run and a session are asked alike."""

    def asked(session: Session, data: dict):
        return views(bench, data)

    comparing.wire(WIRE, state, introduction(bench), asked)
