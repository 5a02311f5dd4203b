"""The memory of decoded pictures."""

import threading

import pytest
import torch
from tiny_tokenizers import pictures, tiny_multi

from explorer.tokenizers import DecodeMemo


def test_forgets_the_least_recently_used():
    picture = torch.zeros(3, 4, 4)
    memo = DecodeMemo(max_bytes=2 * picture.nbytes)
    memo.put("a", picture)
    memo.put("b", picture)
    assert memo.get("a") is picture
    memo.put("c", picture)
    assert memo.get("b") is None and memo.get("a") is picture and memo.get("c") is picture
    assert len(memo) == 2 and memo.bytes == 2 * picture.nbytes
    memo.put("huge", torch.zeros(3, 40, 40))
    assert memo.get("huge") is None and len(memo) == 2
    memo.clear()
    assert len(memo) == 0 and memo.bytes == 0
    with pytest.raises(ValueError):
        DecodeMemo(-1)


def test_bytes_stay_bounded_under_threads():
    memo, picture = DecodeMemo(max_bytes=50_000), torch.zeros(3, 16, 16)

    def work(offset: int):
        for i in range(200):
            memo.put((offset + i) % 70, picture)
            memo.get(i % 70)

    threads = [threading.Thread(target=work, args=(7 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memo.bytes == len(memo) * picture.nbytes <= memo.max_bytes


def test_a_tokenizer_decodes_only_what_is_new(monkeypatch):
    memo = DecodeMemo(max_bytes=10_000_000)
    tok, plain = tiny_multi(memo=memo), tiny_multi()
    maps = tok.encode(pictures(tok))
    decoded = []
    original = tok._to_images
    monkeypatch.setattr(tok, "_to_images", lambda f_hat: decoded.append(len(f_hat)) or original(f_hat))

    steps = tok.decode_progressive(maps)
    assert torch.allclose(steps, plain.decode_progressive(maps), atol=1e-5)
    assert torch.equal(tok.decode(maps), steps[-1]) and torch.equal(tok.decode_progressive(maps), steps)
    assert decoded == [8], "four scales of two pictures, once"

    edited = maps.with_map(3, maps[2].roll(1, dims=2))
    changed = tok.decode_progressive(edited)
    assert decoded == [8, 4], "scales 1 and 2 are shared with the unedited maps"
    assert torch.equal(changed[:2], steps[:2])
    assert torch.equal(tok.decode(maps), steps[-1]), "undo gives the identical picture"

    steps.zero_()
    assert tok.decode_progressive(maps).abs().sum() > 0, "callers cannot reach what is remembered"


def test_tokenizers_that_share_a_memo_keep_apart():
    memo = DecodeMemo(max_bytes=10_000_000)
    first, second = tiny_multi(seed=0, memo=memo), tiny_multi(seed=1, memo=memo)
    maps = first.encode(pictures(first)).with_meta(None)
    assert not torch.equal(first.decode(maps), second.decode(maps))
