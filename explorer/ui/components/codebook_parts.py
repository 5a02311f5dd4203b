"""The parts of the Codebook tab; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def codebook_map() -> gr.HTML:
    """Every code as a point: pan, zoom, pick, lasso; PCA or UMAP; five ways to colour."""
    return _part("codebook-map")


def numbers() -> gr.HTML:
    """What the codes are counted over, and the numbers that follow, with their definitions."""
    return _part("codebook-numbers")


def chosen() -> gr.HTML:
    """The codes that were chosen together, with their counts."""
    return _part("codebook-chosen")


def frequencies() -> gr.HTML:
    """How often codes are used, per scale: linear, doubling bins, or by rank."""
    return _part("codebook-frequencies")


def overlap() -> gr.HTML:
    """Which scales share codes, as a matrix."""
    return _part("codebook-overlap")


def occurrences() -> gr.HTML:
    """Where the selected code occurs in the picture, with a way to all these tokens in Inspect."""
    return _part("codebook-occurrences")
