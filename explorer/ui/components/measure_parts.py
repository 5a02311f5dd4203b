"""The parts below the timeline of Inspect; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def developing() -> gr.HTML:
    """Where decoding is slow: how many previews the decoder has replaced, and how long the rest takes."""
    return _part("developing")


def errors() -> gr.HTML:
    """Where the picture is still wrong, after each scale; also as a layer over the specimen."""
    return _part("measures-errors")


def scales() -> gr.HTML:
    """What each scale explains and costs: unexplained energy, PSNR, SSIM, bits."""
    return _part("measures-scales")


def codes_used() -> gr.HTML:
    """Distinct codes and perplexity per scale: of this picture, and of all pictures of the session."""
    return _part("measures-codes")


def surprise() -> gr.HTML:
    """How surprised the generator is by the tokens: bits per token, and the classes by likelihood."""
    return _part("measures-surprise")
