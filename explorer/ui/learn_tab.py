"""Learn: short pages, each ticked off by what the reader does in the live panels. The counterpart is
assets/js/learn.js."""

from explorer.ui.workbench import Workbench


def build() -> None:
    """The parts of the tab."""


def connect(bench: Workbench) -> None:
    """The wire between the tab and Python."""
