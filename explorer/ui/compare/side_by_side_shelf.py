"""Which tokenizers can be compared: those of the page, and files on this machine, loaded on demand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from explorer import families
from explorer.analysis.colours import codebook_colours
from explorer.errors import CheckpointError
from explorer.token_maps import Grid, TokenMaps
from explorer.tokenizers import DecodeMemo, Tokenizer, load_tokenizer
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.workbench import Workbench
from explorer.zoo import catalogue
from explorer.zoo.cards import Card, read_card

LOADED_AT_ONCE = 2  # besides those of the page
ENCODED = 32  # pictures remembered, as tokens
MEMO_BYTES = 32 << 20  # decoded pictures of a tokenizer that was loaded on demand
TOKENIZERS = ("-tokenizer", "-raster-tokenizer")


@dataclass(frozen=True, eq=False)
class Choice:
    """A tokenizer that can be compared. about: a phrase. tokenizer: None where it is loaded from `path`."""

    name: str
    about: str
    path: Path | None
    tokenizer: Tokenizer | None


class Shelf:
    """The choices of one page, and memories addressed by content that all its visitors share.

    folder, downloads: where files are looked for; None = checkpoints/, and where `download` puts them.
    """

    def __init__(self, bench: Workbench, folder: Path | None = None, downloads: Path | None = None):
        self.bench = bench
        self.folder = folder or catalogue.BUNDLED_FOLDER
        self.choices = tuple(_choices(bench, self.folder, downloads or catalogue.downloads_folder()))
        self._load: Callable[[str], Tokenizer] = lru_cache(LOADED_AT_ONCE)(self._read)
        self._encode: Callable[[str, bytes, Grid], TokenMaps] = lru_cache(ENCODED)(self._encode_bytes)
        self._colours: Callable[[str], list[str]] = lru_cache(len(self.choices))(self._make_colours)

    def choice(self, name: object) -> Choice:
        """ValueError: no such tokenizer."""
        found = next((choice for choice in self.choices if choice.name == name), None)
        if found is None:
            raise ValueError(f"There is no tokenizer {str(name)[:40]!r} to compare. Reload the page.")
        return found

    def tokenizer(self, name: str) -> Tokenizer:
        """Reads the file where that is needed. CheckpointError: it cannot be used."""
        return self.choice(name).tokenizer or self._load(name)

    def encode(self, name: str, pixels_HW3: np.ndarray) -> TokenMaps:
        """Tokens of a picture of the tokenizer's own size, in bytes; remembered by (tokenizer, pixels)."""
        return self._encode(name, pixels_HW3.tobytes(), pixels_HW3.shape[:2])

    def colours(self, name: str) -> list[str]:
        """A colour for every code, made from this tokenizer's codebook alone."""
        own = self.tokenizer(name) is self.bench.tokenizer
        return self.bench.colours if own else self._colours(name)

    def held_out(self, name: str) -> dict | None:
        """The card's figures on photos that training never saw: {"images", "psnr_db", "ssim"}.

        None where there is no card, or it belongs to other weights.
        """
        tokenizer = self.tokenizer(name)
        card = self._card(name)
        if card is None or (card.sha256 and tokenizer.sha256 and card.sha256 != tokenizer.sha256):
            return None
        metrics = card.extra.get("metrics")
        figures = metrics.get("held_out") if isinstance(metrics, dict) else None
        if not isinstance(figures, dict) or not isinstance(figures.get("images"), int):
            return None
        found = {key: figures.get(key) for key in ("psnr_db", "ssim")}
        return {"images": figures["images"]} | {
            key: value if isinstance(value, int | float) else None for key, value in found.items()
        }

    def _card(self, name: str) -> Card | None:
        path = self.choice(name).path or self.folder / f"{name}.safetensors"
        try:
            return read_card(path)
        except CheckpointError:  # a broken card takes its figures with it, not the comparison
            return None

    def _read(self, name: str) -> Tokenizer:
        path = self.choice(name).path
        return load_tokenizer(path, device=self.bench.tokenizer.device, memo=DecodeMemo(MEMO_BYTES))

    def _encode_bytes(self, name: str, pixels: bytes, size: Grid) -> TokenMaps:
        pixels_HW3 = np.frombuffer(pixels, dtype=np.uint8).reshape(*size, 3)
        return self.tokenizer(name).encode(as_image(pixels_HW3))

    def _make_colours(self, name: str) -> list[str]:
        rgb = codebook_colours(self.tokenizer(name).codebook).tolist()
        return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in rgb]


def _choices(bench: Workbench, folder: Path, downloads: Path) -> Iterator[Choice]:
    """Each name once: what is loaded first, then what lies here."""
    loaded = [bench.tokenizer, *(pair.tokenizer for pair in bench.pairs.values())]
    named: set[str] = set()
    for tokenizer in loaded:
        if tokenizer.name not in named:
            named.add(tokenizer.name)
            own = tokenizer is bench.tokenizer
            yield Choice(tokenizer.name, "on this page" if own else "to compare with", None, tokenizer)
    for entry in catalogue.bundled(folder):
        if entry.member in TOKENIZERS and entry.name not in named:
            named.add(entry.name)
            yield Choice(entry.name, "in checkpoints/", entry.path, None)
    for entry in families.released():
        if entry.kind == "tokenizer" and entry.name not in named:
            path = next(
                (
                    place / entry.filename
                    for place in (folder, downloads)
                    if (place / entry.filename).is_file()
                ),
                None,
            )
            if path:
                named.add(entry.name)
                yield Choice(entry.name, entry.about, path, None)
