"""The parts that every tab is built of. JavaScript (assets/js) draws them, Python sends plain values."""

from explorer.ui.components.parts import (
    card,
    classes,
    finding,
    header,
    history,
    notice,
    pyramid,
    run_exports,
    sampling,
    sections,
    sending,
    sources,
    specimen,
    timeline,
    tools,
)

__all__ = [
    "card",
    "classes",
    "finding",
    "header",
    "history",
    "notice",
    "pyramid",
    "run_exports",
    "sampling",
    "sections",
    "sending",
    "sources",
    "specimen",
    "timeline",
    "tools",
]
