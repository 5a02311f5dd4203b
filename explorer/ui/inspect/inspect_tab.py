"""Inspect: a picture, its token maps, what each token stands for, and what can be measured about it."""

import gradio as gr

from explorer.ui import components
from explorer.ui.components import edit_parts, measure_parts
from explorer.ui.inspect import measures, surprise


def build() -> None:
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            components.specimen("session", "inspect")
            components.sources()
        with gr.Column(elem_classes="ts-stage"):
            components.finding("inspect")
            components.pyramid("session", "Token maps of the picture")
            components.timeline("session", "The picture after each scale")
            measure_parts.developing()
            measures.build()
            surprise.build()
        with gr.Column(elem_classes="ts-right"):
            components.card("session")
            edit_parts.exports()
