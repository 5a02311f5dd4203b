"""The page's style and script, put into the document's head: no extra request, no flash of unstyled parts."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "assets"
STYLES = ("tokens", "frame", "base", "stage", "parts", "edit", "codebook", "measures")
SCRIPTS = (
    "core",
    "geometry",
    "pyramid",
    "timeline",
    "specimen",
    "card",
    "sources",
    "header",
    "edit",
    "edit_more",
    "history",
    "generate",
    "restoring",
    "address",
    "link",
    "codebook_data",
    "codebook_draw",
    "codebook_map",
    "codebook_charts",
    "codebook_side",
    "measures",
    "measures_charts",
    "surprise",
)


def head() -> str:
    style = "\n".join((FOLDER / "css" / f"{name}.css").read_text("utf-8") for name in STYLES)
    script = "\n".join((FOLDER / "js" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    return f"<style>{style}</style><script>{script}</script>"
