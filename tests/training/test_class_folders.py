"""Data sets in the layouts they come in: classes, splits, numbers, unreadable photos, one reader."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.generators.arguments import label_numbers
from explorer.training.class_folders import natural, places, summary
from explorer.training.photos import PhotoSet, load_photos


def classes_of(names: list[str]) -> list[str | None]:
    return [place.class_name for place in places(names)]


def test_layouts():
    assert classes_of(["cat/1.png", "dog/2.png"]) == ["cat", "dog"]
    assert classes_of(["photos/cat/1.png", "photos/dog/2.png"]) == ["cat", "dog"]
    assert classes_of(["train/n01/images/a.png", "train/n02/images/a.png"]) == ["n01", "n02"]
    assert classes_of(["cat/1.png"]) == ["cat"] and classes_of(["data/cat/1.png"]) == ["cat"]
    assert classes_of(["note.png", "cat/1.png", "dog/1.png"]) == [None, "cat", "dog"]


def test_a_split_of_the_set_is_kept():
    names = ["train/cat/1.png", "train/dog/1.png", "val/cat/2.png", "val/dog/2.png"]
    assert [(p.class_name, p.held_out) for p in places(names)] == [
        ("cat", False),
        ("dog", False),
        ("cat", True),
        ("dog", True),
    ]
    assert all(p.held_out is None for p in places(["train/1.png", "val/2.png"])), "two classes of these names"
    tiny = ["train/n01/images/a.png", "val/n01/images/b.png"]
    assert [(p.class_name, p.held_out) for p in places(tiny)] == [("n01", False), ("n01", True)]


def test_numbered_classes_keep_their_numbers(tmp_path):
    for n in range(12):
        write(tmp_path / str(n) / "a.png", n)
    photos = load_photos(tmp_path, 8)
    assert photos.classes == tuple(str(n) for n in range(12))
    assert label_numbers("2", photos.classes, 12, "it") == (2,) == label_numbers(2, photos.classes, 12, "it")
    assert sorted(["n10", "n2", "a"], key=natural) == ["a", "n2", "n10"]


def test_a_name_goes_before_a_number():
    classes = ("10", "2", "rose")
    assert label_numbers("2", classes, 3, "it") == (1,)
    assert label_numbers("0", classes, 3, "it") == (0,)
    assert label_numbers(2, classes, 3, "it") == (2,)
    with pytest.raises(ValueError, match="label 7 does not exist"):
        label_numbers("7", classes, 3, "it")


def test_what_a_run_says_of_its_classes():
    assert summary([0, 1, 1], ("cat", "dog")) == "2 classes: cat 1, dog 2"
    assert summary([0], ("cat",)) == "1 class: cat 1"


# ---- a held-out set always exists ----


def write(path, level: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((12, 12, 3), 20 * level % 256, np.uint8)).save(path)


def test_small_sets_hold_a_photo_of_each_class_out(tmp_path):
    for label in ("cat", "dog"):
        for n in range(24):
            write(tmp_path / label / f"{n:02d}.png", n)
    photos = load_photos(tmp_path, 8)
    train_N, held_N = photos.held_out()
    assert set(photos.labels_N[held_N].tolist()) == {0, 1} and len(train_N) + len(held_N) == 48
    assert torch.equal(held_N, load_photos(tmp_path, 8).held_out()[1])


def test_a_set_without_anything_to_hold_out_is_refused(tmp_path):
    write(tmp_path / "cat" / "only.png")
    with pytest.raises(ValueError, match="1 photos in 1 classes cannot be split"):
        load_photos(tmp_path, 8).held_out()


def test_the_sets_own_validation_photos_are_held_out(tmp_path):
    for split, names in (("train", "abcd"), ("val", "xy")):
        for label in ("cat", "dog"):
            for name in names:
                write(tmp_path / split / label / f"{name}.png")
    photos = load_photos(tmp_path, 8)
    train_N, held_N = photos.held_out()
    assert photos.classes == ("cat", "dog") and (len(train_N), len(held_N)) == (8, 4)
    assert all(photos.names[i].startswith("val/") for i in held_N.tolist())


def test_large_sets_keep_the_split_they_had():
    """What was held out for the bundled models stays so: names decide, nothing is added."""
    names = tuple(f"{label}/{n:06d}.webp" for label in ("cat", "dog") for n in range(400))
    labels_N = torch.arange(2).repeat_interleave(400)
    photos = PhotoSet(np.zeros((800, 1, 1, 3), np.uint8), labels_N, ("cat", "dog"), names)
    import zlib

    expected = [i for i, n in enumerate(names) if zlib.crc32(n.rsplit(".", 1)[0].encode()) / 2**32 < 0.05]
    assert photos.held_out()[1].tolist() == expected and len(expected) > 20


# ---- unreadable photos ----


def test_one_bad_photo_is_named_and_skipped(tmp_path):
    for n in range(6):
        write(tmp_path / "cat" / f"{n}.png")
    whole = (tmp_path / "cat" / "0.png").read_bytes()
    (tmp_path / "cat" / "3.png").write_bytes(whole[: len(whole) // 2])
    photos = load_photos(tmp_path, 8)
    assert photos.unreadable == ("cat/3.png",) and len(photos) == 5
    (tmp_path / "cat" / "4.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"cat/3.png cannot be read .* and 1 more; of 6 photos at most 1"):
        load_photos(tmp_path, 8)


# ---- one reader ----


def test_training_sees_what_the_page_sees(tmp_path):
    """Deep greys, transparency and turned photos give the pixels of `open_image`, not PIL's plain ones."""
    from explorer.tokenizers.images import open_image

    folder = tmp_path / "cat"
    folder.mkdir()
    ramp = np.tile(np.linspace(0, 65535, 16).astype(np.uint16), (16, 1))
    Image.fromarray(ramp).save(folder / "ramp16.png")
    disc = np.zeros((16, 16, 4), np.uint8)
    disc[4:12, 4:12] = (255, 0, 0, 255)
    Image.fromarray(disc).save(folder / "red_rgba.png")
    Image.fromarray(disc).quantize(4).save(folder / "red_palette.png")
    turned = np.zeros((16, 16, 3), np.uint8)
    turned[:, :8, 0], turned[:, 8:, 2] = 255, 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(turned).save(folder / "turned_exif6.jpg", exif=exif, quality=95)
    photos = load_photos(tmp_path, 16)
    seen = dict(zip(photos.names, photos.images_NHWC, strict=True))
    for path in folder.iterdir():
        assert np.array_equal(seen[f"cat/{path.name}"], np.asarray(open_image(path))), path.name
    assert seen["cat/ramp16.png"][0, :, 0].tolist() == [17 * n for n in range(16)]
    for name in ("red_rgba", "red_palette"):
        assert seen[f"cat/{name}.png"][0, 0].tolist() == [255, 255, 255]
        assert seen[f"cat/{name}.png"][8, 8].tolist() == [255, 0, 0]
    top, bottom = seen["cat/turned_exif6.jpg"][2, 8], seen["cat/turned_exif6.jpg"][13, 8]
    assert top[0] > 200 > top[2] and bottom[2] > 200 > bottom[0]


def test_heic_is_told_apart(tmp_path):
    from explorer.tokenizers.images import open_image

    header = (24).to_bytes(4, "big") + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(100)
    with pytest.raises(ValueError, match="HEIC photo.*JPEG or PNG"):
        open_image(header)


def test_decoders_that_raise_runtime_errors_are_told_as_damage(monkeypatch):
    from explorer.tokenizers.images import open_image

    packed = io.BytesIO()
    Image.new("RGB", (4, 4)).save(packed, "PNG")

    def broken(self):
        raise RuntimeError("Failed to decode frame 0")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", broken)
    with pytest.raises(ValueError, match="cannot be decoded: Failed to decode frame 0"):
        open_image(packed.getvalue())
