"""What single tokens add to f_hat and to the picture, over every tokenizer."""

import pytest
import torch
from tiny_tokenizers import every_tokenizer, pictures, tiny_multi, tiny_single

from explorer.token_maps import TokenMaps


@pytest.fixture(params=every_tokenizer())
def tok(request):
    return request.param()


def one_picture(tok, seed: int = 1) -> TokenMaps:
    return tok.encode(pictures(tok, 1, seed))


def test_the_tokens_of_a_scale_add_up_to_what_the_scale_adds(tok):
    first, second = one_picture(tok, 1), one_picture(tok, 2)
    for k, (h, w) in enumerate(tok.grids, start=1):
        other = first.with_map(k, second[k - 1])
        by_token = sum(
            sign * tok.token_contributions(maps, k, range(h * w)).sum(0)
            for sign, maps in ((1, other), (-1, first))
        )
        by_scale = tok.accumulate(other)[k - 1, 0] - tok.accumulate(first)[k - 1, 0]
        assert by_scale.abs().max() > 0
        torch.testing.assert_close(by_token, by_scale, atol=1e-4, rtol=1e-4)


def test_without_a_token_the_picture_is_the_decoded_rest(tok):
    maps = one_picture(tok)
    k = len(tok.grids)
    last = maps[k - 1].numel() - 1
    both = tok.decode_without(maps, k, [0, last])
    (alone,) = tok.decode_without(maps, k, [last])
    torch.testing.assert_close(both[1], alone, atol=1e-5, rtol=0)
    whole = tok.decode_progressive(maps, [k])[0, 0]
    assert (both[0] - whole).abs().max() > 0.01
    assert not torch.equal(both[0], both[1])


def test_a_token_taken_out_of_one_map_is_an_unknown_token():
    tok = tiny_single()
    maps = one_picture(tok)
    ids = maps[0].clone()
    ids[0, 1, 2] = -1
    expected = tok.decode(TokenMaps([ids], maps.meta))
    torch.testing.assert_close(tok.decode_without(maps, 1, [6]), expected, atol=1e-6, rtol=0)
    unknown = TokenMaps([ids], maps.meta)
    assert tok.token_contributions(unknown, 1, [6]).abs().max() == 0


def test_a_swatch_is_of_the_scale_that_is_asked(tok):
    ids = [0, tok.vocab_size - 1]
    K = len(tok.grids)
    torch.testing.assert_close(tok.decode_code_swatches(ids), tok.decode_code_swatches(ids, K))
    differs = not torch.equal(tok.decode_code_swatches(ids, 1), tok.decode_code_swatches(ids, K))
    assert differs == (len(set(tok.grids)) > 1), "depths share one codebook, scales refine it"
    with pytest.raises(ValueError, match=f"scale {K + 1} was asked, there are {K}"):
        tok.decode_code_swatches(ids, K + 1)


def test_what_cannot_be_asked_is_said():
    tok = tiny_multi()
    maps = one_picture(tok)
    for cells, words in (([], "no cell"), ([4], "cells 4 to 4 were asked"), ([-1], "cells -1 to -1")):
        with pytest.raises(ValueError, match=words):
            tok.token_contributions(maps, 2, cells)
    with pytest.raises(ValueError, match=r"scale 3 was asked, scales 1\.\.2 are known"):
        tok.decode_without(maps.with_map(3, torch.full((1, 3, 3), -1)), 3, [0])
    two = tok.encode(pictures(tok, 2))
    with pytest.raises(ValueError, match="2 images"):
        tok.decode_without(two, 1, [0])
