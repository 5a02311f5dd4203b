"""What the faster precisions change, and what they must not."""

import pytest
import torch
from tiny_tokenizers import pictures, tiny_multi, tiny_single

from explorer.devices import open_device


@pytest.mark.parametrize("make", [tiny_multi, tiny_single])
def test_auto_keeps_the_tokens_and_nearly_the_picture(make):
    exact, auto = make(), make(precision="auto")
    image = pictures(exact)
    maps = exact.encode(image)
    assert auto.encode(image) == maps, "encoder and quantizer stay in float32"
    assert torch.equal(auto.accumulate(maps), exact.accumulate(maps))
    difference = (auto.decode(maps) - exact.decode(maps)).abs()
    assert difference.mean() < 0.02 and auto.decode(maps).dtype == torch.float32


@pytest.mark.parametrize("make", [tiny_multi, tiny_single])
def test_fast_works_and_mostly_agrees(make):
    exact, fast = make(), make(precision="fast")
    image = pictures(exact, batch=8)
    a, b = (
        exact.encode(image)[0 if make is tiny_single else 3],
        fast.encode(image)[0 if make is tiny_single else 3],
    )
    assert (a == b).float().mean() > 0.7
    assert fast.decode(fast.encode(image)).shape == image.shape


def test_one_device_serves_several_tokenizers():
    device = open_device("cpu", "exact")
    first, second = tiny_multi(device=device), tiny_single(device=device)
    assert first.device is second.device is first.with_grids([1, 2]).device


def test_running_out_of_memory_halves_the_batch(monkeypatch):
    tok = tiny_multi()
    maps = tok.encode(pictures(tok, batch=4))
    expected, original, sizes = tok.decode(maps), tok._to_images_at_once, []

    def scarce(limit):
        def decode(f_hat):
            sizes.append(len(f_hat))
            if len(f_hat) > limit:
                raise torch.OutOfMemoryError("no memory")
            return original(f_hat)

        return decode

    monkeypatch.setattr(tok, "_to_images_at_once", scarce(1))
    assert torch.allclose(tok.decode(maps), expected, atol=1e-5)
    assert sizes == [4, 2, 1, 1, 1, 1]
    monkeypatch.setattr(tok, "_to_images_at_once", scarce(0))
    with pytest.raises(RuntimeError, match="16 x 16"):
        tok.decode(maps)
