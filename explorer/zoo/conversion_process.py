"""Reads one file that is no plain checkpoint; run by `converting`, never imported by the page.

    python -m explorer.zoo.conversion_process FILE SHA256 TARGET.safetensors

A pickle is read with classes that stand for whatever it names: they keep the state that they are given and
do nothing, so that nothing foreign is imported or executed, and parameters and buffers are then found in the
tree of `_modules`. A TorchScript program has to be loaded by torch itself. On failure the last line of stderr
says why.
"""

import hashlib
import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from explorer.zoo.unwrapping import unwrap

# All that a pickle may call; torch itself allows the same to plain checkpoints.
ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch", "device"): torch.device,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch.serialization", "_get_layout"): torch.serialization._get_layout,
} | {
    ("torch", kind): getattr(torch, kind)
    for kind in (
        "FloatStorage",
        "HalfStorage",
        "BFloat16Storage",
        "DoubleStorage",
        "LongStorage",
        "IntStorage",
    )
}
DEEPEST = 100  # modules within modules


class Record:
    """Stands for an object of a foreign class: keeps its state, does nothing."""

    def __init__(self, *arguments, **settings):
        self.state = {}

    def __setstate__(self, state):
        self.state = state

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass

    def add(self, value):
        pass


class RecordingUnpickler(pickle.Unpickler):
    """Only ALLOWED is what it is called; every other name becomes a Record."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in ALLOWED:
            return ALLOWED[module, name]
        return type(name.rpartition(".")[2], (Record,), {"__module__": module})


def _load(file, **settings) -> object:
    return RecordingUnpickler(file, **settings).load()


# What torch.load takes in place of the module `pickle`.
RECORDING = types.SimpleNamespace(
    __name__="recording", Unpickler=RecordingUnpickler, load=_load, UnpicklingError=pickle.UnpicklingError
)


def read(content: bytes) -> dict[str, Tensor]:
    """The tensors of a pickle or a TorchScript program. ValueError: there are none."""
    if _is_script(content):
        found = torch.jit.load(io.BytesIO(content), map_location="cpu").state_dict()
    else:
        stored = torch.load(
            io.BytesIO(content), map_location="cpu", weights_only=False, pickle_module=RECORDING
        )
        if isinstance(stored, Mapping):
            unwrapped = unwrap(stored)
            found = unwrapped.tensors if unwrapped else {}
        else:
            found = dict(module_tensors(stored))
    if not found:
        raise ValueError("it holds no named tensors and no module with parameters")
    # Tied weights are written once for each name: safetensors knows no sharing.
    return {name: tensor.detach().clone().contiguous() for name, tensor in found.items()}


def module_tensors(module: object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of a recorded module, as its own `state_dict` would name them."""
    state = module.state if isinstance(module, Record) and isinstance(module.state, Mapping) else {}
    if depth > DEEPEST:
        raise ValueError(f"its modules lie more than {DEEPEST} deep in each other")
    for kind in ("_parameters", "_buffers"):
        for name, tensor in _entries(state, kind):
            if isinstance(tensor, Tensor):
                yield f"{prefix}{name}", tensor
    for name, child in _entries(state, "_modules"):
        yield from module_tensors(child, f"{prefix}{name}.", depth + 1)


def _entries(state: Mapping, kind: str) -> list[tuple[str, object]]:
    entries = state.get(kind)
    return list(entries.items()) if isinstance(entries, Mapping) else []


def _is_script(content: bytes) -> bool:
    if not content.startswith(b"PK\x03\x04"):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def main(source: Path, sha256: str, target: Path) -> None:
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:  # of the bytes that are read, not of a file's name
        raise ValueError("the file was changed after its sha256 had been confirmed")
    save_file(read(content), target)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except Exception as error:  # whatever a strange file makes torch raise, the parent gets one line
        text = " ".join(str(error).split()) or type(error).__name__
        print(text[:300], file=sys.stderr)
        sys.exit(1)
