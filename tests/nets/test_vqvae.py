"""The two VQ networks against the reference, and the quantizer against a slow one written from the equations.

Not covered: `rand_img_alt_last`, an experimental mode of the reference (f_hat grows with the scales) that
no release uses and that this program does not have.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_support import (
    close,
    golden_cases,
    golden_folder,
    image_of,
    indices,
    load_arrays,
    load_config,
    load_weights,
    same,
)

from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.quantizers import MultiScaleQuantizer, nearest_code, nearest_codes
from explorer.nets.vqvae import VQVAEConfig, build_vqvae

VAR_CASES = golden_cases("var_", needs=("vae", "vae_golden.npz"))
VQ_CASES = golden_cases("llamagen_", needs=("vq", "vq_golden.npz"))
STATISTICS = ("quantize.ema_vocab_hit_SV", "quantize.codebook_used")


def config_of(case: Path) -> VQVAEConfig:
    stored = load_config(case)
    ch, ch_mult = stored["ch"], tuple(stored["ch_mult"])
    if "Cvae" in stored:
        autoencoder = AutoencoderConfig(ch, ch_mult, stored["Cvae"])
        return VQVAEConfig("var-tokenizer", autoencoder, stored["V"], stored["Cvae"])
    autoencoder = AutoencoderConfig(ch, ch_mult, stored["z_channels"], stored["num_res_blocks"])
    family = "llamagen-tokenizer"
    return VQVAEConfig(family, autoencoder, stored["codebook_size"], stored["codebook_embed_dim"])


def net_of(case: Path):
    weights = load_weights(case, "vae" if "var_" in case.name else "vq")
    net = build_vqvae(config_of(case))
    net.load_state_dict({n: t for n, t in weights.items() if n not in STATISTICS}, strict=True)
    return net.eval()


def grids_of(case: Path) -> tuple:
    return tuple((side, side) for side in load_config(case)["patch_nums"])


def as_maps(gold: dict, prefix: str, grids) -> list[torch.Tensor]:
    return [gold[f"{prefix}{k}"].long().view(-1, *grid) for k, grid in enumerate(grids)]


@pytest.fixture(scope="module", params=VAR_CASES)
def var(request):
    """(net, gold arrays, grids) of one VAR case."""
    case = request.param
    return net_of(case), load_arrays(case / "vae_golden.npz"), grids_of(case)


@pytest.fixture(scope="module", params=VQ_CASES)
def vq(request):
    """(net, gold arrays) of one LlamaGen case."""
    return net_of(request.param), load_arrays(request.param / "vq_golden.npz")


@torch.inference_mode()
def test_var_features_and_ids(var):
    net, gold, grids = var
    image = image_of(gold)
    if "img" in gold:
        assert torch.equal(image, gold["img"])
    close(net.encoder(image), gold["enc_out"], "feature")
    f = net.features(image)
    close(f, gold["f"], "feature")
    for k, ids in enumerate(net.quantize.encode(f, grids)):
        same(ids.flatten(1), gold[f"idx_{k}"])


@torch.inference_mode()
def test_var_f_hat_and_pictures(var):
    net, gold, grids = var
    f_hats = list(net.quantize.accumulate(as_maps(gold, "idx_", grids), grids[-1]))
    for k in indices(gold, "fhat_"):
        close(f_hats[k], gold[f"fhat_{k}"], "f_hat")
    for k in indices(gold, "recon_"):
        close(net.to_pixels(f_hats[k]).clamp(-1, 1), gold[f"recon_{k}"], "image")
    if "recon_last_preclamp" in gold:
        close(net.to_pixels(f_hats[-1]), gold["recon_last_preclamp"], "image")


@torch.inference_mode()
def test_var_pictures_of_random_ids(var):
    net, gold, grids = var
    if not indices(gold, "rand_img_"):
        pytest.skip("the small copy holds no pictures of random ids; set TOKENSCOPE_GOLDENS")
    f_hats = list(net.quantize.accumulate(as_maps(gold, "rand_idx_", grids), grids[-1]))
    for k in indices(gold, "rand_img_"):
        close(net.to_pixels(f_hats[k]).clamp(-1, 1), gold[f"rand_img_{k}"], "image")


@pytest.mark.parametrize("case", golden_cases("var_vae_rect", needs=("vae", "vae_golden.npz")))
@torch.inference_mode()
def test_var_rectangle(case):
    net, gold = net_of(case), load_arrays(case / "vae_golden.npz")
    grids = tuple(tuple(grid) for grid in gold["ns_patch_hws"].tolist())
    f = net.features(image_of(gold, "ns_img"))
    close(f, gold["ns_f"], "feature")
    maps = net.quantize.encode(f, grids)
    for k, ids in enumerate(maps):
        assert tuple(ids.shape[1:]) == grids[k]
        same(ids.flatten(1), gold[f"ns_idx_{k}"])
    *_, f_hat = net.quantize.accumulate(maps, grids[-1])
    close(f_hat, gold["ns_fhat_last"], "f_hat")
    close(net.to_pixels(f_hat).clamp(-1, 1), gold["ns_recon_last"], "image")


@pytest.mark.parametrize("case", golden_cases("var_b", needs="vae_golden.npz"))
@torch.inference_mode()
def test_var_quantizer_at_ten_scales(case):
    """The published ten scales: the phi choice at the ties. Needs the quantizer's weights only."""
    if (case / "quantizer.pth").exists():
        weights = torch.load(case / "quantizer.pth", weights_only=True)
    else:
        weights = load_weights(case, "vae")
    stored, gold, grids = load_config(case), load_arrays(case / "vae_golden.npz"), grids_of(case)
    quantizer = MultiScaleQuantizer(stored["V"], stored["Cvae"])
    names = [name for name in weights if name.startswith("quantize.") and name not in STATISTICS]
    quantizer.load_state_dict({name.removeprefix("quantize."): weights[name] for name in names})
    maps = quantizer.encode(gold["f"], grids)
    for k, ids in enumerate(maps):
        same(ids.flatten(1), gold[f"idx_{k}"])
    f_hats = list(quantizer.accumulate(maps, grids[-1]))
    for k in indices(gold, "fhat_"):
        close(f_hats[k], gold[f"fhat_{k}"], "f_hat")


