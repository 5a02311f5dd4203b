"""TokenMaps: what it accepts, that it never changes, and its way through files."""

import json
import pickle

import numpy as np
import pytest
import torch

from explorer import TokenMaps
from explorer.token_maps import keep_masks

META = {"tokenizer": "t", "sha256": "ab", "grids": [[1, 1], [2, 3]], "vocab_size": 9, "image_size": [16, 24]}


def example(batch: int = 2) -> TokenMaps:
    return TokenMaps([torch.arange(batch).view(batch, 1, 1), torch.arange(batch * 6).view(batch, 2, 3)], META)


def test_shapes_and_types():
    maps = TokenMaps((np.zeros((2, 1, 1), np.int32), torch.ones(2, 2, 3, dtype=torch.uint8)))
    assert (
        maps.grids == ((1, 1), (2, 3)) and maps.batch == 2 and len(maps) == 2 and maps.tokens_per_image == 7
    )
    assert all(ids.dtype == torch.int64 and ids.device.type == "cpu" for ids in maps)
    assert maps[1].sum() == 12


@pytest.mark.parametrize(
    "maps",
    [
        [],
        [torch.zeros(1, 1, 1)],
        [torch.zeros(1, 1, 1, dtype=torch.bool)],
        [torch.zeros(4, dtype=torch.int64)],
        [torch.full((1, 1, 1), -2)],
        [torch.zeros(2, 1, 1, dtype=torch.int64), torch.zeros(3, 2, 2, dtype=torch.int64)],
        torch.zeros(1, 2, 2, dtype=torch.int64),
        [torch.zeros(1, 0, 2, dtype=torch.int64)],
    ],
)
def test_refuses_what_is_no_map(maps):
    with pytest.raises(ValueError):
        TokenMaps(maps)


def test_is_frozen_and_keeps_copies():
    ids, meta = torch.zeros(1, 1, 1, dtype=torch.int64), {"grids": [[1, 1]]}
    maps = TokenMaps([ids], meta)
    ids += 5
    meta["grids"].append("more")
    assert maps[0].item() == 0 and maps.meta == {"grids": [[1, 1]]}
    with pytest.raises(AttributeError):
        maps.maps = ()


def test_with_map_counts_from_one_and_gives_a_new_object():
    maps = example()
    changed = maps.with_map(2, torch.full((2, 2, 3), 7))
    assert changed[1].eq(7).all() and torch.equal(changed[0], maps[0]) and changed.meta == maps.meta
    assert maps == example() and changed != maps
    for k in (0, 3, 1.5, True):
        with pytest.raises(ValueError):
            maps.with_map(k, maps[0])
    with pytest.raises(ValueError, match=r"\(2, 2, 3\).*\(2, 3, 2\)"):
        maps.with_map(2, torch.zeros(2, 3, 2, dtype=torch.int64))


def test_known_counts_scales_before_the_first_gap():
    full = example()
    assert full.known == 2 and full.known_rows() == (2, 2)
    fine = full[1].clone()
    fine[1, 0, 2] = -1
    assert full.with_map(2, fine).known_rows() == (2, 1)
    assert full.with_map(1, torch.tensor([[[-1]], [[3]]])).known_rows() == (0, 2)


def test_digest_tells_rows_scales_and_schedules_apart():
    maps = example()
    digests = {maps.digest(), maps.digest(0), maps.digest(1), maps.digest(0, 1), maps.digest(1, 1)}
    assert len(digests) == 5
    assert maps.digest(1) == maps.image(1).digest(0) == maps.image(1).digest()
    # The same first scale in another schedule decodes differently (phi depends on K).
    longer = TokenMaps([maps[0], maps[0], maps[1]])
    assert longer.digest(0, 1) != maps.digest(0, 1)


def test_file_round_trip(tmp_path):
    path = tmp_path / "maps.tokens"  # any name: nothing is appended
    example().save(path)
    loaded = TokenMaps.load(path)
    assert loaded == example() and loaded.meta == META
    with np.load(path) as stored:
        assert sorted(stored.files) == ["meta", "scale_01", "scale_02"]
        assert stored["scale_02"].dtype == np.int32 and stored["scale_02"].shape == (2, 2, 3)
        assert json.loads(str(stored["meta"])) == META
    TokenMaps(example().maps).save(path)
    assert TokenMaps.load(path).meta is None


