"""The page's style and script, put into the document's head: no extra request, no flash of unstyled parts."""

from pathlib import Path

from explorer.resources import resource_folder

FOLDER = resource_folder("assets")
# What others build on comes first; the rest follows by name, since parts do not depend on each other.
FIRST_STYLES = ("tokens", "frame", "base", "stage", "parts")
FIRST_SCRIPTS = ("core", "geometry")


def head() -> str:
    style = "\n".join(path.read_text("utf-8") for path in in_order("css", FIRST_STYLES))
    script = "\n".join(path.read_text("utf-8") for path in in_order("js", FIRST_SCRIPTS))
    return f"<style>{style}</style><script>{script}</script>"


def in_order(kind: str, first: tuple[str, ...]) -> list[Path]:
    """The files of assets/KIND and its folders, `first` in front; FileNotFoundError where one is missing."""
    folder = FOLDER / kind
    paths = {path.stem: path for path in sorted(folder.rglob(f"*.{kind}"), key=lambda path: path.name)}
    missing = [name for name in first if name not in paths]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; the page cannot be built without it")
    return [paths.pop(name) for name in first] + list(paths.values())
