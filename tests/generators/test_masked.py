"""The masked generator: any order, any pace, exact kept tokens, the chain rule."""

import math

import pytest
import torch
from generator_support import last, random_masked, random_raster, random_var

from explorer import TokenMaps
from explorer.families import ANY_ORDER
from explorer.generators.masked import ALONG, CONFIDENCE, ENTROPY, LOOKING, NAMES, VISIBLE
from explorer.generators.sampling import noise
from explorer.orders import RANDOM, SCAN_ORDERS, as_order, hidden_after, scan_order

FREE = {"guidance": 0, "top_k": 0, "top_p": 0, "temperature": 1.0}
GRID, N = (3, 4), 12
PAINTED = [7, 0, 11, 3, 4, 8, 1, 10, 2, 9, 6, 5]
FIXED = (*SCAN_ORDERS, RANDOM, PAINTED)


@pytest.fixture
def gen():
    return random_masked(seed=1, grid=GRID)


def cells_of(order, seed=0) -> list[int]:
    return as_order(order, GRID, seed).tolist()


def newly_known(steps) -> list[list[int]]:
    """The cells that each step of a run makes known."""
    before, found = torch.zeros(N, dtype=torch.bool), []
    for step in steps:
        known = step.maps[0][0].flatten() >= 0
        found.append((known & ~before).nonzero()[:, 0].tolist())
        before = known
    return found


@pytest.mark.parametrize("order", FIXED, ids=str)
def test_one_token_a_step_along_the_order(gen, order):
    run = list(gen.generate(1, seed=6, order=order, per_step=1))
    assert [step.total for step in run] == [N] * N
    assert newly_known(run) == [[cell] for cell in cells_of(order, seed=6)]


@pytest.mark.parametrize("order", [*FIXED, *LOOKING], ids=str)
@pytest.mark.parametrize("per_step", [1, 5, N, "cosine-4"])
def test_every_order_is_a_permutation_and_the_pace_is_kept(gen, order, per_step):
    steps = newly_known(gen.generate(1, seed=3, order=order, per_step=per_step))
    assert sorted(sum(steps, [])) == list(range(N))
    left = hidden_after(N, per_step)
    assert [N - sum(map(len, steps[: n + 1])) for n in range(len(steps))] == list(left)
    if order not in LOOKING:
        path = cells_of(order, seed=3)
        starts = [N, *left]
        for n, cells in enumerate(steps):
            assert sorted(path[N - starts[n] : N - starts[n + 1]]) == cells


def test_order_raster_asks_the_cells_that_the_raster_model_asks(gen):
    raster = random_raster(seed=1, grid=GRID)
    assert newly_known(gen.generate(1, order="raster")) == newly_known(raster.generate(1))
    assert gen.order == ANY_ORDER and raster.order == "raster"


@pytest.mark.parametrize("order", [*FIXED, ENTROPY], ids=str)
def test_one_token_a_step_is_the_chain_rule(gen, order):
    """The step's distribution, seen by its entropy and by the token that its noise draws, is the factor that
    `logits` gives for the finished picture; `score` is that factor's probability of the token."""
    seed = 5
    run = list(gen.generate(2, seed=seed, order=order, per_step=1, **FREE))
    maps = run[-1].maps
    along = cells_of(order, seed) if order == RANDOM else order
    logits_NV = gen.logits(maps, 2, order=along)[0][0].flatten(0, 1)
    log_p_NV = logits_NV.log_softmax(-1)
    entropy_N = -(log_p_NV.exp() * log_p_NV).sum(-1)
    assert torch.allclose(run[-1].entropy[0].flatten(), entropy_N, atol=1e-4)
    for cell, token in enumerate(maps[0][0].flatten()):
        drawn = (log_p_NV[cell].exp() / noise([seed], cell + 1, 1, gen.vocab_size)[0, 0]).argmax()
        assert drawn == token
    expected = log_p_NV.gather(1, maps[0][0].flatten()[:, None])[:, 0]
    assert torch.allclose(gen.score(maps, 2, order=along)[0][0].flatten(), expected, atol=1e-5)


