"""DALL-E's dVAE against the reference, and against one written from the equations on the released names.

The weights of the reference case are too large to travel; without TOKENSCOPE_GOLDENS its arrays test what
needs no weights, and the slow network below tests the rest.
"""

import gzip
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from golden_support import close, golden_cases, load_arrays, load_config, load_weights, same

from explorer.nets.dalle_dvae import DalleDVAE, DalleDVAEConfig, LogitQuantizer, squeeze, unsqueeze

CASES = golden_cases("dalle_", needs=("encoder_state", "decoder_state", "golden.npz"))
ARRAYS = golden_cases("dalle_a", needs="golden.npz")


def renamed(encoder: dict, decoder: dict) -> dict[str, torch.Tensor]:
    """The two released halves under the network's names."""
    decoder = dict(decoder)
    named = {f"encoder.{n}": t for n, t in encoder.items()}
    named["quantize.embedding.weight"] = decoder.pop("blocks.input.w")[:, :, 0, 0].T
    return named | {f"decoder.{n}": t for n, t in decoder.items()}


def as_network(image_u8: torch.Tensor) -> torch.Tensor:
    return image_u8.permute(0, 3, 1, 2).float() / 255 * 2 - 1


@pytest.fixture(scope="module", params=CASES)
def dvae(request):
    """(net, gold arrays) of one case."""
    case, told = request.param, load_config(request.param)
    net = DalleDVAE(
        DalleDVAEConfig(told["vocab_size"], told["n_init"], told["n_hid"], told["n_blk_per_group"])
    )
    net.load_state_dict(renamed(load_weights(case, "encoder_state"), load_weights(case, "decoder_state")))
    return net.eval(), load_arrays(case / "golden.npz")


@torch.inference_mode()
def test_logits_and_tokens(dvae):
    net, gold = dvae
    image = as_network(gold["img_u8"])
    close(squeeze((image + 1) / 2), gold["mapped"], "probabilities")
    logits = net.features(image)
    close(logits, gold["enc_logits"], "dvae_logits")
    same(net.quantize.encode(logits), gold["tokens"])
    (traced,) = net.quantize.trace(logits, n=2)
    close(traced["distance_Bhw"], gold["gap"], "dvae_logits")


@torch.inference_mode()
def test_pictures(dvae):
    net, gold = dvae
    for ids, stats, picture in (
        ("tokens", "dec_stats", "recon"),
        ("rand_tokens", "rand_dec_stats", "rand_recon"),
    ):
        f_hat = net.quantize.lookup(gold[ids])
        close(net.decoder(f_hat), gold[stats], "image")
        close((net.to_pixels(f_hat) + 1) / 2, gold[picture], "image")


@pytest.mark.parametrize("case", ARRAYS)
def test_what_needs_no_weights(case):
    gold = load_arrays(case / "golden.npz")
    close(unsqueeze(gold["unmap_in"]), gold["unmap_out"], "probabilities")
    picture = unsqueeze(gold["dec_stats"][:, :3].sigmoid())
    close(picture, gold["recon"][: len(picture)], "image")
    rows = len(gold["enc_logits"])
    same(LogitQuantizer(2, 2).encode(gold["enc_logits"]), gold["tokens"][:rows])
    two = gold["enc_logits"].topk(2, dim=1).values
    close(two[:, 0] - two[:, 1], gold["gap"][:rows], "dvae_logits")


# One written from MODELS.md section 5, on a state dict with the released names.


