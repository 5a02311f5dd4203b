"""Usage of the codebook over the pictures of a zip that a visitor sent: as a stream, and within limits.

What a zip says about itself is not believed without a bound: the directory's size, the number of files, their
sizes and how far they unpack are checked before anything is read, and reading stops at the declared size.
Damaged files are skipped and named; only a zip that is no use at all is an error.
"""

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from explorer.analysis.usage import count_tokens
from explorer.picture_files import ENDINGS
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import FORMATS, open_image

PIXELS_AT_ONCE = 1 << 18  # encoded together: 64 pictures of 64 px, 4 of 256 px
FILES_AT_ONCE = 64
READ_AT_ONCE = (
    1 << 22
)  # pixels and bytes of files after which the count says how far it is: a fraction of a second
MB = 1 << 20
END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
END_SEARCHED = END_OF_DIRECTORY.size + 65535  # the record is followed by a comment of at most this length
ZIP64_LOCATOR = b"PK\x06\x07"
# What zipfile raises on damaged archives and unknown compression (a RuntimeError), besides ValueError.
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, OSError, EOFError)


@dataclass(frozen=True)
class ZipLimits:
    archive_bytes: int = 256 * MB
    directory_bytes: int = 16 * MB
    pictures: int = 20_000
    picture_bytes: int = 64 * MB
    total_bytes: int = 2048 * MB
    ratio: int = 100  # unpacked to packed size of one picture; photos have about 1, blank bitmaps some dozens
    pixels: int = 16_000_000
    total_pixels: int = 4_000_000_000  # minutes; a PNG of a few kB can have 16 million


@dataclass(frozen=True, eq=False)
class ZipCount:
    """done: files looked at, of total. counts_KV: (K,V) over the pictures so far. skipped: (name, why)."""

    done: int
    total: int
    pictures: int
    counts_KV: Tensor
    skipped: tuple[tuple[str, str], ...]


