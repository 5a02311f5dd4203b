"""What squares of the token maps show, as the page looks it up."""

import base64
import io
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_tokenizers import pictures, tiny_multi, tiny_single

from explorer.token_maps import TokenMaps
from explorer.ui import squares
from explorer.ui.squares import Squares, adds_exactly
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module", params=[tiny_multi, tiny_single])
def bench(request):
    return Workbench(request.param())


def ids_of(bench, seed: int = 1) -> list[list[int]]:
    return [ids.flatten().tolist() for ids in bench.tokenizer.encode(pictures(bench.tokenizer, 1, seed))]


def question(kind: str, ids: list[list[int]], scale: int) -> dict:
    return {"kind": kind, "scale": scale, "maps": [ids[scale - 1]] if kind == "look" else ids[:scale]}


def tiles(answer: dict, grid) -> np.ndarray:
    """(h,w,side,side,3) of the sprite."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["image"].partition(",")[2]))))
    h, w = grid
    side = pixels.shape[0] // h
    return pixels.reshape(h, side, w, side, 3).swapaxes(1, 2).astype(float)


def test_look_is_each_code_alone_at_its_scale(bench):
    tok, ids = bench.tokenizer, ids_of(bench)
    for scale, grid in enumerate(tok.grids, start=1):
        answer = Squares(bench).answer(question("look", ids, scale))
        swatches = tok.decode_code_swatches(ids[scale - 1], scale).mean((2, 3)).numpy() * 255
        shown = tiles(answer, grid).mean((2, 3)).reshape(-1, 3)
        assert np.abs(shown - swatches).max() < 6  # a JPEG, enlarged
        said = [[int(value[at : at + 2], 16) for at in (1, 3, 5)] for value in answer["values"]]
        assert np.abs(np.array(said) - swatches).max() < 1.5


def test_adds_is_the_picture_with_a_token_minus_without_it(bench):
    tok, ids = bench.tokenizer, ids_of(bench)
    scale = len(tok.grids)
    answer = Squares(bench).answer(question("adds", ids, scale))
    assert answer["exact"] and answer["limit"] in (0.05, 0.1, 0.25, 0.5, 1.0)
    maps = TokenMaps([torch.tensor(one).view(1, *grid) for one, grid in zip(ids, tok.grids, strict=True)])
    h, w = tok.grids[-1]
    whole, without = tok.decode(maps)[0], tok.decode_without(maps, scale, [w + 1])[0]
    d = tok.downsample
    change = (whole - without)[:, d : 2 * d, d : 2 * d]
    assert answer["values"][w + 1] == pytest.approx(float(change.mean()), abs=1e-3)
    drawn = (tiles(answer, (h, w))[1, 1].mean((0, 1)) - 128) / 127 * answer["limit"]
    assert drawn == pytest.approx(change.mean((1, 2)).numpy(), abs=0.06 * answer["limit"])


def test_adds_does_not_depend_on_finer_scales(bench):
    ids = ids_of(bench)
    whole = Squares(bench).answer(question("adds", ids, 1))
    assert Squares(bench).answer({"kind": "adds", "scale": 1, "maps": ids[:1]}) == whole


def test_what_takes_too_long_is_estimated_by_a_linear_map(bench, monkeypatch):
    ids, scale = ids_of(bench), len(bench.tokenizer.grids)
    exact = Squares(bench).answer(question("adds", ids, scale))
    monkeypatch.setitem(squares.EXACT, "cpu", 10)
    assert not adds_exactly(bench.tokenizer)
    estimated = Squares(bench).answer(question("adds", ids, scale))
    assert not estimated["exact"] and estimated["image"] != exact["image"]
    assert len(estimated["values"]) == len(ids[-1])


def test_answers_are_remembered_by_their_tokens(bench, monkeypatch):
    squares_of, ids = Squares(bench), ids_of(bench)
    scale = len(ids)
    first = {kind: squares_of.answer(question(kind, ids, scale)) for kind in ("look", "adds")}
    monkeypatch.setattr(bench.tokenizer, "decode_without", None)  # nothing is decoded again
    monkeypatch.setattr(bench.tokenizer, "decode_code_swatches", None)
    for kind, answer in first.items():
        assert squares_of.answer(question(kind, ids, scale)) is answer
    swapped = [*ids[:-1], ids[-1][::-1]]
    assert squares_of.answer(question("look", swapped, scale))["values"] == first["look"]["values"][::-1]


def test_an_unknown_token_has_no_value_and_its_tile_is_grey():
    bench = Workbench(tiny_single())
    ids = ids_of(bench)
    ids[0][5] = -1
    for kind in ("look", "adds"):
        answer = Squares(bench).answer(question(kind, ids, 1))
        assert [value is None for value in answer["values"]] == [cell == 5 for cell in range(16)]
        assert np.abs(tiles(answer, (4, 4))[1, 1] - 128).max() <= 2
    nothing = Squares(bench).answer(question("adds", [[-1] * 16], 1))
    assert nothing["values"] == [None] * 16


def test_the_device_is_free_between_parts(bench, monkeypatch):
    """Others may decode while a map is computed: the lock is let go between parts."""
    tok, ids = bench.tokenizer, ids_of(bench)
    H, W = tok.image_hw
    monkeypatch.setattr(squares, "AT_ONCE", 2 * H * W)
    asked, between = [], []
    real = tok.decode_without

    def seen(maps, scale, cells):
        def try_it():
            free = tok.device.lock.acquire(blocking=False)
            between.append(free)
            if free:
                tok.device.lock.release()

        other = threading.Thread(target=try_it)
        other.start()
        other.join()
        asked.append(len(cells))
        return real(maps, scale, cells)

    monkeypatch.setattr(tok, "decode_without", seen)
    Squares(bench).answer(question("adds", ids, len(ids)))
    assert sum(asked) == len(ids[-1]) and max(asked) == 2
    assert all(between)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "sum"}, "look or adds"),
        ({"kind": None}, "look or adds"),
        ({"scale": 0}, "no scale '0'"),
        ({"scale": True}, "no scale"),
        ({"scale": "<b>"}, "no scale"),
        ({"maps": None}, "Token maps of 1 scales"),
        ({"maps": [[1, 2]]}, "has 16 tokens"),
        ({"maps": [[64] * 16]}, "from 0 to 63"),
        ({"maps": [[-2] * 16]}, "from 0 to 63"),
        ({"maps": [["0"] * 16]}, "from 0 to 63"),
        ({"maps": [[True] * 16]}, "from 0 to 63"),
    ],
)
def test_what_a_browser_cannot_mean_is_one_sentence(change, words):
    bench = Workbench(tiny_single())
    good = question("look", ids_of(bench), 1)
    with pytest.raises(ValueError, match=words):
        Squares(bench).answer(good | change)


def test_incomplete_coarser_scales_are_refused():
    bench = Workbench(tiny_multi())
    ids = ids_of(bench)
    ids[1][0] = -1
    with pytest.raises(ValueError, match=r"scale 3 was asked, scales 1\.\.1 are known"):
        Squares(bench).answer(question("adds", ids, 3))


def test_swatches_of_a_scale(bench):
    finest, coarse = bench.swatches([3, 4]), bench.swatches([3, 4], 1)
    assert finest == bench.swatches([3, 4], len(bench.tokenizer.grids))
    assert (finest == coarse) == (len(bench.tokenizer.grids) == 1)
    with pytest.raises(ValueError, match="scale 99"):
        bench.swatches([3], 99)
