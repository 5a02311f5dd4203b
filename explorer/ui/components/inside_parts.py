"""The parts of Inside; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def picture() -> gr.HTML:
    """The picture, lit where the chosen head looked."""
    return _part("inside-picture")


def settings() -> gr.HTML:
    """Whose tokens are looked at, and the class that the generator is told."""
    return _part("inside-settings")


def finding() -> gr.HTML:
    """What the chosen prediction looked at, in a sentence."""
    return _part("inside-finding")


def maps() -> gr.HTML:
    """The token maps, coloured by attention; choosing a token asks about it."""
    return _part("inside-maps")


def heads() -> gr.HTML:
    """Layers by heads, each a small map of where it looked."""
    return _part("inside-heads")


def layers() -> gr.HTML:
    """The logit lens: scales by layers, what would have been drawn had the model stopped there."""
    return _part("inside-layers")


def causes() -> gr.HTML:
    """How far the prediction moves when each earlier token is replaced."""
    return _part("inside-causes")


def switches() -> gr.HTML:
    """Heads, layers, a scale, the class: what is switched off, and the picture drawn again without it."""
    return _part("inside-switches")


def facts() -> gr.HTML:
    """The chosen head in numbers."""
    return _part("inside-facts")
