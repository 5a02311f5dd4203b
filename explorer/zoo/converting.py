"""Makes a safetensors file of files that cannot be read safely, once, for somebody who trusts their source.

DALL-E's dVAE is published as two pickled modules, other models as TorchScript programs. Reading such a file
can run what it contains, so three things are asked: it happens in a process of its own
(`conversion_process`), for a file whose sha256 the caller confirms or the catalogue knows, and only when the
command line asks for it. What comes out is read and recognised as any other file before it takes its name.
"""

import hmac
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file

from explorer import families
from explorer.errors import CheckpointError
from explorer.writing import written_whole
from explorer.zoo.reading import file_sha256, read_checkpoint
from explorer.zoo.recognise import Recognition, recognise

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Converted:
    """path: the new file. sources: sha256 of each file that was read. found: what it is now."""

    path: Path
    sources: dict[str, str]
    found: Recognition
    tensors: int


def convert(files: Sequence[Path], out: Path, confirmed: Sequence[str] = ()) -> Converted:
    """Reads the files, each in a process of its own, and writes their tensors as one safetensors file.

    files: a model, or the parts that it is published in, whose names then get the part's prefix. confirmed:
    sha256 of files whose source the caller trusts. ValueError: a file is not confirmed, or the arguments do
    not go together. CheckpointError: a file cannot be read, or makes no model that is known.
    """
    files, out = [Path(file) for file in files], Path(out)
    if out.suffix != ".safetensors":
        raise ValueError(f"{out} must end in .safetensors, which is what is written")
    if out.resolve() in [file.resolve() for file in files]:
        raise ValueError(f"{out} is read and cannot be written at the same time; name another file")
    sources = {str(file): _trusted(file, confirmed) for file in files}
    with written_whole(out) as unfinished:
        tensors, parts = {}, []
        for file in files:
            _read_elsewhere(file, sources[str(file)], unfinished)
            found = dict(read_checkpoint(unfinished).tensors)
            parts.append(part := _part(file, found))
            tensors |= {f"{part}.{name}" if part else name: tensor.clone() for name, tensor in found.items()}
        if len(files) > 1 and (None in parts or len(set(parts)) < len(parts)):
            raise ValueError(
                "these files are not the different parts of one model, so they make no file together; "
                "convert them one by one"
            )
        save_file(tensors, unfinished)
        try:
            found = recognise(read_checkpoint(unfinished).shapes, filename=out.name)
        except CheckpointError as error:
            raise CheckpointError(f"{', '.join(sources)}: {error}") from None
    return Converted(out, sources, found, len(tensors))


def _trusted(file: Path, confirmed: Sequence[str]) -> str:
    """Its sha256, when the catalogue or the caller knows it."""
    if not file.is_file():
        raise CheckpointError(f"there is no file {file}")
    sha256 = file_sha256(file)
    pinned = {entry.sha256 for entry in families.released() if entry.sha256}
    if sha256 in pinned or any(hmac.compare_digest(sha256, one.strip().lower()) for one in confirmed):
        return sha256
    if confirmed:
        raise ValueError(
            f"{file} has the sha256 {sha256}, which is none of those confirmed; nothing was read"
        )
    raise ValueError(
        f"reading {file} can run code that it contains. Its sha256 is {sha256}: compare it with the one that "
        f"its publisher states, and if you trust it add --sha256 {sha256}"
    )


def _read_elsewhere(file: Path, sha256: str, target: Path) -> None:
    """The tensors of `file` to the safetensors file `target`, by a process of its own."""
    command = [sys.executable, "-m", "explorer.zoo.conversion_process", str(file.resolve()), sha256]
    done = subprocess.run(
        [*command, str(target.resolve())],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reason = lines[-1] if lines else f"the process that read it ended with {done.returncode}"
        raise CheckpointError(f"{file} cannot be converted: {reason}")


def _part(file: Path, tensors: dict) -> str | None:
    """The prefix of a file that holds one part of a model, None for a whole one."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    family = families.of_names(shapes)
    if family is None or family.part is None:
        return None
    try:
        return family.part(family.read(shapes))
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}") from None
