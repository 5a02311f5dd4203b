"""How a set of pictures uses a codebook: counts of every code at every scale."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from explorer.analysis.usage import count_tokens
from explorer.picture_files import picture_names, read_pictures
from explorer.token_maps import TokenMaps
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import open_image

PIXELS_AT_ONCE = 1 << 20  # encoded together: 256 pictures of 64 px, 16 of 256 px


@dataclass(frozen=True)
class CountedFolder:
    """counts_KV: (K,V) int64. pictures: how many. unreadable: names of files that are no pictures."""

    counts_KV: Tensor
    pictures: int
    unreadable: tuple[str, ...]


def count_folder(
    tok: Tokenizer,
    source: Path,
    fit: str = "crop",
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> CountedFolder:
    """Encodes every picture of a folder or zip. ValueError when none of its files can be read."""
    names = picture_names(source)
    unreadable: list[str] = []

    def images() -> Iterator[Tensor]:
        for name, content in read_pictures(source, names):
            try:
                yield tok.fit(open_image(content), mode=fit)
            except ValueError:
                unreadable.append(name)

    def batches() -> Iterator[TokenMaps]:
        H, W = tok.image_hw
        size = max(1, PIXELS_AT_ONCE // (H * W))
        done, waiting = 0, []
        for image in images():
            waiting.append(image)
            if len(waiting) == size:
                yield tok.encode(torch.cat(waiting))
                done, waiting = done + size, []
                progress(done + len(unreadable), len(names))
        if waiting:
            yield tok.encode(torch.cat(waiting))
        progress(len(names), len(names))

    try:
        counts_KV = count_tokens(batches(), tok.vocab_size)
    except ValueError:
        if len(unreadable) == len(names):
            raise ValueError(f"none of the {len(names)} files of {source} is a readable picture") from None
        raise
    return CountedFolder(counts_KV, len(names) - len(unreadable), tuple(unreadable))
