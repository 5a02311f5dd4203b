"""Next-scale against raster at equal compute time, and what each costs as pictures grow.
The counterpart is assets/js/race.js."""

import gradio as gr

from explorer.ui.session import Session
from explorer.ui.workbench import Workbench


def build() -> None:
    """The parts of this section of Compare."""


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire between the parts and Python."""
