"""RQ-VAE against the reference: codes at every depth, sums, pictures; the small set holds one case."""

import pytest
import torch
from golden_support import golden_cases, image_of, load_arrays, load_config, load_weights, same

from explorer.families.rqvae import rename
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.rqvae import RQVAE, RQVAEConfig

CASES = golden_cases("rqvae_", needs=("model", "vq_golden.npz"))
STATISTICS = ("cluster_size_ema", "embed_ema")
# RQVAE.md 4: the reference's own differences between threads and precisions, times about ten.
TOLERANCE = {"feature": 1e-4, "sum": 3e-6, "picture": 2e-4}


def config_of(stored: dict) -> RQVAEConfig:
    levels = range(len(stored["ch_mult"]))
    attention = tuple(i for i in levels if stored["resolution"] // 2**i in stored["attn_resolutions"])
    sizes = (stored["ch"], tuple(stored["ch_mult"]), stored["z_channels"], stored["num_res_blocks"])
    autoencoder = AutoencoderConfig(*sizes, attention)
    return RQVAEConfig(autoencoder, stored["n_embed"], stored["embed_dim"], stored["depth"])


def close(ours: torch.Tensor, gold: torch.Tensor, kind: str) -> None:
    assert torch.allclose(ours, gold.float(), rtol=0, atol=TOLERANCE[kind]), float((ours - gold).abs().max())


@pytest.fixture(scope="module", params=CASES)
def rqvae(request):
    """(net, gold arrays) of one case."""
    net = RQVAE(config_of(load_config(request.param)))
    stored = load_weights(request.param, "model")
    net.load_state_dict(rename({name: one for name, one in stored.items() if not name.endswith(STATISTICS)}))
    return net.eval(), load_arrays(request.param / "vq_golden.npz")


def maps_of(codes_BhwD: torch.Tensor) -> list[torch.Tensor]:
    return list(codes_BhwD.permute(3, 0, 1, 2))


@pytest.mark.parametrize("prefix", ["", "ns_"], ids=["square", "rectangle"])
@torch.inference_mode()
def test_codes_and_sums(rqvae, prefix):
    net, gold = rqvae
    f = net.features(image_of(gold, prefix + "img"))
    if prefix + "z_e" in gold:
        close(f, gold[prefix + "z_e"].permute(0, 3, 1, 2), "feature")
    maps = net.quantize.encode(f)
    for ours, theirs in zip(maps, maps_of(gold[prefix + "codes"]), strict=True):
        same(ours, theirs)
    for d, f_hat in enumerate(net.quantize.accumulate(maps)):
        if f"{prefix}zq_{d}" in gold:
            close(f_hat, gold[f"{prefix}zq_{d}"].permute(0, 3, 1, 2), "sum")
    trace = net.quantize.trace(f, 2)
    for depth, ids in zip(trace, maps, strict=True):
        same(depth["ids_Bhw"], ids)
        same(depth["nearest_ids_BhwN"][..., 0], ids)
    if prefix + "commit_loss" in gold:
        losses = [(f - f_hat).square().mean() for f_hat in net.quantize.accumulate(maps)]
        assert abs(sum(losses) / len(losses) - gold[prefix + "commit_loss"]) < 1e-5


@torch.inference_mode()
def test_pictures_after_each_depth_and_of_given_codes(rqvae):
    net, gold = rqvae
    maps = maps_of(gold["codes"])
    sums = net.quantize.accumulate(maps)
    wanted = {f"recon_{d}": f_hat for d, f_hat in enumerate(sums)}
    wanted |= {"recon_code": sums[-1], "select_1": net.quantize.lookup(maps[1], 1)}
    if "rand_codes" in gold:
        wanted["rand_decode"] = net.quantize.accumulate(maps_of(gold["rand_codes"]))[-1]
    if "ns_codes" in gold:
        wanted["ns_recon_3"] = net.quantize.accumulate(maps_of(gold["ns_codes"]))[-1]
    checked = [name for name in wanted if name in gold]
    assert checked
    for name in checked:
        close(net.to_pixels(wanted[name]), gold[name], "picture")


@torch.inference_mode()
def test_the_padding_row_is_never_a_token(rqvae):
    net, _ = rqvae
    table = net.quantize.table(0)
    assert len(table) == net.config.vocab_size
    f = torch.zeros(1, net.config.code_dim, 2, 2)  # the padding, all zeros, would be nearest
    assert int(net.quantize.encode(f)[0].max()) < net.config.vocab_size
