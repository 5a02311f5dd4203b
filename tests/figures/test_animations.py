"""Animations, read back from their bytes: frames, durations, size, and the bound on bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from explorer.figures.animations import HATCH, animation, hatched


def frames(count: int = 4, size=(24, 16), seed: int = 0) -> list[Image.Image]:
    draw = np.random.default_rng(seed)
    return [
        Image.fromarray(draw.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)) for _ in range(count)
    ]


def read(content: bytes) -> tuple[Image.Image, list[np.ndarray], list[int]]:
    """The file, its frames and how long each is shown, in ms."""
    file = Image.open(io.BytesIO(content))
    pictures, durations = [], []
    for n in range(file.n_frames):
        file.seek(n)
        file.load()
        pictures.append(np.asarray(file.convert("RGB")))
        durations.append(file.info["duration"])
    return file, pictures, durations


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_all_frames_in_order_and_the_last_is_held(kind):
    given = frames()
    file, pictures, durations = read(animation(given, kind, step_ms=500, hold_ms=2000))
    assert file.format == kind.upper() and file.info["loop"] == 0
    assert durations == [500, 500, 500, 2000]
    assert file.size == (24 * 16, 16 * 16)  # the largest whole multiple within 384 px
    tolerance = 0 if kind == "webp" else 60  # 384 colours of noise do not fit into 256
    for frame, picture in zip(given, pictures, strict=True):
        again = picture[::16, ::16].astype(int)
        assert np.array_equal(picture, np.repeat(np.repeat(picture[::16, ::16], 16, 0), 16, 1))
        assert abs(again - np.asarray(frame)).max() <= tolerance


def test_a_gif_of_few_colours_is_exact():
    given = [Image.fromarray(np.asarray(frame) // 128 * 255) for frame in frames()]
    _, pictures, _ = read(animation(given, "gif"))
    for frame, picture in zip(given, pictures, strict=True):
        assert np.array_equal(picture[::16, ::16], np.asarray(frame))


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_a_bound_on_bytes_is_kept_by_giving_up_quality_and_size(kind):
    given = frames(size=(200, 160))
    whole = animation(given, kind)
    bound = len(whole) // 12
    smaller = animation(given, kind, max_bytes=bound)
    assert len(smaller) <= bound
    assert len(read(smaller)[1]) == 4
    with pytest.raises(ValueError, match="does not fit into 10 bytes"):
        animation(given, kind, max_bytes=10)


def test_what_is_no_animation_is_refused():
    with pytest.raises(ValueError, match="webp or gif"):
        animation(frames(), "mp4")
    with pytest.raises(ValueError, match="at least one frame"):
        animation([], "gif")
    with pytest.raises(ValueError, match="one size"):
        animation([*frames(1), *frames(1, size=(8, 8))], "gif")


def test_only_unknown_cells_are_hatched():
    picture = Image.new("RGB", (40, 20), "red")
    unknown_hw = np.array([[False, True], [True, False]])
    pixels = np.asarray(hatched(picture, unknown_hw))
    known = np.kron(~unknown_hw, np.ones((10, 20), dtype=bool))
    assert (pixels[known] == (255, 0, 0)).all()
    assert {tuple(colour) for colour in pixels[~known].tolist()} == set(HATCH)
    assert (np.asarray(picture) == (255, 0, 0)).all()  # the argument is left alone
