"""The minGPT of taming-transformers against the reference, and its two paths against each other."""

import gzip
import json
from pathlib import Path

import pytest
import torch
from golden_support import close, golden_cases, indices, load_arrays, load_config, load_weights, same

from explorer.nets.taming_gpt import TamingGPT, TamingGPTConfig

PREFIX = "transformer."
CASES = golden_cases("taming_", needs=("net2net", "gpt_golden.npz"))


def config_of(told: dict, hidden: int | None = None) -> TamingGPTConfig:
    side = round(told["block_size"] ** 0.5)
    return TamingGPTConfig(
        vocab_size=told["vocab_size"],
        grid=(side, side),
        # The reference takes any code as a label; 1001 in a vocabulary of 512 is what its config says.
        num_classes=min(told.get("n_classes", 1000), told["vocab_size"]),
        depth=told["n_layer"],
        width=told["n_embd"],
        num_heads=told["n_head"],
        block_size=told["block_size"],
        hidden=hidden or 4 * told["n_embd"],
    )


def own_weights(tensors: dict) -> dict:
    """The transformer's, without the causal masks."""
    return {
        n.removeprefix(PREFIX): t
        for n, t in tensors.items()
        if n.startswith(PREFIX) and not n.endswith("attn.mask")
    }


def net_of(case: Path) -> TamingGPT:
    net = TamingGPT(config_of(load_config(case)["transformer"]))
    net.load_state_dict(own_weights(load_weights(case, "net2net")), strict=True)
    return net.eval()


def random_net(seed: int) -> TamingGPT:
    draw = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=draw))

    heads, grid = pick(1, 3), (pick(1, 4), pick(1, 4))
    config = TamingGPTConfig(
        vocab_size=pick(5, 40),
        grid=grid,
        num_classes=pick(1, 5),
        depth=pick(1, 3),
        width=heads * pick(2, 8),
        num_heads=heads,
        block_size=grid[0] * grid[1] + pick(0, 3),
        hidden=pick(3, 30),
    )
    net = TamingGPT(config)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.4)
    return net.eval()


@pytest.mark.parametrize("case", CASES)
@torch.inference_mode()
def test_teacher_forced_equals_reference(case):
    net, gold = net_of(case), load_arrays(case / "gpt_golden.npz")
    outputs = {}
    for i, block in enumerate(net.blocks):
        block.register_forward_hook(lambda module, args, out, i=i: outputs.__setitem__(i, out))
    # The last token has no position: it is never fed.
    close(net(gold["tf_labels"], gold["tf_idx"][:, :-1]), gold["tf_logits"], "gpt_logits")
    for i in indices(gold, "tf_block_"):
        close(outputs[i], gold[f"tf_block_{i}"], "gpt_logits")


@pytest.mark.parametrize("case", CASES)
@torch.inference_mode()
def test_greedy_sequence(case):
    """Of the greedy sequence every token is the likeliest one, given those before it."""
    net, gold = net_of(case), load_arrays(case / "gpt_golden.npz")
    logits = net(gold["greedy_labels"], gold["greedy_seq"][:, :-1])
    same(logits.argmax(-1), gold["greedy_seq"])
    if "greedy_logits" in gold:
        close(logits, gold["greedy_logits"], "gpt_logits")
    two = logits.topk(2, dim=-1).values
    assert torch.allclose(two[..., 0] - two[..., 1], gold["greedy_gap"], atol=1e-3)


@pytest.mark.parametrize("seed", range(8))
@torch.inference_mode()
def test_one_token_at_a_time_equals_all_at_once(seed):
    net = random_net(seed)
    config, length = net.config, net.config.length
    ids = torch.randint(config.vocab_size, (2, length - 1), generator=torch.Generator().manual_seed(seed))
    labels = torch.tensor([0, config.num_classes - 1])
    together = net(labels, ids)

    shape = (2, config.num_heads, length, config.head_dim)
    caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in range(config.depth)]
    rows, pieces = net.position_rows(), []
    for n in range(length):
        x = net.embed_class(labels) if n == 0 else net.embed_tokens(ids[:, n - 1 : n])
        visible = (torch.arange(length) <= n)[None]
        pieces.append(net.advance(x, rows[n : n + 1], caches, torch.tensor([n]), visible))
    assert torch.allclose(torch.cat(pieces, 1), together, atol=1e-4)


@torch.inference_mode()
def test_layers_and_attention():
    net = random_net(3)
    ids = torch.randint(net.config.vocab_size, (2, net.config.length - 1))
    labels = torch.tensor([0, 0])
    *_, last = net.layer_logits(labels, ids)
    assert torch.equal(last, net(labels, ids))
    rows = torch.arange(net.config.length)
    for weights in net.attention(labels, ids, rows):
        assert torch.allclose(weights.sum(-1), torch.ones(weights.shape[:-1]), atol=1e-5)
        assert weights.triu(1).eq(0).all()
    # Through the same weights the values make what the block adds.
    states, block = list(net.states(labels, ids)), net.blocks[-1]
    x = block.ln1(states[-2])
    values = block.attn.queries_keys_values(x)[2]
    own = block.attn.proj((weights @ values).transpose(1, 2).flatten(2))
    assert torch.allclose(own, block.attn(x), atol=1e-4)


def test_a_label_is_a_token():
    net = random_net(4)
    assert torch.equal(net.embed_class(torch.tensor([3])), net.embed_tokens(torch.tensor([[3]])))
    assert net.config.null_class is None


def test_configuration():
    ours = {"vocab_size": 9, "grid": (2, 2), "num_classes": 3, "depth": 1, "width": 8, "num_heads": 2}
    TamingGPTConfig(**ours, block_size=4, hidden=32)
    with pytest.raises(ValueError, match="2 x 2 has 4 tokens.*3 positions"):
        TamingGPTConfig(**ours, block_size=3, hidden=32)
    with pytest.raises(ValueError, match="width 8.*heads 3"):
        TamingGPTConfig(**ours | {"num_heads": 3}, block_size=4, hidden=32)
    with pytest.raises(ValueError, match="10 classes.*vocabulary of 9"):
        TamingGPTConfig(**ours | {"num_classes": 10}, block_size=4, hidden=32)
    net = TamingGPT(TamingGPTConfig(**ours, block_size=4, hidden=32))
    with pytest.raises(ValueError, match="4 tokens given, there are 4 positions"):
        net(torch.tensor([0]), torch.zeros(1, 4, dtype=torch.long))


def test_bf16_weights_stay_close():
    net = random_net(5)
    labels, ids = torch.tensor([0]), torch.zeros(1, net.config.length - 1, dtype=torch.long)
    exact = net(labels, ids)
    fast = net.to(torch.bfloat16)(labels, ids)
    assert fast.dtype == torch.float32
    assert (fast - exact).abs().max() < 0.1 * exact.abs().max()


MANIFESTS = Path(__file__).parents[1] / "manifests" / "released.json.gz"
RELEASED = json.loads(gzip.decompress(MANIFESTS.read_bytes()))


def test_released_names_and_shapes():
    released = RELEASED["cin_transformer"]
    with torch.device("meta"):
        net = TamingGPT(config_of(released["config"]["transformer"]))
    assert {n: list(t.shape) for n, t in net.state_dict().items()} == own_weights(released["tensors"])
    assert sum(p.numel() for p in net.parameters()) == 1_410_640_896
