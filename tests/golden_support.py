"""Finds and reads the reference cases ("goldens") that the official implementations produced.

`tests/golden/` holds the subset that travels with the repository (made by tests/make_golden_subset.py:
fewer arrays, and for some cases fewer weights). When the environment variable TOKENSCOPE_GOLDENS names a
folder of full cases, each case found there takes the place of its small copy.

A test loops over what is stored:

    @pytest.mark.parametrize("case", golden_cases("var_", needs="vae_golden.npz"))
    def test_f_hat(case):
        gold = load_arrays(case / "vae_golden.npz")
        weights = load_weights(case, "vae")
        for k in indices(gold, "fhat_"): close(f_hat[k], gold[f"fhat_{k}"], "f_hat")
"""

import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

SUBSET = Path(__file__).parent / "golden"

# Tolerances of MODELS.md section 1 (absolute, float32 on CPU). Integers, masks and tokens must be equal.
ATOL = {
    "image": 3e-4,
    "feature": 3e-4,
    "f_hat": 2e-5,
    "var_logits": 2e-4,
    "gpt_logits": 1e-4,
    "guided_logits": 1e-3,
    "probabilities": 1e-4,
    "dvae_logits": 3e-4,
}


def golden_folder(name: str) -> Path | None:
    """The folder of one case: from TOKENSCOPE_GOLDENS when it is there, else the small copy, else None."""
    roots = [SUBSET]
    if os.environ.get("TOKENSCOPE_GOLDENS"):
        # pytest may be started from the repository root with a relative path, as the README shows.
        roots.insert(0, Path(os.environ["TOKENSCOPE_GOLDENS"]).resolve())
    for root in roots:
        if (root / name).is_dir():
            return root / name
    return None


def golden_cases(prefix: str, needs: str | tuple[str, ...] = ()) -> list:
    """pytest params (ids = case names): the folders that start with `prefix` and hold all files in `needs`.

    A file may be named without its ending ("vae" = vae.pth or vae.recipe.json).
    """
    needs = (needs,) if isinstance(needs, str) else tuple(needs)
    names = {path.name for path in SUBSET.glob(prefix + "*") if path.is_dir()}
    if os.environ.get("TOKENSCOPE_GOLDENS"):
        full = Path(os.environ["TOKENSCOPE_GOLDENS"]).resolve()
        if not full.is_dir():
            raise FileNotFoundError(f"TOKENSCOPE_GOLDENS names {full}, which is not a folder")
        names |= {path.name for path in full.glob(prefix + "*") if path.is_dir()}
    folders = [golden_folder(name) for name in sorted(names)]
    chosen = [folder for folder in folders if all(_holds(folder, need) for need in needs)]
    if not chosen:
        reason = f"no case {prefix}* with {', '.join(needs) or 'any file'}; set TOKENSCOPE_GOLDENS"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id=f"{prefix}none")]
    return [pytest.param(folder, id=folder.name) for folder in chosen]


def _holds(folder: Path, need: str) -> bool:
    return (folder / need).exists() or ("." not in need and weight_file(folder, need) is not None)


def weight_file(folder: Path, name: str) -> Path | None:
    """The file that holds the weights `name` ("vae", "var", "vq", "gpt"), or None."""
    endings = (".pth", ".pt", ".ckpt", ".recipe.json")
    return next((folder / (name + end) for end in endings if (folder / (name + end)).exists()), None)


def load_config(folder: Path) -> dict:
    """The case's config.json."""
    return json.loads((folder / "config.json").read_text())


def load_arrays(path: Path) -> dict[str, torch.Tensor]:
    """An npz as tensors (bool, integers and floats keep their type)."""
    with np.load(path) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def indices(arrays: dict, prefix: str) -> list[int]:
    """The numbers n for which `prefix` + n is stored, ascending."""
    found = (re.fullmatch(re.escape(prefix) + r"(\d+)", name) for name in arrays)
    return sorted(int(match[1]) for match in found if match)


def image_of(arrays: dict[str, torch.Tensor], name: str = "img") -> torch.Tensor:
    """The network input (B,3,H,W) in [-1,1], from bytes: the subset leaves out the float copy."""
    bytes_BHWC = arrays[name + "_u8"]
    return (bytes_BHWC.permute(0, 3, 1, 2).float() / 255 * 2 - 1).contiguous()


def load_weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """The state dict `name`, unwrapped: from a checkpoint file, or rebuilt from its recipe."""
    path = weight_file(folder, name)
    if path is None:
        raise FileNotFoundError(f"{folder} holds no weights called {name}")
    if path.name.endswith(".recipe.json"):
        return _rebuild(path)
    # Lightning's files name a class of its own among their settings; here it stands for nothing.
    foreign = torch.serialization.get_unsafe_globals_in_checkpoint(path) if path.suffix == ".ckpt" else []
    with torch.serialization.safe_globals([(type("Inert", (), {}), name) for name in foreign]):
        tensors = torch.load(path, weights_only=True, map_location="cpu")
    for wrapper in ("model", "module", "state_dict"):
        if isinstance(tensors.get(wrapper), dict):
            return tensors[wrapper]
    return tensors


def _rebuild(path: Path) -> dict[str, torch.Tensor]:
    """Weights from a recipe: normal draws of numpy's frozen RandomState stream, seeded by name."""
    recipe = json.loads(path.read_text())
    with np.load(path.with_name(path.name.replace(".recipe.json", ".explicit.npz"))) as stored:
        explicit = {name: stored[name] for name in stored.files}
    tensors = {}
    for name, entry in recipe["tensors"].items():
        if entry["init"] == "explicit":
            array = explicit[name]
        elif entry["init"] == "zeros":
            array = np.zeros(entry["shape"], dtype=entry["dtype"])
        else:
            stream = np.random.RandomState((zlib.crc32(name.encode()) ^ recipe["seed"]) & 0xFFFFFFFF)
            normal = stream.standard_normal(tuple(entry["shape"]))
            array = (normal * entry["std"] + entry["mean"]).astype(np.float32)
        tensors[name] = torch.from_numpy(array)
    return tensors


def stored_part(ours: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
    """The leading part of `ours`, for arrays that the subset cut: as long as gold along every axis."""
    return ours[tuple(slice(length) for length in gold.shape)]


def close(ours: torch.Tensor, gold: torch.Tensor, quantity: str) -> float:
    """Assert that two float tensors agree within MODELS.md's tolerance; returns the largest difference."""
    assert tuple(ours.shape) == tuple(gold.shape), f"shape {tuple(ours.shape)} against {tuple(gold.shape)}"
    difference = (ours.double() - gold.double()).abs().max().item()
    assert difference <= ATOL[quantity], (
        f"{quantity}: differs by {difference:.2e}, allowed {ATOL[quantity]:.0e}"
    )
    return difference


def same(ours: torch.Tensor, gold: torch.Tensor, what: str = "tokens") -> None:
    """Assert that two integer or boolean tensors are identical."""
    assert tuple(ours.shape) == tuple(gold.shape), f"shape {tuple(ours.shape)} against {tuple(gold.shape)}"
    wrong = (ours.long() != gold.long()).sum().item()
    assert wrong == 0, f"{what}: {wrong} of {gold.numel()} differ"
