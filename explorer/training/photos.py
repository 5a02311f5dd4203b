"""A folder or zip of class folders as training data: load, split, augment.

Shapes: N photos, B batch, S stored side, H W the training size. Stored pixels are uint8 RGB; batches are
float32 in [-1, 1]. Everything random is a function of (seed, counter), so that a resumed run sees the same
batches.
"""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from explorer.picture_files import picture_names, read_pictures
from explorer.tokenizers.images import open_image
from explorer.training.class_folders import natural, places

# Photos are kept this much larger than the training size, so that random crops do not blur.
STORED_SIDE = 1.5


# More unreadable photos than this share of the set are no accident: the run stops before it starts.
MAX_UNREADABLE = 0.01


@dataclass(frozen=True)
class PhotoSet:
    """images_NHWC uint8 (N,S,S,3); labels_N int64, indices into the class names; names: paths.

    held: whether each photo is held out, where the set's own folders (train, val) say so, else None.
    unreadable: names of files that were skipped.
    """

    images_NHWC: np.ndarray
    labels_N: Tensor
    classes: tuple[str, ...]
    names: tuple[str, ...]
    held: tuple[bool, ...] | None = None
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def held_out(self, share: float = 0.05) -> tuple[Tensor, Tensor]:
        """Indices for training and for measuring; a photo's side depends on its name alone.

        What follows the first dot of the file's name does not count: variants of one picture lie together.
        A class of which no name falls to the held-out side gives its nearest one, where it has two pictures.
        Raises ValueError where nothing can be held out, or nothing would be left to train on.
        """
        held_N = np.array(self.held) if self.held is not None else self._held_by_name(share)
        if not held_N.any() or held_N.all():
            raise ValueError(
                f"{len(self)} photos in {len(self.classes)} classes cannot be split into photos to train on "
                f"and photos held out ({int(held_N.sum())} would be held out); at least one class needs two"
            )
        return torch.from_numpy(np.flatnonzero(~held_N)), torch.from_numpy(np.flatnonzero(held_N))

    def _held_by_name(self, share: float) -> np.ndarray:
        pictures = [_without_endings(name) for name in self.names]
        draw_N = np.array([zlib.crc32(picture.encode()) / 2**32 for picture in pictures])
        held_N = draw_N < share
        labels_N = self.labels_N.numpy()
        for label in range(len(self.classes)):
            own_N = labels_N == label
            if own_N.any() and not held_N[own_N].any() and len(np.unique(draw_N[own_N])) > 1:
                held_N |= own_N & (draw_N == draw_N[own_N].min())
        return held_N