@pytest.mark.parametrize("order", FIXED[:-2])
def test_the_chain_rule_by_hand(gen, order):
    """Each factor from the network itself, which sees what comes before in the order and nothing else."""
    maps = last(gen.generate(3, seed=2)).maps
    ids_N = maps[0][0].flatten()
    seen_N, expected_N = torch.full((N,), -1), torch.empty(N)
    for cell in cells_of(order):
        with torch.inference_mode():
            logits_NV = gen._net(torch.tensor([3]), seen_N[None])[0]
        expected_N[cell] = logits_NV[cell].log_softmax(-1)[ids_N[cell]]
        seen_N[cell] = ids_N[cell]
    assert torch.allclose(gen.score(maps, 3, order=order)[0][0].flatten(), expected_N, atol=1e-5)


def test_the_probabilities_of_all_pictures_sum_to_one_along_every_order():
    """Two codes, four cells: the chain rule is a distribution, whichever way it goes."""
    gen = random_masked(seed=3, grid=(2, 2), vocab_size=2)
    ids = torch.tensor([[n >> bit & 1 for bit in range(4)] for n in range(16)]).view(16, 2, 2)
    totals = {}
    for order in (*ALONG, (2, 0, 3, 1)):
        log_p_B = gen.score(TokenMaps([ids]), 1, order=order)[0].flatten(1).sum(1)
        totals[order] = log_p_B
        assert math.isclose(log_p_B.exp().sum(), 1, abs_tol=1e-5)
    # and the orders differ, as one net trained on anything may
    assert not torch.allclose(totals["raster"], totals["spiral"], atol=1e-3)


@pytest.mark.parametrize("order", ["spiral", *LOOKING])
def test_all_tokens_in_one_step_are_one_forward_pass(gen, order):
    first, *rest = gen.generate(1, seed=4, order=order, per_step=N, **FREE)
    assert not rest and first.total == 1
    with torch.inference_mode():
        logits_NV = gen._net(torch.tensor([1]), torch.full((1, N), -1))[0]
    p_NV = logits_NV.softmax(-1)
    for cell in range(N):
        drawn = (p_NV[cell] / noise([4], cell + 1, 1, gen.vocab_size)[0, 0]).argmax()
        assert first.maps[0][0].flatten()[cell] == drawn


@pytest.mark.parametrize("order", ["raster", RANDOM, PAINTED, *LOOKING], ids=str)
@pytest.mark.parametrize("per_step", [1, 4, "cosine-3"])
def test_kept_tokens_are_exact_and_seen_from_everywhere(gen, order, per_step):
    draw = torch.Generator().manual_seed(0)
    given = TokenMaps([torch.randint(gen.vocab_size, (1, *GRID), generator=draw)])
    keep = torch.rand(GRID, generator=draw) < 0.4
    run = list(gen.generate(0, seed=2, given=given, keep=keep, order=order, per_step=per_step))
    for step in run:
        assert torch.equal(step.maps[0][0][keep], given[0][0][keep])
        assert (step.sampled[0][keep] == -1).all() and step.entropy[0][keep].isnan().all()
    assert (run[-1].maps[0] >= 0).all() and (run[-1].sampled[0][~keep] >= 0).all()
    assert len(run) == sum(left < int((~keep).sum()) for left in hidden_after(N, per_step))


def test_the_bottom_steers_the_top(gen):
    """What a raster model cannot do: two different kept bottoms give two tops."""
    bottom = torch.zeros(GRID, dtype=torch.bool)
    bottom[1:] = True
    pictures = [TokenMaps([torch.full((1, *GRID), code)]) for code in (3, 9)]
    logits = [gen.candidates(p, 0, 1, 0, n=24, order=(*range(1, N), 0), guidance=0) for p in pictures]
    assert not torch.allclose(logits[0].probabilities, logits[1].probabilities, atol=1e-2)
    a, b = (last(gen.generate(0, given=given, keep=bottom, **FREE)).maps[0] for given in pictures)
    assert not torch.equal(a[:, 0], b[:, 0])


def test_everything_kept_is_one_step_that_draws_nothing(gen):
    given = last(gen.generate(0)).maps
    (only,) = gen.generate(0, given=given, keep=1, seed=9)
    assert only.maps == given and (only.sampled == -1).all() and only.total == 1


