"""IBQ against the reference: averaged and plain weights, tokens by dot product, squares and rectangles."""

import pytest
import torch
from golden_support import golden_cases, image_of, load_arrays, load_config, load_weights, same

from explorer.families.ibq import AVERAGED, averaged
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.ibq import IBQ, IBQConfig

CASES = [
    *golden_cases("ibq_a", needs=("ibq", "vq_golden.npz")),
    *golden_cases("ibq_ratio", needs=("vq", "vq_golden.npz")),
]
TOLERANCE = {"feature": 1e-4, "codes": 1e-5, "picture": 2e-4, "logits": 5e-4}


def config_of(stored: dict) -> IBQConfig:
    levels = range(len(stored["ch_mult"]))
    attention = tuple(i for i in levels if stored["resolution"] // 2**i in stored["attn_resolutions"])
    sizes = (stored["ch"], tuple(stored["ch_mult"]), stored["z_channels"], stored["num_res_blocks"])
    return IBQConfig(AutoencoderConfig(*sizes, attention), stored["n_embed"], stored["embed_dim"])


def stored_weights(case) -> dict[str, torch.Tensor]:
    names = load_weights(case, "ibq" if case.name == "ibq_a" else "vq")
    return {name: one for name, one in names.items() if not name.startswith(("loss.", "model_ema.loss"))}


def close(ours: torch.Tensor, gold: torch.Tensor, kind: str) -> None:
    assert torch.allclose(ours, gold.float(), rtol=0, atol=TOLERANCE[kind]), float((ours - gold).abs().max())


@pytest.fixture(scope="module", params=CASES)
def ibq(request):
    """(net, its configuration, stored weights, gold arrays) of one case."""
    stored = stored_weights(request.param)
    net = IBQ(config_of(load_config(request.param)))
    net.load_state_dict(averaged(stored))
    return net.eval(), stored, load_arrays(request.param / "vq_golden.npz")


@pytest.mark.parametrize("prefix", ["", "ns_"], ids=["square", "rectangle"])
@torch.inference_mode()
def test_features_tokens_codes_and_pictures(ibq, prefix):
    net, _, gold = ibq
    f = net.features(image_of(gold, prefix + "img"))
    close(f, gold[prefix + "f"], "feature")
    ids = net.quantize.encode(f)
    same(ids.flatten(1), gold[prefix + "indices"])
    codes = net.quantize.lookup(ids)
    close(codes, gold[prefix + "codebook_entry"], "codes")
    close(net.to_pixels(codes), gold[prefix + "decode"], "picture")
    assert not torch.equal(ids.flatten(1), gold[prefix + "nearest_indices"]), "the nearest code is another"
    margin = net.quantize.trace(f, 2)[0]["distance_Bhw"].flatten(1)
    assert torch.allclose(margin, gold[prefix + "gap"], atol=1e-3)
    if prefix + "logits" in gold:
        close(net.quantize.logits(f)[:1], gold[prefix + "logits"], "logits")


@torch.inference_mode()
def test_given_tokens(ibq):
    net, _, gold = ibq
    h, w = gold["rand_hw"].tolist()
    codes = net.quantize.lookup(gold["rand_indices"].view(-1, h, w))
    if "rand_quant" in gold:
        close(codes, gold["rand_quant"], "codes")
    close(net.to_pixels(codes), gold["rand_decode"], "picture")


@torch.inference_mode()
def test_the_plain_weights_are_others(ibq):
    net, stored, gold = ibq
    if "raw_f" not in gold:
        pytest.skip("this file holds no averaged copies")
    plain = IBQ(net.config)
    plain.load_state_dict({name: one for name, one in stored.items() if not name.startswith(AVERAGED)})
    f = plain.eval().features(image_of(gold)[:1])
    close(f, gold["raw_f"], "feature")
    same(plain.quantize.encode(f).flatten(1), gold["raw_indices"])
    assert not torch.equal(gold["raw_indices"], gold["indices"][:1])
