"""VQGAN against the reference, plain and Gumbel-quantised; the small set holds of some only a part."""

import gzip
import json
from pathlib import Path

import pytest
import torch
from golden_support import close, golden_cases, image_of, load_arrays, load_config, load_weights, same

from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.taming_vqgan import GumbelQuantizer, TamingVQGAN, TamingVQGANConfig

PREFIX = "first_stage_model."
CASES = [
    *golden_cases("taming_", needs=("vqgan", "vq_golden.npz")),
    *golden_cases("taming_cin", needs=("net2net", "vq_golden.npz")),
]


def config_of(stored: dict) -> TamingVQGANConfig:
    levels = range(len(stored["ch_mult"]))
    return TamingVQGANConfig(
        AutoencoderConfig(
            stored["ch"],
            tuple(stored["ch_mult"]),
            stored["z_channels"],
            stored["num_res_blocks"],
            tuple(i for i in levels if stored["resolution"] // 2**i in stored["attn_resolutions"]),
        ),
        vocab_size=stored["n_embed"],
        code_dim=stored["embed_dim"],
        gumbel=stored.get("gumbel", False),
    )


def weights_of(case: Path) -> dict[str, torch.Tensor]:
    """The tokenizer's alone: no loss, no transformer."""
    if "cin" in case.name:
        stored = load_weights(case, "net2net")
        named = {n.removeprefix(PREFIX): t for n, t in stored.items() if n.startswith(PREFIX)}
    else:
        named = load_weights(case, "vqgan")
    return {n: t for n, t in named.items() if not n.startswith("loss.")}


@pytest.fixture(scope="module", params=CASES)
def vqgan(request):
    """(net, gold arrays) of one case."""
    net = TamingVQGAN(config_of(load_config(request.param)))
    net.load_state_dict(weights_of(request.param), strict=True)
    return net.eval(), load_arrays(request.param / "vq_golden.npz")


@torch.inference_mode()
def test_features_ids_and_codes(vqgan):
    net, gold = vqgan
    image = image_of(gold)
    if "img" in gold:
        close(image, gold["img"], "image")
    f = net.features(image)
    close(f, gold["f"], "feature")
    ids = net.quantize.encode(f)
    same(ids.flatten(1), gold["indices"])
    close(net.quantize.lookup(ids), gold["codebook_entry"], "f_hat")
    if "quant" in gold:  # the straight-through sum f + (q - f) of the reference rounds differently
        close(net.quantize.lookup(ids), gold["quant"], "f_hat")
    if "emb_loss" in gold:
        loss = 1.25 * (net.quantize.lookup(ids) - f).square().mean()
        assert abs(loss - gold["emb_loss"]) < 1e-5 * loss.abs() + 1e-6


@torch.inference_mode()
def test_pictures(vqgan):
    net, gold = vqgan
    checked = 0
    for ids_name, image_name in (("indices", "decode"), ("rand_indices", "rand_decode")):
        if image_name in gold:
            h, w = gold["rand_hw"].tolist()
            pictures = net.to_pixels(net.quantize.lookup(gold[ids_name].view(-1, h, w)))
            close(pictures, gold[image_name], "image")
            checked += 1
    assert checked


@torch.inference_mode()
def test_decision_margins(vqgan):
    """The reference notes by how much the chosen code won; the trace tells the same."""
    net, gold = vqgan
    (traced,) = net.quantize.trace(net.features(image_of(gold)), n=2)
    near = traced["nearest_distance_BhwN"].flatten(1, 2)
    if net.config.gumbel:
        margin = traced["distance_Bhw"].flatten(1)
        close(near[..., 1], gold["gap"], "feature")
    else:
        margin = near[..., 1].square() - near[..., 0].square()
    assert torch.allclose(margin, gold["gap"], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("case", golden_cases("taming_gumbel", needs="vq_golden.npz"))
@torch.inference_mode()
def test_gumbel_quantizer(case):
    """Needs the quantizer's weights only."""
    stored, gold = load_config(case), load_arrays(case / "vq_golden.npz")
    if (case / "quantizer.pth").exists():
        weights = torch.load(case / "quantizer.pth", weights_only=True)
    else:
        weights = weights_of(case)
    quantizer = GumbelQuantizer(stored["n_embed"], stored["embed_dim"])
    own = {n.removeprefix("quantize."): t for n, t in weights.items() if n.startswith("quantize.")}
    quantizer.load_state_dict(own, strict=True)
    logits = quantizer.logits(gold["f"])
    close(logits, gold["proj_logits"], "dvae_logits")
    ids = quantizer.encode(gold["f"])
    same(ids.flatten(1), gold["indices"])
    close(quantizer.lookup(ids), gold["codebook_entry"], "f_hat")
    (traced,) = quantizer.trace(gold["f"], n=3)
    assert torch.allclose(traced["distance_Bhw"].flatten(1), gold["gap"], atol=1e-4)


@torch.inference_mode()
def test_a_logit_trace_of_given_tokens():
    torch.manual_seed(0)
    quantizer, f = GumbelQuantizer(9, 4), torch.randn(2, 4, 3, 2) * 3
    logits = quantizer.logits(f).permute(0, 2, 3, 1)
    order = logits.argsort(-1, descending=True)
    (own,) = quantizer.trace(f, n=4)
    assert torch.equal(own["ids_Bhw"], order[..., 0])
    assert torch.equal(own["nearest_ids_BhwN"], order[..., :4])
    assert own["nearest_distance_BhwN"][..., 0].eq(0).all() and own["distance_Bhw"].ge(0).all()
    (third,) = quantizer.trace(f, n=1, given=[order[..., 2]])
    wanted = logits.gather(-1, order[..., 2:3]) - logits.max(-1, keepdim=True).values
    assert torch.allclose(third["distance_Bhw"], wanted[..., 0]) and third["distance_Bhw"].lt(0).all()
    mean = (logits.softmax(-1) @ quantizer.codebook()).permute(0, 3, 1, 2)
    assert torch.allclose(third["energy_before_B"], mean.square().mean((1, 2, 3)))
    left = (mean - quantizer.lookup(order[..., 2])).square().mean((1, 2, 3))
    assert torch.allclose(third["energy_after_B"], left)


def test_attention_where_it_is_asked():
    net = TamingVQGAN(
        TamingVQGANConfig(AutoencoderConfig(32, (1, 1, 1), 8, 1, attention_levels=(0, 2)), 6, 4)
    )
    assert [len(level.attn) for level in net.encoder.down] == [1, 0, 1]
    assert [len(level.attn) for level in net.decoder.up] == [2, 0, 2]
    assert net.features(torch.zeros(1, 3, 8, 8)).shape == (1, 4, 2, 2)
    with pytest.raises(ValueError, match=r"levels \(3,\).*0\.\.2"):
        AutoencoderConfig(32, (1, 1, 1), 8, attention_levels=(3,))


MANIFESTS = Path(__file__).parents[1] / "manifests" / "released.json.gz"
RELEASED = json.loads(gzip.decompress(MANIFESTS.read_bytes()))


@pytest.mark.parametrize(("codes", "parameters"), [(1024, 72_141_699), (16384, 76_073_859)])
def test_released_names_and_shapes(codes, parameters):
    released = RELEASED[f"vqgan_imagenet_f16_{codes}"]
    told = released["config"]
    with torch.device("meta"):
        net = TamingVQGAN(config_of(told["ddconfig"] | {key: told[key] for key in ("n_embed", "embed_dim")}))
    assert {n: list(t.shape) for n, t in net.state_dict().items()} == {
        n: shape for n, shape in released["tensors"].items() if not n.startswith("loss.")
    }
    assert sum(p.numel() for p in net.parameters()) == parameters
