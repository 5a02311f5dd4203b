"""Inside a prediction: attention, layers, causes, each against the same thing written out in full."""

import pytest
import torch
from generator_support import last, random_raster, random_var
from torch.nn import functional as F

from explorer.generators import inside
from explorer.token_maps import TokenMaps

MAKE = {
    "var": random_var,
    "var-shared": lambda **o: random_var(shared_adaln=True, **o),
    "raster": random_raster,
}


@pytest.fixture(params=MAKE)
def gen(request):
    return MAKE[request.param](seed=3)


@pytest.fixture
def maps(gen) -> TokenMaps:
    return last(gen.generate(1, seed=2, guidance=0, top_k=0, top_p=0)).maps


def asked(gen) -> tuple[int, tuple[int, int]]:
    """A place with something before it, and something after it."""
    return len(gen.grids), (1, 2)


def test_rows_sum_to_one_and_cover_the_places(gen, maps):
    look = gen.look(maps, 1, *asked(gen))
    layers, heads, length = look.attention.shape
    assert (layers, heads) == (2, 2) and length == len(look.places) == len(set(look.places))
    torch.testing.assert_close(look.attention.sum(-1), torch.ones(layers, heads))
    torch.testing.assert_close(look.rollout.sum(), torch.tensor(1.0))
    assert (look.attention >= 0).all() and look.class_share.shape == (layers, heads)


@pytest.mark.parametrize("make", [random_var, random_raster])
def test_nothing_is_seen_that_may_not_be(make):
    gen = make(seed=3)
    maps = last(gen.generate(1, seed=2)).maps
    if gen.family == "var":
        look = gen.look(maps, 1, 2, (0, 1))  # a middle scale: the whole own scale, nothing finer
        assert {scale for scale, _, _ in look.places} == {1, 2}
        assert (look.attention > 0).all()
        assert (look.on_grid(3) == 0).all() and look.on_grid(2).shape == (2, 2, 2, 2)
    else:
        look = gen.look(maps, 1, 1, (1, 2))  # the seventh token: the class and six tokens
        seen = look.attention.sum((0, 1)) > 0
        assert seen.tolist() == [True] * 7 + [False] * 5
        assert (look.on_grid(1).sum((0, 1)) > 0).sum() == 6
        assert (look.rollout[7:] == 0).all()


def test_attention_is_that_of_the_network(gen, maps):
    """Weights times values, projected, give what the network's own attention gives; no more is needed."""
    net, labels_B = gen._net, torch.tensor([1])
    with torch.no_grad():
        inputs = gen._net_inputs(list(maps.maps), labels_B, len(gen.grids))
        rows = torch.arange(len(gen._places(len(gen.grids))))
        found = list(net.attention(labels_B, inputs, rows))
        if gen.family == "var":
            modulation = net.modulation(labels_B)
            mask = net.scale_mask(len(gen.grids), rows.device)
            for block, mod, x, weights in zip(
                net.blocks, modulation.blocks, net.states(modulation, inputs), found, strict=False
            ):
                y = block.attended(x, mod)
                qkv = F.linear(y, block.attn.mat_qkv.weight)
                v_BLD = qkv[..., 32:] + block.attn.v_bias
                out = weights @ v_BLD.unflatten(-1, (2, 8)).transpose(1, 2)
                torch.testing.assert_close(
                    block.attn.proj(out.transpose(1, 2).flatten(2)), block.attn(y, mask), rtol=1e-4, atol=1e-4
                )
        else:
            from explorer.nets.llamagen_gpt import rotary_table

            rotary = rotary_table(net.config)[: len(rows)]
            for layer, x, weights in zip(net.layers, net.states(labels_B, inputs), found, strict=False):
                y = layer.attention_norm(x)
                v_BLD = layer.attention.wqkv(y)[..., 32:]
                out = weights @ v_BLD.unflatten(-1, (2, 8)).transpose(1, 2)
                torch.testing.assert_close(
                    layer.attention.wo(out.transpose(1, 2).flatten(2)),
                    layer.attention(y, rotary),
                    rtol=1e-4,
                    atol=1e-4,
                )
        assert len(found) == 2


