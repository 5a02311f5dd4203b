"""An RQ-VAE as people have it: model.pt opens through the public functions, its depths are the timeline."""

import pytest
import torch
from golden_support import golden_cases, image_of, load_arrays, load_config, same, weight_file
from PIL import Image

from explorer import load_tokenizer
from explorer.tokenizers.depth import DepthTokenizer
from explorer.ui.page import first_session
from explorer.ui.views import session_view
from explorer.ui.workbench import Workbench

CASES = golden_cases("rqvae_", needs=("model", "vq_golden.npz"))


@pytest.fixture(scope="module", params=CASES)
def opened(request):
    size = load_config(request.param)["resolution"]
    tok = load_tokenizer(weight_file(request.param, "model"), "cpu", "exact", image_size=size)
    return tok, load_arrays(request.param / "vq_golden.npz"), size


def test_the_file_tells_what_it_is(opened):
    tok, gold, size = opened
    assert isinstance(tok, DepthTokenizer) and tok.family == "rqvae" and tok.image_size == size
    B, h, w, depth = gold["codes"].shape
    assert tok.grids == ((h, w),) * depth


def test_tokens_and_the_timeline(opened):
    tok, gold, _ = opened
    images = (image_of(gold) + 1) / 2
    maps = tok.encode(images)
    for ours, theirs in zip(maps, gold["codes"].permute(3, 0, 1, 2), strict=True):
        same(ours, theirs)
    pictures = tok.decode_progressive(maps)
    expected = (gold["recon_3"].float().clamp(-1, 1) + 1) / 2
    assert torch.allclose(pictures[3], expected, rtol=0, atol=2e-4)
    trace = tok.trace(images)
    assert len(trace) == 4 and torch.equal(trace[0].energy_after, trace[1].energy_before)


def test_other_grids_must_be_alike(opened):
    tok, _, size = opened
    h, w = tok.grids[0]
    assert tok.with_grids(((h + 1, w),) * 4).image_hw == ((h + 1) * tok.downsample, w * tok.downsample)
    with pytest.raises(ValueError, match="has 4 maps on one grid"):
        tok.with_grids(((1, 1), (2, 2), (3, 3), (4, 4)))
    with pytest.raises(ValueError, match="has 4 maps on one grid"):
        tok.with_grids(((h, w),))


def test_kept_depths_stay_and_the_rest_adapts(opened):
    tok, gold, _ = opened
    image = tok.fit(Image.linear_gradient("L"))
    maps = tok.encode(image)
    edited = maps.with_map(1, (maps[0] + 1) % tok.vocab_size)
    again = tok.encode(image, given=edited, keep=1)
    assert torch.equal(again[0], edited[0]) and not torch.equal(again[1], maps[1])
    assert tok.requantise(maps, maps, len(maps)) == maps


def test_its_page_can_be_built(opened):
    tok, _, _ = opened
    bench = Workbench(tok)
    view = session_view(bench, first_session(bench))
    assert len(view["scales"]) == 4 and all(scale["image"] for scale in view["scales"])
