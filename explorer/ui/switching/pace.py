"""How quickly this process has opened models so far: from this, the expected seconds of others."""

import threading

TYPICAL = 1 << 20  # bytes; smaller files say more about overhead than about reading


class Pace:
    """Seconds per byte read, and per multiply-add until the first picture. Safe with several threads."""

    def __init__(self):
        self._per_byte: float | None = None
        self._first: tuple[int, float] | None = None  # multiply-adds and seconds of the first page
        self._lock = threading.Lock()

    def read(self, size: int, seconds: float) -> None:
        """A file was read and its network built. The quickest counts: the first one also warms things up."""
        if size < TYPICAL:
            return
        with self._lock:
            rate = seconds / size
            self._per_byte = rate if self._per_byte is None else min(self._per_byte, rate)

    def built(self, work: int, seconds: float) -> None:
        """A page was built, its first picture shown."""
        with self._lock:
            if self._first is None:
                self._first = (work, seconds)

    def expected(self, size: int, work: int) -> float | None:
        """Seconds to read `size` bytes and build a page with `work`; None before anything was measured."""
        if self._per_byte is None or self._first is None:
            return None
        done, seconds = self._first
        return size * self._per_byte + seconds * max(1.0, work / max(1, done))
