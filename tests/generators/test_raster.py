"""The raster generator: any grid, its own guidance, what its order can and cannot honour."""

import pytest
import torch
from generator_support import last, random_raster

from explorer import TokenMaps
from explorer.nets.llamagen_gpt import rotary_table
from explorer.orders import as_order


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


# Trained along another order


@pytest.mark.parametrize("order", ["spiral", "hilbert", "random"])
def test_a_model_of_another_order_goes_along_it(order):
    path = as_order(order, (3, 4), seed=1).tolist()
    gen = random_raster(seed=1, order=tuple(path))
    free = {"guidance": 0, "top_k": 0, "top_p": 0}
    run = list(gen.generate(1, seed=4, **free))
    for n, step in enumerate(run):
        known = (step.maps[0].flatten() >= 0).nonzero()[:, 0].tolist()
        assert known == sorted(path[: n + 1])
    maps = run[-1].maps
    # the network itself, along the path
    ids_1N = maps[0].flatten(1)[:, path]
    with torch.inference_mode():
        along = gen._net(torch.tensor([1]), ids_1N[:, :-1])[0]
    logits = gen.logits(maps, 1)[0][0].flatten(0, 1)
    assert torch.allclose(logits[path], along, atol=1e-4)
    log_p = along.log_softmax(-1).gather(1, ids_1N[0, :, None])[:, 0]
    assert torch.allclose(gen.score(maps, 1)[0].flatten()[path], log_p, atol=1e-4)
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    assert torch.allclose(run[-1].entropy[0].flatten(), entropy, atol=1e-4)
    # a branch: what comes before the kept token stays, and the noise of every cell is its own
    keep = torch.zeros(3, 4, dtype=torch.bool)
    keep.view(-1)[path[5]] = True
    other = maps.with_map(1, (maps[0] + 7) % gen.vocab_size)
    branch = last(gen.generate(1, seed=4, given=other, keep=keep, **free)).maps[0].flatten()
    assert torch.equal(branch[path[:5]], maps[0].flatten()[path[:5]])
    assert branch[path[5]] == other[0].flatten()[path[5]]
    partial = TokenMaps([torch.where(torch.tensor(path).argsort().view(1, 3, 4) < 4, maps[0], -1)])
    reached = ~gen.logits(partial, 1)[0].isnan().any(-1).flatten()
    assert reached.nonzero()[:, 0].tolist() == sorted(path[:5])
    look = gen.look(maps, 1, 1, divmod(path[6], 4))
    seen = [place for place, w in zip(look.places, look.attention.sum((0, 1)), strict=True) if w > 0]
    assert seen == [(0, 0, 0), *((1, *divmod(cell, 4)) for cell in path[:6])]


def test_places_follow_the_cells_and_raster_order_is_no_order():
    plain, raster = random_raster(seed=1), random_raster(seed=1, order=tuple(range(12)))
    assert last(plain.generate(1)).maps == last(raster.generate(1)).maps
    path = as_order("spiral", (3, 4)).tolist()
    table = rotary_table(random_raster(order=tuple(path)).config)
    assert torch.equal(table[1:], rotary_table(plain.config)[1:][path])
    with pytest.raises(ValueError, match="each of the cells 0..11 once"):
        random_raster(order=(0, 1, 2))
