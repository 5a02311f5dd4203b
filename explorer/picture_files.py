"""Every picture of a folder or zip, one after another."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".ppm")


def picture_names(source: Path) -> list[str]:
    """Names of the picture files at any depth, sorted. ValueError when there is none."""
    if source.is_dir():
        found = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            found = archive.namelist()
    elif source.exists():
        raise ValueError(f"{source} is neither a folder nor a zip file")
    else:
        raise FileNotFoundError(f"there is no folder or zip file {source}")
    names = sorted(name for name in found if name.lower().endswith(ENDINGS))
    if not names:
        raise ValueError(f"{source} holds no pictures ({', '.join(ENDINGS)}) among its {len(found)} files")
    return names


def read_pictures(source: Path, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the named files, in that order."""
    if source.is_dir():
        for name in names:
            yield name, (source / name).read_bytes()
        return
    with zipfile.ZipFile(source) as archive:
        for name in names:
            yield name, archive.read(name)
