"""Orders in which a grid can be read, drawn as paths, and what they do to neighbours.
The counterpart is assets/js/orders.js."""

import gradio as gr

from explorer.ui.session import Session
from explorer.ui.workbench import Workbench


def build() -> None:
    """The parts of this section of Compare."""


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire between the parts and Python."""
