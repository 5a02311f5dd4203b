"""What every generator promises, on random networks of both families."""

import math

import pytest
import torch
from generator_support import last, random_masked, random_raster, random_var

from explorer import TokenMaps
from explorer.devices import open_device
from explorer.families import ANY_ORDER
from explorer.generators import box_mask
from explorer.generators.sampling import noise

FREE = {"guidance": 2.0, "top_k": 0, "top_p": 0, "temperature": 1.0}
MAKE = {
    "var": random_var,
    "var-shared": lambda **o: random_var(shared_adaln=True, **o),
    "raster": random_raster,
    "masked": random_masked,
}


@pytest.fixture(params=MAKE)
def gen(request):
    return MAKE[request.param](seed=1)


def draw_maps(gen, **options) -> TokenMaps:
    return last(gen.generate(1, **(FREE | options))).maps


def with_known(maps: TokenMaps, kept: list) -> TokenMaps:
    """The same maps, -1 outside the K masks."""
    return TokenMaps([torch.where(mask, ids, -1) for ids, mask in zip(maps, kept, strict=True)], maps.meta)


def test_steps(gen):
    steps = list(gen.generate(1, seed=4, **FREE))
    assert [step.index for step in steps] == list(range(1, gen.steps + 1))
    assert all(step.total == gen.steps and step.seconds > 0 for step in steps)
    for step in steps:
        assert step.maps.grids == gen.grids
        assert step.entropy.shape == (1, *gen.grids[step.scale - 1]) == step.sampled.shape
        known = step.entropy[~step.entropy.isnan()]
        assert (known >= -1e-5).all() and (known <= math.log(gen.vocab_size) + 1e-5).all()
    known_tokens = [sum(int((ids >= 0).sum()) for ids in step.maps) for step in steps]
    assert known_tokens == sorted(set(known_tokens))
    assert (steps[-1].maps.maps[-1] >= 0).all()
    meta = steps[-1].maps.meta
    assert meta["seeds"] == [4] and meta["labels"] == [1] and meta["tokenizer"] == "random"
    assert gen.tokenizer.decode(steps[-1].maps).shape[1] == 3


def test_results_are_plain_tensors(gen):
    step = next(iter(gen.generate(0)))
    for tensor in (*step.maps, step.entropy, step.sampled, *gen.logits(step.maps, 0)):
        assert not tensor.is_inference() and not tensor.requires_grad and tensor.device.type == "cpu"
        tensor += 1  # allowed: a copy


def test_a_row_equals_a_run_alone(gen):
    labels, seeds = [0, None, 3, 2], [5, 0, 5, 77]
    together = last(gen.generate(labels, seed=seeds, **FREE)).maps
    for row, (label, seed) in enumerate(zip(labels, seeds, strict=True)):
        assert last(gen.generate(label, seed=seed, **FREE)).maps == together.image(row)
    assert draw_maps(gen, seed=5) != draw_maps(gen, seed=6)
    assert draw_maps(gen, seed=5) == draw_maps(gen, seed=5)


def test_one_seed_serves_many_labels_and_one_label_many_seeds(gen):
    assert last(gen.generate([1, 1], seed=3, **FREE)).maps.image(1) == draw_maps(gen, seed=3)
    assert last(gen.generate(1, seed=[2, 3], **FREE)).maps.image(1) == draw_maps(gen, seed=3)


def test_interleaved_runs_do_not_disturb_each_other(gen):
    alone = draw_maps(gen, seed=1), draw_maps(gen, seed=2)
    runs = gen.generate(1, seed=1, **FREE), gen.generate(1, seed=2, **FREE)
    *_, ends = zip(*runs, strict=True)
    assert tuple(step.maps for step in ends) == alone


def test_abandoned_run_leaves_no_trace(gen):
    before = draw_maps(gen)
    run = gen.generate(1, seed=9, **FREE)
    next(run)
    assert gen.device.lock.acquire(blocking=False)  # the device is free between steps
    gen.device.lock.release()
    run.close()
    assert draw_maps(gen) == before


def test_forcing_the_chosen_tokens_changes_nothing(gen):
    free = draw_maps(gen, seed=8)
    draw = torch.Generator().manual_seed(0)
    for _ in range(4):
        masks = [torch.rand(1, *grid, generator=draw) < 0.4 for grid in gen.grids]
        if gen.order == ANY_ORDER:  # what is kept further along would be seen from the start
            masks = [torch.arange(mask.numel()).view_as(mask) < mask.sum() for mask in masks]
        assert draw_maps(gen, seed=8, given=with_known(free, masks), keep=masks) == free
    assert draw_maps(gen, seed=8, given=free, keep=len(gen.grids)) == free
    assert draw_maps(gen, seed=8, given=free, keep=torch.ones(gen.grids[-1], dtype=torch.bool)) == free


