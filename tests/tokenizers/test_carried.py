"""Pictures carry their tokens through a file, and hostile files carry nothing."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from tiny_tokenizers import tiny_multi

from explorer.figures.animations import animation
from explorer.token_maps import TokenMaps
from explorer.tokenizers import carried as carrying
from explorer.tokenizers.carried import carried, save_options, survived
from explorer.tokenizers.images import open_image, to_pil


@pytest.fixture(scope="module")
def drawn():
    """A tokenizer, maps that it could have drawn, and the picture."""
    tok = tiny_multi()
    maps = TokenMaps([torch.randint(tok.vocab_size, (1, *grid)) for grid in tok.grids], tok.meta)
    return tok, maps, to_pil(tok.decode(maps))[0]


def written(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_maps_come_back_with_their_meta_and_the_pixels_stay(drawn, kind):
    tok, maps, picture = drawn
    content = written(picture, kind, lossless=True, **save_options(kind, maps))
    found = open_image(content)
    assert carried(found) == maps and carried(found).meta == maps.meta
    assert np.array_equal(np.asarray(found), np.asarray(picture))
    assert tok.check_maps(carried(found)) == maps


def test_an_animation_carries_them_too(drawn):
    _, maps, picture = drawn
    content = animation([picture, picture.rotate(90)], "webp", options=save_options("WEBP", maps))
    assert carried(open_image(content)) == maps


def test_pictures_without_tokens(drawn):
    _, maps, picture = drawn
    assert save_options("JPEG", maps) == {}
    assert carried(open_image(written(picture, "PNG"))) is None
    assert carried(Image.new("RGB", (4, 4))) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"maps": ',
        '{"maps": [[[[0.5]]]], "meta": null}',
        '{"maps": [], "meta": null}',
        '{"maps": [[[[1]], [[2]]]], "meta": 7}',
        '{"maps": ' + "[" * 50_000,
        "x" * 50,
    ],
)
def test_hostile_texts_are_no_tokens(drawn, text):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text(carrying.NAME, text)
    assert carried(open_image(written(drawn[2], "PNG", pnginfo=chunks))) is None


def test_a_picture_of_two_and_a_text_too_long(drawn, monkeypatch):
    _, maps, picture = drawn
    two = TokenMaps([ids.repeat(2, 1, 1) for ids in maps], maps.meta)
    assert carried(open_image(written(picture, "PNG", **save_options("PNG", two)))) is None
    monkeypatch.setattr(carrying, "LONGEST", 20)
    assert save_options("PNG", maps) == {}


def test_what_survived_is_counted_per_scale():
    own = TokenMaps([torch.tensor([[[1]]]), torch.tensor([[[1, 2], [3, 4]]])])
    again = TokenMaps([torch.tensor([[[9]]]), torch.tensor([[[1, 2], [3, 5]]])])
    assert survived(own, again) == (3 / 5, (0.0, 0.75))
    assert survived(own, own) == (1.0, (1.0, 1.0))
