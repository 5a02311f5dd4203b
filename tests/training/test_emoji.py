"""The emoji set: icon packages made here become class folders; drawings are augmented as drawings."""

import json
import math
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.training import emoji
from explorer.training.photos import AUGMENTATIONS, PhotoSet, augmented_batch, random_state, turn_hue

SQUARE = '<rect x="4" y="4" width="8" height="8" fill="#d02020"/>'


@pytest.fixture
def packages(tmp_path):
    """node_modules with a duck and a bus in every style; openmoji lacks the bus, and noto has a skin tone."""
    data = [
        {"label": "duck", "hexcode": "1F986", "subgroup": 1},
        {"label": "bus", "hexcode": "1F68C-FE0F", "subgroup": 2},
        {"label": "feather", "hexcode": "1FAB6", "subgroup": 1},
        {"label": "man rowing boat", "hexcode": "1F6A3", "subgroup": 2, "gender": 1},
        {"label": "wedding", "hexcode": "1F492", "subgroup": 3},
        {"label": "light skin tone", "hexcode": "1F3FB"},
    ]
    groups = {"subgroups": {"1": "animal-bird", "2": "transport-ground", "3": "place-building"}}
    base = tmp_path / "emojibase-data"
    for name, value in (("en/data.json", data), ("meta/groups.json", groups)):
        (base / name).parent.mkdir(parents=True)
        (base / name).write_text(json.dumps(value))
    for style, package, _ in emoji.PACKAGES:
        chars = {"1f986": "duck", "1f68c": "bus", "1f986-1f3fb": "duck-light", "1fab6": "feather"}
        if style == "openmoji":
            del chars["1f68c"]
        icons = {name: {"body": SQUARE} for name in chars.values()}
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "chars.json").write_text(json.dumps(chars))
        (tmp_path / package / "icons.json").write_text(
            json.dumps({"icons": icons, "width": 16, "height": 16})
        )
    return tmp_path


def test_signs_get_the_class_that_a_person_would_name(packages):
    assert {(sign.label, sign.class_name) for sign in emoji.read_signs(packages)} == {
        ("duck", "birds"),
        ("bus", "cars"),
    }


def test_every_sign_has_one_class_at_most():
    """A label that is listed twice would go to whichever class comes first."""
    labels = [label for wanted in emoji.CLASSES.values() for label in wanted.also]
    assert len(labels) == len(set(labels))
    subgroups = [name for wanted in emoji.CLASSES.values() for name in wanted.subgroups]
    assert len(subgroups) == len(set(subgroups))


def test_cats_are_no_mammals_of_the_set():
    assert emoji.class_of("lion", "animal-mammal") == "cats"
    assert emoji.class_of("horse", "animal-mammal") == "mammals"
    assert emoji.class_of("horse racing", "person-sport") is None


def test_the_zip_holds_every_style_and_its_credits(packages, tmp_path, monkeypatch):
    monkeypatch.setattr(emoji, "render", lambda svg, side: Image.new("RGB", (side, side), "red"))
    out = tmp_path / "emoji.zip"
    assert emoji.main(["--packages", str(packages), "--out", str(out), "--side", "32"]) == 0
    with zipfile.ZipFile(out) as archive:
        names = set(archive.namelist())
        credits = archive.read("CREDITS.txt").decode()
    styles = ["noto", "fluent", "twemoji", "openmoji"]
    expected = {f"birds/1F986.{style}.webp" for style in styles}
    expected |= {f"cars/1F68C.{style}.webp" for style in styles[:3]}
    assert names == expected | {"CREDITS.txt"}
    assert "CC BY-SA 4.0" in credits and "emojibase" in credits


def test_blank_drawings_are_left_out(packages, tmp_path, monkeypatch):
    monkeypatch.setattr(emoji, "render", lambda svg, side: Image.new("RGB", (side, side), "white"))
    assert emoji.write_zip(packages, tmp_path / "emoji.zip", 32) == {}


def test_missing_packages_and_bad_sizes_are_one_sentence(tmp_path, capsys):
    assert emoji.main(["--packages", str(tmp_path), "--out", str(tmp_path / "a.zip")]) == 2
    assert "npm install @iconify-json/noto" in capsys.readouterr().err
    assert emoji.main(["--packages", str(tmp_path), "--out", str(tmp_path / "a.zip"), "--side", "4"]) == 2
    assert "--side is 4" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.zip"))


def test_drawing_on_white_is_rendered(packages):
    pytest.importorskip("cairosvg", reason="rendering needs the extra `emoji`")
    svg = emoji.drawings(packages, "@iconify-json/noto")["1F986"]
    picture = np.asarray(emoji.render(svg, 32))
    assert picture.shape == (32, 32, 3)
    assert picture[0, 0].tolist() == [255, 255, 255] and picture[16, 16].tolist() == [208, 32, 32]


# ---- the training side ----


def drawings() -> PhotoSet:
    """Two signs in two styles and one photo whose name has no style: a dark square on white."""
    image = np.full((24, 24, 3), 255, np.uint8)
    image[8:16, 8:16] = (200, 30, 30)
    names = (
        "birds/A.noto.webp",
        "birds/A.fluent.webp",
        "cars/B.noto.webp",
        "cars/B.openmoji.webp",
        "cars/7.jpg",
    )
    return PhotoSet(np.stack([image] * 5), torch.tensor([0, 0, 1, 1, 1]), ("birds", "cars"), names)


def test_styles_of_one_sign_lie_on_one_side():
    names = tuple(f"birds/{n:04X}.{style}.webp" for n in range(300) for style in ("noto", "fluent"))
    photos = PhotoSet(
        np.zeros((600, 2, 2, 3), np.uint8), torch.zeros(600, dtype=torch.int64), ("birds",), names
    )
    train_N, held_N = photos.held_out()
    sides = [{names[i].split(".")[0] for i in side.tolist()} for side in (train_N, held_N)]
    assert not sides[0] & sides[1] and len(sides[1]) > 3 and len(held_N) == 2 * len(sides[1])


def test_a_drawing_keeps_its_white_ground():
    found = augmented_batch(drawings(), torch.arange(4), 16, seed=1, step=3, kind="drawing")
    assert found.shape == (4, 3, 16, 16) and found.min() >= -1
    corners = found[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    torch.testing.assert_close(corners, torch.ones_like(corners))
    assert (found.amin((1, 2, 3)) < 0).all(), "the square is still there"
    again = augmented_batch(drawings(), torch.arange(4), 16, seed=1, step=3, kind="drawing")
    assert torch.equal(found, again)
    assert not torch.equal(found, augmented_batch(drawings(), torch.arange(4), 16, 1, 4, "drawing"))


def test_photos_are_augmented_as_before():
    photos, state = drawings(), random_state(1, 3, 1)
    found = augmented_batch(photos, torch.arange(2), 16, seed=1, step=3)
    alone = [AUGMENTATIONS["photo"](photos, i, 16, state) for i in range(2)]
    assert torch.equal(found, torch.stack(alone))


def test_hue_turns_about_grey():
    image = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    grey = image.mean(0, keepdim=True).expand(3, 4, 4)
    torch.testing.assert_close(turn_hue(grey, 1.0), grey)
    torch.testing.assert_close(turn_hue(image, 0.0), image)
    torch.testing.assert_close(turn_hue(image, 2 * math.pi / 3), image.roll(1, 0))  # red becomes green
    torch.testing.assert_close(turn_hue(turn_hue(image, 0.4), -0.4), image)
