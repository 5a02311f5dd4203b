"""The next-scale generator: any schedule, rectangles, its own guidance."""

import pytest
import torch
from generator_support import last, random_var

SCHEDULES = [
    ((1, 1),),
    ((1, 1), (2, 2)),
    ((1, 1), (1, 2), (2, 3), (4, 6)),
    ((2, 2), (3, 3)),
    ((1, 2), (2, 4), (2, 5), (3, 7), (6, 8)),
]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("grids", SCHEDULES, ids=str)
def test_any_schedule(grids, shared):
    """Cached and teacher-forced path agree on greedy tokens for every schedule, square or not."""
    gen = random_var(seed=2, grids=grids, shared_adaln=shared)
    maps = last(gen.generate([0, None], guidance=1.5, temperature=0)).maps
    for ids, logits in zip(maps, gen.logits(maps, [0, None], guidance=1.5), strict=True):
        assert torch.equal(logits.argmax(-1), ids)
    H, W = grids[-1]
    assert gen.tokenizer.decode(maps).shape == (2, 3, 2 * H, 2 * W)


def test_guidance_rises_with_the_scale():
    gen = random_var()
    maps = last(gen.generate(1)).maps
    conditional, unconditional = gen.logits(maps, 1), gen.logits(maps, None)
    guided = gen.logits(maps, 1, guidance=3.0)
    for k, t in enumerate((0.0, 1.5, 3.0)):
        assert torch.allclose(guided[k], (1 + t) * conditional[k] - t * unconditional[k], atol=1e-3)


def test_kept_tokens_reach_finer_scales_only_from_their_turn():
    """Maps of finer scales stay unknown until drawn, so a partial run shows what has been decided."""
    gen = random_var()
    given = last(gen.generate(1)).maps
    steps = list(gen.generate(1, given=given, keep=3))
    assert [step.maps.known for step in steps] == [1, 2, 3]
    assert steps[-1].maps == given
    assert steps[0].entropy.shape == (1, 1, 1)


def test_interval_is_for_raster_models():
    with pytest.raises(ValueError, match="guidance_interval 3"):
        random_var().generate(0, guidance_interval=3)


def test_tokenizer_takes_the_generators_grids():
    gen = random_var(grids=((1, 1), (2, 3)))
    square = gen.tokenizer.with_grids(((1, 1), (4, 4)))
    again = type(gen)(gen._net, square, name="random")
    assert again.grids == ((1, 1), (2, 3)) == again.tokenizer.grids
    assert square.grids == ((1, 1), (4, 4))
