"""The parts of Compare's race and of its cost table; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def controls() -> gr.HTML:
    """Class, seed, and guidance of each model in its own meaning."""
    return _part("race-controls")


def stage() -> gr.HTML:
    """The finding, both pictures at equal compute time with their token maps, and one time axis."""
    return _part("race-stage")


def figures() -> gr.HTML:
    """Steps, tokens, work and seconds of both, at the shown time and in the whole race."""
    return _part("race-figures")


def fairness() -> gr.HTML:
    """What is equal between the two models and what is not."""
    return _part("race-fairness")


def cost() -> gr.HTML:
    """What a picture costs as it grows: counted, measured, asymptotic."""
    return _part("race-cost")
