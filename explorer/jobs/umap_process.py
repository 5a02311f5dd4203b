"""UMAP in a process of its own: `python -m explorer.jobs.umap_process CODEBOOK.npy PLANE.npy`.

A thread would not do: while UMAP compiles and optimises it holds the interpreter's lock, and the page would
stand still.
"""

import os
import sys
from pathlib import Path

import numpy as np


def main(codebook: Path, plane: Path) -> None:
    os.nice(10) if hasattr(os, "nice") else None  # the page comes first
    import torch

    from explorer.analysis.projection import umap_plane

    place_V2 = umap_plane(torch.from_numpy(np.load(codebook, allow_pickle=False))).numpy()
    unfinished = plane.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, place_V2)
    unfinished.replace(plane)  # readers see a whole file or none


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
