"""Imports go down only: the floors that docs/ARCHITECTURE.md draws, read off the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A room may import from its own row's list and from the ground floor, nothing else.
GROUND = {"token_maps", "orders", "devices", "errors", "samples", "picture_files", "writing", "resources"}
FLOORS = {
    "nets": set(),
    "families": {"nets"},
    "zoo": {"nets", "families"},
    "tokenizers": {"nets", "families", "zoo"},
    "generators": {"nets", "families", "zoo", "tokenizers"},
    "analysis": {"nets"},
    "figures": {"analysis"},
    "training": {"nets", "families", "zoo", "tokenizers", "generators", "analysis"},
    "evaluation": {"nets", "families", "zoo", "tokenizers", "generators", "analysis", "figures", "training"},
    "jobs": {"nets", "families", "zoo", "tokenizers", "generators", "analysis", "training"},
    "bench": {"nets", "families", "zoo", "tokenizers", "generators", "analysis"},
    "ui": {"nets", "families", "zoo", "tokenizers", "generators", "analysis", "figures", "jobs", "bench"},
    "verbs": {
        *(
            "nets",
            "families",
            "zoo",
            "tokenizers",
            "generators",
            "analysis",
            "figures",
            "training",
            "evaluation",
        ),
        *("jobs", "bench", "ui"),
    },
}
# The ground floor: what each of its files may know of the others. `samples` reads pictures.
GROUND_KNOWS = {
    "picture_files": {"writing"},
    "token_maps": {"errors", "writing"},
    "orders": {"token_maps"},
    "samples": {"errors"},
}
# The package's own doors look everything up when asked for.
DOORS = {"__init__", "__main__", "cli", "door"}
# The parts of gradio, a web page, belong to the top floor alone.
TOP_ONLY = {"gradio", "fastapi", "starlette", "uvicorn"}


def imports(path: Path) -> set[tuple[str, str]]:
    """(top package, room) of everything a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
            if node.module == "explorer":
                names = [f"explorer.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            found.add((top, rest.partition(".")[0]))
    return found


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "explorer").with_suffix("").parts[0]


FILES = sorted((ROOT / "explorer").rglob("*.py"))


def test_every_room_is_on_the_plan():
    rooms = {room_of(path) for path in FILES}
    assert rooms - DOORS - GROUND == set(FLOORS), "a new room needs its place here and in ARCHITECTURE.md"


@pytest.mark.parametrize("room", sorted(FLOORS))
def test_a_room_knows_only_what_lies_below(room):
    public = {"load_tokenizer", "load_generator", "TokenMaps", "CheckpointError", "__version__", ""}
    allowed = FLOORS[room] | GROUND | {room}
    for path in FILES:
        if room_of(path) != room:
            continue
        found = {name for top, name in imports(path) if top == "explorer"}
        if room in ("ui", "verbs", "jobs"):  # the public names are for those who use the library
            found -= public
        assert found <= allowed, f"{path.relative_to(ROOT)} imports {sorted(found - allowed)}"


def test_the_ground_floor_stands_by_itself():
    for path in FILES:
        name = room_of(path)
        if name in GROUND:
            found = {room for top, room in imports(path) if top == "explorer"}
            assert found <= GROUND_KNOWS.get(name, set()), f"{path.name} imports {sorted(found)}"


def test_only_the_page_knows_gradio():
    for path in FILES:
        if room_of(path) not in ("ui", "door"):
            found = {top for top, _ in imports(path)} & TOP_ONLY
            assert not found, f"{path.relative_to(ROOT)} imports {sorted(found)}"


def test_nets_know_torch_and_nothing_of_us():
    for path in FILES:
        if room_of(path) == "nets":
            known = {name for top, name in imports(path) if top == "explorer"} - {"nets"}
            assert not known, f"{path.name} imports {sorted(known)}"