@pytest.mark.parametrize("order", [*FIXED, *LOOKING], ids=str)
def test_rows_of_a_batch_equal_runs_alone(gen, order):
    """Also where they keep different tokens, so that one has fewer steps than the other."""
    given = last(gen.generate([1, 2], seed=[8, 9])).maps
    keep = torch.zeros(2, *GRID, dtype=torch.bool)
    keep[1, :2] = True
    asked = {"order": order, "per_step": 3}
    together = last(gen.generate([0, None], seed=[5, 6], given=given, keep=keep, **asked)).maps
    for b, (label, seed) in enumerate([(0, 5), (None, 6)]):
        alone = last(gen.generate(label, seed=seed, given=given.image(b), keep=keep[b : b + 1], **asked))
        assert torch.equal(alone.maps[0][0], together[0][b])


@pytest.mark.parametrize("order", [*FIXED, ENTROPY], ids=str)
@pytest.mark.parametrize("per_step", [1, 5, "cosine-4"])
def test_a_resumed_run_equals_the_whole_one(gen, order, per_step):
    asked = {"order": order, "per_step": per_step, "seed": 4}
    run = list(gen.generate(2, **asked))
    for step in run:
        resumed = last(gen.generate(2, given=step.maps, keep=[step.maps[0] >= 0], **asked))
        assert torch.equal(resumed.maps[0], run[-1].maps[0])


def test_equal_noise_in_every_order():
    """Where the network looks at no token, all orders and paces draw the same picture."""
    gen = random_masked(seed=2, grid=GRID)
    with torch.no_grad():
        for layer in gen._net.layers:
            layer.attention.wo.weight.zero_()
    pictures = {
        last(gen.generate(1, seed=7, order=order, per_step=per_step, **FREE)).maps[0].numpy().tobytes()
        for order in (*SCAN_ORDERS, RANDOM, *LOOKING)
        for per_step in (1, 4, "cosine-3")
    }
    assert len(pictures) == 1


def test_least_entropy_first(gen):
    run = list(gen.generate(1, seed=3, order=ENTROPY, guidance=3.0))
    known = torch.full((1, *GRID), -1)
    for step, (cell,) in zip(run, newly_known(run), strict=True):
        logits = gen.logits(TokenMaps([known]), 1, guidance=3.0, order=VISIBLE)[0][0].flatten(0, 1)
        log_p = logits.log_softmax(-1)
        entropy = -(log_p.exp() * log_p).sum(-1)
        entropy[known.flatten() >= 0] = torch.inf
        assert entropy.argmin() == cell
        known = step.maps[0]


def test_the_choice_by_confidence_is_strict_at_temperature_0(gen):
    """Without noise on the choice, the surest of the likeliest tokens come first."""
    first = next(iter(gen.generate(1, order=CONFIDENCE, per_step=4, guidance=0, temperature=0)))
    logits = gen.logits(TokenMaps([torch.full((1, *GRID), -1)]), 1, order=VISIBLE)[0].flatten()
    best = logits.view(N, -1).log_softmax(-1).amax(-1)
    expected = set(best.topk(4).indices.tolist())
    assert set((first.maps[0].flatten() >= 0).nonzero()[:, 0].tolist()) == expected
    paths = {
        str(newly_known(gen.generate(1, seed=seed, order=CONFIDENCE, per_step=2, **FREE)))
        for seed in range(4)
    }
    assert len(paths) > 1


def test_partly_known_maps(gen):
    """Cells are asked with what is known before them in the order, or with all that is known."""
    maps = last(gen.generate(1, seed=2)).maps
    known = torch.zeros(1, *GRID, dtype=torch.bool)
    known[0, 0, 1] = known[0, 2, 3] = True
    partial = TokenMaps([torch.where(known, maps[0], -1)])
    ids_N = partial[0].flatten()
    with torch.inference_mode():
        everything = gen._net(torch.tensor([1]), ids_N[None])[0]
        first_only = gen._net(torch.tensor([1]), torch.where(torch.arange(N) == 1, ids_N, -1)[None])[0]
    visible = gen.logits(partial, 1, order=VISIBLE)[0][0].flatten(0, 1)
    assert torch.allclose(visible[ids_N < 0], everything[ids_N < 0], atol=1e-4)
    along = gen.logits(partial, 1, order="raster")[0][0].flatten(0, 1)
    assert torch.allclose(along[2:], first_only[2:], atol=1e-4)
    found = gen.candidates(partial, 1, 1, 5, n=3, guidance=0, top_p=0, order=VISIBLE)
    assert torch.equal(found.ids[0], everything[5].topk(3).indices)
    score = gen.score(partial, 1)[0]
    assert torch.equal(score.isnan(), ~known)
    # the joint probability of the two known tokens, by the chain rule
    with torch.inference_mode():
        nothing = gen._net(torch.tensor([1]), torch.full((1, N), -1))[0]
    expected = nothing[1].log_softmax(-1)[ids_N[1]] + first_only[11].log_softmax(-1)[ids_N[11]]
    assert math.isclose(score[known].sum(), expected, abs_tol=1e-4)


