"""Reading checkpoint files without running anything that they contain.

safetensors files, and torch files through `torch.load(weights_only=True)`. A file that asks for more than
tensors and plain containers is refused: there is no way around it here (`converting` makes a file that can be
read, once, outside of the page). Classes of Lightning and argparse, which trainers leave among their
settings, are read as things that do nothing. Tensors stay mapped to the file, so opening costs no memory
until they are used.
"""

import hashlib
import json
import os
import pickle
import re
import shlex
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.zoo.unwrapping import TOKENIZER_PARTS, unwrap

# A real header or pickle names some thousand tensors; ten times the largest known is still far below this.
MAX_HEADER_BYTES = 10 << 20
MAX_PICKLE_BYTES = 64 << 20
SHARDS = ".safetensors.index.json"
LIGHTNING = ("pytorch_lightning", "lightning")
MOST_STAND_INS = 200  # classes of Lightning in one file; a real one names a few


class InertSettings:
    """Stands in for `argparse.Namespace`, in which trainers keep their options; nothing is imported."""


class Inert:
    """Stands in for whatever a Lightning file names under `lightning`: takes everything, does nothing.

    Nothing is imported or called; the real classes are callbacks and settings.
    """

    def __init__(self, *arguments, **settings):
        pass

    def __setstate__(self, state):
        pass


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file. format: "safetensors" | "torch" | "torch (before 1.6)".

    wrapper: the entry that held them, None for a bare state dict; others: entries with further weights;
    prefix: what was taken off every name (see `unwrapping`).
    """

    tensors: Mapping[str, Tensor]
    path: Path
    format: str
    wrapper: str | None = None
    others: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}

    @property
    def has_tokenizer_too(self) -> bool:
        """Whether these are a generator's tensors and the file holds its tokenizer as well."""
        return any(name in TOKENIZER_PARTS for name in self.others)

    @cached_property
    def sha256(self) -> str:
        """Of the file; computed when first asked for."""
        return file_sha256(self.path)


def file_sha256(path: str | os.PathLike) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_checkpoint(
    path: str | os.PathLike, kind: str | None = None, weights: str | None = None
) -> Checkpoint:
    """The tensors of a safetensors or torch file, on the CPU; CheckpointError says why not.

    kind, weights: which ones, where a file holds several (`unwrapping.unwrap`).
    """
    path = Path(path)
    if path.name.endswith(SHARDS):
        stored, form = _read_shards(path), "safetensors in shards"
    else:
        stored, form = _read_file(path)
    if not isinstance(stored, Mapping):
        raise CheckpointError(f"{path} holds a {type(stored).__name__}, not named tensors; {_SUPPORTED}")
    try:
        found = unwrap(stored, kind, weights)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
    if found is None:
        some = ", ".join(repr(key) for key in list(stored)[:5]) or "nothing"
        raise CheckpointError(f"{path} holds no named tensors (found: {some}); {_SUPPORTED}")
    return Checkpoint(found.tensors, path, form, found.wrapper, found.others, found.prefix)


def _read_file(path: Path) -> tuple[object, str]:
    head = _first_bytes(path)
    if path.suffix == ".safetensors" or _looks_like_safetensors(head):
        return _read_safetensors(path, head), "safetensors"
    if head.startswith(b"PK\x03\x04"):
        _check_archive(path)
        return _read_torch(path, mapped=True), "torch"
    if head.startswith(b"\x80"):
        return _read_torch(path, mapped=False), "torch (before 1.6)"
    raise CheckpointError(f"{path} is not a checkpoint: {_what_else(head)}; {_SUPPORTED}")