def test_phi_index_equals_the_table():
    table = json.loads((golden_folder("var_misc") / "phi_index_K4.json").read_text())["table"]
    quantizer = MultiScaleQuantizer(4, 2)
    for scales, expected in table.items():
        assert [quantizer.phi_index(k, int(scales)) for k in range(int(scales))] == expected


@torch.inference_mode()
def test_llamagen_features_ids_and_codes(vq):
    net, gold = vq
    image = image_of(gold)
    f = net.features(image)
    close(f, gold["f"], "feature")
    ids = net.quantize.encode(f)
    same(ids.flatten(1), gold["indices"].view(len(image), -1))
    close(net.quantize.lookup(ids), gold["quant"], "f_hat")
    close(net.quantize.lookup(ids), gold["codebook_entry"], "f_hat")


@torch.inference_mode()
def test_llamagen_pictures(vq):
    net, gold = vq
    checked = 0
    for ids_name, image_name in (
        ("indices", "decode_code"),
        ("indices", "decode_quant"),
        ("rand_indices", "rand_decode_code"),
    ):
        if image_name not in gold:
            continue
        side = int(math.isqrt(gold[ids_name].shape[-1]))
        ids = gold[ids_name].long().view(-1, side, side)
        close(net.to_pixels(net.quantize.lookup(ids)), gold[image_name], "image")
        checked += 1
    assert checked


@pytest.mark.parametrize("case", golden_cases("llamagen_vq8_rect", needs=("vq", "vq_golden.npz")))
@torch.inference_mode()
def test_llamagen_rectangle(case):
    net, gold = net_of(case), load_arrays(case / "vq_golden.npz")
    f = net.features(image_of(gold, "ns_img"))
    close(f, gold["ns_f"], "feature")
    ids = net.quantize.encode(f)
    same(ids.flatten(1), gold["ns_indices"].view(len(ids), -1))
    close(net.quantize.lookup(ids), gold["ns_codebook_entry"], "f_hat")
    close(net.to_pixels(net.quantize.lookup(ids)), gold["ns_decode_code"], "image")


def test_unknown_tokens_become_zero_features():
    net = build_vqvae(VQVAEConfig("llamagen-tokenizer", AutoencoderConfig(32, (1,), 32), 7, 3))
    f_hat = net.quantize.lookup(torch.tensor([[[-1, 2]]]))
    assert f_hat[0, :, 0, 0].eq(0).all()
    assert torch.allclose(f_hat[0, :, 0, 1].norm(), torch.tensor(1.0))


# The quantizer against one written from the equations of MODELS.md 2.2, on shapes that no golden has.


def slow_area(x_CHW: np.ndarray, grid) -> np.ndarray:
    C, H, W = x_CHW.shape
    out = np.zeros((C, *grid))
    for i in range(grid[0]):
        for j in range(grid[1]):
            top, bottom = i * H // grid[0], -(-(i + 1) * H // grid[0])
            left, right = j * W // grid[1], -(-(j + 1) * W // grid[1])
            out[:, i, j] = x_CHW[:, top:bottom, left:right].mean((1, 2))
    return out


def slow_bicubic_matrix(source: int, target: int, a: float = -0.75) -> np.ndarray:
    """(target, source): cubic convolution, half-pixel centres, clamped edges, no antialiasing."""
    matrix = np.zeros((target, source))
    for i in range(target):
        centre = (i + 0.5) * source / target - 0.5
        first = math.floor(centre) - 1
        for tap in range(first, first + 4):
            t = abs(centre - tap)
            if t <= 1:
                weight = (a + 2) * t**3 - (a + 3) * t**2 + 1
            else:
                weight = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
            matrix[i, min(max(tap, 0), source - 1)] += weight
    return matrix


