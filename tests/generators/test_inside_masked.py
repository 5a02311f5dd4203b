"""Inside a masked model: one cell is asked while everything else that is known is seen."""

import pytest
import torch
from generator_support import last, random_masked

from explorer.generators.masked import VISIBLE
from explorer.token_maps import TokenMaps

CELL, N = (1, 2), 12


@pytest.fixture
def gen():
    return random_masked(seed=3)


@pytest.fixture
def maps(gen) -> TokenMaps:
    return last(gen.generate(1, seed=2, guidance=0, top_k=0, top_p=0)).maps


def test_a_look_is_the_attention_of_the_question(gen, maps):
    look = gen.look(maps, 1, 1, CELL)
    assert look.attention.shape == (2, 2, 1 + N) and look.places[0] == (0, 0, 0)
    assert look.on_grid(1).shape == (2, 2, 3, 4) and look.class_share.shape == (2, 2)
    torch.testing.assert_close(look.attention.sum(-1), torch.ones(2, 2))
    ids = maps[0].flatten(1).clone()
    ids[0, 6] = -1
    with torch.inference_mode():
        expected = list(gen._net.attention(torch.tensor([1]), ids, torch.tensor([1 + 6])))
    torch.testing.assert_close(look.attention, torch.stack([weights[0, :, 0] for weights in expected]))
    # what the cell itself holds is not looked at
    other = maps.with_map(1, torch.where(torch.arange(N).view(1, 3, 4) == 6, (maps[0] + 5) % 24, maps[0]))
    assert torch.equal(gen.look(other, 1, 1, CELL).attention, look.attention)


@pytest.mark.parametrize("known", ["all", "some"])
def test_the_last_layer_of_the_lens_is_the_prediction(gen, maps, known):
    if known == "some":
        maps = TokenMaps([torch.where(torch.arange(N).view(1, 3, 4) % 3 == 0, maps[0], -1)])
    two = TokenMaps([torch.cat((maps[0], maps[0].flip(-1)))])
    lens = gen.lens(two, [1, 0])
    expected = gen.logits(two, [1, 0], order=VISIBLE)[0]
    assert torch.equal(lens.ids[0][-1], expected.argmax(-1))
    entropy = torch.distributions.Categorical(logits=expected).entropy()
    torch.testing.assert_close(lens.entropy[0][-1], entropy, atol=1e-4, rtol=1e-4)
    assert (lens.divergence[0][-1] == 0).all() and (lens.divergence[0][0] > 0).all()
    removed = gen._net.layers[1]
    del gen._net.layers[1]
    short = gen.logits(two, [1, 0], order=VISIBLE)[0]
    gen._net.layers.append(removed)
    assert torch.equal(lens.ids[0][0], short.argmax(-1))


@pytest.mark.parametrize("replacement", ["likeliest", "drawn"])
def test_an_effect_equals_brute_force(gen, maps, replacement):
    """Of every other token that is known; the asked cell itself and hidden ones have none."""
    ids = maps[0].clone()
    ids[0, 0, 0] = -1
    partial = TokenMaps([ids])
    effects = gen.effects(partial, 1, 1, CELL, replacement, seed=5)
    old = gen.logits(partial, 1, order=VISIBLE)[0][0, 1, 2].log_softmax(-1)
    for i in range(3):
        for j in range(4):
            other = int(effects.replaced_by[0][i, j])
            if (i, j) in (CELL, (0, 0)):
                assert other == -1 and effects.bits[0][i, j].isnan()
                continue
            assert other not in (-1, int(ids[0, i, j]))
            changed = ids.clone()
            changed[0, i, j] = other
            new = gen.logits(TokenMaps([changed]), 1, order=VISIBLE)[0][0, 1, 2].log_softmax(-1)
            bits = (old.exp() * (old - new)).sum() / torch.tensor(2.0).log()
            torch.testing.assert_close(effects.bits[0][i, j], bits, rtol=1e-3, atol=1e-5)
    assert torch.nan_to_num(effects.bits[0]).max() > 0.01