def test_a_plain_softmax_written_out(gen, maps):
    """The first layer's row from the released formulas alone: MODELS.md 2.3 and 3.3."""
    scale, (row, column) = asked(gen)
    look = gen.look(maps, 1, scale, (row, column))
    net, labels_B = gen._net, torch.tensor([1])
    query = gen._asked_at(scale, row, column)
    with torch.no_grad():
        inputs = gen._net_inputs(list(maps.maps), labels_B, scale)
        for head in range(2):
            part = slice(8 * head, 8 * head + 8)
            if gen.family == "var":
                block, modulation = net.blocks[0], net.modulation(labels_B)
                x = next(net.states(modulation, inputs))[0]
                _, _, scale1, _, shift1, _ = modulation.blocks[0][0, 0]
                y = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-6).sqrt()
                y = y * (1 + scale1) + shift1
                weight = block.attn.mat_qkv.weight
                q = y[query] @ weight[:16].T[:, part] + block.attn.q_bias[part]
                k = y @ weight[16:32].T[:, part]
                factor = min(100.0, block.attn.scale_mul_1H11[0, head].exp().item())
                scores = factor * (k / k.norm(dim=-1, keepdim=True)) @ (q / q.norm())
            else:
                layer = net.layers[0]
                x = next(net.states(labels_B, inputs))[0]
                y = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * layer.attention_norm.weight
                weight = layer.attention.wqkv.weight
                q, k = (y @ weight[start : start + 16].T[:, part] for start in (0, 16))
                places = torch.tensor(gen._places(1))[:, 1:].float()
                frequencies = 10000.0 ** (-torch.arange(0, 4, 2) / 4)
                angles = (places[:, :, None] * frequencies).flatten(1)
                turn = torch.polar(torch.ones_like(angles), angles)
                turn[0] = 0  # the class has no place: its key vanishes
                q, k = (torch.view_as_complex(t.unflatten(-1, (4, 2)).contiguous()) * turn for t in (q, k))
                scores = (k.conj() * q[query]).real.sum(-1)[: query + 1] / 8**0.5
            wanted = scores.exp() / scores.exp().sum()
            torch.testing.assert_close(look.attention[0, head, : len(wanted)], wanted, rtol=2e-4, atol=1e-5)


def test_the_rollout_is_the_product_of_half_identities(gen, maps):
    scale, cell = asked(gen)
    look = gen.look(maps, 1, scale, cell)
    with torch.no_grad():
        labels_B = torch.tensor([1])
        inputs = gen._net_inputs(list(maps.maps), labels_B, scale)
        rows = torch.arange(len(look.places))
        product = torch.eye(len(rows))
        for weights in gen._net.attention(labels_B, inputs, rows):
            product = (0.5 * torch.eye(len(rows)) + 0.5 * weights[0].mean(0)) @ product
    torch.testing.assert_close(look.rollout, product[gen._asked_at(scale, *cell)])


def test_the_last_layer_of_the_lens_is_the_prediction(gen, maps):
    lens = gen.lens(maps, 1)
    logits = gen.logits(maps, 1)
    assert lens.layers == 2
    for k, expected in enumerate(logits):
        assert torch.equal(lens.ids[k][-1], expected.argmax(-1))
        entropy = torch.distributions.Categorical(logits=expected).entropy()
        torch.testing.assert_close(lens.entropy[k][-1], entropy)
        assert (lens.divergence[k][-1] == 0).all() and (lens.divergence[k][0] > 0).any()
    assert (lens.agreement[-1] == 1).all() and lens.agreement.shape == (2, len(gen.grids))
    drawn = lens.maps(1, maps, 1)
    assert torch.equal(drawn[0], lens.ids[0][0]) and gen.tokenizer.decode(drawn).shape[1] == 3


