"""The parts of Compare / Completion; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def source() -> gr.HTML:
    """The picture, and the brush that says which part of it is kept."""
    return _part("completion-source")


def settings() -> gr.HTML:
    """Class, seed, samples, the coarsest token; the button that starts."""
    return _part("completion-settings")


def results() -> gr.HTML:
    """What stays of the picture, and what each model made of it."""
    return _part("completion-results")


def views() -> gr.HTML:
    """What each model could see when it drew a token: its kept and unknown tokens at every scale."""
    return _part("completion-views")


def numbers() -> gr.HTML:
    """Tokens kept, in view, and how well the parts meet."""
    return _part("completion-numbers")


def fairness() -> gr.HTML:
    """What is equal for both models, and what is not."""
    return _part("completion-fairness")
