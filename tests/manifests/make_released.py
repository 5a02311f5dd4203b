"""Makes released.json.gz, names and shapes of the published checkpoints, from the full manifests.

    python tests/manifests/make_released.py ../shared/specs/manifests

Each entry: file (its name as published), parameters, tensors {name: shape}, ignored (entries that are no
weights).
"""

import gzip
import json
import sys
from pathlib import Path

# Families that the tests know; other manifests are left out.
KNOWN = (
    "vae_",
    "var_",
    "vq_",
    "c2i_",
    "vqgan_",
    "cin_",
    "dalle_",
    "rqvae_",
    "vitvqgan_imagenet_small",
    "vitvqgan_imagenet_base",
)
OUT = Path(__file__).with_name("released.json.gz")


def file_name(name: str) -> str:
    """The manifests' names are the published files' stems, except that var_d36_512 is published as
    var_d36.pth."""
    stem = {"var_d36_512": "var_d36"}.get(name, name)
    if name.startswith("ibq_"):
        return name.removeprefix("ibq_") + ".ckpt"
    if name.startswith("vitvqgan_"):
        return name.replace("vitvqgan_imagenet", "imagenet_vitvq") + ".ckpt"
    if name.startswith("rqvae_"):
        return "model.pt"
    if name.startswith(("vae_", "var_")):
        return stem + ".pth"
    return stem + (".pt" if name.startswith(("c2i_", "vq_")) else ".ckpt")


def _lost(case: str, name: str) -> bool:
    """Losses of IBQ's files, thousands of names that say nothing about the tokenizer."""
    return case.startswith("ibq_") and name.startswith(("loss.", "model_ema.loss"))


def main(folder: Path) -> None:
    released = {}
    for path in sorted(path for path in folder.glob("*.json") if path.stem.startswith(KNOWN)):
        manifest = json.loads(path.read_text())
        tensors = {name: one for name, one in manifest["tensors"].items() if not _lost(path.stem, name)}
        released[path.stem] = {
            "file": file_name(path.stem),
            "parameters": manifest["n_params"],
            "tensors": {name: entry["shape"] for name, entry in tensors.items()},
            "ignored": [name for name, entry in tensors.items() if entry["kind"] != "param"],
            "config": manifest["config"],
        }
    packed = json.dumps(released, separators=(",", ":")).encode()
    OUT.write_bytes(gzip.compress(packed, 9, mtime=0))
    print(f"{OUT}: {len(released)} checkpoints, {OUT.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
