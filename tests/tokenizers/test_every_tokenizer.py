"""The laws that hold for every tokenizer: round trip, kept scales, partial maps, views, swatches, errors."""

import pytest
import torch
from tiny_tokenizers import MULTI_GRIDS, every_tokenizer, pictures, tiny_multi, tiny_single

from explorer import TokenMaps
from explorer.analysis.fidelity import psnr


@pytest.fixture(scope="module", params=every_tokenizer())
def tok(request):
    return request.param()


@pytest.fixture(scope="module")
def image(tok):
    return pictures(tok)


@pytest.fixture(scope="module")
def maps(tok, image):
    return tok.encode(image)


def other_maps(tok, seed: int = 5) -> TokenMaps:
    draw = torch.Generator().manual_seed(seed)
    return TokenMaps([torch.randint(tok.vocab_size, (2, *grid), generator=draw) for grid in tok.grids])


def plain(tensor: torch.Tensor, dtype: torch.dtype) -> bool:
    """On the CPU, of that type, without a gradient, and free to be changed in place."""
    return (
        tensor.device.type == "cpu"
        and tensor.dtype == dtype
        and not (tensor.requires_grad or tensor.is_inference())
    )


def test_round_trip(tok, image, maps):
    before = image.clone()
    assert maps.grids == tok.grids and maps.meta == tok.meta
    assert all(plain(ids, torch.int64) for ids in maps)
    decoded = tok.decode(maps)
    assert decoded.shape == image.shape and plain(decoded, torch.float32)
    assert decoded.min() >= 0 and decoded.max() <= 1
    assert torch.equal(image, before), "encode changed its argument"
    assert torch.equal(tok.decode(tok.encode(image)), decoded)
    if not tok.name.startswith("tiny"):
        assert psnr(decoded, image).min() > 15, "a trained tokenizer reproduces smooth colours"


def test_tokens_vary(maps):
    assert len(maps[-1].unique()) > 3, "a degenerate tokenizer would make the other tests empty"


def test_encode_takes_any_float_type(tok, image, maps):
    assert tok.encode(image.double()) == maps


def test_rows_do_not_depend_on_the_batch(tok, image, maps):
    for row in range(2):
        alone = tok.encode(image[row : row + 1])
        assert alone == maps.image(row)
        assert torch.allclose(tok.decode(alone)[0], tok.decode(maps)[row], atol=1e-5)


def test_progressive_pictures(tok, maps):
    steps = tok.decode_progressive(maps)
    assert steps.shape == (len(tok.grids), 2, 3, *tok.image_hw) and plain(steps, torch.float32)
    assert torch.allclose(steps[-1], tok.decode(maps), atol=1e-5)
    K = len(tok.grids)
    asked = tok.decode_progressive(maps, scales=[K, 1])
    assert torch.allclose(asked, steps[[K - 1, 0]], atol=1e-5)
    for wrong in (0, K + 1, 1.5):
        with pytest.raises(ValueError):
            tok.decode_progressive(maps, scales=[wrong])


def test_accumulate_is_what_is_decoded(tok, maps):
    f_hats = tok.accumulate(maps)
    assert f_hats.shape == (len(tok.grids), 2, tok.codebook.shape[1], *tok.grids[-1])
    assert plain(f_hats, torch.float32)
    if len(tok.grids) > 1:  # cut short: the same schedule, stopped early
        unknown = maps.with_map(len(tok.grids), torch.full_like(maps[-1], -1))
        assert torch.equal(tok.accumulate(unknown), f_hats[:-1])


def test_keeping_everything_or_nothing(tok, image, maps):
    given = other_maps(tok)
    assert tok.encode(image, given, keep=len(tok.grids)) == given
    assert tok.encode(image, given, keep=0) == maps == tok.encode(image)


