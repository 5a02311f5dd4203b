"""Edit: put other codes into the picture's token maps and see what they do."""

import gradio as gr

from explorer.ui import components
from explorer.ui.components import edit_parts


def build() -> None:
    with gr.Row(elem_classes="ts-frame"):
        with gr.Column(elem_classes="ts-left"):
            components.specimen("session", "edit")
        with gr.Column(elem_classes="ts-stage"):
            components.finding("edit")
            components.tools()
            edit_parts.more()
            components.pyramid("session", "Token maps of the picture, editable", editable=True)
            components.timeline("session", "The picture after each scale")
        with gr.Column(elem_classes="ts-right"):
            components.card("session", replace=True)
            components.history()
            edit_parts.exports()
