"""TokenMaps: the integers that encode one batch of images, the one currency of the program.

Scales count from 1 in arguments and files, Python sequences from 0: `maps[0]` is scale 1.
Shapes: B batch, K scales, V codes, h w the grid of one scale. -1 marks a token that is not known yet.
"""

import hashlib
import json
import math
import operator
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.writing import written_whole

Grid = tuple[int, int]
UNKNOWN = -1
MAX_FILE_BYTES = 1 << 30  # unpacked; ten scales of 10 000 images at 256 px are a quarter of it

# What numpy and zipfile raise on damaged or foreign files.
FILE_ERRORS = (ValueError, OSError, EOFError, KeyError, RuntimeError, MemoryError, struct.error)
FILE_ERRORS += (zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class TokenMaps:
    """K token maps (B,h_k,w_k), coarse to fine, and a note of the tokenizer they belong to.

    maps: integer tensors or arrays; kept as int64 CPU copies, so later changes of the arguments do not
    matter.
    meta: None, or a JSON-like dict. `Tokenizer.encode` writes "tokenizer", "sha256", "grids", "vocab_size"
    and "image_size"; `Tokenizer.decode` refuses maps whose meta names another tokenizer. Other keys are
    kept.

    Raises ValueError for maps that are not whole numbers >= -1 of shape (B,h,w) with one B.
    """

    maps: tuple[Tensor, ...]
    meta: Mapping | None = None

    def __post_init__(self):
        if isinstance(self.maps, Tensor | np.ndarray) or not isinstance(self.maps, Sequence):
            raise ValueError(
                f"maps is a sequence of (B,h,w) tensors, one per scale, not a {type(self.maps).__name__}"
            )
        maps = tuple(_as_map(ids, k) for k, ids in enumerate(self.maps, start=1))
        if not maps:
            raise ValueError("token maps need at least one scale, got none")
        for k, ids in enumerate(maps, start=1):
            if ids.shape[0] != maps[0].shape[0]:
                raise ValueError(f"scale {k} holds {ids.shape[0]} images, scale 1 holds {maps[0].shape[0]}")
        object.__setattr__(self, "maps", maps)
        if self.meta is not None:
            # Through JSON and back: a deep copy, and an early error for what could not be saved.
            object.__setattr__(self, "meta", json.loads(json.dumps(dict(self.meta))))

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index: int) -> Tensor:
        return self.maps[index]

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.maps)

    def __eq__(self, other: object) -> bool:
        """Equal ids on equal grids. The meta is a note about them and does not count."""
        if not isinstance(other, TokenMaps):
            return NotImplemented
        return len(self) == len(other) and all(torch.equal(a, b) for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        grids = " ".join(f"{h}x{w}" for h, w in self.grids)
        name = (self.meta or {}).get("tokenizer")
        return f"TokenMaps({self.batch} x [{grids}]{f', {name}' if name else ''})"

    @property
    def batch(self) -> int:
        return self.maps[0].shape[0]

    @property
    def grids(self) -> tuple[Grid, ...]:
        return tuple((ids.shape[1], ids.shape[2]) for ids in self.maps)

    @property
    def tokens_per_image(self) -> int:
        return sum(h * w for h, w in self.grids)

    def known_rows(self) -> tuple[int, ...]:
        """For each image the number of scales before the first one that holds a -1 (K when all is known)."""
        complete_KB = torch.stack([(ids >= 0).flatten(1).all(1) for ids in self.maps])
        return tuple(complete_KB.long().cumprod(0).sum(0).tolist())

    @property
    def known(self) -> int:
        """The number of scales that are known for every image."""
        return min(self.known_rows(), default=0)

    def digest(self, row: int | None = None, scales: int | None = None) -> str:
        """SHA-256 (hex) of grids and ids: of one image (`row`, from 0), of scales 1..`scales` only."""
        last = len(self) if scales is None else scales
        found = hashlib.sha256(repr((self.grids, last)).encode())
        for ids in self.maps[:last]:
            chosen = ids if row is None else ids[row]
            found.update(chosen.contiguous().numpy().tobytes())
        return found.hexdigest()

    def with_map(self, k: int, ids) -> "TokenMaps":
        """A copy whose scale k (from 1) is `ids`, (B,h_k,w_k) or, for a batch of one, (h_k,w_k)."""
        self.check_scale(k)
        ids = _as_map(ids, k)
        if ids.shape != self.maps[k - 1].shape:
            raise ValueError(
                f"scale {k} has shape {tuple(self.maps[k - 1].shape)}, the new map has {tuple(ids.shape)}"
            )
        return TokenMaps((*self.maps[: k - 1], ids, *self.maps[k:]), self.meta)

    def with_meta(self, meta: Mapping | None) -> "TokenMaps":
        return TokenMaps(self.maps, meta)

    def image(self, row: int) -> "TokenMaps":
        """One image of the batch (from 0), as a batch of one."""
        if not 0 <= row < self.batch:
            raise ValueError(f"image {row} asked, the batch holds 0..{self.batch - 1}")
        return TokenMaps(tuple(ids[row : row + 1] for ids in self.maps), self.meta)

    def check_scale(self, k: int, lowest: int = 1) -> int:
        """k as an int when it is a scale of these maps; ValueError otherwise."""
        k = whole_number(k, "a scale")
        if not lowest <= k <= len(self):
            raise ValueError(f"scale {k} asked, these maps have scales {lowest}..{len(self)}")
        return k

    def to_json(self) -> str:
        """{"maps": K nested lists [B][h][w], "meta": ...}; `from_json` reads it back."""
        return json.dumps({"maps": [ids.tolist() for ids in self.maps], "meta": self.meta})

    @classmethod
    def from_json(cls, text: str) -> "TokenMaps":
        try:
            stored = json.loads(text)
            maps = [np.array(ids) for ids in stored["maps"]]
            meta = stored.get("meta")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise ValueError(f"not token maps in JSON: {error}") from error
        _check_meta(meta, "the JSON")
        return cls(maps, meta)

    def save(self, path: str | Path) -> None:
        """Write `scale_01` ... `scale_KK` (int32) and `meta` (a JSON string) as one npz file."""
        arrays = {f"scale_{k:02d}": ids.numpy().astype(np.int32) for k, ids in enumerate(self.maps, start=1)}
        # numpy would add an ending to a bare path
        with written_whole(path) as unfinished, open(unfinished, "wb") as file:
            np.savez_compressed(file, meta=np.array(json.dumps(self.meta)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "TokenMaps":
        """Read what `save` wrote. Nothing is unpickled. FileNotFoundError; ValueError for a foreign file."""
        with open(path, "rb") as file:
            try:
                maps, meta = _read_npz(file)
                return cls(maps, meta)
            except FILE_ERRORS as error:
                raise ValueError(f"{path} holds no token maps: {error}") from error


def _read_npz(file) -> tuple[list[np.ndarray], dict | None]:
    if not zipfile.is_zipfile(file):  # numpy would try a lone array or a pickle next
        raise ValueError("it is not an npz file")
    with zipfile.ZipFile(file) as packed:
        unpacked = sum(entry.file_size for entry in packed.infolist())
        for entry in packed.infolist():
            _check_member(packed, entry.filename)
    if unpacked > MAX_FILE_BYTES:
        raise ValueError(f"it unpacks to {unpacked} bytes, the limit is {MAX_FILE_BYTES}")
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        names = sorted(name for name in stored.files if name != "meta")
        if not names or names != [f"scale_{k:02d}" for k in range(1, len(names) + 1)]:
            found = ", ".join(stored.files[:5]) or "nothing"
            raise ValueError(f"it should hold scale_01 .. scale_KK and meta, it holds {found}")
        meta = json.loads(str(stored["meta"])) if "meta" in stored.files else None
        _check_meta(meta, "its meta")
        return [stored[name] for name in names], meta


def _check_member(packed: zipfile.ZipFile, name: str) -> None:
    """What an array claims to be, before numpy makes room for it: cells of no bytes can be any number."""
    if name == "meta.npy" or not name.endswith(".npy"):
        return
    with packed.open(name) as member:
        version = np.lib.format.read_magic(member)
        form = np.lib.format
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, _, dtype = read(member)
    if dtype.kind not in "iu" or math.prod(shape) * dtype.itemsize > MAX_FILE_BYTES:
        raise ValueError(f"{name} claims to be {shape} of {dtype}; a token map is a table of whole numbers")


def check_something_known(maps: TokenMaps, where: str) -> None:
    """ValueError for maps that came from outside and hold no token at all: a picture of them would lie."""
    if not any((ids >= 0).any() for ids in maps):
        raise ValueError(f"{where} holds no known token (all are -1), so there is nothing to decode")


def whole_number(value, what: str) -> int:
    """`value` as an int; ValueError for fractions, booleans and anything else."""
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise ValueError(f"{what} is a whole number, not {value!r}")


def keep_masks(keep, grids: Sequence[Grid], batch: int) -> list[Tensor]:
    """`keep` in any of its forms as K bool tensors (B,h_k,w_k): True = this token is taken as given.

    int k: all of scales 1..k. A bool mask (h,w) or (B,h,w) on the finest grid: reduced to each scale
    bilinearly (half-pixel centres, no antialiasing; more than one half keeps), and grids of at most three
    cells are kept whole, as VAR's zero-shot editing does (MODELS.md 2.3). K bool tensors (h_k,w_k) or
    (B,h_k,w_k): taken exactly.
    """
    if isinstance(keep, list | tuple):
        if len(keep) != len(grids):
            raise ValueError(f"`keep` holds {len(keep)} masks, there are {len(grids)} scales")
        return [_as_mask(mask, grid, batch) for mask, grid in zip(keep, grids, strict=True)]
    if isinstance(keep, Tensor | np.ndarray) and keep.ndim:
        finest = _as_mask(keep, grids[-1], batch)
        return [_reduce_mask(finest, grid) for grid in grids]
    keep = whole_number(keep, "`keep`")
    if not 0 <= keep <= len(grids):
        raise ValueError(f"`keep` is {keep}, there are {len(grids)} scales")
    return [torch.full((batch, *grid), k < keep) for k, grid in enumerate(grids)]


def _as_mask(mask, grid: Grid, batch: int) -> Tensor:
    mask = torch.as_tensor(mask).detach().cpu()
    if mask.dtype != torch.bool:
        raise ValueError(f"a mask in `keep` holds booleans, this one {mask.dtype}")
    if tuple(mask.shape) not in (grid, (1, *grid), (batch, *grid)):
        raise ValueError(
            f"a mask in `keep` has shape {tuple(mask.shape)}, needed is {grid} or {(batch, *grid)}"
        )
    return mask.expand(batch, *grid).clone()


def _reduce_mask(finest_Bhw: Tensor, grid: Grid) -> Tensor:
    if grid[0] * grid[1] <= 3:
        return torch.ones(finest_Bhw.shape[0], *grid, dtype=torch.bool)
    share = F.interpolate(finest_Bhw.unsqueeze(1).float(), size=grid, mode="bilinear", align_corners=False)
    return share.squeeze(1) > 0.5


def _as_map(ids, k: int) -> Tensor:
    if isinstance(ids, Tensor):
        ids = ids.detach().cpu()
    else:
        try:
            ids = torch.from_numpy(np.array(ids))
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"scale {k} is not a table of whole numbers between -1 and 2**63 - 1") from None
    if ids.dtype.is_floating_point or ids.dtype.is_complex or ids.dtype == torch.bool:
        raise ValueError(f"scale {k} holds {ids.dtype} values; token ids are whole numbers")
    if ids.ndim == 2:
        ids = ids.unsqueeze(0)
    if ids.ndim != 3 or 0 in ids.shape[1:]:
        raise ValueError(f"scale {k} has shape {tuple(ids.shape)}; a token map is (B,h,w)")
    ids = ids.to(torch.int64, copy=True).contiguous()
    if ids.numel() and ids.min() < UNKNOWN:
        raise ValueError(f"scale {k} holds the id {ids.min().item()}; ids start at 0 and -1 means not known")
    return ids


def _check_meta(meta, where: str) -> None:
    if meta is not None and not isinstance(meta, dict):
        raise ValueError(f"{where} should describe a tokenizer as an object, it is a {type(meta).__name__}")