def _without_endings(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def load_photos(path: Path | str, side: int) -> PhotoSet:
    """Read class folders (see `class_folders`), each photo centre-cropped and scaled to `side` pixels.

    Photos are read as everywhere else (`tokenizers.images.open_image`): upright, transparency on white. A few
    that cannot be read are skipped and named in `unreadable`. Raises ValueError when there are no class
    folders, or when more than one photo and more than 1 % of them cannot be read.
    """
    path = Path(path)
    found = picture_names(path)
    place_of = dict(zip(found, places(found), strict=True))
    filed = [name for name in found if place_of[name].class_name is not None]
    if not filed:
        raise ValueError(
            f"{path} holds no class folders with photos (expected CLASS/PHOTO.jpg, .png or .webp)"
        )
    images, names, unreadable = [], [], []
    for name, data in read_pictures(path, filed):
        try:
            image = open_image(data)
        except ValueError as error:
            unreadable.append((name, error))
            if len(unreadable) > max(1, MAX_UNREADABLE * len(filed)):
                raise ValueError(_too_many(path, unreadable, len(filed))) from error
            continue
        images.append(np.asarray(_squared(image, side)))
        names.append(name)
    if not images:
        raise ValueError(_too_many(path, unreadable, len(filed)))
    labels = [place_of[name].class_name for name in names]
    classes = tuple(sorted(set(labels), key=natural))
    index = {label: i for i, label in enumerate(classes)}
    held = tuple(bool(place_of[name].held_out) for name in names)
    return PhotoSet(
        np.stack(images),
        torch.tensor([index[label] for label in labels]),
        classes,
        tuple(names),
        held if any(place_of[name].held_out is not None for name in names) else None,
        tuple(name for name, _ in unreadable),
    )


def _squared(image: Image.Image, side: int) -> Image.Image:
    if image.size == (side, side):
        return image
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    box = (left, top, left + short, top + short)
    return image.resize((side, side), Image.Resampling.LANCZOS, box=box)


def _too_many(path: Path, unreadable: list[tuple[str, ValueError]], photos: int) -> str:
    name, error = unreadable[0]
    more = f", and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
    return (
        f"{path}: {name} cannot be read ({error}){more}; of {photos} photos at most "
        f"{max(1, int(MAX_UNREADABLE * photos))} may be unreadable. Remove or mend them"
    )


def random_state(*counters: int) -> torch.Generator:
    """A generator that depends on the given numbers alone."""
    seed = zlib.crc32(np.array(counters, dtype=np.int64).tobytes())
    return torch.Generator().manual_seed(seed)


def batch_indices(indices_N: Tensor, batch: int, seed: int, step: int) -> Tensor:
    """The step's photo indices: epochs of a fresh shuffle each, batches running over their borders."""
    n = len(indices_N)
    wanted = torch.arange(step * batch, (step + 1) * batch)
    orders = {
        int(e): torch.randperm(n, generator=random_state(seed, int(e))) for e in torch.unique(wanted // n)
    }
    return torch.stack([indices_N[orders[int(w // n)][w % n]] for w in wanted])


def to_pixels(images_BHWC: np.ndarray) -> Tensor:
    """uint8 (B,H,W,3) to float32 (B,3,H,W) in [-1,1], contiguous."""
    return torch.from_numpy(images_BHWC).permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)


def plain_batch(photos: PhotoSet, indices_B: Tensor, size: int) -> Tensor:
    """Photos as they are, at `size` pixels: (B,3,size,size) in [-1,1]."""
    x_BCHW = to_pixels(photos.images_NHWC[indices_B.numpy()])
    if x_BCHW.shape[-1] != size:
        x_BCHW = F.interpolate(x_BCHW, size=(size, size), mode="bilinear", antialias=True)
    return x_BCHW.clamp_(-1, 1)


def augmented_photo(photos: PhotoSet, index: int, size: int, generator: torch.Generator) -> Tensor:
    """One photo after random crop (70 to 100 % of the side), flip and light colour change: (3,size,size)."""
    share, top, left, flip, gain, shift = torch.rand(6, generator=generator).tolist()
    tint = torch.rand(3, generator=generator)
    stored = photos.images_NHWC.shape[1]
    side = round(stored * (0.7 + 0.3 * share))
    y, x = round(top * (stored - side)), round(left * (stored - side))
    crop = to_pixels(photos.images_NHWC[index : index + 1, y : y + side, x : x + side])
    crop = F.interpolate(crop, size=(size, size), mode="bilinear", antialias=True)[0]
    crop = crop.flip(-1) if flip < 0.5 else crop
    crop = crop * (0.9 + 0.2 * gain) + 0.1 * (shift - 0.5) + 0.06 * (tint - 0.5).view(3, 1, 1)
    return crop.clamp_(-1, 1)


def augmented_drawing(photos: PhotoSet, index: int, size: int, generator: torch.Generator) -> Tensor:
    """One drawing on white after random scale (80 to 108 %), shift, flip and turn of hue: (3,size,size).

    Unlike a photo it keeps its outline: what a shift uncovers is white.
    """
    share, top, left, flip, hue = torch.rand(5, generator=generator).tolist()
    stored = photos.images_NHWC.shape[1]
    border = stored // 8
    drawing = to_pixels(photos.images_NHWC[index : index + 1])
    drawing = F.pad(drawing, (border,) * 4, value=1.0)
    side = round(stored * (0.93 + 0.32 * share))
    slack = stored + 2 * border - side
    # Shifts stay near the middle, so that no more than a rim of the drawing is cut off.
    y, x = (round(slack * (0.25 + 0.5 * place)) for place in (top, left))
    crop = drawing[..., y : y + side, x : x + side]
    crop = F.interpolate(crop, size=(size, size), mode="bilinear", antialias=True)[0]
    crop = crop.flip(-1) if flip < 0.5 else crop
    return turn_hue(crop, math.radians(40 * (hue - 0.5))).clamp_(-1, 1)


def turn_hue(image_CHW: Tensor, angle: float) -> Tensor:
    """Colours turned about the grey axis by `angle` radians (Rodrigues' formula); greys stay as they are."""
    cos, sin, third = math.cos(angle), math.sin(angle), (1 - math.cos(angle)) / 3
    root = sin / math.sqrt(3)
    same, next_, last = cos + third, third - root, third + root
    turn = torch.tensor([[same, next_, last], [last, same, next_], [next_, last, same]])
    return torch.einsum("dc,chw->dhw", turn, image_CHW)


AUGMENTATIONS = {"photo": augmented_photo, "drawing": augmented_drawing}


def augmented_batch(
    photos: PhotoSet, indices_B: Tensor, size: int, seed: int, step: int, kind: str = "photo"
) -> Tensor:
    """(B,3,size,size) in [-1,1], a function of the arguments alone. kind: a key of AUGMENTATIONS."""
    generator = random_state(seed, step, 1)
    return torch.stack([AUGMENTATIONS[kind](photos, int(i), size, generator) for i in indices_B])