def test_json_round_trip():
    again = TokenMaps.from_json(example().to_json())
    assert again == example() and again.meta == META
    for text in ("", "[1]", "{}", '{"maps": 3}', '{"maps": [[[0.5]]]}', '{"maps": [[[[1, 2], [3]]]]}'):
        with pytest.raises(ValueError):
            TokenMaps.from_json(text)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the file was unpickled",))


def write_foreign(path, kind):
    if kind == "pickled":
        np.savez(path, scale_01=np.array([Bomb()], dtype=object), meta=np.array("{}"))
    elif kind == "bare pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "wrong keys":
        np.savez(path, picture=np.zeros((3, 3)))
    elif kind == "gap":
        np.savez(path, scale_01=np.zeros((1, 1, 1), int), scale_03=np.zeros((1, 2, 2), int))
    elif kind == "floats":
        np.savez(path, scale_01=np.zeros((1, 1, 1)))
    elif kind == "bad meta":
        np.savez(path, scale_01=np.zeros((1, 1, 1), int), meta=np.array("[1, 2"))
    elif kind == "meta is a list":
        np.savez(path, scale_01=np.zeros((1, 1, 1), int), meta=np.array("[1, 2]"))
    elif kind == "lone array":
        with open(path, "wb") as file:
            np.save(file, np.zeros((1, 1, 1), int))
    elif kind == "text":
        path.write_text("hello")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        np.savez(path, scale_01=np.zeros((64, 16, 16), int))
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "flipped":
        example().save(path)
        content = bytearray(path.read_bytes())
        content[60:90] = bytes(30)
        path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "kind",
    ["pickled", "bare pickle", "wrong keys", "gap", "floats", "bad meta", "meta is a list", "lone array"]
    + ["text", "empty", "cut", "flipped"],
)
def test_foreign_files_are_refused(tmp_path, kind):
    path = tmp_path / "foreign.npz"
    write_foreign(path, kind)
    with pytest.raises(ValueError, match="foreign.npz"):
        TokenMaps.load(path)


def test_missing_file():
    with pytest.raises(FileNotFoundError):
        TokenMaps.load("/nowhere/maps.npz")


GRIDS = ((1, 1), (2, 2), (4, 4))


def test_keep_as_a_number():
    masks = keep_masks(2, GRIDS, batch=3)
    assert [mask.float().mean().item() for mask in masks] == [1, 1, 0]
    assert [tuple(mask.shape) for mask in masks] == [(3, 1, 1), (3, 2, 2), (3, 4, 4)]
    for wrong in (-1, 4, 1.5, True, "1"):
        with pytest.raises(ValueError):
            keep_masks(wrong, GRIDS, batch=1)


def test_keep_as_a_mask_is_reduced_per_scale():
    left = torch.zeros(4, 4, dtype=torch.bool)
    left[:, :2] = True
    one, two, four = keep_masks(left, GRIDS, batch=2)
    assert one.all()  # at most three cells: kept whole
    assert two[0].tolist() == [[True, False], [True, False]]
    assert torch.equal(four[1], left)
    # Exactly one half is not more than one half.
    assert not keep_masks(torch.eye(4, dtype=torch.bool).flip(0), GRIDS, batch=1)[1][0, 0, 0]


def test_keep_as_masks_is_exact():
    masks = [torch.zeros(h, w, dtype=torch.bool) for h, w in GRIDS]
    masks[1][0, 1] = True
    kept = keep_masks(masks, GRIDS, batch=2)
    assert [int(mask.sum()) for mask in kept] == [0, 2, 0]
    for wrong in (masks[:2], [mask.int() for mask in masks], [masks[0], masks[1], torch.ones(3, 4, 4) > 0]):
        with pytest.raises(ValueError):
            keep_masks(wrong, GRIDS, batch=2)


@pytest.mark.parametrize("ids", [[["a", "b"]], [[None]], [[2**70]], [[1, 2], [3]]])
def test_ids_that_are_no_numbers_are_told(ids):
    with pytest.raises(ValueError, match="scale 1"):
        TokenMaps((ids,))
