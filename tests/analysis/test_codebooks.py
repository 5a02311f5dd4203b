"""Colours, neighbours and projections of a codebook."""

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from explorer.analysis.colours import LIGHTNESS, codebook_colours, oklab_to_linear_rgb
from explorer.analysis.neighbours import nearest_codes
from explorer.analysis.projection import pca_plane, principal_components, umap_plane


def book(vocab_size: int = 300, dimension: int = 8) -> torch.Tensor:
    scale = torch.linspace(3, 0.2, dimension)
    return torch.randn(vocab_size, dimension, generator=torch.Generator().manual_seed(0)) * scale


def lightness(srgb_V3: torch.Tensor) -> torch.Tensor:
    """OKLab L of sRGB bytes, through the published forward matrices."""
    c = srgb_V3.double() / 255
    linear = torch.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    to_lms = torch.tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ],
        dtype=torch.float64,
    )
    lms = (linear @ to_lms.T).clamp_min(0) ** (1 / 3)
    return lms @ torch.tensor([0.2104542553, 0.7936177850, -0.0040720468], dtype=torch.float64)


def test_oklab_of_known_colours():
    white_and_red = torch.tensor([[1.0, 0, 0], [0.6279554, 0.2248631, 0.1258463]], dtype=torch.float64)
    expected = torch.tensor([[1.0, 1, 1], [1, 0, 0]], dtype=torch.float64)
    assert torch.allclose(oklab_to_linear_rgb(white_and_red), expected, atol=1e-4)


def test_colours_are_light_enough_and_distinct():
    colours = codebook_colours(book())
    assert colours.shape == (300, 3) and colours.dtype == torch.uint8
    light = lightness(colours)
    assert light.min() > LIGHTNESS[0] - 0.01 and light.max() < LIGHTNESS[1] + 0.01
    assert light.max() - light.min() > 0.35, "the whole range is used"
    assert len(colours.unique(dim=0)) > 290


def test_similar_codes_look_similar():
    codebook = book()
    twins = codebook + 1e-4
    colours = codebook_colours(torch.cat([codebook, twins])).int()
    assert (colours[:300] - colours[300:]).abs().max() <= 1
    # On average the neighbours of a code differ less in colour than two codes drawn at random.
    near, _ = nearest_codes(codebook, range(300), 3)
    colours = codebook_colours(codebook).float()
    to_neighbours = (colours[near] - colours[:, None]).norm(dim=-1).mean()
    to_others = torch.cdist(colours, colours).mean()
    assert to_neighbours < 0.6 * to_others


def test_colours_do_not_depend_on_the_sign_or_the_order():
    codebook = book()
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    assert (
        codebook_colours(codebook[order]).int() - codebook_colours(codebook)[order].int()
    ).abs().max() <= 1
    assert torch.equal(codebook_colours(codebook), codebook_colours(codebook.clone()))


@pytest.mark.parametrize(
    "codebook", [torch.zeros(5, 4), torch.ones(1, 8), torch.arange(6.0)[:, None], book(9, 2)]
)
def test_poor_codebooks_get_colours_too(codebook):
    colours = codebook_colours(codebook)
    assert colours.shape == (len(codebook), 3)
    if codebook.std() == 0 or len(codebook) == 1:
        assert colours.unique(dim=0).shape == (1, 3)


def test_broken_codebooks_are_refused():
    for wrong in (torch.zeros(0, 4), torch.zeros(4), torch.full((3, 3), float("nan"))):
        with pytest.raises(ValueError):
            codebook_colours(wrong)


def test_nearest_codes_against_a_full_sort():
    codebook = book(60, 5)
    ids, distance = nearest_codes(codebook, [4, 59, 4], 59)
    for row, code in enumerate((4, 59, 4)):
        exact = (codebook - codebook[code]).double().norm(dim=1)
        order = [i for i in exact.argsort().tolist() if i != code]
        assert ids[row].tolist() == order
        assert torch.allclose(distance[row].double(), exact[order], atol=1e-5)


def test_nearest_codes_with_twins():
    codebook = torch.tensor([[0.0, 0], [0, 0], [1, 0], [0, 0]])
    ids, distance = nearest_codes(codebook, 1, 3)
    assert ids.tolist() == [[0, 3, 2]] and distance.tolist() == [[0, 0, 1]]
    for wrong_ids, n in (([4], 1), ([-1], 1), ([0], 4), ([0], 0)):
        with pytest.raises(ValueError):
            nearest_codes(codebook, wrong_ids, n)


def test_principal_components():
    codebook = book()
    found = principal_components(codebook, 3)
    assert torch.allclose(
        found.directions @ found.directions.T, torch.eye(3, dtype=torch.float64), atol=1e-10
    )
    variance = found.scores.var(0, unbiased=False)
    assert (variance.diff() < 0).all() and found.scores.mean(0).abs().max() < 1e-9
    total = codebook.double().var(0, unbiased=False).sum()
    assert torch.allclose(variance / total, found.variance_share)
    # The fixed sign: a mirrored codebook has the same directions and mirrored scores.
    mirrored = principal_components(-codebook, 3)
    assert torch.allclose(mirrored.directions, found.directions)
    assert torch.allclose(mirrored.scores, -found.scores)
    assert torch.equal(pca_plane(codebook), found.scores[:, :2].float())


def test_umap_is_asked_for_a_repeatable_picture(monkeypatch):
    """With a stand-in: importing the real one and compiling its code takes half a minute."""
    asked = {}

    class StandIn:
        def __init__(self, **options):
            asked.update(options)

        def fit_transform(self, vectors):
            assert vectors.shape == (300, 8) and vectors.dtype == np.float32
            return asked["init"]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=StandIn))
    plane = umap_plane(book(), seed=3)
    assert (asked["random_state"], asked["n_jobs"]) == (3, 1)
    assert plane.shape == (300, 2) and plane.dtype == torch.float32
    pca = pca_plane(book())
    assert torch.allclose(plane / plane.abs().max(), pca / pca.abs().max(), atol=1e-6), "starts from the PCA"
    with pytest.raises(ValueError, match="15 neighbours.*9 codes"):
        umap_plane(book(9))


@pytest.mark.skipif(not os.environ.get("TOKENSCOPE_SLOW"), reason="takes a minute; set TOKENSCOPE_SLOW=1")
def test_umap_is_repeatable_and_keeps_clusters():
    centres = torch.randn(3, 8, generator=torch.Generator().manual_seed(2)) * 20
    codebook = (centres[:, None] + book(30, 8)[None] * 0.1).reshape(90, 8)
    plane = umap_plane(codebook)
    assert plane.shape == (90, 2) and plane.isfinite().all()
    assert torch.equal(plane, umap_plane(codebook))
    groups = plane.view(3, 30, 2)
    inside = (groups - groups.mean(1, keepdim=True)).norm(dim=-1).mean()
    between = torch.pdist(groups.mean(1)).min()
    assert between > 2 * inside
