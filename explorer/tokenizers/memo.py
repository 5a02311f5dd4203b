"""A memory of decoded pictures, bounded in bytes and addressed by content."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

from torch import Tensor


class DecodeMemo:
    """Keeps recently used pictures until they exceed `max_bytes`, then forgets the least recently used.

    The keys name everything a picture depends on (weights, precision, tokens, scale), so one memo may serve
    several tokenizers and users. Safe to use from several threads. Stored tensors must not be changed in
    place.
    """

    def __init__(self, max_bytes: int):
        if max_bytes < 0:
            raise ValueError(f"max_bytes is at least 0, not {max_bytes}")
        self.max_bytes = max_bytes
        self._pictures: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Tensor | None:
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: Hashable, picture: Tensor) -> None:
        if picture.nbytes > self.max_bytes:
            return
        with self._lock:
            if key in self._pictures:
                return
            self._pictures[key] = picture
            self._bytes += picture.nbytes
            while self._bytes > self.max_bytes:
                _, forgotten = self._pictures.popitem(last=False)
                self._bytes -= forgotten.nbytes

    def clear(self) -> None:
        with self._lock:
            self._pictures.clear()
            self._bytes = 0

    @property
    def bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._pictures)
