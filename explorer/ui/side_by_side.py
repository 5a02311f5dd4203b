"""Several tokenizers on one picture: tokens, bits, what is lost.
The counterpart is assets/js/side_by_side.js."""

import gradio as gr

from explorer.ui.session import Session
from explorer.ui.workbench import Workbench


def build() -> None:
    """The parts of this section of Compare."""


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire between the parts and Python."""
