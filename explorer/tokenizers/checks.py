"""What a tokenizer asks of its arguments; every ValueError names what was found and what is needed."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from explorer.token_maps import Grid

RANGE_SLACK = 1e-4  # float resampling may overshoot [0,1] by rounding


def check_image(image: Tensor, image_hw: tuple[int, int], name: str) -> Tensor:
    """A float32 CPU copy of an image batch (B,3,H,W) in [0,1] of exactly the size `image_hw`."""
    if not isinstance(image, Tensor):
        raise ValueError(f"an image is a (B,3,H,W) tensor, not a {type(image).__name__}; `fit` makes one")
    if not image.dtype.is_floating_point:
        raise ValueError(f"an image holds floats in [0,1], this one is {image.dtype}; divide bytes by 255")
    if image.ndim != 4 or image.shape[1] != 3 or image.shape[0] == 0:
        raise ValueError(f"an image is (B,3,H,W) with B at least 1, this one is {tuple(image.shape)}")
    if tuple(image.shape[2:]) != image_hw:
        raise ValueError(
            f"the image is {image.shape[2]} x {image.shape[3]} (height x width), {name} takes "
            f"{image_hw[0]} x {image_hw[1]}; `fit` resizes, `with_grids` changes the size"
        )
    image = image.detach().to("cpu", torch.float32)
    if image.isnan().any():
        raise ValueError(f"the image holds {int(image.isnan().sum())} values that are not numbers (NaN)")
    low, high = (value.item() for value in image.aminmax())
    if low < -RANGE_SLACK or high > 1 + RANGE_SLACK:
        raise ValueError(f"image values lie in [0,1], these reach from {low:g} to {high:g}")
    return image.clamp(0, 1)


def check_ids(ids: Tensor, vocab_size: int, where: str, lowest: int) -> None:
    """All ids lie in lowest..vocab_size-1."""
    if not ids.numel():
        return
    low, high = (int(value) for value in ids.aminmax())
    if low < lowest or high >= vocab_size:
        wrong = high if high >= vocab_size else low
        raise ValueError(
            f"{where} holds the id {wrong}; the codebook has {vocab_size} codes, 0..{vocab_size - 1}"
        )


def check_meta(theirs: Mapping, ours: Mapping) -> None:
    """The meta of some maps names the tokenizer with the meta `ours`: by weights if known, else by name."""
    by = "sha256" if theirs.get("sha256") and ours["sha256"] else "tokenizer"
    if theirs.get(by, ours[by]) != ours[by]:
        raise ValueError(
            f"these maps belong to {_who(theirs)}, this is {_who(ours)}; "
            "load that tokenizer, or decode with force"
        )
    vocab_size = theirs.get("vocab_size", ours["vocab_size"])
    if vocab_size != ours["vocab_size"]:
        raise ValueError(
            f"these maps use {vocab_size} codes, tokenizer {ours['tokenizer']} has {ours['vocab_size']}"
        )


def _who(meta: Mapping) -> str:
    weights = f" (sha256 {str(meta['sha256'])[:12]})" if meta.get("sha256") else ""
    return f"tokenizer {meta.get('tokenizer', 'unnamed')}{weights}"


def grids_text(grids: Sequence[Grid]) -> str:
    return " ".join(f"{h}x{w}" for h, w in grids)
