"""Flip one token, decode or regenerate, and see how far the change goes.
The counterpart is assets/js/travel.js."""

import gradio as gr

from explorer.ui.session import Session
from explorer.ui.workbench import Workbench


def build() -> None:
    """The parts of this section of Compare."""


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire between the parts and Python."""