def conv(state: dict, name: str, x: torch.Tensor) -> torch.Tensor:
    weight = state[f"{name}.w"]
    return F.conv2d(x, weight, state[f"{name}.b"], padding=(weight.shape[-1] - 1) // 2)


def slow_block(state: dict, name: str, x: torch.Tensor, gain: float) -> torch.Tensor:
    h = x
    for n in (1, 2, 3, 4):
        h = conv(state, f"{name}.res_path.conv_{n}", h.relu())
    return (conv(state, f"{name}.id_path", x) if f"{name}.id_path.w" in state else x) + gain * h


def slow_half(state: dict, x: torch.Tensor, blocks: int, between) -> torch.Tensor:
    x = conv(state, "blocks.input", x)
    for group in (1, 2, 3, 4):
        for block in range(1, blocks + 1):
            x = slow_block(state, f"blocks.group_{group}.block_{block}", x, 1 / (4 * blocks) ** 2)
        x = between(x) if group < 4 else x
    return conv(state, "blocks.output.conv", x.relu())


def random_halves(vocab_size: int, init: int, hidden: int, blocks: int) -> tuple[dict, dict]:
    def half(widths, kernels, first, last):
        state = {}

        def put(name, outputs, inputs, kernel):
            state[f"{name}.w"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
            state[f"{name}.b"] = torch.randn(outputs)

        put("blocks.input", *first)
        for g in range(4):
            for b in range(blocks):
                name = f"blocks.group_{g + 1}.block_{b + 1}"
                inputs, outputs = (widths[g] if b == 0 else widths[g + 1]), widths[g + 1]
                if inputs != outputs:
                    put(f"{name}.id_path", outputs, inputs, 1)
                sizes = (inputs, *[outputs // 4] * 3, outputs)
                for n in range(4):
                    put(f"{name}.res_path.conv_{n + 1}", sizes[n + 1], sizes[n], kernels[n])
        put("blocks.output.conv", last, widths[-1], 1)
        return state

    up = [hidden, hidden, 2 * hidden, 4 * hidden, 8 * hidden]
    down = [init, 8 * hidden, 4 * hidden, 2 * hidden, hidden]
    return (
        half(up, (3, 3, 3, 1), (hidden, 3, 7), vocab_size),
        half(down, (1, 3, 3, 3), (init, vocab_size, 1), 6),
    )


@pytest.mark.parametrize(("blocks", "grid"), [(1, (2, 3)), (2, (1, 1)), (3, (2, 2))])
@torch.inference_mode()
def test_equals_the_equations(blocks, grid):
    torch.manual_seed(blocks)
    encoder, decoder = random_halves(vocab_size=37, init=5, hidden=8, blocks=blocks)
    net = DalleDVAE(DalleDVAEConfig(37, 5, 8, blocks))
    net.load_state_dict(renamed(encoder, decoder), strict=True)
    image = torch.rand(2, 3, 8 * grid[0], 8 * grid[1])
    logits = slow_half(encoder, 0.8 * image + 0.1, blocks, lambda x: F.max_pool2d(x, 2))
    assert torch.allclose(net.features(image * 2 - 1), logits, atol=1e-4)
    ids = net.quantize.encode(logits)
    one_hot = F.one_hot(ids, 37).permute(0, 3, 1, 2).float()
    stats = slow_half(decoder, one_hot, blocks, lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    picture = ((stats[:, :3].sigmoid() - 0.1) / 0.8).clamp(0, 1)
    assert torch.allclose((net.to_pixels(net.quantize.lookup(ids)) + 1) / 2, picture, atol=1e-5)
    # An unknown token sets no entry of the one-hot input.
    ids[:, 0, 0], one_hot[:, :, 0, 0] = -1, 0
    stats = slow_half(decoder, one_hot, blocks, lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.allclose(net.decoder(net.quantize.lookup(ids)), stats, atol=1e-4)


def test_configuration():
    assert DalleDVAEConfig(8192, 128, 256, 2).downsample == 8
    with pytest.raises(ValueError, match="6 / 4"):
        DalleDVAEConfig(8, 4, 6, 1)


MANIFESTS = Path(__file__).parents[1] / "manifests" / "released.json.gz"
RELEASED = json.loads(gzip.decompress(MANIFESTS.read_bytes()))


def test_released_names_and_shapes():
    halves = [RELEASED[f"dalle_{half}"] for half in ("encoder", "decoder")]
    shapes = [{n: torch.empty(t, device="meta") for n, t in half["tensors"].items()} for half in halves]
    with torch.device("meta"):
        net = DalleDVAE(DalleDVAEConfig(8192, 128, 256, 2))
    assert {n: t.shape for n, t in net.state_dict().items()} == {
        n: t.shape for n, t in renamed(*shapes).items()
    }
    assert sum(p.numel() for p in net.parameters()) == sum(half["parameters"] for half in halves)
