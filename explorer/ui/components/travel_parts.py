"""The parts of Compare / Error travel; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def pictures() -> gr.HTML:
    """Which pictures are flipped: drawn by both models, or the one in Inspect."""
    return _part("travel-pictures")


def flip() -> gr.HTML:
    """The other code, what follows the flip, and the button."""
    return _part("travel-flip")


def maps() -> gr.HTML:
    """The token maps of both models; a click chooses the token to flip."""
    return _part("travel-maps")


def result() -> gr.HTML:
    """Before, after and the difference, for each model."""
    return _part("travel-result")


def sweep() -> gr.HTML:
    """Affected area against the place of the flip in the sequence."""
    return _part("travel-sweep")


def numbers() -> gr.HTML:
    """Affected area, reach and changed tokens of both models."""
    return _part("travel-numbers")


def reading() -> gr.HTML:
    """What the figures mean and what they do not."""
    return _part("travel-reading")
