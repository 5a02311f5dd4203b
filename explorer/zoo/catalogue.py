"""Which models have a name: the bundled ones in checkpoints/, and the published ones on the Hugging Face hub.

Bundled files are called SET-tokenizer, SET-var, SET-raster-tokenizer, SET-raster and SET-masked; a bare SET
means its next-scale member. Published files are fetched only by `download`; without a network everything else
works.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from explorer import families
from explorer.errors import CheckpointError
from explorer.families import Released
from explorer.resources import resource_folder
from explorer.zoo.reading import file_sha256, read_checkpoint
from explorer.zoo.recognise import recognise

BUNDLED_FOLDER = resource_folder("checkpoints")
ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt")

# Longest first, so that mini-raster-tokenizer is not taken for the tokenizer of a set called "mini-raster".
MEMBERS = {
    "-raster-tokenizer": "single-scale tokenizer",
    "-tokenizer": "multi-scale tokenizer",
    "-raster": "raster-scan generator",
    "-masked": "masked generator, any order",
    "-var": "next-scale generator",
}
PARTNER_OF = {"-raster": "-raster-tokenizer", "-masked": "-raster-tokenizer", "-var": "-tokenizer"}
MEMBER_OF_KIND = {"tokenizer": "-tokenizer", "generator": "-var"}


@dataclass(frozen=True)
class Bundled:
    """A file of checkpoints/. set_name, member: the parts of its name, None where it has none."""

    name: str
    path: Path
    set_name: str | None
    member: str | None

    @property
    def about(self) -> str:
        return (
            f"{MEMBERS[self.member]} of the set {self.set_name}" if self.member else "a file in checkpoints/"
        )


def bundled(folder: Path | None = None) -> list[Bundled]:
    """What stands in checkpoints/ (or another folder), by name."""
    folder = folder or BUNDLED_FOLDER
    entries = []
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
        member = next((end for end in MEMBERS if path.stem.endswith(end)), None)
        entries.append(Bundled(path.stem, path, path.stem.removesuffix(member) if member else None, member))
    return entries


def bundled_partner(generator: Path) -> Path | None:
    """The tokenizer beside a generator SET-var, SET-raster or SET-masked; None where there is none."""
    for member, partner in PARTNER_OF.items():
        if generator.stem.endswith(member):
            neighbour = generator.with_stem(generator.stem.removesuffix(member) + partner)
            return neighbour if neighbour.is_file() else None
    return None


def released(name: str) -> Released | None:
    return next((entry for entry in families.released() if entry.name == name), None)


def downloads_folder() -> Path:
    """Where `download` puts files: $TOKENSCOPE_HOME, else tokenscope/ in the user's cache folder."""
    if os.environ.get("TOKENSCOPE_HOME"):
        return Path(os.environ["TOKENSCOPE_HOME"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tokenscope"


def find(
    name_or_path: str | os.PathLike,
    kind: str | None = None,
    folder: Path | None = None,
    downloads: Path | None = None,
) -> Path:
    """The file that a name or path means; a bare set name means its member of `kind`.

    kind: "tokenizer" | "generator" | None. Nothing is downloaded. CheckpointError: no such name, and which
    there are; or a published one that is not here.
    """
    name = os.fspath(name_or_path)
    if os.sep in name or "/" in name or name.endswith(ENDINGS) or isinstance(name_or_path, os.PathLike):
        return Path(name).expanduser()
    folder = folder or BUNDLED_FOLDER
    entries = bundled(folder)
    paths = {entry.name: entry.path for entry in entries}
    if name in paths:
        return paths[name]
    members = [entry for entry in entries if entry.set_name == name]
    if members:
        wanted = next((entry for entry in members if entry.member == MEMBER_OF_KIND.get(kind)), None)
        if wanted:
            return wanted.path
        what = f"holds no {MEMBERS[MEMBER_OF_KIND[kind]]}" if kind else "is a set of models"
        raise CheckpointError(f"{name} {what}; name one of {', '.join(entry.name for entry in members)}")
    entry = released(name)
    if entry:
        downloads = downloads or downloads_folder()
        for place in (folder, downloads):
            if (place / entry.filename).is_file():
                return place / entry.filename
        raise CheckpointError(
            f"{name} is a published model (about {entry.gib:.1f} GiB) that is not on this machine; fetch it "
            f"with `python -m explorer download {name}`, or put {entry.filename} into {downloads}"
        )
    if Path(name).exists():  # a file without one of the usual endings
        return Path(name)
    known = [entry.name for entry in entries] + [entry.name for entry in families.released()]
    raise CheckpointError(
        f"no model is called {name!r} and there is no such file; the names are {', '.join(known)}"
    )


def download(name: str, folder: Path | None = None, fetch: Callable[..., str] | None = None) -> Path:
    """Fetches a published file from the hub into `folder` (default: `downloads_folder()`) and checks it.

    fetch: stands in for `huggingface_hub.hf_hub_download`. CheckpointError: unknown name, no network, or what
    came is not that model (it is then removed).
    """
    entry = released(name)
    if entry is None:
        raise CheckpointError(
            f"{name!r} is not a published model; these are: {', '.join(e.name for e in families.released())}"
        )
    folder = Path(folder) if folder is not None else downloads_folder()
    if fetch is None:
        from huggingface_hub import hf_hub_download as fetch  # only now: it takes a while to import
    try:
        path = Path(
            fetch(
                repo_id=entry.repository, filename=entry.filename, revision=entry.revision, local_dir=folder
            )
        )
    except Exception as error:  # the hub, its http library and the file system each have their own kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{name} could not be fetched from huggingface.co/{entry.repository} ({reason}); "
            f"check the network, or copy {entry.filename} into {folder} yourself; the bundled models need no "
            "download"
        ) from error
    try:
        _check_download(entry, path)
    except CheckpointError as error:
        path.unlink(missing_ok=True)
        raise CheckpointError(f"what was fetched as {name} was removed again: {error}") from None
    return path


def _check_download(entry: Released, path: Path) -> None:
    if entry.sha256 and file_sha256(path) != entry.sha256:
        raise CheckpointError(f"its sha256 is {file_sha256(path)}, the catalogue has {entry.sha256}")
    found = recognise(read_checkpoint(path).shapes, filename=path.name)
    if (found.family, found.parameters) != (entry.family, entry.parameters):
        raise CheckpointError(
            f"it is {found.title} with {found.parameters:,} parameters; expected was {entry.family} with "
            f"{entry.parameters:,}"
        )
