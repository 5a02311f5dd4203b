import json

import pytest

from explorer.errors import CheckpointError
from explorer.zoo.cards import Card, card_path, read_card, write_card


def test_no_card_is_none(tmp_path):
    assert read_card(tmp_path / "a.pth") is None


def test_round_trip_keeps_unknown_entries(tmp_path):
    entries = {
        "family": "llamagen",
        "grids": [[8, 8]],
        "image_size": 64,
        "config": {"num_heads": 4},
        "classes": ["cat", "sea"],
        "sampling": {"top_k": 100},
        "sha256": "ab" * 32,
        "recipe": {"steps": 1000},
        "licence": "MIT",
    }
    weights = tmp_path / "mini-raster.safetensors"
    card_path(weights).write_text(json.dumps(entries))
    card = read_card(weights)
    assert card.grids == ((8, 8),) and card.image_size == (64, 64) and card.classes == ("cat", "sea")
    assert card.extra == {"recipe": {"steps": 1000}, "licence": "MIT"}
    assert write_card(weights, card) == tmp_path / "mini-raster.json"
    assert json.loads(card_path(weights).read_text()) == entries


def test_only_what_is_needed_must_be_there():
    card = Card.from_dict({"config": {"num_heads": 4}})
    assert card.family is None and card.grids is None and card.config["num_heads"] == 4
    assert Card.from_dict({"grids": [1, 2, 4]}).grids == ((1, 1), (2, 2), (4, 4))
    assert Card.from_dict({"image_size": [48, 64]}).to_dict() == {"image_size": [48, 64]}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([1, 2], "JSON object"),
        ({"family": "vae"}, "family must be one of"),
        ({"family": ["var"]}, "family must be one of"),
        ({"grids": []}, "coarse to fine"),
        ({"grids": "1,2"}, "coarse to fine"),
        ({"grids": [[1, 1], [2]]}, "[2]"),
        ({"grids": [[1, 1], [2.5, 2]]}, "[2.5, 2]"),
        ({"grids": [[4, 4], [2, 2]]}, "4x4"),
        ({"grids": [0]}, "not 0"),
        ({"image_size": "64"}, "image_size"),
        ({"image_size": True}, "image_size"),
        ({"config": [4]}, "config must be"),
        ({"sampling": 1}, "sampling must be"),
        ({"classes": "cat"}, "classes must be"),
        ({"classes": [1, 2]}, "classes must be"),
        ({"classes": ["cat", " "]}, "the name of class 1 is empty"),
        ({"classes": ["c" * 5000]}, "the name of class 0 is 5000 characters long, at most 200 fit"),
        ({"sha256": 5}, "sha256 must be"),
    ],
)
def test_wrong_entries(tmp_path, entries, expected):
    (tmp_path / "a.json").write_text(json.dumps(entries))
    with pytest.raises(CheckpointError) as caught:
        read_card(tmp_path / "a.pth")
    assert expected in str(caught.value) and "a.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00{"])
def test_not_json(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.json"):
        read_card(tmp_path / "a.pth")


def test_from_dict_leaves_its_argument_alone():
    entries = {"family": "var", "grids": [[1, 1]]}
    Card.from_dict(entries)
    assert entries == {"family": "var", "grids": [[1, 1]]}