@pytest.mark.parametrize("order", ["spiral", VISIBLE, ENTROPY])
def test_candidates_are_the_logits_of_their_cell(gen, order):
    maps = last(gen.generate([1, 2], seed=[2, 3])).maps
    found = gen.candidates(maps, [1, 2], 1, (1, 2), n=5, guidance=2.5, top_p=0, order=order)
    expected = gen.logits(maps, [1, 2], guidance=2.5, order=order)[0][:, 1, 2].softmax(-1).topk(5)
    assert torch.equal(found.ids, expected.indices)
    assert torch.allclose(found.probabilities, expected.values, atol=1e-5)


def test_guidance_is_constant_and_up_to_one_is_none(gen):
    maps = last(gen.generate(1)).maps
    conditional, unconditional = gen.logits(maps, 1)[0], gen.logits(maps, None)[0]
    expected = unconditional + 3 * (conditional - unconditional)
    assert torch.allclose(gen.logits(maps, 1, guidance=3.0)[0], expected, atol=1e-3)
    for guidance in (0, 0.5, 1):
        assert torch.equal(gen.logits(maps, 1, guidance=guidance)[0], conditional)
    with pytest.raises(ValueError, match="guidance_interval"):
        gen.generate(0, guidance_interval=3)


def test_pictures_say_how_they_were_drawn(gen):
    meta = last(gen.generate(1, order=PAINTED, per_step="cosine-4")).maps.meta
    assert (meta["order"], meta["per_step"]) == (PAINTED, "cosine-4")
    meta = last(gen.generate(1)).maps.meta
    assert (meta["order"], meta["per_step"]) == ("raster", 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": "zigzag"}, "the orders are raster, .*confidence, .*'zigzag'"),
        ({"order": VISIBLE}, "'visible'"),
        ({"order": [0, 1]}, "each of the cells 0..11 once"),
        ({"order": 5}, "an order is a name or its cells"),
        ({"per_step": 0}, "0 tokens per step"),
        ({"per_step": 13}, "13 tokens per step.*1 to 12"),
        ({"per_step": "cosine-13"}, "13 steps.*1 to 12"),
        ({"per_step": "quick"}, "'quick'"),
    ],
)
def test_wrong_orders_and_paces_are_told_at_once(gen, arguments, message):
    with pytest.raises(ValueError, match=message):
        gen.generate(0, **arguments)


def test_orders_that_a_given_picture_cannot_have(gen):
    maps = last(gen.generate(0)).maps
    for ask in (gen.score, gen.logits):
        with pytest.raises(ValueError, match="confidence follows tokens as they are drawn.*entropy"):
            ask(maps, 0, order=CONFIDENCE)
    with pytest.raises(ValueError, match="'visible'"):
        gen.score(maps, 0, order=VISIBLE)
    assert set(NAMES["score"]) < set(NAMES["logits"])


@pytest.mark.parametrize("make", [random_var, random_raster])
def test_models_of_one_order_say_so(make):
    gen = make()
    maps = last(gen.generate(0, order=gen.order)).maps
    assert maps == last(gen.generate(0)).maps
    for ask in (lambda **o: gen.generate(0, **o), lambda **o: gen.score(maps, 0, **o)):
        with pytest.raises(ValueError, match=f"knows one order, {gen.order}"):
            ask(order="spiral")
    with pytest.raises(ValueError, match="tokens per step"):
        gen.generate(0, per_step=4)


def test_random_orders_are_their_seeds(gen):
    paths = [newly_known(gen.generate(0, seed=seed, order=RANDOM)) for seed in (1, 1, 2)]
    assert paths[0] == paths[1] != paths[2]
    assert sum(paths[0], []) == scan_order(RANDOM, *GRID, seed=1).tolist()
