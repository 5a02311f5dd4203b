"""A picture of which only a part was drawn: what the page shows of it, and what it was drawn over.

In the page: assets/js/parts/blends.js.
"""

import base64

from torch import Tensor

from explorer.analysis.blending import VISIBLE, blend
from explorer.figures.difference import difference, gradient
from explorer.figures.images import bytes_uri, data_uri
from explorer.token_maps import Grid
from explorer.tokenizers.images import from_pil, open_image

KINDS = ("data:image/png;base64,", "data:image/jpeg;base64,")
MAX_CHARACTERS = 4_000_000
MAX_PIXELS = 4_000_000


def blend_view(before_3HW: Tensor, after_3HW: Tensor, kept_hw: Tensor) -> dict:
    """image: outside as before, inside as drawn. own: the model's picture, with what it changed outside.

    share: of the outside pixels, those that the model's own picture moves by more than `visible` (of 255).
    feather: pixels over which the drawn part fades in. change: the difference of both pictures.
    """
    found = blend(before_3HW, after_3HW, kept_hw)
    changed = difference(before_3HW, after_3HW)
    return {
        "image": data_uri(found.picture_3HW),
        "own": data_uri(after_3HW),
        "share": found.changed_outside,
        "visible": round(255 * VISIBLE),
        "feather": found.feather,
        "change": bytes_uri(changed.pixels),
        "limit": changed.limit,
        "gradient": gradient(),
    }


def read_before(value: object, image_hw: Grid) -> Tensor | None:
    """The picture on show when a part of it was painted, (3,H,W) in [0,1]; None where none was sent."""
    if value is None:
        return None
    kind = next((kind for kind in KINDS if isinstance(value, str) and value.startswith(kind)), None)
    if kind is None or len(value) > MAX_CHARACTERS:
        raise ValueError("The picture that was painted on did not arrive whole. Reload the page.")
    try:
        image = open_image(base64.b64decode(value.removeprefix(kind), validate=True), MAX_PIXELS)
    except ValueError as error:
        raise ValueError(f"The picture that was painted on cannot be read: {error}.") from None
    H, W = image_hw
    if image.size != (W, H):
        raise ValueError(
            f"The picture that was painted on has {image.width} × {image.height} pixels, this model's have "
            f"{W} × {H}."
        )
    return from_pil(image)[0]
