"""ViT-VQGAN against the reference: tokens, codes and pictures of squares and rectangles, table by table."""

import pytest
import torch
from golden_support import golden_cases, load_arrays, load_config, load_weights, same

from explorer.families.vitvqgan import rename
from explorer.nets.vitvqgan import ViTConfig, ViTVQGAN, ViTVQGANConfig, position_table

# The residual option, which nobody released, is left out.
CASES = [
    case
    for case in golden_cases("vitvqgan_", needs=("vitvq", "vq_golden.npz"))
    if case.values[0] is None or "residual" not in case.values[0].name
]


def config_of(stored: dict) -> ViTVQGANConfig:
    sides = [
        ViTConfig(side["dim"], side["depth"], side["heads"] * stored["dim_head"], side["mlp_dim"])
        for side in (stored["encoder"], stored["decoder"])
    ]
    sizes = (stored["n_embed"], stored["embed_dim"])
    return ViTVQGANConfig(stored["patch_size"], tuple(stored["grid"]), *sides, *sizes)


@pytest.fixture(scope="module", params=CASES)
def vitvqgan(request):
    """(net, gold arrays) of one case."""
    net = ViTVQGAN(config_of(load_config(request.param)))
    stored = load_weights(request.param, "vitvq")
    net.load_state_dict(rename({n: one for n, one in stored.items() if not n.startswith("loss.")}))
    return net.eval(), load_arrays(request.param / "vq_golden.npz")


def image(gold) -> torch.Tensor:
    return gold["img_u8"].permute(0, 3, 1, 2).float() / 255 * 2 - 1


def close(ours: torch.Tensor, gold: torch.Tensor, tolerance: float) -> None:
    assert torch.allclose(ours, gold.float(), rtol=0, atol=tolerance), float((ours - gold).abs().max())


def tokens(x_BChw: torch.Tensor) -> torch.Tensor:
    """(B,N,C), as the reference stores it."""
    return x_BChw.flatten(2).transpose(1, 2)


@torch.inference_mode()
def test_features_tokens_and_unit_codes(vitvqgan):
    net, gold = vitvqgan
    f = net.features(image(gold))
    close(tokens(f), gold["h"], 5e-5)
    ids = net.quantize.encode(f)
    same(ids.flatten(1), gold["indices"])
    codes = net.quantize.lookup(ids)
    close(tokens(codes), gold["codebook_entry"], 2e-6)
    close(codes.square().sum(1).sqrt(), torch.ones_like(codes[:, 0]), 1e-5)
    unit = torch.nn.functional.normalize(f, dim=1)
    assert abs(1.25 * (codes - unit).square().mean() - gold["emb_loss"]) < 1e-6


@torch.inference_mode()
def test_pictures(vitvqgan):
    net, gold = vitvqgan
    h, w = gold["rand_hw"].tolist()
    for ids, name in (("indices", "decode_codes"), ("rand_indices", "rand_decode")):
        picture = net.to_pixels(net.quantize.lookup(gold[ids].view(-1, h, w)))
        close((picture + 1) / 2, gold[name], 1e-5)


@torch.inference_mode()
def test_the_stored_tables_are_the_computed_ones(vitvqgan):
    net, _ = vitvqgan
    for side in (net.encoder.en_pos_embedding, net.decoder.de_pos_embedding):
        assert torch.equal(side, position_table(net.config.grid, side.shape[-1]))


@torch.inference_mode()
def test_another_grid_has_a_table_of_its_own(vitvqgan):
    net, _ = vitvqgan
    h, w = net.config.grid
    p = net.config.patch
    x = torch.rand(1, 3, (h + 1) * p, w * p) * 2 - 1
    f = net.features(x)
    assert (
        f.shape[2:] == (h + 1, w)
        and net.to_pixels(net.quantize.lookup(net.quantize.encode(f))).shape == x.shape
    )
