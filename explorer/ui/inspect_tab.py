"""Inspect: a picture, its token maps, and what each token stands for."""

import gradio as gr

from explorer.ui import components


def build() -> None:
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            components.specimen("session", "inspect")
            components.sources()
        with gr.Column(elem_classes="ts-stage"):
            components.finding("inspect")
            components.pyramid("session", "Token maps of the picture")
            components.timeline("session", "The picture after each scale")
        with gr.Column(elem_classes="ts-right"):
            components.card("session")
