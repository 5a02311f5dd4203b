"""The masked transformer: hidden tokens from visible ones, places, and the twin of the raster transformer."""

import pytest
import torch
from generator_support import fill

from explorer.nets.masked_transformer import MaskedConfig, MaskedTransformer, rotary_table

CONFIG = MaskedConfig(24, (3, 4), 4, depth=2, width=16, num_heads=2, multiple_of=8)
N = 12


@pytest.fixture
def net():
    return fill(MaskedTransformer(CONFIG), 1, 0.6)


def some_ids(batch: int = 2) -> torch.Tensor:
    return torch.randint(24, (batch, N), generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_a_hidden_token_has_no_say(net):
    """Two maps that differ only where both are hidden are one map."""
    ids, labels = some_ids(), torch.tensor([0, 4])
    hidden = torch.rand(ids.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    shown = torch.where(hidden, -1, ids)
    assert torch.equal(net(labels, shown), net(labels, torch.where(hidden, -1, (ids + hidden * 5) % 24)))
    assert net(labels, shown).shape == (2, N, 24)


@torch.inference_mode()
def test_every_cell_sees_every_visible_one_and_the_class(net):
    ids, labels = some_ids(1), torch.tensor([1])
    whole = net(labels, ids)
    for cell in range(N):
        other = ids.clone()
        other[0, cell] = (other[0, cell] + 1) % 24
        moved = (net(labels, other) - whole).abs().amax(-1)[0]
        assert (moved > 1e-4).all()
    assert ((net(torch.tensor([2]), ids) - whole).abs().amax(-1) > 1e-4).all()


@torch.inference_mode()
def test_hidden_cells_are_told_apart_by_their_places(net):
    """All hidden: still another prediction for every cell; without places, the same for all."""
    nothing = torch.full((1, N), -1)
    logits = net(torch.tensor([0]), nothing)[0]
    assert torch.pdist(logits).min() > 1e-3
    net.position_embeddings.weight.zero_()
    first = next(net.states(torch.tensor([0]), nothing))[0, 1:]
    assert torch.pdist(first).max() == 0


def test_rotary_places():
    """The class lies at (0, 0); rows and columns count from 1, the row turns the first half of the pairs."""
    table = rotary_table(CONFIG)
    assert table.shape == (1 + N, CONFIG.head_dim // 2, 2)
    assert torch.equal(table[0, :, 0], torch.ones(4)) and torch.equal(table[0, :, 1], torch.zeros(4))
    cell = table[1 + 1 * 4 + 2]  # row 2, column 3, counted from 1
    assert cell[0, 0] == pytest.approx(float(torch.tensor(2.0).cos()))
    assert cell[2, 1] == pytest.approx(float(torch.tensor(3.0).sin()))


@torch.inference_mode()
def test_layers_and_attention_agree_with_the_forward_pass(net):
    ids, labels = some_ids(), torch.tensor([0, 3])
    ids[:, ::2] = -1
    *_, last = net.layer_logits(labels, ids)
    assert torch.equal(last, net(labels, ids))
    rows = torch.tensor([0, 5, N])
    for weights in net.attention(labels, ids, rows):
        assert weights.shape == (2, 2, 3, 1 + N)
        assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 3)) and (weights > 0).all()
    layer = net.layers[0]
    x_BLD = layer.attention_norm(next(net.states(labels, ids)))
    table = rotary_table(CONFIG)
    _, _, v_BHLd = layer.attention.queries_keys_values(x_BLD, table)
    mixed = layer.attention.weights(x_BLD, table, torch.arange(1 + N)) @ v_BHLd
    by_hand = layer.attention.wo(mixed.transpose(1, 2).flatten(2))
    assert torch.allclose(layer.attention(x_BLD, table), by_hand, atol=1e-5)


def test_a_map_of_another_length_is_refused(net):
    with pytest.raises(ValueError, match="11 tokens given, the map has 12"):
        net(torch.tensor([0]), torch.zeros(1, 11, dtype=torch.long))


def test_fresh_weights_know_nothing():
    net = MaskedTransformer(CONFIG)
    net.init_weights()
    assert (net(torch.tensor([0]), torch.full((1, N), -1)) == 0).all()
    assert all(p.isfinite().all() for p in net.parameters())


def test_it_learns_what_is_hidden_from_what_is_visible():
    """Maps of one repeated code: after some steps a single visible token tells all others."""
    torch.manual_seed(0)
    net = MaskedTransformer(MaskedConfig(6, (2, 3), 1, depth=1, width=32, num_heads=2))
    net.init_weights()
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    draw = torch.Generator().manual_seed(0)
    for _ in range(60):
        ids = torch.randint(6, (16, 1), generator=draw).expand(16, 6)
        hidden = torch.rand(16, 6, generator=draw) < torch.rand(16, 1, generator=draw)
        hidden[:, 0] = True
        logits = net(torch.zeros(16, dtype=torch.long), ids.masked_fill(hidden, -1))
        loss = torch.nn.functional.cross_entropy(logits[hidden], ids[hidden])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    shown = torch.full((6, 6), -1)
    shown[:, 4] = torch.arange(6)
    with torch.inference_mode():
        guesses = net(torch.zeros(6, dtype=torch.long), shown).argmax(-1)
    hidden = shown < 0
    assert (guesses == torch.arange(6)[:, None])[hidden].float().mean() > 0.95
