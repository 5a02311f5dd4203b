"""The parts of Compare / Tokenizers; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def subject() -> gr.HTML:
    """The picture that is compared on, the tokenizers to choose from, start and stop."""
    return _part("tokenizers-subject")


def pictures() -> gr.HTML:
    """What each tokenizer makes of the picture, side by side, with one slider and one crop for all."""
    return _part("tokenizers-pictures")


def rates() -> gr.HTML:
    """PSNR against bits: one point per scale."""
    return _part("tokenizers-rates")


def table() -> gr.HTML:
    """All figures, to be sorted and saved."""
    return _part("tokenizers-table")


def magnifier() -> gr.HTML:
    """The same place in the input and in every reconstruction, enlarged."""
    return _part("tokenizers-magnifier")
