"""DALL-E's dVAE through the public functions: one joined file, logits, preprocessing."""

import pytest
import torch
from golden_support import close, golden_cases, golden_folder, indices, load_arrays, load_weights, same
from PIL import Image
from tiny_tokenizers import tiny_dvae_net

from explorer import CheckpointError, TokenMaps, load_tokenizer
from explorer.tokenizers import images
from explorer.zoo.inspecting import describe
from explorer.zoo.recognise import recognise

EXACT = {"device": "cpu", "precision": "exact"}


def released_names(net) -> dict[str, torch.Tensor]:
    """The network's tensors under the names of the joined file."""
    named = net.state_dict()
    named["decoder.blocks.input.w"] = named.pop("quantize.embedding.weight").T[:, :, None, None].contiguous()
    return named


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "dalle.pth"
    torch.save(released_names(tiny_dvae_net()), path)
    return path


def test_a_joined_file_opens(file):
    tok = load_tokenizer(file, image_size=32, **EXACT)
    assert (tok.family, tok.grids, tok.vocab_size, tok.downsample) == ("dalle-dvae", ((4, 4),), 64, 8)
    assert tok.chooses_by == "logits" and tok.codebook.shape == (64, 6)
    net = tiny_dvae_net()
    assert torch.equal(tok.codebook, net.quantize.codebook().detach())
    image = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        logits = net.features(image * 2 - 1)
        same(tok.encode(image)[0], logits.argmax(1))
        picture = (net.to_pixels(net.quantize.lookup(logits.argmax(1))) + 1) / 2
    close(tok.decode(tok.encode(image)), picture, "image")
    (trace,) = tok.trace(image, n=3)
    two = logits.topk(2, dim=1).values
    close(trace.distance, two[:, 0] - two[:, 1], "dvae_logits")
    assert tok.decode_code_swatches([0, 63]).shape == (2, 3, 8, 8)
    facts = describe(file)
    assert (
        facts["runs"] and facts["title"] == "a DALL-E dVAE with 64 codes" and facts["image_size"] == [256] * 2
    )


def test_rectangles_and_unknown_tokens(file):
    tok = load_tokenizer(file, grids=[[2, 3]], **EXACT)
    maps = tok.encode(torch.rand(1, 3, 16, 24))
    unknown = maps.with_map(1, torch.full_like(maps[0], -1))
    assert tok.decode(unknown).shape == (1, 3, 16, 24) and tok.accumulate(unknown).eq(0).all()
    assert tok.requantise(maps, unknown, 0) == maps


def test_halves_of_different_models():
    named = {name: tuple(tensor.shape) for name, tensor in released_names(tiny_dvae_net()).items()}
    with pytest.raises(CheckpointError, match="writes 64 codes, the decoder reads 65"):
        recognise(named | {"decoder.blocks.input.w": (6, 65, 1, 1)})
    encoder = {name: shape for name, shape in named.items() if name.startswith("encoder.")}
    assert "the encoder of a DALL-E dVAE: the other half is missing" in recognise(encoder).problem


@pytest.mark.parametrize(
    "case", golden_cases("dalle_", needs=("encoder_state", "decoder_state", "golden.npz"))
)
def test_reference_tokenizer(case, tmp_path):
    gold = load_arrays(case / "golden.npz")
    joined = {
        f"{half}.{name}": tensor
        for half in ("encoder", "decoder")
        for name, tensor in load_weights(case, f"{half}_state").items()
    }
    path = tmp_path / "dalle.pth"
    torch.save(joined, path)
    tok = load_tokenizer(path, image_size=64, **EXACT)
    maps = tok.encode(gold["img_u8"].permute(0, 3, 1, 2).float() / 255)
    same(maps[0], gold["tokens"])
    close(tok.decode(maps), gold["recon"], "image")
    close(tok.decode(TokenMaps([gold["rand_tokens"]])), gold["rand_recon"], "image")
    ours = images.reference_uint8(gold["recon"] * 2 - 1, "dalle-dvae").int()
    assert (ours - gold["recon_u8"].int()).abs().max() <= 1


def test_reference_preprocessing():
    gold = load_arrays(golden_folder("dalle_misc") / "preprocess_golden.npz")
    side, cases = int(gold["size"]), indices(gold, "in_")
    assert len(cases) >= 3
    for i in cases:
        picture = Image.fromarray(gold[f"in_{i}"].numpy())
        fitted = images.fit(picture, (side, side), "reference", "dalle-dvae")
        close(0.8 * fitted + 0.1, gold[f"out_{i}"], "f_hat")
