"""The raster transformer against the reference, and its two paths against each other."""

import json
from pathlib import Path

import pytest
import torch
from golden_support import close, golden_cases, indices, load_arrays, load_config, load_weights, stored_part

from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT, rotary_table

CASES = golden_cases("llamagen_", needs=("gpt", "gpt_golden.npz"))


def config_of(case: Path) -> LlamaGenConfig:
    stored = load_config(case)
    side = round(stored["block_size"] ** 0.5)
    return LlamaGenConfig(
        vocab_size=stored["codebook_size"],
        grid=(side, side),
        num_classes=stored["num_classes"],
        depth=stored["n_layer"],
        width=stored["dim"],
        num_heads=stored["n_head"],
        rope_base=stored["rope_base"],
        norm_eps=stored["norm_eps"],
        multiple_of=stored["multiple_of"],
    )


def net_of(case: Path) -> LlamaGenGPT:
    net = LlamaGenGPT(config_of(case))
    net.load_state_dict(load_weights(case, "gpt"), strict=True)
    return net.eval()


def random_config(seed: int) -> LlamaGenConfig:
    draw = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=draw))

    heads = pick(1, 3)
    return LlamaGenConfig(
        vocab_size=pick(5, 40),
        grid=(pick(1, 4), pick(1, 4)),
        num_classes=pick(1, 5),
        depth=pick(1, 3),
        width=heads * 4 * pick(1, 4),
        num_heads=heads,
        multiple_of=pick(1, 16),
        ffn_width=None if pick(0, 1) else pick(3, 30),
    )


def random_net(config: LlamaGenConfig, seed: int = 0) -> LlamaGenGPT:
    net = LlamaGenGPT(config)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.4)
    return net.eval()


@pytest.mark.parametrize("case", CASES)
@torch.inference_mode()
def test_teacher_forced_equals_reference(case):
    gold = load_arrays(case / "gpt_golden.npz")
    net = net_of(case)
    close(rotary_table(net.config), gold["freqs_cis"], "f_hat")
    outputs = {}
    for i, layer in enumerate(net.layers):
        layer.register_forward_hook(lambda module, args, out, i=i: outputs.__setitem__(i, out))
    logits = net(gold["tf_labels"], gold["tf_idx"])
    close(stored_part(logits, gold["tf_logits"]), gold["tf_logits"], "gpt_logits")
    for i in indices(gold, "tf_layer_"):
        close(outputs[i], gold[f"tf_layer_{i}"], "gpt_logits")
    if "tf_logits_uncond" in gold:
        null = torch.full_like(gold["tf_labels"], net.config.null_class)
        close(net(null, gold["tf_idx"]), gold["tf_logits_uncond"], "gpt_logits")


@pytest.mark.parametrize("seed", range(12))
@torch.inference_mode()
def test_one_token_at_a_time_equals_all_at_once(seed):
    config = random_config(seed)
    net = random_net(config, seed)
    ids = torch.randint(config.vocab_size, (2, config.length), generator=torch.Generator().manual_seed(seed))
    labels = torch.tensor([0, config.null_class])
    together = net(labels, ids)

    length = config.length + 1
    shape = (2, config.num_heads, length, config.head_dim)
    caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in range(config.depth)]
    rotary, pieces = rotary_table(config), []
    for n in range(length):
        x = net.embed_class(labels) if n == 0 else net.embed_tokens(ids[:, n - 1 : n])
        visible = (torch.arange(length) <= n)[None]
        pieces.append(net.advance(x, rotary[n : n + 1], caches, torch.tensor([n]), visible))
    assert torch.allclose(torch.cat(pieces, 1), together, atol=1e-4)


def test_configuration():
    assert LlamaGenConfig(512, 8, 10, 3, 64, 4).grid == (8, 8)
    assert LlamaGenConfig(16384, (16, 16), 1000, 12, 768, 12).hidden == 2048
    with pytest.raises(ValueError, match="65.*4"):
        LlamaGenConfig(512, (8, 8), 10, 3, 65, 4)
    with pytest.raises(ValueError, match="multiple of 4.*6"):
        LlamaGenConfig(512, (8, 8), 10, 3, 12, 2)
    with pytest.raises(ValueError, match="5 tokens.*4"):
        random_net(LlamaGenConfig(9, (2, 2), 2, 1, 8, 1))(
            torch.tensor([0]), torch.zeros(1, 5, dtype=torch.long)
        )


def test_fresh_weights_train():
    torch.manual_seed(0)
    config = LlamaGenConfig(16, (2, 2), 2, depth=2, width=32, num_heads=2, multiple_of=32)
    net = LlamaGenGPT(config)
    net.init_weights()
    labels, ids = torch.arange(8) % 3, torch.arange(4).expand(8, 4)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(40):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(labels, ids[:, :-1])
        assert logits.dtype == torch.float32 and logits.shape == (8, 4, 16)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert all(p.grad is not None for p in net.parameters())
    assert loss < 0.5


def test_bf16_weights_stay_close():
    net = random_net(LlamaGenConfig(20, (2, 3), 3, depth=2, width=32, num_heads=2, multiple_of=32))
    labels, ids = torch.tensor([0, 1]), torch.arange(12).view(2, 6)
    exact = net(labels, ids)
    fast = net.to(torch.bfloat16)(labels, ids)
    assert fast.dtype == torch.float32
    assert (fast - exact).abs().max() < 0.1 * exact.abs().max()


MANIFESTS = Path(__file__).parents[3] / "shared" / "specs" / "manifests"


@pytest.mark.parametrize("path", sorted(MANIFESTS.glob("c2i_*.json")), ids=lambda p: p.stem)
def test_released_names_and_shapes(path):
    manifest = json.loads(path.read_text())
    stored = manifest["config"]
    side = round(stored["block_size"] ** 0.5)
    config = LlamaGenConfig(
        vocab_size=stored["vocab_size"],
        grid=(side, side),
        num_classes=stored["num_classes"],
        depth=stored["n_layer"],
        width=stored["dim"],
        num_heads=stored["n_head"],
    )
    with torch.device("meta"):
        net = LlamaGenGPT(config)
    assert {n: list(t.shape) for n, t in net.state_dict().items()} == {
        n: t["shape"] for n, t in manifest["tensors"].items()
    }
    assert sum(p.numel() for p in net.parameters()) == manifest["n_params"]
