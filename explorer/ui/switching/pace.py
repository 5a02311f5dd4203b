"""How long opening a model takes on this machine: from a part of its own file, corrected by what was opened.

A page of a large model is there before its first picture (see `page.build_page`), so files are what one waits
for: their bytes are read, looked at for damage and brought to the precision in which they are used.
"""

import threading
import time
from pathlib import Path

import numpy as np
import torch

PART = 16 << 20  # bytes tried out of the middle of a file
PASSES = 2.5  # how often opening goes over all bytes, compared with one try
TYPICAL = 64 << 20  # bytes; smaller files say more about overhead than about reading


class Pace:
    """Seconds per byte of each file, and per multiply-add until a first picture. Threads may share one."""

    def __init__(self):
        self._tried: dict[tuple, float] = {}
        self._passes = PASSES
        self._first: tuple[int, float] | None = None  # multiply-adds and seconds of the first page
        self._lock = threading.Lock()

    def read(self, path: Path, seconds: float) -> None:
        """A file was read and its network built: the estimate for others follows."""
        size = path.stat().st_size
        if size >= TYPICAL:
            passes = seconds / (size * self._per_byte(path))
            with self._lock:
                self._passes = min(4 * PASSES, max(PASSES / 4, passes))

    def built(self, work: int, seconds: float) -> None:
        """A page was built, its first picture shown where `work` (multiply-adds) is not 0."""
        with self._lock:
            if self._first is None:
                self._first = (work, seconds)

    def expected(self, paths: list[Path], work: int) -> float | None:
        """Seconds to open the files and build a page with `work`; None before a page was built."""
        if self._first is None:
            return None
        done, seconds = self._first
        reading = sum(self._passes * path.stat().st_size * self._per_byte(path) for path in paths)
        return reading + seconds * max(1.0, work / max(1, done))

    def _per_byte(self, path: Path) -> float:
        found = path.stat()
        key = (path, found.st_mtime_ns, found.st_size)
        if key not in self._tried:
            self._tried[key] = try_part(path)
        return self._tried[key]


def try_part(path: Path) -> float:
    """Seconds per byte to read a part of a file, look at its values and bring them to another precision."""
    size = path.stat().st_size
    part = max(4, min(PART, size) // 4 * 4)
    began = time.perf_counter()
    with open(path, "rb") as file:
        file.seek((size - min(part, size)) // 2)
        content = bytearray(file.read(part).ljust(part, b"\0"))
    values = torch.from_numpy(np.frombuffer(content, dtype=np.int32))
    torch.aminmax(values)
    values.to(torch.bfloat16)
    return (time.perf_counter() - began) / part
