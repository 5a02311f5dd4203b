"""The parts of Compare / Scan orders; see `parts.py` for how a part is mounted."""

import gradio as gr

from explorer.ui.components.parts import _part


def settings() -> gr.HTML:
    """Rows and columns of the grid, direction of the spiral, seed of the random order."""
    return _part("orders-settings")


def close_up() -> gr.HTML:
    """One order large: cells that can be selected, its path, the picture under it."""
    return _part("orders-close-up")


def overview() -> gr.HTML:
    """All orders side by side on one clock."""
    return _part("orders-overview")


def distances() -> gr.HTML:
    """How far apart neighbours come: one histogram per order, on common axes."""
    return _part("orders-distances")


def table() -> gr.HTML:
    """The figures of all orders, and next-scale map by map."""
    return _part("orders-table")


def cell() -> gr.HTML:
    """The selected cell: its four neighbours and how far away they come in every order."""
    return _part("orders-cell")