def test_keeping_the_coarse_scales(tok, image, maps):
    given = other_maps(tok)
    for k in range(len(tok.grids) + 1):
        kept = tok.encode(image, given, keep=k)
        assert all(torch.equal(kept[i], given[i]) for i in range(k))
        assert tok.encode(image, maps, keep=k) == maps, "keeping what encode chose changes nothing"


def test_keeping_by_mask(tok, image, maps):
    given = other_maps(tok)
    h, w = tok.grids[-1]
    left = torch.zeros(h, w, dtype=torch.bool)
    left[:, : w // 2] = True
    kept = tok.encode(image, given, keep=left)
    assert torch.equal(kept[-1][:, left], given[-1][:, left])
    if len(tok.grids) == 1:
        assert torch.equal(kept[-1][:, ~left], maps[-1][:, ~left])
    exact = [torch.zeros(2, *grid, dtype=torch.bool) for grid in tok.grids]
    exact[-1][1, 0, 0] = True
    kept = tok.encode(image, given, keep=exact)
    expected = maps[-1].clone()
    expected[1, 0, 0] = given[-1][1, 0, 0]
    assert kept == maps.with_map(len(tok.grids), expected)


def test_keep_needs_known_tokens(tok, image, maps):
    with pytest.raises(ValueError, match="given"):
        tok.encode(image, keep=1)
    hole = maps.with_map(1, torch.full_like(maps[0], -1))
    with pytest.raises(ValueError, match="not known"):
        tok.encode(image, hole, keep=1)
    with pytest.raises(ValueError, match="1 images, 2"):
        tok.encode(image, maps.image(0), keep=1)


def test_requantise(tok, maps):
    K, edited = len(tok.grids), other_maps(tok)
    assert tok.requantise(maps, edited, K) == edited
    assert tok.requantise(maps, maps, K) == maps
    for k in range(K + 1):
        changed = tok.requantise(maps, edited, k)
        assert all(torch.equal(changed[i], edited[i]) for i in range(k))
        assert changed.meta == tok.meta
    with pytest.raises(ValueError):
        tok.requantise(maps, edited, K + 1)


def test_requantise_without_kept_scales_quantises_f_hat_anew(tok, maps):
    """For one scale that is the identity; several residual scales may find other, equally greedy tokens."""
    anew = tok.requantise(maps, maps, 0)
    if len(tok.grids) == 1:
        assert anew == maps
    else:
        f_hat = tok.accumulate(maps)[-1]
        with torch.inference_mode():
            direct = tok._net.quantize.encode(f_hat, tok.grids)
        assert anew == TokenMaps(direct)


def test_trace(tok, image, maps):
    trace = tok.trace(image, n=5)
    assert len(trace) == len(tok.grids)
    for k, scale in enumerate(trace):
        assert torch.equal(scale.ids, maps[k]) and torch.equal(scale.nearest_ids[..., 0], maps[k])
        assert scale.nearest_ids.shape == (*maps[k].shape, 5) and plain(scale.nearest_ids, torch.int64)
        assert plain(scale.distance, torch.float32) and plain(scale.energy_after, torch.float32)
        assert (scale.nearest_distance.diff(dim=-1) >= 0).all()
        if k:
            assert torch.allclose(scale.energy_before, trace[k - 1].energy_after)
    for n in (0, tok.vocab_size + 1):
        with pytest.raises(ValueError, match=str(n)):
            tok.trace(image, n=n)


def test_trace_of_given_maps(tok, image, maps):
    """The tokens are the given ones, and what each leaves is the feature less their f_hat."""
    same = tok.trace(image, n=1, given=maps)
    own = tok.trace(image, n=1)
    for a, b in zip(same, own, strict=True):
        assert torch.equal(a.ids, b.ids) and torch.equal(a.distance, b.distance)
        assert torch.equal(a.energy_after, b.energy_after)
    first = maps[0].clone()
    first.view(-1)[0] = (first.view(-1)[0] + 1) % tok.vocab_size
    edited = maps.with_map(1, first)
    trace = tok.trace(image, n=2, given=edited)
    for scale, ids in zip(trace, edited, strict=True):
        assert torch.equal(scale.ids, ids)
        if tok.chooses_by == "distance":
            assert (scale.nearest_distance[..., 0] <= scale.distance + 1e-4).all()
        else:  # the margin of a token that was chosen, and of one that was not
            taken = ids == maps[0]
            assert torch.allclose(scale.distance[taken], scale.nearest_distance[..., 1][taken])
            assert (scale.distance[~taken] < 0).all() and not taken.all()
    if len(tok.grids) > 1:
        with torch.no_grad():
            rest = tok._features(image) - tok.accumulate(edited)[-1]
        assert torch.allclose(trace[-1].energy_after, rest.square().mean((1, 2, 3)), rtol=1e-3)
    unknown = maps.with_map(1, torch.full_like(first, -1))
    for wrong, words in ((unknown, "not known"), (TokenMaps([m[:1] for m in maps]), "holds 1 images")):
        with pytest.raises(ValueError, match=words):
            tok.trace(image, given=wrong)


def test_contributions_are_what_a_constant_map_adds(tok):
    for k in {1, len(tok.grids)}:
        found = tok.contributions(k)
        assert found.shape[0] == tok.vocab_size and plain(found, torch.float32)
        code = int(found.square().sum(1).argmax())
        if len(set(tok.grids)) == 1:  # one map, or several on one grid: a code adds itself
            assert torch.allclose(found, tok.codebook)
            continue
        ids_155 = torch.full((1, 5, 5), code)
        with torch.no_grad():
            added = tok._net.quantize.contribution(ids_155, k - 1, len(tok.grids), (5, 5))
        assert torch.allclose(found[code], added[0, :, 2, 2], atol=1e-4)
    for wrong in (0, len(tok.grids) + 1):
        with pytest.raises(ValueError, match=str(wrong)):
            tok.contributions(wrong)


def test_codebook_and_swatches(tok):
    codebook = tok.codebook
    assert codebook.shape[0] == tok.vocab_size and plain(codebook, torch.float32)
    codebook.zero_()
    assert tok.codebook.abs().sum() > 0, "codebook is a copy"
    swatches = tok.decode_code_swatches([0, 3, 0])
    assert swatches.shape == (3, 3, tok.downsample, tok.downsample)
    assert torch.allclose(swatches[0], swatches[2], atol=1e-6) and not torch.allclose(
        swatches[0], swatches[1]
    )
    assert swatches.min() >= 0 and swatches.max() <= 1
    for wrong in (-1, tok.vocab_size):
        with pytest.raises(ValueError, match=str(wrong)):
            tok.decode_code_swatches([wrong])


def test_ids_outside_the_codebook(tok, maps):
    wrong = maps[-1].clone()
    wrong[0, 0, 0] = tok.vocab_size
    broken = maps.with_map(len(tok.grids), wrong)
    for call in (tok.decode, tok.decode_progressive, tok.accumulate, lambda m: tok.decode(m, force=True)):
        with pytest.raises(ValueError, match=f"{tok.vocab_size}"):
            call(broken)


def test_images_that_do_not_fit(tok, image):
    H, W = tok.image_hw
    with pytest.raises(ValueError, match=f"{H + 4} x {W}.*{H} x {W}"):
        tok.encode(torch.zeros(1, 3, H + 4, W))
    nan = image.clone()
    nan[0, 0, 0, 0] = float("nan")
    wrong_ones = [
        nan,
        image * 2 + 1,
        image - 1,
        (image * 255).to(torch.uint8),
        image[0],
        image[:, :1],
        image[:0],
    ]
    for wrong in [*wrong_ones, image.numpy(), image.long()]:
        with pytest.raises(ValueError):
            tok.encode(wrong)


def test_maps_through_a_file(tok, maps, tmp_path):
    maps.save(tmp_path / "a.npz")
    assert torch.equal(tok.decode(TokenMaps.load(tmp_path / "a.npz")), tok.decode(maps))


def test_maps_of_another_tokenizer_are_refused_unless_forced(tok, maps):
    foreign = maps.with_meta({**maps.meta, "tokenizer": "someone-else", "sha256": "f" * 64})
    for call in (tok.decode, tok.decode_progressive, tok.accumulate):
        with pytest.raises(ValueError, match="someone-else"):
            call(foreign)
        assert torch.equal(call(foreign, force=True), call(maps))
    with pytest.raises(ValueError, match="999"):
        tok.decode(maps.with_meta({"vocab_size": 999}))
    assert torch.equal(tok.decode(maps.with_meta(None)), tok.decode(maps))


def test_partial_maps(tok, maps):
    K = len(tok.grids)
    if K == 1:
        half = maps[0].clone()
        half[:, half.shape[1] // 2 :] = -1
        shown = tok.decode(maps.with_map(1, half))
        assert shown.shape == tok.decode(maps).shape and not torch.equal(shown, tok.decode(maps))
        f_hat = tok.accumulate(maps.with_map(1, half))[0]
        assert f_hat[:, :, half.shape[1] // 2 :].eq(0).all()
        return
    fine = maps[-1].clone()
    fine[1, 0, 0] = -1  # one unknown token in one image
    partial = maps.with_map(K, fine)
    shown, steps = tok.decode(partial), tok.decode_progressive(maps)
    assert torch.allclose(shown[0], steps[-1, 0], atol=1e-5), "a complete image is not held back"
    assert torch.allclose(shown[1], steps[-2, 1], atol=1e-5), "decoding stops before the scale with a gap"
    assert len(tok.decode_progressive(partial)) == K - 1
    with pytest.raises(ValueError, match=f"{K}"):
        tok.decode_progressive(partial, scales=[K])
    nothing = TokenMaps([torch.full_like(ids, -1) for ids in maps])
    assert tok.decode(nothing).isfinite().all() and len(tok.accumulate(nothing)) == 0
    assert len(tok.decode_progressive(nothing)) == 0


def test_with_grids_is_a_view(tok):
    grids = tok.grids
    h, w = grids[-1]
    alike = len(set(grids)) == 1
    taller = ((h + 1, w),) * len(grids) if alike else (*grids[:-1], (h + 1, w))
    view = tok.with_grids(taller)
    assert view.grids == taller and tok.grids == grids and view._net is tok._net
    assert view.image_hw == ((h + 1) * tok.downsample, w * tok.downsample)
    image = pictures(view)
    maps = view.encode(image)
    assert maps.grids == taller and view.decode(maps).shape == image.shape
    with pytest.raises(ValueError, match="with_grids"):
        tok.decode(maps)


def test_image_size_is_a_number_for_squares():
    assert tiny_multi().image_size == 16 and tiny_multi().image_hw == (16, 16)
    wide = tiny_single().with_grids([(4, 6)])
    assert wide.image_size == (16, 24) and wide.meta["image_size"] == [16, 24]
    assert tiny_multi(grids=[1, 2, 4]).grids == ((1, 1), (2, 2), (4, 4))


@pytest.mark.parametrize("grids", [(), ((1, 1), (0, 2)), ((4, 4), (2, 2)), ((1, 1.5),), "four", ((1, 2, 3),)])
def test_impossible_grids(grids):
    with pytest.raises(ValueError):
        tiny_multi().with_grids(grids)


def test_a_single_scale_tokenizer_has_one_grid():
    with pytest.raises(ValueError, match="1 scale, 4"):
        tiny_single().with_grids(MULTI_GRIDS)


def test_maps_of_the_wrong_kind():
    for wrong in ([torch.zeros(1, 1, 1)], None):
        with pytest.raises(ValueError):
            tiny_multi().decode(wrong)