def _read_shards(path: Path) -> dict[str, Tensor]:
    """The tensors of a model that was saved in parts, by the list of its parts."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        names = sorted(set(listed.values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a list of safetensors parts: {_short(error)}") from None
    if not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise CheckpointError(f"{path} names parts outside its own folder; it is not read")
    tensors: dict[str, Tensor] = {}
    for name in names:
        part = path.with_name(name)
        tensors |= _read_safetensors(part, _first_bytes(part))
    missing = sorted(set(listed) - set(tensors))
    if missing:
        raise CheckpointError(f"{path} lists {missing[0]}, which none of its {len(names)} parts holds")
    return tensors


_SUPPORTED = "supported are .safetensors files and torch files (.pth, .pt, .ckpt) that hold tensors only"


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; name the checkpoint file in it")
    if path.exists() and not path.is_file():  # opening a pipe would wait for somebody to write into it
        raise CheckpointError(f"{path} is no regular file (a pipe or a device), so it is not opened")
    try:
        with open(path, "rb") as file:
            head = file.read(64)
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {path}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be opened: {error.strerror}") from None
    if not head:
        raise CheckpointError(f"{path} is empty (0 bytes); download or copy it again")
    return head


def _looks_like_safetensors(head: bytes) -> bool:
    """Eight bytes of header length, then the header, a JSON object."""
    return len(head) > 9 and head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 100_000_000


def _what_else(head: bytes) -> str:
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, the weights themselves were not fetched (git lfs pull)"
    if head.lstrip()[:1] == b"<":
        return "it is a web page, perhaps an error page saved in place of the download"
    if head.startswith((b"{", b"[")):
        return "it is a text file (JSON?)"
    return f"it starts with {head[:8]!r}"


def _read_safetensors(path: Path, head: bytes) -> dict[str, Tensor]:
    announced = int.from_bytes(head[:8], "little")
    if MAX_HEADER_BYTES < announced <= path.stat().st_size:
        raise CheckpointError(
            f"{path} has a header of {announced / 2**20:.0f} MiB, at most {MAX_HEADER_BYTES >> 20} MiB are "
            "read: no model has so many names"
        )
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a complete safetensors file ({_size(path)} on disk): {_short(error)}; download "
            "or copy it again"
        ) from None
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors")
    return tensors


def _check_archive(path: Path) -> None:
    """Torch's format is a zip archive with a data.pkl inside; other and torn archives are told apart."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception:  # a damaged directory fails in many ways: BadZipFile, UnicodeDecodeError, ...
        raise CheckpointError(
            f"{path} starts like a torch file but is cut off or damaged ({_size(path)} on disk); download "
            "or copy it again"
        ) from None
    names = [entry.filename for entry in entries]
    largest = max((entry.file_size for entry in entries if entry.filename.endswith(".pkl")), default=0)
    if largest > MAX_PICKLE_BYTES:
        raise CheckpointError(
            f"{path} unpacks to a pickle of {largest / 2**20:.0f} MiB beside its tensors, at most "
            f"{MAX_PICKLE_BYTES >> 20} MiB are read; it is no model's file"
        )
    if any(name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript program, not a checkpoint; if you trust its source, {_conversion(path)}"
        )
    if not any(name.endswith("/data.pkl") for name in names):
        kind = "a NumPy archive" if names and names[0].endswith(".npy") else "a zip archive"
        raise CheckpointError(f"{path} is {kind}, not a checkpoint; {_SUPPORTED}")


def _read_torch(path: Path, mapped: bool) -> object:
    stand_ins: dict[str, type] = {"argparse.Namespace": InertSettings}
    while True:
        try:
            with torch.serialization.safe_globals([(kind, name) for name, kind in stand_ins.items()]):
                # torch accepts mmap only for a path that is a str.
                return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
        except pickle.UnpicklingError as error:
            foreign = _foreign_names(path, str(error))
            new = {name: _stand_in(name) for name in foreign if _is_lightning(name)}
            new = {name: kind for name, kind in new.items() if name not in stand_ins}
            if new and len(stand_ins) < MOST_STAND_INS:
                stand_ins |= new
                continue
            if not foreign:
                raise CheckpointError(
                    f"{path} is not a torch checkpoint that can be read safely: {_short(error)}; {_SUPPORTED}"
                ) from None
            raise CheckpointError(
                _refusal(path, [name for name in foreign if name not in stand_ins])
            ) from None
        except (
            Exception
        ) as error:  # what a damaged file makes torch raise is open-ended (AssertionError, ...)
            raise CheckpointError(
                f"{path} is damaged or not a torch checkpoint ({_size(path)} on disk): {_short(error)}; "
                + _SUPPORTED
            ) from None


def _stand_in(name: str) -> type:
    """torch fills containers of its own kinds only, and Lightning keeps settings in an `AttributeDict`."""
    return OrderedDict if name.endswith("Dict") else Inert


def _is_lightning(name: str) -> bool:
    return name.split(".")[0] in LIGHTNING


def _foreign_names(path: Path, message: str) -> list[str]:
    """What the file would have Python import: from torch's own listing, else from its message."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # a listing that fails must not hide the refusal itself
        return re.findall(r"GLOBAL ([\w.]+)", message)[:1]


def _refusal(path: Path, foreign: list[str]) -> str:
    """Why the file is not opened, and the one-off conversion for somebody who trusts its source."""
    some = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
    return (
        f"{path} is a pickle that asks to run code from outside ({some or 'unnamed'}), so it is not opened; "
        f"if you trust its source, {_conversion(path)}"
    )


def _conversion(path: Path) -> str:
    """The command that makes a file which can be read; it asks for the sha256 first."""
    target = path.with_suffix(".safetensors")
    command = ("python", "-m", "explorer", "convert", str(path), "--out", str(target))
    return f"convert it once: {shlex.join(command)}"


def _short(error: BaseException) -> str:
    """The first line of a library's message, without its advice."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return first.split(". ")[0].rstrip(".")[:200]


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.1f} MiB"
