"""Edit's further parts; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def more() -> gr.HTML:
    """Whole-map operations and mixing, closed until asked for."""
    return _part("more")


def exports() -> gr.HTML:
    """Saves animations, a contact sheet, tokens, picture, or a script that makes the picture again."""
    return _part("exports")
