"""Any picture in: file kinds, colour modes, sizes, damage (reference modes: test_tokenizer_goldens.py)."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import families
from explorer.tokenizers import images

WITH_REFERENCE = [family.name for family in families.known() if family.reference]


def ramp(width: int = 40, height: int = 30) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", images.MODES)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (64, 64), (65, 63), (500, 300)])
@pytest.mark.parametrize("family", WITH_REFERENCE)
@pytest.mark.parametrize("target", [(64, 64), (32, 48)])
def test_every_size_fits(mode, size, family, target):
    fitted = images.fit(ramp(*size), target, mode, family)
    assert fitted.shape == (1, 3, *target) and fitted.dtype == torch.float32
    assert fitted.min() >= 0 and fitted.max() <= 1


def test_crop_takes_the_centre_with_the_right_proportions():
    stripes = np.zeros((30, 90, 3), np.uint8)
    stripes[:, 30:60] = 255  # the centred square is white
    assert images.crop(Image.fromarray(stripes), (30, 30)).getextrema() == ((255, 255),) * 3
    same = ramp(64, 64)
    assert images.crop(same, (64, 64)) is same, "nothing is resampled without need"


def test_crop_is_antialiased():
    checks = np.indices((256, 256)).sum(0) % 2 * 255
    grey = images.fit(Image.fromarray(checks.astype(np.uint8)), (32, 32))
    assert (grey - 0.5).abs().max() < 0.02


def test_letterbox_shows_everything_on_grey():
    page = images.letterbox(Image.new("RGB", (100, 50), (255, 0, 0)), (64, 64))
    pixels = np.asarray(page)
    assert (pixels[16:48] == (255, 0, 0)).all()
    assert (pixels[:16] == 128).all() and (pixels[48:] == 128).all()


def test_unknown_mode_and_family():
    with pytest.raises(ValueError, match="stretch"):
        images.fit(ramp(), (8, 8), "stretch")
    with pytest.raises(ValueError, match="vqgam"):
        images.fit(ramp(), (8, 8), "reference", "vqgam")
    with pytest.raises(ValueError, match="ndarray"):
        images.fit(np.zeros((8, 8, 3)), (8, 8))


def test_elongated_pictures_do_not_explode():
    line = Image.new("RGB", (1, 2_000_000))
    for family in WITH_REFERENCE:
        if family == "vitvqgan":  # stretched to the target, so nothing in between is large
            assert images.fit(line, (64, 64), "reference", family).shape == (1, 3, 64, 64)
            continue
        with pytest.raises(ValueError, match="elongated"):
            images.fit(line, (64, 64), "reference", family)
    assert images.fit(line, (64, 64), "crop").shape == (1, 3, 64, 64)
    assert images.fit(line, (64, 64), "letterbox").shape == (1, 3, 64, 64)


def middle(image: Image.Image) -> tuple:
    return images.to_rgb(image).getpixel((image.width // 2, image.height // 2))


def test_colour_modes():
    assert middle(Image.new("L", (3, 3), 77)) == (77, 77, 77)
    assert middle(Image.new("1", (3, 3), 1)) == (255, 255, 255)
    assert middle(Image.new("CMYK", (3, 3), (0, 255, 255, 0))) == (255, 0, 0)
    assert middle(Image.new("HSV", (3, 3), (0, 255, 255))) == (255, 0, 0)
    assert middle(Image.new("YCbCr", (3, 3), (255, 128, 128))) == (255, 255, 255)
    assert middle(Image.fromarray(np.full((3, 3), 0x80FF, np.uint16))) == (128, 128, 128)
    assert middle(Image.fromarray(np.full((3, 3), 0x80FF, np.int32))) == (128, 128, 128)
    assert middle(Image.fromarray(np.full((3, 3), 0.5, np.float32))) == (128, 128, 128)
    assert middle(Image.fromarray(np.full((3, 3), 90.0, np.float32))) == (90, 90, 90)
    assert middle(Image.fromarray(np.full((3, 3), np.nan, np.float32))) == (0, 0, 0)


def test_transparency_lies_on_white():
    assert middle(Image.new("RGBA", (3, 3), (255, 0, 0, 0))) == (255, 255, 255)
    assert middle(Image.new("RGBA", (3, 3), (255, 0, 0, 128)))[1] in (126, 127, 128)
    assert middle(Image.new("LA", (3, 3), (0, 0))) == (255, 255, 255)
    palette = Image.new("P", (3, 3), 0)
    palette.putpalette([10, 20, 30])
    assert middle(palette) == (10, 20, 30)
    palette.info["transparency"] = 0
    assert middle(palette) == (255, 255, 255)


def test_sixteen_bit_png_from_a_file():
    opened = images.open_image(saved(Image.fromarray(np.full((4, 4), 0xC000, np.uint16)), "PNG"))
    assert opened.mode == "RGB" and opened.getpixel((1, 1)) == (192, 192, 192)


def test_exif_rotation():
    tagged = ramp(40, 30)
    exif = tagged.getexif()
    exif[0x0112] = 6  # rotate by 90 degrees to see it upright
    assert images.open_image(saved(tagged, "PNG", exif=exif)).size == (30, 40)


def test_animations_give_their_first_frame():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        red, green, _ = images.open_image(data).getpixel((4, 4))
        assert red > 240 and green < 15
    shown = Image.open(io.BytesIO(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    shown.seek(2)
    assert images.to_rgb(shown).getpixel((4, 4)) == (255, 0, 0)
    assert shown.tell() == 2, "the caller's picture stays at its frame"


def test_the_argument_is_unchanged():
    image = ramp()
    before = image.tobytes()
    images.to_rgb(image).paste((0, 0, 0), (0, 0, 10, 10))
    assert image.tobytes() == before


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA"])
def test_file_kinds(kind, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(saved(ramp(), kind))
    assert images.open_image(path).size == (40, 30)
    assert images.open_image(str(path)).mode == "RGB"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_cut_files_are_one_clear_error(kind):
    data = saved(ramp(200, 150), kind)
    for part in (0.02, 0.5):
        try:
            images.open_image(data[: int(len(data) * part)])
        except ValueError as error:
            assert "\n" not in str(error)


def test_damaged_files():
    generator = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP"):
        data = bytearray(saved(ramp(64, 64), kind))
        for _ in range(20):
            broken = bytearray(data)
            for place in generator.integers(0, len(data), 20):
                broken[place] = int(generator.integers(0, 256))
            try:  # a flipped bit may still be a picture; anything but a picture or a ValueError is a bug
                assert images.open_image(bytes(broken)).mode == "RGB"
            except ValueError as error:
                assert len(str(error)) < 400


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture(data):
    with pytest.raises(ValueError, match="not a picture"):
        images.open_image(data)


def test_missing_file():
    with pytest.raises(FileNotFoundError, match="nowhere.png"):
        images.open_image("/nowhere.png")


def test_too_many_pixels_are_refused_before_decoding():
    bomb = saved(Image.new("1", (20_000, 9_000)), "PNG")  # 180 megapixels in a few kilobytes
    assert len(bomb) < 100_000
    with pytest.raises(ValueError, match="180.0 megapixels.*100.0 megapixels"):
        images.open_image(bomb)
    with pytest.raises(ValueError, match="0.0 megapixels"):
        images.open_image(saved(ramp(), "PNG"), max_pixels=100)
    with pytest.raises(ValueError, match="megapixels"):
        images.fit(ramp(), (8, 8), max_pixels=100)
    enormous = bytearray(saved(Image.new("1", (8, 8)), "BMP"))
    enormous[18:26] = (60_000).to_bytes(4, "little") * 2  # the header lies: 3600 megapixels
    with pytest.raises(ValueError, match="pixels"):
        images.open_image(bytes(enormous))


def test_bytes_survive_the_way_through_floats():
    every = torch.arange(256, dtype=torch.uint8).repeat(3).view(16, 16, 3)
    tensor = images.from_pil(Image.fromarray(every.numpy()))
    assert torch.equal(images.to_uint8(tensor)[0], every)
    assert np.array_equal(np.asarray(images.to_pil(tensor)[0]), every.numpy())
    with pytest.raises(ValueError, match="vqgam"):
        images.reference_uint8(tensor, "vqgam")


def test_odd_numbers_are_told():
    """Twelve bits stored in sixteen, values out of range, values that are none; nothing about usual ones."""

    def told(array) -> str:
        return images.notice(images.to_rgb(Image.fromarray(array)))

    twelve = np.tile(np.linspace(0, 4095, 16).astype(np.uint16), (4, 1))
    assert "end at 4095, 12 of the 16 bits" in told(twelve) and "multiply them by 16" in told(twelve)
    assert told(twelve * 16) == "" and told(np.zeros((2, 2), np.uint16)) == ""
    assert "from -5 to 70000" in told(np.array([[-5, 70000]], np.int32))
    assert "from -3 to 300; 0 to 255 was kept" in told(np.array([[-3.0, 300.0]], np.float32))
    assert "1 of its 4 values are no numbers" in told(np.array([[np.nan, 1.0], [0.5, 0.0]], np.float32))
    assert told(np.array([[0.0, 1.0]], np.float32)) == "" and told(np.array([[0.0, 200.0]], np.float32)) == ""
    assert images.notice(ramp()) == "" and images.notice(images.to_rgb(ramp())) == ""


@pytest.mark.parametrize("picture", [(300, 200), (200, 300), (640, 427), (64, 64), (1000, 90)])
@pytest.mark.parametrize("mode", images.MODES)
@pytest.mark.parametrize("family", ["var-tokenizer", "llamagen-tokenizer"])
@pytest.mark.parametrize("size", [(64, 64), (48, 96)])
def test_the_frame_says_where_a_fit_looks(picture, mode, family, size):
    """Red grows from left to right and green from top to bottom: every pixel of the fit tells its place."""
    (width, height), (H, W) = picture, size
    x = np.broadcast_to((np.arange(width) + 0.5) / width, (height, width))
    y = np.broadcast_to(((np.arange(height) + 0.5) / height)[:, None], (height, width))
    photo = Image.fromarray((np.stack([x, y, x * 0], -1) * 255).round().astype(np.uint8))
    left, top, across, down = images.frame(picture, size, mode, family)
    found = images.fit(photo, size, mode, family)[0].numpy()
    places = left + (np.arange(W) + 0.5) / W * across, top + (np.arange(H) + 0.5) / H * down
    inside = np.ix_(*((place > 0.03) & (place < 0.97) for place in reversed(places)))
    blue_free = found[2][inside] == 0  # not a bar of the letterbox
    pixel = across / W, down / H  # in shares of the photo: the frame is right to one of the fit's
    for channel, expected in enumerate(np.broadcast_arrays(places[0][None], places[1][:, None])):
        wrong = np.abs(found[channel] - expected)[inside][blue_free]
        assert wrong.size and wrong.max() < max(0.025, 0.7 * pixel[channel])


def test_the_frame_of_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="mode is one of"):
        images.frame((3, 3), (2, 2), "stretch")
