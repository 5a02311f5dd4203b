"""The raster generator: any grid, its own guidance, what its order can and cannot honour."""

import pytest
import torch
from generator_support import last, random_raster

from explorer import TokenMaps


@pytest.mark.parametrize("grid", [(1, 1), (1, 5), (4, 2), (5, 5)], ids=str)
def test_any_grid(grid):
    gen = random_raster(seed=2, grid=grid)
    maps = last(gen.generate([0, None], guidance=2.5, temperature=0)).maps
    assert torch.equal(gen.logits(maps, [0, None], guidance=2.5)[0].argmax(-1), maps[0])
    assert gen.tokenizer.decode(maps).shape == (2, 3, 2 * grid[0], 2 * grid[1])


def test_guidance_is_constant_and_up_to_one_is_none():
    gen = random_raster()
    maps = last(gen.generate(1)).maps
    conditional, unconditional = gen.logits(maps, 1)[0], gen.logits(maps, None)[0]
    expected = unconditional + 3 * (conditional - unconditional)
    assert torch.allclose(gen.logits(maps, 1, guidance=3.0)[0], expected, atol=1e-3)
    for guidance in (0, 0.5, 1):
        assert torch.equal(gen.logits(maps, 1, guidance=guidance)[0], conditional)


@pytest.mark.parametrize("interval", [0, 4, 100])
def test_guidance_interval(interval):
    """The tokens 0 .. n+1 equal those of a guided run; each later one is the conditional choice."""
    gen = random_raster()
    guided = last(gen.generate(1, guidance=4.0, temperature=0)).maps
    maps = last(gen.generate(1, guidance=4.0, temperature=0, guidance_interval=interval)).maps
    assert torch.equal(maps[0].flatten()[: interval + 2], guided[0].flatten()[: interval + 2])
    conditional = gen.logits(maps, 1)[0].argmax(-1)
    assert torch.equal(conditional.flatten()[interval + 2 :], maps[0].flatten()[interval + 2 :])
    last_cell = gen.steps - 1
    found = gen.candidates(maps, 1, 1, last_cell, n=1, guidance=4.0, guidance_interval=interval)
    assert found.ids.item() == maps[0].flatten()[last_cell]


def test_tokens_arrive_in_raster_order_and_kept_ones_are_known_from_the_start():
    gen = random_raster(grid=(3, 4))
    for n, step in enumerate(gen.generate(0)):
        assert (step.maps[0].flatten() >= 0).tolist() == [i <= n for i in range(12)]
    bottom = torch.zeros(3, 4, dtype=torch.bool)
    bottom[2] = True
    first, *_, done = gen.generate(0, given=step.maps, keep=bottom, seed=5)
    assert (first.maps[0][0] >= 0).tolist() == [[True] + [False] * 3, [False] * 4, [True] * 4]
    assert torch.equal(done.maps[0][0, 2], step.maps[0][0, 2])
    assert (done.sampled >= 0).all()


def test_the_bottom_cannot_steer_the_top():
    """A raster model does not look ahead: two different kept bottoms give the same top; two tops do not."""
    gen = random_raster(grid=(4, 4))
    bottom = torch.zeros(4, 4, dtype=torch.bool)
    bottom[2:] = True
    pictures = [TokenMaps([torch.full((1, 4, 4), code)]) for code in (3, 9)]
    a, b = (last(gen.generate(0, given=given, keep=bottom)).maps[0] for given in pictures)
    assert torch.equal(a[:, :2], b[:, :2])
    a, b = (last(gen.generate(0, given=given, keep=~bottom)).maps[0] for given in pictures)
    assert not torch.equal(a[:, 2:], b[:, 2:])
