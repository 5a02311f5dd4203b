"""Pictures in and out: any PIL image to the (1,3,H,W) float tensor in [0,1] that a tokenizer takes, and back.

Three ways to fit a picture of any size, each with a single resampling step where its definition allows it:

    crop        the largest centred part with the target's proportions
    letterbox   the whole picture, neutral grey bars beside it
    reference   what the family's authors did to their training pictures (MODELS.md 2.3 and 3.3)

Shapes: B batch, H W pixels. A size is always (H, W); PIL's own (width, height) stays inside this file.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from explorer import families
from explorer.tokenizers import carried

Size = tuple[int, int]
MODES = ("crop", "letterbox", "reference")
MAX_PIXELS = 100_000_000
GREY = (128, 128, 128)
WHITE = (255, 255, 255)
# Raster formats only: PIL would hand EPS and PDF files to external programs.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "ICO", "AVIF", "JPEG2000")
# The second word of a HEIC file's header.
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
# What PIL's decoders raise on damaged files; RuntimeError comes from the AVIF decoder.
DECODE_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, RuntimeError),
    *(struct.error, zlib.error),
)
NOTICE = "tokenscope notice"  # where a picture's `info` carries what was odd about it
BIG_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def open_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in a file or in bytes, upright RGB (first frame, transparency on white).

    The size is read from the header and checked before anything is decoded. Raises FileNotFoundError, and
    ValueError for what is not a picture, is damaged, has a format outside `FORMATS` or more than
    `max_pixels`.
    """
    name = "this file" if isinstance(source, bytes) else str(source)
    if not isinstance(source, bytes):
        source = Path(source).read_bytes() if Path(source).is_file() else _missing(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit comes next
        try:
            image = Image.open(io.BytesIO(source), formats=_available_formats())
        except UnidentifiedImageError as error:
            if source[4:8] == b"ftyp" and source[8:12] in HEIC_BRANDS:
                raise ValueError(
                    f"{name} is a HEIC photo, which cannot be read here; save it as JPEG or PNG first "
                    "(a phone's camera settings offer “most compatible”)"
                ) from error
            kinds = ", ".join(FORMATS)
            raise ValueError(f"{name} is not a picture in a known format ({kinds})") from error
        except Image.DecompressionBombError as error:
            number = re.search(r"(\d+) pixels", str(error))  # PIL's own limit is hit before it tells the size
            size = _mega(int(number[1])) if number else "too many pixels"
            raise ValueError(f"{name} has {size}; at most {_mega(max_pixels)} are accepted") from error
        except DECODE_ERRORS as error:
            raise ValueError(f"{name} is damaged or not a picture: {error}") from error
    return to_rgb(image, max_pixels, name)


def _available_formats() -> list[str]:
    """Those of FORMATS that this PIL was built with."""
    Image.init()
    return [kind for kind in FORMATS if kind in Image.OPEN]


def _missing(path) -> bytes:
    raise FileNotFoundError(f"there is no file {path}")


def to_rgb(image: Image.Image, max_pixels: int = MAX_PIXELS, name: str = "the picture") -> Image.Image:
    """A new upright 8-bit RGB copy of any PIL image; the argument is left as it was (a lazy file gets
    loaded).

    Animations give their first frame, EXIF rotation is applied, transparency lies on white, 16-bit greys
    keep their upper eight bits, float greys are taken as 0..1 when nothing exceeds 1 and as 0..255
    otherwise; `notice` tells where that loses much. Raises ValueError above `max_pixels` (before decoding)
    and for damaged files.
    """
    if not isinstance(image, Image.Image):
        raise ValueError(f"a PIL image is needed, not a {type(image).__name__}")
    width, height = image.size
    if width * height > max_pixels:
        size = f"{_mega(width * height)} ({width} x {height})"
        raise ValueError(f"{name} has {size}; at most {_mega(max_pixels)} are accepted")
    if width * height == 0:
        raise ValueError(f"{name} is empty: {width} x {height} pixels")
    try:
        image = _first_frame(image)
        tokens = carried.text_in(image)
        image = ImageOps.exif_transpose(image)
        rgb = _eight_bit_rgb(image)
        if tokens:
            rgb.info[carried.NAME] = tokens
        return rgb
    except DECODE_ERRORS as error:
        raise ValueError(f"{name} cannot be decoded: {error}") from error


def _first_frame(image: Image.Image) -> Image.Image:
    if getattr(image, "is_animated", False) and image.tell() != 0:
        shown = image.tell()
        image.seek(0)
        first = image.copy()
        image.seek(shown)  # the caller's picture stays where it was
        return first
    image.load()
    return image


def notice(image: Image.Image) -> str:
    """What `open_image` or `to_rgb` found odd about a picture's numbers, one sentence; "" for nothing."""
    return image.info.get(NOTICE, "")


def _noticed(image: Image.Image, words: str) -> Image.Image:
    if words:
        image.info[NOTICE] = words
    return image


def _eight_bit_rgb(image: Image.Image) -> Image.Image:
    if image.mode in BIG_MODES:
        values = np.asarray(image).astype(np.int64)
        grey = np.clip(values, 0, 65535) >> 8
        return _noticed(Image.fromarray(grey.astype(np.uint8)).convert("RGB"), _about_whole(values))
    if image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        grey = np.nan_to_num(values, nan=0.0, posinf=255.0, neginf=0.0)
        grey = np.clip(grey * (255 if grey.max() <= 1 else 1), 0, 255)
        return _noticed(
            Image.fromarray(np.round(grey).astype(np.uint8)).convert("RGB"), _about_floats(values)
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, (*WHITE, 255))
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _about_whole(values: np.ndarray) -> str:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        return f"Its values run from {low} to {high}; what lies outside 0 to 65535 was cut off."
    if 255 < high < 4096:
        bits = high.bit_length()
        return (
            f"Its values end at {high}, {bits} of the 16 bits it is stored in, so it looks almost black; "
            f"multiply them by {2 ** (16 - bits)} first."
        )
    return ""


def _about_floats(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    missing = values.size - known.size
    words = []
    if missing:
        words.append(f"{missing} of its {values.size} values are no numbers; they were replaced")
    if known.size and (known.min() < 0 or known.max() > 255):
        words.append(f"its values run from {known.min():.4g} to {known.max():.4g}; 0 to 255 was kept of them")
    text = "; ".join(words)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:.1f} megapixels"


def fit(
    image: Image.Image,
    size: Size,
    mode: str = "crop",
    family: str = "",
    max_pixels: int = MAX_PIXELS,
) -> Tensor:
    """Any PIL image as a (1,3,H,W) float32 tensor in [0,1]. `family` decides what "reference" means."""
    if mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
    rgb = to_rgb(image, max_pixels)
    if mode == "crop":
        return from_pil(crop(rgb, size))
    if mode == "letterbox":
        return from_pil(letterbox(rgb, size))
    return from_pil(_of_family(family, "reference", "reference preprocessing")(rgb, size))


def frame(
    picture: tuple[int, int], size: Size, mode: str, family: str = ""
) -> tuple[float, float, float, float]:
    """Where `fit` looks: (left, top, width, height) of what it gives, in shares of a picture (width, height).

    Beyond 0..1 lie the bars of a letterbox. Right to a pixel of the target: its rounding is left out.
    """
    if mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
    (width, height), (H, W) = picture, size
    scale = (max if mode == "letterbox" else min)(width / W, height / H)
    if mode == "reference":
        scale /= next((one.reference_cover for one in families.known() if one.name == family), 1.0)
    share_x, share_y = scale * W / width, scale * H / height
    return (1 - share_x) / 2, (1 - share_y) / 2, share_x, share_y


def crop(rgb: Image.Image, size: Size) -> Image.Image:
    """The largest centred part with the target's proportions, resampled once (Lanczos, antialiased)."""
    H, W = size
    if rgb.size == (W, H):
        return rgb
    width, height = rgb.size
    scale = min(width / W, height / H)
    box_width, box_height = min(width, W * scale), min(height, H * scale)
    left, top = (width - box_width) / 2, (height - box_height) / 2
    return rgb.resize((W, H), Image.Resampling.LANCZOS, box=(left, top, left + box_width, top + box_height))


def letterbox(rgb: Image.Image, size: Size) -> Image.Image:
    """The whole picture, centred on neutral grey, resampled once (Lanczos, antialiased)."""
    H, W = size
    width, height = rgb.size
    scale = min(W / width, H / height)
    inside = (max(1, min(W, round(width * scale))), max(1, min(H, round(height * scale))))
    if inside != rgb.size:
        rgb = rgb.resize(inside, Image.Resampling.LANCZOS)
    page = Image.new("RGB", (W, H), GREY)
    page.paste(rgb, ((W - inside[0]) // 2, (H - inside[1]) // 2))
    return page


def var_reference(rgb: Image.Image, size: Size) -> Image.Image:
    """VAR: Lanczos so that the picture covers 9/8 of the target, then a centred crop (MODELS.md 2.3).

    The authors give it for squares; for rectangles the side that is scarcer takes the place of the shorter
    side.
    """
    H, W = size
    middle_H, middle_W = round(1.125 * H), round(1.125 * W)
    width, height = rgb.size
    if width * middle_H <= height * middle_W:
        new = (middle_W, middle_W * height // width)
    else:
        new = (middle_H * width // height, middle_H)
    if new != rgb.size:
        rgb = _enlarge(rgb, new, Image.Resampling.LANCZOS)
    return _cut(rgb, round((new[0] - W) / 2), round((new[1] - H) / 2), size)


def llamagen_reference(rgb: Image.Image, size: Size) -> Image.Image:
    """LlamaGen: halve (box) while twice too large, bicubic to cover, centred crop (MODELS.md 3.3)."""
    H, W = size
    while rgb.width >= 2 * W and rgb.height >= 2 * H:
        rgb = rgb.resize((rgb.width // 2, rgb.height // 2), Image.Resampling.BOX)
    scale = max(W / rgb.width, H / rgb.height)
    new = (round(rgb.width * scale), round(rgb.height * scale))
    rgb = _enlarge(rgb, new, Image.Resampling.BICUBIC)
    return _cut(rgb, (rgb.width - W) // 2, (rgb.height - H) // 2, size)


def _enlarge(rgb: Image.Image, new: tuple[int, int], filter: Image.Resampling) -> Image.Image:
    """Resize, unless a very elongated picture would become huge on its way to the target size."""
    if new[0] * new[1] > MAX_PIXELS:
        raise ValueError(
            f"a picture of {rgb.width} x {rgb.height} pixels is too elongated for the reference "
            f"preprocessing, which would resize it to {new[0]} x {new[1]}; use crop or letterbox"
        )
    return rgb.resize(new, filter)


def _cut(rgb: Image.Image, left: int, top: int, size: Size) -> Image.Image:
    return rgb.crop((left, top, left + size[1], top + size[0]))


def _of_family(family: str, what: str, words: str) -> Callable:
    """The function that a family names for its pictures; ValueError where it names none."""
    having = [one for one in families.known() if getattr(one, what)]
    for one in having:
        if one.name == family:
            return families.load(getattr(one, what))
    raise ValueError(f"no {words} for {family!r}; there is one for {', '.join(one.name for one in having)}")


def from_pil(rgb: Image.Image) -> Tensor:
    """An RGB picture as (1,3,H,W) float32 in [0,1]."""
    pixels_HWC = torch.from_numpy(np.array(rgb))
    return (pixels_HWC.permute(2, 0, 1).unsqueeze(0).float() / 255).contiguous()


def to_uint8(image_BCHW: Tensor) -> Tensor:
    """(B,3,H,W) in [0,1] to bytes (B,H,W,3), rounded: the inverse of `from_pil`."""
    return (image_BCHW.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def reference_uint8(x_BCHW: Tensor, family: str) -> Tensor:
    """Decoder output (B,3,H,W), nominally in [-1,1], to bytes (B,H,W,3) as the family's authors do it."""
    scaled = _of_family(family, "to_bytes", "reference conversion to bytes")(x_BCHW)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def from_symmetric(x_BCHW: Tensor) -> Tensor:
    """[-1,1] to [0,255], clamped; VAR's way."""
    return (x_BCHW.clamp(-1, 1) + 1) * 0.5 * 255


def from_symmetric_rounded_up(x_BCHW: Tensor) -> Tensor:
    """[-1,1] to [0,255] with half a step more, clamped; LlamaGen's way."""
    return torch.clamp(127.5 * x_BCHW + 128.0, 0, 255)


def to_pil(image_BCHW: Tensor) -> list[Image.Image]:
    """(B,3,H,W) in [0,1] to B pictures."""
    return [Image.fromarray(pixels.numpy()) for pixels in to_uint8(image_BCHW.detach().cpu())]
