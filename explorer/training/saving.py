"""What a run keeps in its folder to go on from: the lock, the save, and what the save belongs to."""

import contextlib
import hashlib
import os
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from explorer.errors import CheckpointError
from explorer.training.photos import PhotoSet
from explorer.writing import written_whole

try:
    import fcntl
except ImportError:  # Windows; there two runs in one folder are not noticed
    fcntl = None

# Whatever torch.load raises for a file that is cut off, or was never written by torch.save.
UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, EOFError, TypeError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Save:
    """task: what the task needs to go on. step, seconds, images: done so far; images is None in saves of
    earlier versions. belongs: the run's recipe, data and so on, by the name of each. precisions: what it was
    trained in, one after the other.
    """

    task: dict
    step: int
    seconds: float
    images: int | None = None
    belongs: dict = field(default_factory=dict)
    precisions: tuple[str, ...] = ()


def write_save(path: Path, save: Save) -> None:
    """Write beside, then rename: a kill or a full disk while saving leaves the previous save as it was.

    ValueError when it cannot be written.
    """
    entries = {name: getattr(save, name) for name in Save.__dataclass_fields__}
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        try:
            torch.save(entries, file)
        except RuntimeError as error:  # torch hides what the disk said
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def read_save(path: Path) -> Save:
    """The save of an earlier run. CheckpointError when the file is cut off or something else."""
    try:
        entries = torch.load(path, weights_only=True, map_location="cpu")
        known = {name: entries[name] for name in Save.__dataclass_fields__ if name in entries}
        save = Save(**known)
        if not isinstance(save.task, dict) or not isinstance(save.step, int):
            raise TypeError("its entries are of other kinds")
    except UNREADABLE as error:
        raise CheckpointError(
            f"{path} is cut off or no save of a training run ({type(error).__name__}); delete it to start "
            "anew, or give another --out"
        ) from error
    return save


def check_same(path: Path, save: Save | None, wanted: Mapping) -> None:
    """ValueError, naming both values, when the save belongs to another run than is wanted now.

    Entries that only one of them has (saves of other versions) are not compared.
    """
    saved = save.belongs if save else {}
    for name, value in wanted.items():
        if saved.get(name, value) != value:
            before, now = _shown(saved[name], value), _shown(value, saved[name])
            raise ValueError(
                f"{path} is of a run with {name} {before}, now it is {now}: give what it was, or start "
                "another run in another --out"
            )


def _shown(value: object, other: object) -> str:
    """Classes by their count and by what the other run does not have."""
    if isinstance(value, tuple) and isinstance(other, tuple) and all(isinstance(v, str) for v in value):
        own = [name for name in value if name not in other]
        return f"{len(value)}" + (
            f" (with {', '.join(own[:5])}{', ...' if len(own) > 5 else ''})" if own else ""
        )
    return str(value)


def recipe_entries(plan) -> dict:
    """Everything about a recipe that a resumed run must share; the batch may change."""
    entries = {("recipe" if name == "name" else name): value for name, value in asdict(plan).items()}
    return {name: value for name, value in entries.items() if name != "batch"}


def data_entries(photos: PhotoSet) -> dict:
    """Classes, and the photos by their number and a fingerprint of their names and pixels."""
    digest = hashlib.sha256("\n".join(photos.names).encode())
    for image_HWC in photos.images_NHWC:
        digest.update(image_HWC)
    return {
        "classes": tuple(photos.classes),
        "data": f"{len(photos)} photos (fingerprint {digest.hexdigest()[:8]})",
    }


@contextlib.contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """The folder belongs to one process as long as this lasts; the system frees it when the process ends.

    ValueError when another run has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "run.lock", "a+") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise ValueError(
                    f"another run is training in {folder} (process {file.read().strip() or 'unknown'}); wait "
                    "for it, stop it, or give another --out"
                ) from error
        file.truncate(0)
        with contextlib.suppress(OSError):  # a full disk; the number is only for the sentence above
            file.write(str(os.getpid()))
            file.flush()
        yield
