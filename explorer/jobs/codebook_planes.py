"""What takes a while to know about a codebook, computed beside the page and kept on disk.

    CodebookPlanes   PCA at once; UMAP from the shipped file, from the cache, or from a process of its own
    SwatchSheet      what every code decodes to alone, in one picture; a thread that takes the device's lock
    for one
                     small batch at a time

The cache is addressed by content (hash of the codebook, of the weights), so it never goes stale. It is a
convenience: without a writable folder everything works, only later.

Shapes: V codes, C code dimension, t side of a tile in pixels.
"""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import explorer
from explorer.analysis.projection import pca_plane
from explorer.tokenizers import Tokenizer

log = logging.getLogger(__name__)

TILE = 8  # one JPEG block: tiles of a sheet do not bleed into each other
CODES_AT_ONCE = 32
UMAP_VERSION = "umap-15-0.1-0"  # neighbours, distance and seed of `umap_plane`: part of the cache's key


def cache_folder() -> Path:
    """Where results are kept between runs: $TOKENSCOPE_CACHE, else the user's cache folder."""
    if folder := os.environ.get("TOKENSCOPE_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tokenscope"


def codebook_key(codebook_VC: Tensor, what: str) -> str:
    """A file name's stem for what was computed from this codebook."""
    values = codebook_VC.detach().float().cpu().contiguous().numpy()
    return f"{what}-{hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()[:24]}"


class CodebookPlanes:
    """The codebook on a plane. Ask `umap()` again and again; it never blocks.

    shipped: (pca, umap) computed by `refresh`, or None.
    """

    def __init__(
        self, codebook_VC: Tensor, shipped: tuple[Tensor, Tensor] | None = None, folder: Path | None = None
    ):
        self.codebook = codebook_VC
        self._folder = folder or cache_folder()
        self._lock = threading.Lock()
        self._umap = shipped[1] if shipped else None
        self._process: subprocess.Popen | None = None
        self._started = 0.0
        self.problem = ""  # why there will be no UMAP
        self.pca = shipped[0] if shipped else pca_plane(codebook_VC)

    @property
    def expected_seconds(self) -> int:
        """From experience on one core: half a minute to load and compile, then by the number of codes."""
        return round(30 + len(self.codebook) * 0.015)

    @property
    def seconds_left(self) -> int:
        """What is left of the expectation; 0 when it has been exceeded."""
        passed = time.monotonic() - self._started if self._started else 0
        return max(0, round(self.expected_seconds - passed))

    def umap(self) -> Tensor | None:
        """(V,2), or None while it is being computed (see `seconds_left`) or when it cannot be (see
        `problem`).
        """
        with self._lock:
            if self._umap is None and not self.problem:
                ended = self._process is not None and self._process.poll() is not None  # asked before reading
                self._umap = self._cached()
                if self._umap is None and self._process is None:
                    self._start()
                elif self._umap is None and ended:
                    self._explain()
            return self._umap

    @property
    def _path(self) -> Path:
        return self._folder / f"{codebook_key(self.codebook, UMAP_VERSION)}.npy"

    def _cached(self) -> Tensor | None:
        try:
            plane_V2 = np.load(self._path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        right = plane_V2.shape == (len(self.codebook), 2) and np.isfinite(plane_V2).all()
        return torch.from_numpy(plane_V2).float() if right else None

    def _start(self) -> None:
        if not _writable(self._folder):
            self._folder = Path(tempfile.mkdtemp(prefix="tokenscope-"))
        source = self._folder / f"{codebook_key(self.codebook, 'codebook')}.npy"
        np.save(source, self.codebook.detach().float().cpu().numpy())
        command = [sys.executable, "-m", "explorer.jobs.umap_process", str(source), str(self._path)]
        home = Path(explorer.__file__).resolve().parents[1]
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            command, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        weakref.finalize(self, _end, self._process)  # also when the program ends

    def _explain(self) -> None:
        said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        last = said[-1] if said else f"the process ended with code {self._process.returncode}"
        self.problem = last.removeprefix("ValueError: ")[:200]


class SwatchSheet:
    """Every code decoded alone as a tile, and its mean colour. `start` once; `done` grows to V."""

    def __init__(self, tok: Tokenizer, folder: Path | None = None):
        self.tok = tok
        self.done = 0
        self.problem = ""  # why there will be no sheet
        self.tiles = np.zeros((tok.vocab_size, TILE, TILE, 3), np.uint8)
        self._folder = folder or cache_folder()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def complete(self) -> bool:
        return self.done == len(self.tiles)

    @property
    def means(self) -> np.ndarray:
        """(V,3) uint8: the mean colour of each tile."""
        return self.tiles.reshape(len(self.tiles), -1, 3).mean(1).round().astype(np.uint8)

    def start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work_or_explain, daemon=True, name="swatch sheet"
                )
                self._thread.start()

    @property
    def _path(self) -> Path | None:
        # "auto" is float32 on one machine and bf16 on another, and a home folder may serve both.
        precision = str(self.tok.device.compute_dtype).removeprefix("torch.")
        sha256 = self.tok.sha256
        return self._folder / f"swatches-{TILE}-{precision}-{sha256[:24]}.npy" if sha256 else None

    def _work_or_explain(self) -> None:
        try:
            self._work()
        except Exception as error:  # a thread has nobody to raise to
            log.exception("swatches could not be decoded")
            self.problem = type(error).__name__

    def _work(self) -> None:
        if self._path:
            try:
                kept = np.load(self._path, allow_pickle=False)
            except (OSError, ValueError, EOFError):
                kept = None
            if kept is not None and kept.shape == self.tiles.shape and kept.dtype == np.uint8:
                self.tiles, self.done = kept, len(kept)
                return
        codes = torch.arange(len(self.tiles))
        for part in codes.split(CODES_AT_ONCE):
            swatches = self.tok.decode_code_swatches(part)
            small = torch.nn.functional.interpolate(swatches, size=(TILE, TILE), mode="area")
            self.tiles[part] = (small * 255).round().byte().permute(0, 2, 3, 1).numpy()
            self.done = int(part[-1]) + 1
            time.sleep(0.01)  # lets a visitor's request have the device in between
        self._keep()

    def _keep(self) -> None:
        if not self._path or not _writable(self._folder):
            return
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        with unfinished.open("wb") as file:
            np.save(file, self.tiles)
        unfinished.replace(self._path)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.kill()
