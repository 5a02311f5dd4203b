"""Where the files lie that are no code: the page's assets and the bundled weights.

In a clone they stand beside the package; a wheel carries them inside it (`pyproject.toml`, force-include).
"""

from pathlib import Path


def resource_folder(name: str) -> Path:
    """The folder "assets" or "checkpoints"; whether it is there shows when a file of it is opened."""
    package = Path(__file__).resolve().parent
    inside = package / f"_{name}"
    return inside if inside.is_dir() else package.parent / name