def test_another_token_changes_what_comes_after_and_nothing_before(gen):
    free = draw_maps(gen, seed=8)
    masks = [torch.zeros(1, *grid, dtype=torch.bool) for grid in gen.grids]
    k, cell = (1, (0, 1)) if len(gen.grids) > 1 else (0, (1, 1))
    masks[k][0, cell[0], cell[1]] = True
    other = free[k].clone()
    other[0, cell[0], cell[1]] = (other[0, cell[0], cell[1]] + 7) % gen.vocab_size
    branch = draw_maps(gen, seed=8, given=free.with_map(k + 1, other), keep=masks)
    assert branch[k][0, cell[0], cell[1]] == other[0, cell[0], cell[1]]
    assert branch != free
    if len(gen.grids) > 1:
        assert torch.equal(branch[0], free[0])
        rest = torch.ones_like(masks[k])
        rest[0, cell[0], cell[1]] = False
        assert torch.equal(branch[k][rest], free[k][rest])  # cells of one scale are drawn independently
        assert not torch.equal(branch[2], free[2])
    elif gen.order != ANY_ORDER:  # which sees the other token from the start
        turn = cell[0] * gen.grids[0][1] + cell[1]
        assert torch.equal(branch[0].flatten()[:turn], free[0].flatten()[:turn])


def test_resumed_run_equals_full_run(gen):
    full = list(gen.generate(2, seed=[3, 4], **FREE))
    for step in full[:: max(1, len(full) // 4)]:
        known = [ids >= 0 for ids in step.maps]
        resumed = last(gen.generate(2, seed=[3, 4], given=step.maps, keep=known, **FREE))
        assert resumed.maps == full[-1].maps
    if len(gen.grids) > 1:  # whole scales may be named by their number
        resumed = last(gen.generate(2, seed=[3, 4], given=full[1].maps, keep=2, **FREE))
        assert resumed.maps == full[-1].maps


def test_arguments_are_not_changed(gen):
    given = draw_maps(gen)
    before = given.digest()
    keep = torch.zeros(gen.grids[-1], dtype=torch.bool)
    keep[0] = True
    kept = keep.clone()
    draw_maps(gen, seed=5, given=given, keep=keep)
    gen.logits(given, 0), gen.score(given, [0, 1])
    assert given.digest() == before and torch.equal(keep, kept)


@pytest.mark.parametrize(
    "settings", [{}, {"top_k": 5}, {"top_p": 0.8}, {"temperature": 0.6}, {"guidance": 0}]
)
def test_drawing_agrees_with_teacher_forced_logits(gen, settings):
    """The cached and the parallel path are one model: the second predicts every draw of the first."""
    settings = FREE | settings
    maps = draw_maps(gen, seed=6, **settings)
    for k, grid in enumerate(gen.grids):
        for cell in range(grid[0] * grid[1]):
            best = gen.candidates(maps, 1, k + 1, cell, n=gen.vocab_size, **settings)
            kept = torch.where(best.kept, best.probabilities, 0)[0]
            step, slot = (k + 1, cell) if len(gen.grids) > 1 else (cell + 1, 0)
            cells = grid[0] * grid[1] if len(gen.grids) > 1 else 1
            random = noise([6], step, cells, gen.vocab_size)[0, slot]
            winner = best.ids[0][(kept / random[best.ids[0]]).argmax()]
            assert winner == maps[k].flatten()[cell]


def test_candidates(gen):
    maps = draw_maps(gen)
    grid = gen.grids[-1]
    found = gen.candidates(
        maps, 1, len(gen.grids), (1, 2), n=6, guidance=0, top_k=4, top_p=0, temperature=0.5
    )
    logits = gen.logits(maps, 1)[-1][0, 1, 2]
    expected = (logits / 0.5).softmax(-1).topk(6)
    assert torch.equal(found.ids[0], expected.indices)
    assert torch.allclose(found.probabilities[0], expected.values, atol=1e-5)
    assert found.kept[0].tolist() == [True] * 4 + [False] * 2
    by_number = gen.candidates(maps, 1, len(gen.grids), grid[1] + 2, n=6, guidance=0, temperature=0.5)
    assert torch.equal(by_number.ids, found.ids)
    greedy = gen.candidates(maps, 1, len(gen.grids), (1, 2), n=2, guidance=0, temperature=0)
    assert greedy.probabilities[0].tolist() == [1.0, 0.0] and greedy.kept[0].tolist() == [True, False]
    with pytest.raises(ValueError, match="outside the grid"):
        gen.candidates(maps, 1, 1, (9, 0))
    with pytest.raises(ValueError, match="25 candidates.*24"):
        gen.candidates(maps, 1, 1, 0, n=25)
    with pytest.raises(ValueError, match="scale 9"):
        gen.candidates(maps, 1, 9, 0)


def test_partial_maps(gen):
    """What can be predicted from the known tokens is predicted; the rest is NaN."""
    full = draw_maps(gen)
    known = [torch.zeros(1, *grid, dtype=torch.bool) for grid in gen.grids]
    known[0][:, 0] = True  # the first scale, or the first row
    partial = with_known(full, known)
    whole, part = gen.logits(full, 2, guidance=1.5), gen.logits(partial, 2, guidance=1.5)
    reach = [~logits.isnan().any(-1) for logits in part]
    expected = sum(h * w for h, w in gen.grids[:2]) if len(gen.grids) > 1 else gen.grids[0][1] + 1
    if gen.order == ANY_ORDER:  # what is not known is hidden, and nothing hidden is needed
        assert not any(logits.isnan().any() for logits in part)
        reach = [torch.arange(gen.steps).view(1, *gen.grids[0]) < expected]
    assert sum(int(mask.sum()) for mask in reach) == expected
    for a, b, mask in zip(whole, part, reach, strict=True):
        assert torch.allclose(a[mask], b[mask], atol=1e-4)
    if gen.order != ANY_ORDER:
        with pytest.raises(ValueError, match="not known"):
            gen.candidates(partial, 2, len(gen.grids), (2, 2))
    scores = gen.score(partial, 2)
    for ids, score in zip(partial, scores, strict=True):
        assert torch.equal(score.isnan(), ids < 0)


def test_score(gen):
    maps = draw_maps(gen)
    labels = list(range(gen.num_classes)) + [None] * 20  # more rows than one forward takes
    scores = gen.score(maps, labels)
    assert [tuple(score.shape) for score in scores] == [(24, *grid) for grid in gen.grids]
    for row, label in ((2, 2), (23, None)):
        logits = gen.logits(maps, label)
        for k, ids in enumerate(maps):
            expected = logits[k].log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)[0]
            assert torch.allclose(scores[k][row], expected, atol=1e-4)
    batch = TokenMaps([ids.repeat(3, 1, 1) for ids in maps], maps.meta)
    assert torch.allclose(gen.score(batch, [0, 1, 2])[0][2], scores[0][2], atol=1e-4)
    with pytest.raises(ValueError, match="2.*3"):
        gen.score(batch, [0, 1])


def test_guidance_has_no_effect_on_the_null_class(gen):
    def run(guidance):
        return last(gen.generate(None, seed=2, **(FREE | {"guidance": guidance}))).maps

    assert run(0) == run(5.0)


def test_labels_by_name():
    gen = random_var(classes=["cat", "garbage_truck", "rose", "Sea"])
    assert gen.classes == ("cat", "garbage_truck", "rose", "Sea")
    expected = draw_maps(gen)
    assert last(gen.generate("Garbage Truck", **FREE)).maps == expected
    assert last(gen.generate(["garbage-truck", 1], **FREE)).maps.image(1) == expected
    with pytest.raises(ValueError, match="'cart'.*cat"):
        gen.generate("cart")
    assert random_var().classes == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": 4}, "label 4.*4 classes"),
        ({"label": -1}, "label -1"),
        ({"label": 1.5}, "label.*1.5"),
        ({"label": []}, "empty"),
        ({"label": [0, 1, 2], "seed": [1, 2]}, "2 seeds.*3 labels"),
        ({"label": 0, "seed": -1}, "seed.*-1"),
        ({"label": 0, "seed": []}, "empty"),
        ({"label": 0, "seed": 0.5}, "seed.*0.5"),
        ({"label": 0, "top_p": 2}, "top_p"),
        ({"label": 0, "keep": 1}, "`given` is None"),
        ({"label": 0, "keep": 99}, "99"),
    ],
)
def test_wrong_arguments_are_told_at_once(gen, arguments, message):
    with pytest.raises(ValueError, match=message):
        gen.generate(**arguments)


