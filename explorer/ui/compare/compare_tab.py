"""Compare: next-scale beside raster, in five sections of which one is open."""

import gradio as gr

from explorer.ui import components
from explorer.ui.compare import completion, orders, race, side_by_side, travel
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

# Name in the address and in assets/css/compare.css, what the button says, who builds it.
SECTIONS = (
    ("race", "Race", race),
    ("orders", "Scan orders", orders),
    ("completion", "Completion", completion),
    ("travel", "Error travel", travel),
    ("tokenizers", "Tokenizers", side_by_side),
)


def build() -> None:
    components.sections("compare", "Comparisons", [(name, text) for name, text, _ in SECTIONS])
    for name, _, section in SECTIONS:
        with gr.Column(elem_classes=f"ts-section ts-section-{name}"):
            section.build()


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    for _, _, section in SECTIONS:
        section.connect(bench, state, first)
