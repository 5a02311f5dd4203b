"""The parts of the Learn tab; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def contents() -> gr.HTML:
    """The list of pages with ticks, progress and "start again"."""
    return _part("learn-contents")


def page() -> gr.HTML:
    """Title, text, and the task of the open page with what came of it."""
    return _part("learn-page")


def steps() -> gr.HTML:
    """Previous, next, and ways into the other tabs."""
    return _part("learn-steps")


def distances() -> gr.HTML:
    """The selected token's nearest codes as bars of distance; each can be put in its place."""
    return _part("learn-distances")


def palette() -> gr.HTML:
    """Codes from all over the codebook, to put in place of the selected token."""
    return _part("learn-palette")


def compared_codes() -> gr.HTML:
    """The two codes that were chosen last, side by side, with the distance between them."""
    return _part("learn-codes")


def neighbours() -> gr.HTML:
    """A grid that is written row by row: which neighbours of a square are known."""
    return _part("learn-neighbours")


def energy() -> gr.HTML:
    """What the scales up to the shown one explain, as one bar."""
    return _part("learn-energy")


def writing() -> gr.HTML:
    """Choose a class and let the generator write a picture."""
    return _part("learn-writing")


def guidance() -> gr.HTML:
    """Three runs of one seed at three strengths of guidance."""
    return _part("learn-guidance")


def information() -> gr.HTML:
    """What every scale costs in bits, beside what it explains, with the generator's surprise on demand."""
    return _part("learn-information")


def facts() -> gr.HTML:
    """What the cards of the loaded models say about them."""
    return _part("learn-facts")


def looked() -> gr.HTML:
    """Guess what a prediction looks at most, then look: shares of attention beside an even spread."""
    return _part("learn-looked")


def layers() -> gr.HTML:
    """Guess when half of the codes are settled, then read what every layer would have drawn."""
    return _part("learn-layers")
