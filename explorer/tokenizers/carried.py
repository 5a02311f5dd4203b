"""Tokens that travel inside a picture's file: PNG and WebP files that Tokenscope writes carry their own.

A decoded picture that is tokenized again gets other tokens (of the bundled models a quarter to two thirds of
the ids come back), so whoever saves a picture and opens it later would not find what was there. The tokens
lie in a text chunk of a PNG, in the image description of a WebP (EXIF 0x010E), as `TokenMaps.to_json` writes
them.
"""

from PIL import Image, PngImagePlugin
from torch import Tensor

from explorer.token_maps import TokenMaps

NAME = "tokenscope-tokens"
DESCRIPTION = 0x010E
START = '{"maps": '
LONGEST = 1_000_000  # characters; ten scales at 512 px are 13,000


def save_options(kind: str, maps: TokenMaps) -> dict:
    """What PIL's `save` needs to put the maps into a "PNG" or "WEBP" file; nothing for other kinds."""
    text = maps.to_json()
    if len(text) > LONGEST:
        return {}
    if kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(NAME, text, zip=True)
        return {"pnginfo": chunks}
    if kind == "WEBP":
        exif = Image.Exif()
        exif[DESCRIPTION] = text
        return {"exif": exif.tobytes()}
    return {}


def text_in(image: Image.Image) -> str:
    """The maps as text in a file that PIL has opened, "" where there are none."""
    text = image.info.get(NAME)
    if not isinstance(text, str):
        text = image.getexif().get(DESCRIPTION)
    return text if isinstance(text, str) and text.startswith(START) and len(text) <= LONGEST else ""


def carried(image: Image.Image) -> TokenMaps | None:
    """The maps of one picture that its file carried, after `images.open_image`; None where there are none.

    They come from outside: whether they belong to a tokenizer is for `Tokenizer.check_maps` to say.
    """
    try:
        maps = TokenMaps.from_json(image.info.get(NAME, ""))
    except ValueError:
        return None
    return maps if maps.batch == 1 else None


def survived(own: TokenMaps, again: TokenMaps) -> tuple[float, tuple[float, ...]]:
    """Share of ids that a picture's own tokens and those of its pixels have in common: of all, per scale.

    Both are of one picture on the same grids; shares lie in [0,1].
    """
    same: list[Tensor] = [a == b for a, b in zip(own, again, strict=True)]
    total = sum(map_same.numel() for map_same in same)
    return sum(int(one.sum()) for one in same) / total, tuple(float(one.float().mean()) for one in same)
