"""The models that this server has opened, each once: shared by the pages that show them."""

import threading
import time
from pathlib import Path
from weakref import WeakValueDictionary

from explorer.devices import Device
from explorer.families.schedules import Grids
from explorer.generators import Generator, load_generator
from explorer.jobs.derived import read_generator_derived, read_tokenizer_derived
from explorer.tokenizers import DecodeMemo, Tokenizer, load_tokenizer
from explorer.ui.compare.pairs import NEXT_SCALE, RASTER, Pair
from explorer.ui.switching.pace import Pace
from explorer.ui.workbench import Workbench


class OpenedModels:
    """Opens files on one device, whose lock all of them share. pace: hears how long each file took."""

    def __init__(self, device: Device, memo: DecodeMemo, pace: Pace):
        self.device = device
        self.memo = memo
        self.pace = pace
        self._models: WeakValueDictionary[tuple, Tokenizer | Generator] = WeakValueDictionary()
        self._lock = threading.Lock()

    def holds(self, path: Path) -> bool:
        """Whether the file is open now, as it is on disk."""
        return any(key[:3] == _key(path) for key in list(self._models))

    def tokenizer(self, path: Path, grids: Grids | None = None) -> Tokenizer:
        """grids: for a file that does not say them. CheckpointError."""
        key = (*_key(path), grids)
        with self._lock:
            found = self._models.get(key)
            if found is None:
                began = time.perf_counter()
                found = load_tokenizer(path, device=self.device, memo=self.memo, grids=grids)
                self._keep(key, found, began)
        return found

    def generator(self, path: Path, tokenizer: Tokenizer) -> Generator:
        """For the codes of `tokenizer`. CheckpointError."""
        key = (*_key(path), id(tokenizer))
        with self._lock:
            found = self._models.get(key)
            if found is None:
                began = time.perf_counter()
                found = load_generator(path, tokenizer)
                self._keep(key, found, began)
        return found

    def adopt(self, pair: Pair, tokenizer: Path, generator: Path) -> None:
        """A pair that was opened elsewhere, from these files."""
        self._models[(*_key(tokenizer), None)] = pair.tokenizer
        self._models[(*_key(generator), id(pair.tokenizer))] = pair.generator

    def _keep(self, key: tuple, model: Tokenizer | Generator, began: float) -> None:
        self._models[key] = model
        self.pace.read(key[0], time.perf_counter() - began)


def furnish(
    tokenizer: Tokenizer, generator: Generator | None = None, counterparts: dict[str, Pair] | None = None
) -> Workbench:
    """The workbench of a page, with what was shipped for these weights.

    counterparts: pairs by order; the page compares with the one in the other order.
    """
    order = generator.order if generator else NEXT_SCALE
    other = RASTER if order == NEXT_SCALE else NEXT_SCALE
    derived = read_tokenizer_derived(tokenizer.name, tokenizer.sha256)
    usage = (derived.usage_KV, derived.usage_of) if derived else (None, "")
    examples = None
    if generator:
        examples = read_generator_derived(generator.name, generator.sha256, tokenizer.sha256)
    return Workbench(
        tokenizer,
        generator,
        *usage,
        examples=examples,
        counterpart=(counterparts or {}).get(other),
        preview=derived.preview if derived else None,
    )


def _key(path: Path) -> tuple:
    path = path.resolve()
    found = path.stat()
    return path, found.st_mtime_ns, found.st_size
