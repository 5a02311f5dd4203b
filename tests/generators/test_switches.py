"""Parts switched off: what is off does nothing, what is on is untouched, and nobody else notices."""

import copy

import pytest
import torch
from generator_support import random_masked, random_raster, random_var

from explorer.generators.switches import Switches
from explorer.token_maps import TokenMaps


@pytest.fixture(params=[random_var, random_raster, random_masked], ids=["next-scale", "raster", "masked"])
def gen(request):
    return request.param()


def drawn(gen, seed: int = 0, **more) -> TokenMaps:
    *_, last = gen.generate(gen.classes[1], seed=seed, **more)
    return last.maps


def random_maps(gen, seed: int = 0) -> TokenMaps:
    generator = torch.Generator().manual_seed(seed)
    ids = [torch.randint(gen.vocab_size, (1, *grid), generator=generator) for grid in gen.grids]
    return TokenMaps(ids, gen.tokenizer.meta)


def test_no_switch_is_the_very_same_model(gen):
    maps = random_maps(gen)
    view = gen.with_switches()
    assert view is not gen and view.switches == Switches() and view.switches.said() == ""
    assert drawn(view) == drawn(gen) and drawn(view).meta == drawn(gen).meta
    for a, b in zip(view.logits(maps, 0), gen.logits(maps, 0), strict=True):
        assert torch.equal(a, b)


def test_a_head_off_adds_nothing_and_the_weights_of_others_are_shared(gen):
    maps = random_maps(gen)
    before = {name: value.clone() for name, value in gen._net.state_dict().items()}
    off = gen.with_switches(heads=[(1, 2)])
    assert any(not torch.equal(a, b) for a, b in zip(off.logits(maps, 0), gen.logits(maps, 0), strict=True))
    after = gen._net.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "nothing of the original changed"
    changed = [
        name for name, value in off._net.state_dict().items() if value.data_ptr() != after[name].data_ptr()
    ]
    assert len(changed) == 1 and changed[0].endswith(("attn.proj.weight", "attention.wo.weight"))
    # brute force: the same columns cleared by hand in a copy of all weights
    by_hand = copy.copy(gen)
    by_hand._net = copy.deepcopy(gen._net)
    weight = dict(by_hand._net.named_parameters())[changed[0]].data
    width = weight.shape[1] // gen.config.num_heads
    weight[:, width : 2 * width] = 0
    for a, b in zip(off.logits(maps, 0), by_hand.logits(maps, 0), strict=True):
        assert torch.equal(a, b)


def test_a_layer_off_lets_the_stream_pass_by(gen):
    maps = random_maps(gen)
    all_off = gen.with_switches(layers=range(1, gen.config.depth + 1))
    lens = all_off.lens(maps, 0)
    assert lens.layers == gen.config.depth
    for entropy in lens.entropy:  # after every "layer" the stream is the same
        assert torch.equal(entropy[0], entropy[-1])
    assert all(float(moved.max()) == 0 for moved in lens.divergence)
    assert drawn(all_off) != drawn(gen)
    one = gen.with_switches(layers=[1])
    assert torch.equal(one.lens(maps, 0).ids[-1][0], all_off.lens(maps, 0).ids[-1][0])


def test_drawing_and_reading_agree_on_what_is_off(gen):
    off = gen.with_switches(heads=[(1, 1)], layers=[2])
    none = 1 if len(gen.grids) == 1 else 0  # either family's own "no guidance"
    maps = drawn(off, temperature=0, guidance=none)
    likeliest = [logits.argmax(-1) for logits in off.logits(maps, gen.classes[1])]
    assert all(torch.equal(a, b) for a, b in zip(likeliest, maps, strict=True))


def test_a_hidden_scale_is_seen_by_nobody_but_itself():
    gen = random_var()
    hidden = gen.with_switches(hidden=[2])
    maps = random_maps(gen)
    look = hidden.look(maps, 0, len(gen.grids), (0, 0))
    for position, (scale, _, _) in enumerate(look.places):
        row = look.attention[..., position]
        assert (float(row.max()) == 0) == (scale == 2)
    assert torch.allclose(look.attention.sum(-1), torch.ones(look.attention.shape[:-1]), atol=1e-5)
    own = hidden.look(maps, 0, 2, (0, 0))
    assert float(own.attention[..., -1].max()) > 0, "scale 2 itself still sees scale 2"
    likeliest = drawn(hidden, temperature=0, guidance=0)
    again = [logits.argmax(-1) for logits in hidden.logits(likeliest, gen.classes[1])]
    assert all(torch.equal(a, b) for a, b in zip(again, likeliest, strict=True))


def test_the_class_changes_from_a_scale_on():
    gen = random_var()
    swapped = gen.with_switches(swap=(3, gen.classes[0]))
    plain, changed = drawn(gen), drawn(swapped)
    assert all(torch.equal(a, b) for a, b in zip(plain.maps[:2], changed.maps[:2], strict=True))
    assert not torch.equal(plain.maps[-1], changed.maps[-1])
    assert changed.meta["switches"] == f"class {gen.classes[0]} from scale 3 on"
    from_the_start = gen.with_switches(swap=(1, gen.classes[0]))
    *_, other = gen.generate(gen.classes[0], seed=0)
    assert drawn(from_the_start) != plain
    assert [torch.equal(a, b) for a, b in zip(drawn(from_the_start), other.maps, strict=True)].count(True) > 0
    with pytest.raises(ValueError, match="is for drawing"):
        swapped.score(plain, gen.classes[0])


def test_two_views_do_not_disturb_each_other(gen):
    maps = random_maps(gen)
    views = [gen.with_switches(heads=[(1, 1)]), gen.with_switches(heads=[(1, 2)])]
    first = [view.logits(maps, 0)[-1] for view in views]
    again = [view.logits(maps, 0)[-1] for view in reversed(views)]
    assert torch.equal(first[0], again[1]) and torch.equal(first[1], again[0])
    assert not torch.equal(first[0], first[1])
    assert views[0].device is gen.device, "one lock"


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"heads": [(9, 1)]}, "there is no layer 9"),
        ({"heads": [(1, 0)]}, "there is no head 0"),
        ({"layers": [0]}, "there is no layer 0"),
        ({"layers": ["1"]}, "a layer"),
        ({"hidden": [9]}, "there is no scale 9"),
    ],
)
def test_parts_that_are_not_there(gen, switches, words):
    with pytest.raises(ValueError, match=words):
        gen.with_switches(**switches)


def test_what_a_raster_model_has_not_and_nobody_sees():
    with pytest.raises(ValueError, match="only heads and layers"):
        random_raster().with_switches(hidden=[1])
    with pytest.raises(ValueError, match="only heads and layers"):
        random_raster().with_switches(swap=(1, 0))
    gen = random_var()
    with pytest.raises(ValueError, match="nobody looks at it"):
        gen.with_switches(hidden=[len(gen.grids)])


def test_what_is_off_in_words():
    off = Switches(frozenset({(2, 1)}), frozenset({3}), frozenset({2}), (4, 1))
    words = "head 1 of layer 2 off, layer 3 off, scale 2 hidden, class b from scale 4 on"
    assert off.said(("a", "b")) == words
    assert Switches(swap=(2, 2)).said(("a", "b")) == "class no class from scale 2 on"
