"""What is computed from a bundled model's weights and shipped beside them: `checkpoints/derived/NAME.npz`.

For tokenizers: usage counts over the held-out photos, the linear preview, the codebook on a plane (PCA,
UMAP). For generators: one finished example per class. Each file carries the sha256 of the weights it was
computed from, examples that of their tokenizer and the sampling too; when one of these changes the file is
stale, is not read, and `python -m explorer refresh` rebuilds it.

Shapes: K scales, V codes, C code dimension, B examples, h w a grid.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explorer.token_maps import FILE_ERRORS, TokenMaps
from explorer.writing import written_whole
from explorer.zoo.catalogue import BUNDLED_FOLDER

FOLDER = BUNDLED_FOLDER / "derived"


@dataclass(frozen=True, eq=False)
class TokenizerDerived:
    """usage_KV: int64 (K,V) counts over `usage_of`. preview: (C+1,3), see analysis. pca, umap: (V,2)."""

    usage_KV: Tensor
    usage_of: str
    preview: Tensor
    pca: Tensor
    umap: Tensor


@dataclass(frozen=True, eq=False)
class GeneratorDerived:
    """Finished examples: maps of B runs, with the label and seed of each and the sampling they share."""

    examples: TokenMaps
    labels: tuple[int, ...]
    seeds: tuple[int, ...]
    sampling: dict


def derived_path(name: str, folder: Path = FOLDER) -> Path:
    return folder / f"{name}.npz"


def write_derived(
    name: str, sha256: str, arrays: dict[str, np.ndarray], notes: dict, folder: Path = FOLDER
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = derived_path(name, folder)
    meta = json.dumps({"weights": name, "sha256": sha256, **notes})
    with written_whole(path) as unfinished:
        np.savez_compressed(unfinished, meta=np.array(meta), **arrays)
    return path


def _read(name: str, sha256: str | None, folder: Path) -> tuple[dict, dict[str, np.ndarray]] | None:
    """Notes and arrays; None where the file is missing, torn, or of other weights: all of these are stale."""
    try:
        with np.load(derived_path(name, folder), allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        meta = json.loads(str(arrays.pop("meta")))
        return (meta, arrays) if meta["sha256"] == sha256 else None
    except FILE_ERRORS:
        return None


def is_fresh(name: str, sha256: str, folder: Path = FOLDER, **notes: object) -> bool:
    """Whether the file was made from these weights and carries these notes."""
    found = _read(name, sha256, folder)
    return found is not None and all(found[0].get(key) == value for key, value in notes.items())


def read_tokenizer_derived(name: str, sha256: str | None, folder: Path = FOLDER) -> TokenizerDerived | None:
    """None when there is no such file or it was made from other weights."""
    found = _read(name, sha256, folder)
    if found is None:
        return None
    meta, arrays = found
    return TokenizerDerived(
        usage_KV=torch.from_numpy(arrays["usage_KV"].astype(np.int64)),
        usage_of=meta["usage_of"],
        preview=torch.from_numpy(arrays["preview"]),
        pca=torch.from_numpy(arrays["pca"]),
        umap=torch.from_numpy(arrays["umap"]),
    )


def read_generator_derived(
    name: str, sha256: str | None, tokenizer_sha256: str | None, folder: Path = FOLDER
) -> GeneratorDerived | None:
    """None when there is no such file or it was made from other weights or with another tokenizer."""
    found = _read(name, sha256, folder)
    if found is None or found[0]["maps_meta"].get("sha256") != tokenizer_sha256:
        return None
    meta, arrays = found
    maps = [
        torch.from_numpy(arrays[key].astype(np.int64)) for key in sorted(arrays) if key.startswith("scale_")
    ]
    return GeneratorDerived(
        TokenMaps(tuple(maps), meta["maps_meta"]),
        tuple(meta["labels"]),
        tuple(meta["seeds"]),
        meta["sampling"],
    )
