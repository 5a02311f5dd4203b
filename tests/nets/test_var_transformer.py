"""The next-scale transformer against the reference, and its two paths against each other."""

import json
from pathlib import Path

import pytest
import torch
from golden_support import close, golden_cases, indices, load_arrays, load_config, load_weights, stored_part

from explorer.nets.var_transformer import VARConfig, VARTransformer

DERIVED = ("lvl_1L", "attn_bias_for_masking", "zero_k_bias")
CASES = golden_cases("var_", needs=("var", "var_golden.npz"))


def config_of(case: Path) -> VARConfig:
    stored = load_config(case)
    return VARConfig(
        vocab_size=stored["V"],
        code_dim=stored["Cvae"],
        grids=tuple((p, p) for p in stored["patch_nums"]),
        num_classes=stored["num_classes"],
        depth=stored["depth"],
        width=stored["embed_dim"],
        num_heads=stored["num_heads"],
        mlp_ratio=stored["mlp_ratio"],
        shared_adaln=stored["shared_aln"],
        norm_eps=stored["norm_eps"],
    )


def net_of(case: Path) -> VARTransformer:
    weights = {n: t for n, t in load_weights(case, "var").items() if not n.endswith(DERIVED)}
    net = VARTransformer(config_of(case))
    net.load_state_dict(weights, strict=True)
    return net.eval()


def random_config(seed: int) -> VARConfig:
    """A small configuration; grids are rectangular and often start with more than one token."""
    draw = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=draw))

    heads = pick(1, 3)
    grid = (pick(1, 2), pick(1, 2))
    grids = [grid]
    for _ in range(pick(1, 4)):
        grid = (grid[0] + pick(0, 2), grid[1] + pick(0, 2))
        grids.append(grid)
    return VARConfig(
        vocab_size=pick(5, 40),
        code_dim=pick(2, 9),
        grids=tuple(grids),
        num_classes=pick(1, 5),
        depth=pick(1, 3),
        width=heads * 2 * pick(2, 6),
        num_heads=heads,
        mlp_ratio=(1.5, 2.0, 4.0)[pick(0, 2)],
        shared_adaln=bool(pick(0, 1)),
    )


def random_net(config: VARConfig, seed: int = 0) -> VARTransformer:
    net = VARTransformer(config)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.4)
    return net.eval()


def make_caches(net: VARTransformer, batch: int) -> list:
    c = net.config
    shape = (batch, c.num_heads, c.length, c.width // c.num_heads)
    return [(torch.zeros(shape), torch.zeros(shape)) for _ in range(c.depth)]


@pytest.mark.parametrize("case", CASES)
@torch.inference_mode()
def test_teacher_forced_equals_reference(case):
    gold = load_arrays(case / "var_golden.npz")
    net = net_of(case)
    outputs = {}
    for i, block in enumerate(net.blocks):
        block.register_forward_hook(lambda module, args, out, i=i: outputs.__setitem__(i, out))
    logits = net(gold["tf_labels"], gold["tf_var_input"])
    close(stored_part(logits, gold["tf_logits"]), gold["tf_logits"], "var_logits")
    for i in indices(gold, "tf_block_"):
        close(outputs[i], gold[f"tf_block_{i}"], "var_logits")
    if "tf_logits_uncond" in gold:
        unconditional = net(torch.full_like(gold["tf_labels"], net.config.null_class), gold["tf_var_input"])
        close(stored_part(unconditional, gold["tf_logits_uncond"]), gold["tf_logits_uncond"], "var_logits")


@pytest.mark.parametrize("seed", range(12))
@torch.inference_mode()
def test_one_scale_at_a_time_equals_all_at_once(seed):
    config = random_config(seed)
    net = random_net(config, seed)
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(2, config.length - config.lengths[0], config.code_dim, generator=draw)
    labels = torch.tensor([0, config.null_class])
    together = net(labels, inputs)

    modulation, caches, pieces, start = net.modulation(labels), make_caches(net, 2), [], 0
    for k, n in enumerate(config.lengths):
        first = config.lengths[0]
        x = net.embed_start(modulation) if k == 0 else net.embed(inputs[:, start - first :][:, :n], k, k + 1)
        pieces.append(net.advance(x, modulation, caches, start))
        start += n
    assert torch.allclose(torch.cat(pieces, 1), together, atol=1e-4)


@torch.inference_mode()
def test_a_scale_sees_nothing_finer():
    config = VARConfig(20, 4, ((1, 1), (2, 1), (2, 3), (4, 4)), 3, depth=2, width=16, num_heads=2)
    net = random_net(config)
    inputs = torch.randn(1, 24, 4, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([2])
    full = net(labels, inputs)
    assert torch.allclose(net(labels, inputs[:, :8]), full[:, :9], atol=1e-5)  # stop after three scales
    changed = inputs.clone()
    changed[:, 8:] += 1
    assert torch.allclose(net(labels, changed)[:, :9], full[:, :9], atol=1e-5)
    assert not torch.allclose(net(labels, changed)[:, 9:], full[:, 9:], atol=1e-2)
    with pytest.raises(ValueError, match="7 positions.*24"):
        net(labels, inputs[:, :7])


@pytest.mark.parametrize("shared", [False, True])
def test_fresh_weights_train(shared):
    """init_weights: logits near zero, and a few steps under autocast learn a constant answer."""
    torch.manual_seed(0)
    config = VARConfig(16, 4, ((1, 1), (2, 2)), 2, depth=2, width=32, num_heads=2, shared_adaln=shared)
    net = VARTransformer(config)
    net.init_weights()
    inputs, labels = torch.randn(8, 4, 4), torch.arange(8) % 3
    assert net(labels, inputs).abs().max() < 0.1
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    targets = torch.arange(5).expand(8, 5)
    for _ in range(30):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(labels, inputs)
        assert logits.dtype == torch.float32
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert all(p.grad is not None for p in net.parameters())
    assert loss < 0.5


def test_bf16_weights_stay_close():
    config = VARConfig(20, 4, ((1, 1), (2, 2)), 3, depth=2, width=32, num_heads=2)
    net = random_net(config)
    inputs = torch.randn(2, 4, 4)
    exact = net(torch.tensor([0, 1]), inputs)
    fast = net.to(torch.bfloat16)(torch.tensor([0, 1]), inputs)
    assert fast.dtype == torch.float32
    assert (fast - exact).abs().max() < 0.1 * exact.abs().max()


MANIFESTS = Path(__file__).parents[3] / "shared" / "specs" / "manifests"


@pytest.mark.parametrize("path", sorted(MANIFESTS.glob("var_d*.json")), ids=lambda p: p.stem)
def test_released_names_and_shapes(path):
    manifest = json.loads(path.read_text())
    stored = manifest["config"]
    config = VARConfig(
        vocab_size=stored["V"],
        code_dim=stored["Cvae"],
        grids=tuple((p, p) for p in stored["patch_nums"]),
        num_classes=stored["num_classes"],
        depth=stored["depth"],
        width=stored["embed_dim"],
        num_heads=stored["num_heads"],
        shared_adaln=stored["shared_aln"],
    )
    with torch.device("meta"):
        net = VARTransformer(config)
    ours = {name: list(tensor.shape) for name, tensor in net.state_dict().items()}
    theirs = {n: t["shape"] for n, t in manifest["tensors"].items() if not n.endswith(DERIVED)}
    assert ours == theirs
    assert sum(p.numel() for p in net.parameters()) == manifest["n_params"]