def slow_conv(x_CHW: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    padded = np.pad(x_CHW, ((0, 0), (1, 1), (1, 1)))
    H, W = x_CHW.shape[1:]
    windows = [padded[:, y : y + H, x : x + W] for y in range(3) for x in range(3)]
    taps = np.stack(windows).reshape(3, 3, *x_CHW.shape)
    return np.einsum("oiyx,yxihw->ohw", weight, taps) + bias[:, None, None]


def slow_encode(f_CHW: np.ndarray, grids, quantizer: MultiScaleQuantizer):
    """Ids, f_hat after each scale, and the smallest margin of any decision, in float64."""
    codebook = quantizer.embedding.weight.detach().double().numpy()
    rest, f_hat, maps, f_hats, margin = f_CHW.copy(), np.zeros_like(f_CHW), [], [], np.inf
    H, W = f_CHW.shape[1:]
    for k, grid in enumerate(grids):
        z = slow_area(rest, grid)
        distance = ((z[None] - codebook[:, :, None, None]) ** 2).sum(1)
        two = np.sort(distance, axis=0)[:2]
        margin = min(margin, (two[1] - two[0]).min())
        ids = distance.argmin(0)
        h = codebook[ids].transpose(2, 0, 1)
        h = np.einsum("yi,cij,xj->cyx", slow_bicubic_matrix(grid[0], H), h, slow_bicubic_matrix(grid[1], W))
        phi = quantizer.quant_resi.qresi_ls[quantizer.phi_index(k, len(grids))]
        h = 0.5 * h + 0.5 * slow_conv(
            h, phi.weight.detach().double().numpy(), phi.bias.detach().double().numpy()
        )
        f_hat, rest = f_hat + h, rest - h
        maps.append(ids)
        f_hats.append(f_hat)
    return maps, f_hats, margin


@pytest.mark.parametrize(
    "grids",
    [
        ((1, 1), (2, 3), (4, 6)),
        ((1, 2), (3, 3), (5, 4), (7, 9)),
        ((2, 1), (2, 1), (3, 5)),
        ((3, 3),),
        ((1, 1), (1, 1), (2, 2), (3, 2), (5, 5), (8, 6), (8, 11)),
    ],
)
@torch.inference_mode()
def test_multi_scale_quantizer_equals_the_equations(grids):
    torch.manual_seed(sum(h * w for h, w in grids))
    quantizer = MultiScaleQuantizer(vocab_size=37, code_dim=5)
    f = torch.randn(2, 5, *grids[-1])
    maps = quantizer.encode(f, grids)
    f_hats = list(quantizer.accumulate(maps, grids[-1]))
    for row in range(2):
        slow_maps, slow_f_hats, margin = slow_encode(f[row].double().numpy(), grids, quantizer)
        assert margin > 1e-5, "choose another seed: a decision is too close to compare"
        for k in range(len(grids)):
            assert np.array_equal(maps[k][row].numpy(), slow_maps[k])
            assert np.abs(f_hats[k][row].numpy() - slow_f_hats[k]).max() < 2e-5


@torch.inference_mode()
def test_trace_agrees_with_encode():
    torch.manual_seed(3)
    quantizer, grids = MultiScaleQuantizer(vocab_size=20, code_dim=4), ((1, 1), (2, 2), (4, 3))
    f = torch.randn(2, 4, 4, 3)
    trace, maps = quantizer.trace(f, grids, n=5), quantizer.encode(f, grids)
    f_hats = list(quantizer.accumulate(maps, grids[-1]))
    for k, scale in enumerate(trace):
        assert torch.equal(scale["ids_Bhw"], maps[k])
        assert torch.equal(scale["nearest_ids_BhwN"][..., 0], maps[k])
        assert torch.allclose(scale["nearest_distance_BhwN"][..., 0], scale["distance_Bhw"], atol=1e-4)
        left = (f - f_hats[k]).square().mean((1, 2, 3))
        assert torch.allclose(scale["energy_after_B"], left, atol=1e-5)


def test_nearest_codes_are_sorted_and_exact():
    torch.manual_seed(4)
    z, codebook = torch.randn(2, 6, 3, 5), torch.randn(50, 6)
    ids, distance = nearest_codes(z, codebook, 9)
    slow = (z.permute(0, 2, 3, 1)[..., None, :].double() - codebook.double()).norm(dim=-1)
    assert torch.equal(ids, slow.argsort(-1)[..., :9])
    assert torch.allclose(distance.double(), slow.sort(-1).values[..., :9], atol=1e-4)
    assert torch.equal(nearest_code(z, codebook), ids[..., 0])
