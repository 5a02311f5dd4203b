"""Residual energy per scale, and the linear preview."""

import pytest
import torch
from tiny_tokenizers import pictures, tiny_multi

from explorer.analysis.preview import apply_preview, fit_preview, preview_change
from explorer.analysis.residuals import explained_by_scale, unexplained_of, unexplained_share


def test_shares_follow_from_the_energies():
    tok = tiny_multi()
    image = pictures(tok)
    trace = tok.trace(image)
    left = unexplained_share(trace)
    assert left.shape == (5, 2) and torch.equal(left[0], torch.ones(2))
    assert torch.allclose(left[3], trace[2].energy_after / trace[0].energy_before)
    assert torch.allclose(explained_by_scale(trace).sum(0), 1 - left[-1], atol=1e-6)


def test_trace_and_f_hats_agree():
    tok = tiny_multi()
    image = pictures(tok)
    with torch.inference_mode():
        f = tok._features(image)
    f_hats = tok.accumulate(tok.encode(image))
    assert torch.allclose(unexplained_of(f, f_hats), unexplained_share(tok.trace(image)), atol=1e-5)
    with pytest.raises(ValueError):
        unexplained_of(f, f_hats[:, :1])


def test_an_empty_feature_has_nothing_to_explain():
    zero = torch.zeros(1, 2, 3, 3)
    assert unexplained_of(zero, torch.zeros(2, 1, 2, 3, 3)).eq(0).all()


def test_preview_finds_a_linear_map():
    draw = torch.Generator().manual_seed(0)
    f_hat = torch.randn(20, 6, 4, 5, generator=draw)
    truth = torch.randn(7, 3, generator=draw) * 0.03
    truth[-1] = 0.5
    colours = torch.einsum("nchw,cd->ndhw", f_hat, truth[:-1]) + 0.5
    image = colours.clamp(0, 1).repeat_interleave(8, 2).repeat_interleave(8, 3)
    weight = fit_preview(f_hat, image)
    assert weight.shape == (7, 3) and torch.allclose(weight, truth, atol=1e-3)
    preview = apply_preview(f_hat, weight)
    assert preview.shape == (20, 3, 4, 5) and torch.allclose(preview, colours.clamp(0, 1), atol=2e-3)
    assert preview.dtype == torch.float32 and preview.min() >= 0 and preview.max() <= 1


def test_preview_survives_a_dead_channel_and_checks_shapes():
    f_hat = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    f_hat[:, 1] = 0
    weight = fit_preview(f_hat, torch.rand(4, 3, 8, 8))
    assert weight.isfinite().all()
    with pytest.raises(ValueError, match="4 f_hats and 3 images"):
        fit_preview(f_hat, torch.rand(3, 3, 8, 8))
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(6, 3\)"):
        apply_preview(torch.zeros(1, 5, 2, 2), weight)


def test_a_change_of_the_preview_is_what_two_previews_differ_by():
    torch.manual_seed(3)
    weight = torch.cat(
        [torch.randn(6, 3) * 0.01, torch.full((1, 3), 0.5)]
    )  # far from where colours are cut off
    f_hat, added = torch.randn(2, 6, 3, 4), torch.randn(2, 6, 3, 4)
    difference = apply_preview(f_hat + added, weight) - apply_preview(f_hat, weight)
    torch.testing.assert_close(preview_change(added, weight), difference, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="5 channels"):
        preview_change(added[:, :5], weight)
