"""A run as a moving picture, coarse to fine: animated WebP and GIF of bounded size.

Enlarged by whole numbers without smoothing, so that every pixel of the model can be read back from a WebP.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

KINDS = ("webp", "gif")
STEP_MS, HOLD_MS = 600, 2400  # the finished picture stays longer: it is what one waits for
LONGEST_SIDE = 384  # pictures are enlarged while they stay within
MAX_BYTES = 8 << 20
SMALLEST_SIDE = 16
HATCH = ((236, 236, 232), (206, 207, 203))
HATCH_STEP = 4  # px


def animation(
    frames: Sequence[Image.Image],
    kind: str,
    step_ms: int = STEP_MS,
    hold_ms: int = HOLD_MS,
    max_bytes: int = MAX_BYTES,
    options: Mapping[str, object] = MappingProxyType({}),
) -> bytes:
    """Equally large frames as one file that loops for ever; the last frame is held for `hold_ms`.

    kind: "webp" (lossless where that fits into max_bytes) or "gif" (256 colours a frame). Where a file would
    be larger than max_bytes, quality and then size are given up. options: more that PIL's `save` is told,
    such as metadata. ValueError for no frames, frames of several sizes, another kind, or a bound that cannot
    be kept.
    """
    if kind not in KINDS:
        raise ValueError(f"an animation is {' or '.join(KINDS)}, not {str(kind)[:40]!r}")
    if not frames or len({frame.size for frame in frames}) != 1:
        raise ValueError("an animation needs at least one frame, all of one size")
    frames = [frame.convert("RGB") for frame in frames]
    durations = [step_ms] * (len(frames) - 1) + [hold_ms]
    write = _webp if kind == "webp" else _gif
    for size in _sizes(frames[0].size):
        for content in write(frames, size, durations, options):
            if len(content) <= max_bytes:
                return content
    raise ValueError(f"this animation does not fit into {max_bytes} bytes")


def _sizes(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """(width, height), largest first: whole multiples, then halves."""
    width, height = size
    zoom = max(1, LONGEST_SIDE // max(size))
    for factor in range(zoom, 0, -1):
        yield width * factor, height * factor
    while min(width, height) >= 2 * SMALLEST_SIDE:
        width, height = width // 2, height // 2
        yield width, height


def _resized(frame: Image.Image, size: tuple[int, int]) -> Image.Image:
    larger = size[0] >= frame.width
    return frame.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.BOX)


def _webp(
    frames: list[Image.Image], size: tuple[int, int], durations: list[int], more: Mapping[str, object]
) -> Iterator[bytes]:
    frames = [_resized(frame, size) for frame in frames]
    for options in ({"lossless": True}, {"quality": 90}, {"quality": 75}):
        yield _written(frames, "WEBP", durations, method=4, **options, **more)


def _gif(
    frames: list[Image.Image], size: tuple[int, int], durations: list[int], more: Mapping[str, object]
) -> Iterator[bytes]:
    """Every frame has its own palette, chosen before it is enlarged: small pictures keep all colours."""
    smaller = size[0] < frames[0].width
    ready = [_resized(frame, size) for frame in frames] if smaller else frames
    paletted = [frame.quantize(256, Image.Quantize.MEDIANCUT) for frame in ready]
    yield _written([_resized(frame, size) for frame in paletted], "GIF", durations, optimize=False, **more)


def _written(frames: list[Image.Image], kind: str, durations: list[int], **options: object) -> bytes:
    buffer = io.BytesIO()
    first, *others = frames
    first.save(buffer, kind, save_all=True, append_images=others, duration=durations, loop=0, **options)
    return buffer.getvalue()


def hatched(picture: Image.Image, unknown_hw: np.ndarray) -> Image.Image:
    """A copy whose unknown cells (True in a bool map that covers the picture) are hatched in grey."""
    h, w = unknown_hw.shape
    paper = Image.new("RGB", picture.size, HATCH[0])
    draw = ImageDraw.Draw(paper)
    for at in range(-picture.height, picture.width, 2 * HATCH_STEP):
        draw.line([(at, picture.height), (at + picture.height, 0)], fill=HATCH[1], width=HATCH_STEP // 2)
    mask = Image.fromarray(unknown_hw.astype(np.uint8) * 255).resize(picture.size, Image.Resampling.NEAREST)
    return Image.composite(paper, picture.convert("RGB"), mask)