def count_zip(
    tok: Tokenizer,
    path: Path,
    limits: ZipLimits | None = None,
    fit: str = "crop",
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[ZipCount]:
    """Counts of every code at every scale, growing; one value at the start and one after every few pictures.

    After large files a value comes between two batches too: only its `done` has grown. `stopped` is asked
    before every file; once it is true the count ends without another value. ValueError, in a sentence, for
    what is no zip, breaks a limit or holds no readable picture.
    """
    limits = limits or ZipLimits()
    check_directory(path, limits)
    with _opened(path) as archive:
        entries = picture_entries(archive, limits)
        counts_KV = torch.zeros(len(tok.grids), tok.vocab_size, dtype=torch.int64)
        H, W = tok.image_hw
        at_once = max(1, min(FILES_AT_ONCE, PIXELS_AT_ONCE // (H * W)))
        pictures, pixels, read, images, skipped = 0, 0, 0, [], []
        yield ZipCount(0, len(entries), 0, counts_KV, ())
        for done, entry in enumerate(entries, start=1):
            if stopped():
                return
            try:
                content = _content(archive, entry, limits)
                seen = _pixels(content, limits.pixels)
                read += len(content) + seen
                pixels += seen
                if pixels > limits.total_pixels:
                    break
                images.append(tok.fit(open_image(content, limits.pixels), mode=fit))
            except (ValueError, *DAMAGED) as error:
                skipped.append((entry.filename, _reason(error)))
            whole = done % at_once == 0 or done == len(entries)
            if whole and images:
                counts_KV = counts_KV + count_tokens([tok.encode(torch.cat(images))], tok.vocab_size)
                pictures, images = pictures + len(images), []
            if whole or read > READ_AT_ONCE:
                read = 0
                yield ZipCount(done, len(entries), pictures, counts_KV, tuple(skipped))
        if pixels > limits.total_pixels:
            raise ValueError(
                f"Its first {done:,} of {len(entries):,} pictures have {pixels / 1e6:,.1f} megapixels; "
                f"at most {limits.total_pixels / 1e6:,.1f} are counted. Send fewer or smaller pictures."
            )
        if not pictures:
            name, why = skipped[0]
            if len(skipped) == 1:
                raise ValueError(f"Its only picture, {name}, {why}.")
            raise ValueError(f"None of its {len(skipped):,} pictures can be read; the first, {name}, {why}.")


def check_directory(path: Path, limits: ZipLimits) -> None:
    """Refuses by the archive's last bytes alone what would be costly to open: zipfile reads the directory
    at once.
    """
    size = path.stat().st_size
    if size > limits.archive_bytes:
        raise ValueError(f"It has {size // MB} MB; at most {limits.archive_bytes // MB} MB are accepted.")
    with path.open("rb") as file:
        file.seek(max(0, size - END_SEARCHED - 20))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + END_OF_DIRECTORY.size:
        raise ValueError("It is not a zip file, or its end is missing.")
    directory = END_OF_DIRECTORY.unpack_from(tail, at)[5]
    if tail[max(0, at - 20) : at].startswith(ZIP64_LOCATOR):
        raise ValueError("It is in the zip64 form, which only archives above 4 GB or 65,535 files need.")
    if directory > limits.directory_bytes:
        raise ValueError(f"Its list of files alone has {directory // MB} MB; that is no set of pictures.")


def picture_entries(archive: zipfile.ZipFile, limits: ZipLimits) -> list[zipfile.ZipInfo]:
    """The picture files within the limits on number and total size, in the archive's order."""
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    found = [entry for entry in files if _is_picture(entry.filename)]
    if not found:
        kinds = ", ".join(ending.removeprefix(".") for ending in ENDINGS)
        raise ValueError(f"It holds no pictures ({kinds}) among its {len(files):,} files.")
    if len(found) > limits.pictures:
        raise ValueError(f"It holds {len(found):,} pictures; at most {limits.pictures:,} are counted.")
    total = sum(entry.file_size for entry in found if entry.file_size <= limits.picture_bytes)
    if total > limits.total_bytes:
        raise ValueError(
            f"It unpacks to {total // MB:,} MB; at most {limits.total_bytes // MB:,} MB are accepted."
        )
    return found


def _is_picture(name: str) -> bool:
    """Not the shadow files that macOS and editors leave behind."""
    parts = name.split("/")
    hidden = parts[0] == "__MACOSX" or parts[-1].startswith(".")
    return not hidden and name.lower().endswith(ENDINGS)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (ValueError, *DAMAGED) as error:
        raise ValueError("It is a damaged zip file: its list of files cannot be read.") from error


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: ZipLimits) -> bytes:
    if entry.file_size > limits.picture_bytes:
        raise ValueError(
            f"unpacks to {entry.file_size // MB} MB, at most {limits.picture_bytes // MB} MB are read"
        )
    if entry.file_size > MB and entry.file_size > limits.ratio * max(1, entry.compress_size):
        times = entry.file_size // max(1, entry.compress_size)
        raise ValueError(f"unpacks to {times:,} times its size, which pictures do not")
    if entry.flag_bits & 1:
        raise ValueError("is locked with a password")
    with archive.open(entry) as file:
        return file.read(limits.picture_bytes)


def _pixels(content: bytes, most: int) -> int:
    """As the header says, which costs nothing; 0 where there is none, or where the reader will refuse it.

    Counted before decoding: a damaged picture takes as long as a good one.
    """
    Image.init()
    kinds = [kind for kind in FORMATS if kind in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the reader has its own limit
            width, height = Image.open(io.BytesIO(content), formats=kinds).size
    except Exception:  # PIL's parsers raise nearly anything; the reader says what is wrong
        return 0
    return width * height if width * height <= most else 0


def _reason(error: BaseException) -> str:
    text = str(error).removeprefix("this file ").split("\n")[0][:160] or type(error).__name__
    return text if isinstance(error, ValueError) else f"is damaged ({text})"
