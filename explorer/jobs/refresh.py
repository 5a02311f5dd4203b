"""Rebuild what is derived from the bundled weights; the counterpart of `derived.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from explorer.analysis.preview import fit_preview
from explorer.analysis.projection import pca_plane, umap_plane
from explorer.analysis.usage import count_tokens
from explorer.generators import load_generator
from explorer.jobs.derived import FOLDER, is_fresh, write_derived
from explorer.tokenizers import Tokenizer, load_tokenizer
from explorer.training.photos import STORED_SIDE, load_photos, plain_batch
from explorer.zoo.cards import read_card
from explorer.zoo.catalogue import BUNDLED_FOLDER, bundled, bundled_partner
from explorer.zoo.reading import file_sha256

# The preview is a linear map with a few dozen weights: more pictures change nothing.
PREVIEW_PICTURES = 256
BATCH = 32


@dataclass(frozen=True)
class Member:
    """A bundled file. partner: the tokenizer of a generator, None for tokenizers."""

    path: Path
    partner: Path | None

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def sha256(self) -> str:
        return file_sha256(self.path)


def bundled_members(folder: Path = BUNDLED_FOLDER) -> list[Member]:
    """Tokenizers first, then generators with their tokenizers."""
    entries = [entry.path for entry in bundled(folder)]
    tokenizers = [Member(path, None) for path in entries if path.stem.endswith("-tokenizer")]
    generators = [Member(path, partner) for path in entries if (partner := bundled_partner(path))]
    return tokenizers + generators


def stale_members(folder: Path = BUNDLED_FOLDER, derived: Path = FOLDER) -> list[Member]:
    """Bundled models whose derived file is missing or was made from other weights."""
    return [member for member in bundled_members(folder) if _is_stale(member, derived)]


def _is_stale(member: Member, derived: Path) -> bool:
    if member.partner is None:
        return not is_fresh(member.name, member.sha256, derived)
    card = read_card(member.path)
    made_with = {"tokenizer_sha256": file_sha256(member.partner), "card_sampling": dict(card.sampling)}
    return not is_fresh(member.name, member.sha256, derived, **made_with)


def refresh(
    data: Path | None,
    *,
    everything: bool = False,
    folder: Path = BUNDLED_FOLDER,
    derived: Path = FOLDER,
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Rebuild stale derived files (all of them with `everything`); returns the paths written.

    data: the photos that the models were trained on; only the held-out ones are used. Needed for tokenizers.
    Raises ValueError when a tokenizer is stale and `data` is None.
    """
    members = bundled_members(folder) if everything else stale_members(folder, derived)
    if not members:
        say("nothing is stale")
    if data is None and any(member.partner is None for member in members):
        names = ", ".join(member.name for member in members if member.partner is None)
        raise ValueError(
            f"usage counts of {names} need the held-out photos: give the training photos with --data"
        )
    written = []
    for member in members:
        say(f"{member.name}: computing")
        if member.partner is None:
            written.append(_refresh_tokenizer(member, data, derived))
        else:
            written.append(_refresh_generator(member, derived))
        say(f"{member.name}: wrote {written[-1]}")
    return written


def _refresh_tokenizer(member: Member, data: Path, derived: Path) -> Path:
    tok = load_tokenizer(member.path, precision="exact")
    size = tok.image_hw[0]
    photos = load_photos(data, round(size * STORED_SIDE))  # as `evaluate` sees them
    held_N = photos.held_out()[1]
    maps = [tok.encode(_pictures(photos, indices_B, size)) for indices_B in held_N.split(BATCH)]
    codebook_VC = tok.codebook
    arrays = {
        "usage_KV": count_tokens(maps, tok.vocab_size).numpy().astype(np.uint32),
        "preview": _preview(tok, photos, held_N[:: max(1, len(held_N) // PREVIEW_PICTURES)], size),
        "pca": pca_plane(codebook_VC).numpy(),
        "umap": umap_plane(codebook_VC).numpy(),
    }
    usage_of = f"{len(held_N):,} held-out photos of {len(photos.classes)} classes"
    return write_derived(member.name, member.sha256, arrays, {"usage_of": usage_of}, derived)


def _pictures(photos, indices_B: torch.Tensor, size: int) -> torch.Tensor:
    return (plain_batch(photos, indices_B, size) + 1) / 2


def _preview(tok: Tokenizer, photos, indices_N: torch.Tensor, size: int) -> np.ndarray:
    image_NCHW = _pictures(photos, indices_N, size)
    f_hat_NChw = torch.cat([tok.accumulate(tok.encode(x))[-1] for x in image_NCHW.split(BATCH)])
    return fit_preview(f_hat_NChw, image_NCHW).numpy()


def _refresh_generator(member: Member, derived: Path) -> Path:
    tok = load_tokenizer(member.partner, precision="exact")
    gen = load_generator(member.path, tok)
    labels = list(range(len(gen.classes)))
    *_, last = gen.generate(labels, seed=labels)
    maps = last.maps
    arrays = {f"scale_{k:02d}": ids.numpy().astype(np.int32) for k, ids in enumerate(maps.maps, start=1)}
    notes = {
        "labels": labels,
        "seeds": labels,
        "sampling": dict(gen.sampling),
        "maps_meta": dict(maps.meta or {}),
        "tokenizer_sha256": tok.sha256,
        "card_sampling": dict(read_card(member.path).sampling),
    }
    return write_derived(member.name, member.sha256, arrays, notes, derived)