def test_an_earlier_layer_is_a_network_cut_short(gen, maps):
    """The lens after layer 1 equals a network with one layer and the same head."""
    lens = gen.lens(maps, 1)
    layers = gen._net.blocks if gen.family == "var" else gen._net.layers
    removed = layers[1]
    del layers[1]
    try:
        short = gen.logits(maps, 1)
    finally:
        layers.append(removed)
    for k, expected in enumerate(short):
        assert torch.equal(lens.ids[k][0], expected.argmax(-1))


@pytest.mark.parametrize("replacement", inside.REPLACEMENTS)
def test_an_effect_equals_brute_force(gen, maps, replacement):
    scale, (row, column) = asked(gen)
    effects = gen.effects(maps, 1, scale, (row, column), replacement, seed=5)
    old = gen.logits(maps, 1)[scale - 1][0, row, column].log_softmax(-1)
    compared = 0
    for k, grid in enumerate(gen.grids):
        for i in range(grid[0]):
            for j in range(grid[1]):
                earlier = k < scale - 1 if gen.family == "var" else i * grid[1] + j < row * grid[1] + column
                assert earlier != effects.bits[k][i, j].isnan()
                other = int(effects.replaced_by[k][i, j])
                assert (other >= 0) == earlier
                if not earlier:
                    continue
                assert other != int(maps[k][0, i, j])
                ids = maps[k].clone()
                ids[0, i, j] = other
                new = gen.logits(maps.with_map(k + 1, ids), 1)[scale - 1][0, row, column].log_softmax(-1)
                bits = (old.exp() * (old - new)).sum() / torch.tensor(2.0).log()
                torch.testing.assert_close(effects.bits[k][i, j], bits, rtol=1e-3, atol=1e-5)
                compared += 1
    assert compared >= 5


def test_the_likeliest_other_code_is_tried(gen, maps):
    effects = gen.effects(maps, 1, *asked(gen))
    logits = gen.logits(maps, 1)[0][0, 0, 0].clone()
    logits[maps[0][0, 0, 0]] = -torch.inf
    assert effects.replaced_by[0][0, 0] == logits.argmax()


def test_nothing_is_left_on_the_network_and_tokens_stay(gen, maps):
    before = {name: tensor.clone() for name, tensor in gen._net.state_dict().items()}
    attributes = {id(module): set(vars(module)) for module in gen._net.modules()}
    for use in (lambda: gen.look(maps, 1, *asked(gen)), lambda: gen.lens(maps, 1)):
        use()
    gen.effects(maps, 1, *asked(gen))
    assert all(torch.equal(before[name], tensor) for name, tensor in gen._net.state_dict().items())
    assert attributes == {id(module): set(vars(module)) for module in gen._net.modules()}
    assert last(gen.generate(1, seed=2, guidance=0, top_k=0, top_p=0)).maps == maps


def test_bad_questions(gen, maps):
    two = TokenMaps([ids.repeat(2, 1, 1) for ids in maps], maps.meta)
    with pytest.raises(ValueError, match="one picture and one label"):
        gen.look(two, 1, 1, 0)
    with pytest.raises(ValueError, match="replacement is one of"):
        gen.effects(maps, 1, *asked(gen), replacement="worst")
    unknown = TokenMaps([torch.full_like(ids, -1) for ids in maps], maps.meta)
    with pytest.raises(ValueError, match="not known"):
        gen.look(unknown, 1, *asked(gen))
    with pytest.raises(ValueError, match="not known"):
        gen.lens(unknown, 1)
    with pytest.raises(ValueError, match="no scale 9"):
        gen.look(maps, 1, *asked(gen)).on_grid(9)
    with pytest.raises(ValueError, match="no layer 3"):
        gen.lens(maps, 1).maps(3, maps, 1)
    with pytest.raises(ValueError, match="3 labels for 2"):
        gen.lens(two, [0, 1, 2])


def test_several_pictures_through_the_lens(gen, maps):
    two = TokenMaps([torch.cat((ids, ids.flip(-1))) for ids in maps], maps.meta)
    lens = gen.lens(two, [1, 0])
    alone = gen.lens(maps, 1)
    for k in range(len(gen.grids)):
        assert torch.equal(lens.ids[k][:, :1], alone.ids[k])