def test_keeping_unknown_tokens_is_an_error(gen):
    nothing = TokenMaps([torch.full((1, *grid), -1) for grid in gen.grids])
    with pytest.raises(ValueError, match="not known"):
        gen.generate(0, given=nothing, keep=1)
    assert draw_maps(gen, given=nothing, keep=0) == draw_maps(gen)


def test_foreign_maps_are_refused(gen):
    other = TokenMaps([torch.zeros(1, 7, 7, dtype=torch.long)])
    with pytest.raises(ValueError, match="7x7"):
        gen.logits(other, 0)
    beyond = TokenMaps([torch.full((1, *grid), gen.vocab_size) for grid in gen.grids])
    with pytest.raises(ValueError, match="24"):
        gen.score(beyond, 0)


def test_reduced_precision_runs(gen):
    """In bf16 the same seeds give valid tokens, and the logits stay near the exact ones."""
    fast_device = open_device("cpu", "auto")
    if fast_device.compute_dtype == torch.float32:
        pytest.skip("this CPU has no bf16 arithmetic, auto is float32")
    make = {"var": random_var, "llamagen": random_raster, "masked": random_masked}[gen.family]
    fast, exact = make(seed=1, device=fast_device), make(seed=1)
    maps = draw_maps(exact)
    for a, b in zip(exact.logits(maps, 1), fast.logits(maps, 1), strict=True):
        assert (a - b).abs().max() < 0.1 * a.abs().max()
    assert draw_maps(fast).grids == fast.grids


def test_box_mask():
    inside = box_mask((0.25, 0.0, 1.0, 0.5), (4, 6))
    assert inside.sum() == 9 and inside[1:, :3].all()
    assert torch.equal(box_mask((0.25, 0.0, 1.0, 0.5), (4, 6), inside=False), ~inside)
    with pytest.raises(ValueError, match="box"):
        box_mask((0.5, 0, 0.2, 1), (4, 4))
