"""What the page is told of the inside of its generator, without a browser."""

import base64

import numpy as np
import pytest
import torch
from generator_support import random_raster, random_var

from explorer.figures.images import data_uri
from explorer.generators.inside import effects
from explorer.ui.generate.run_request import read_maps
from explorer.ui.inside import inside_views
from explorer.ui.inside.inside_views import introduction, layer_maps, views
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module", params=["next-scale", "raster"])
def bench(request):
    gen = random_var() if request.param == "next-scale" else random_raster()
    return Workbench(gen.tokenizer, gen)


def asked(bench, kind: str, **more) -> dict:
    gen = bench.generator
    generator = torch.Generator().manual_seed(3)
    maps = [torch.randint(gen.vocab_size, (h * w,), generator=generator).tolist() for h, w in gen.grids]
    h, w = gen.grids[-1]
    place = {"scale": len(gen.grids), "row": h // 2, "column": w // 2}
    return {"kind": kind, "maps": maps, "label": gen.classes[0], **place, **more}


def token_maps(bench, data):
    return read_maps(bench.generator, data["maps"], "maps")


def test_the_bytes_are_the_attention_within_half_a_step(bench):
    data = asked(bench, "look")
    ((view,),) = [list(views(bench, data))]
    look, gen = view["look"], bench.generator
    true = gen.look(token_maps(bench, data), data["label"], data["scale"], (data["row"], data["column"]))
    levels = np.frombuffer(base64.b64decode(look["levels"]), dtype=np.uint8)
    rows = levels.reshape(look["layers"], look["heads"], -1) / 255 * np.array(look["peaks"])[..., None]
    assert np.abs(rows - true.attention.numpy()).max() <= true.attention.max() / 255
    assert np.allclose(look["means"], true.attention.mean(1), atol=1e-4)
    assert look["places"] == [list(place) for place in true.places]
    shares = [facts["class"] + sum(facts["scales"]) for row in look["facts"] for facts in row]
    assert shares == pytest.approx([1.0] * len(shares), abs=1e-3)
    unseen = true.attention[..., look["seen"] :]
    assert float(unseen.sum()) == 0 and float(true.attention[..., look["seen"] - 1].max()) > 0
    assert all(0 <= facts["bits"] <= np.log2(look["seen"]) + 1e-4 for row in look["facts"] for facts in row)


def test_the_lens_ends_with_what_the_model_itself_would_draw(bench):
    data = asked(bench, "lens")
    first, *layers = list(views(bench, data))
    gen, maps = bench.generator, token_maps(bench, data)
    assert first["status"] == "running" and layers[-1]["status"] == "done"
    assert [view["layer"] for view in layers] == list(range(1, first["lens"]["layers"] + 1))
    assert first["lens"]["agreement"][-1] == [1.0] * len(gen.grids)
    assert all(row[-1] == 0 for row in first["lens"]["divergence"])
    likeliest = [logits.argmax(-1) for logits in gen.logits(maps, data["label"])]
    drawn = gen.tokenizer.decode(layer_maps(maps, likeliest))
    assert layers[-1]["images"] == [data_uri(picture) for picture in drawn]


def test_a_layers_picture_has_the_true_coarser_maps_below_its_own(bench):
    data = asked(bench, "lens")
    maps = token_maps(bench, data)
    own = [torch.full_like(ids, 7) for ids in maps]
    stack = layer_maps(maps, own)
    for k in range(len(maps)):
        for j, ids in enumerate(stack):
            expected = maps[j][0] if j < k else own[j][0] if j == k else torch.full_like(maps[j][0], -1)
            assert torch.equal(ids[k], expected)


def test_effects_grow_and_end_as_the_engines(bench):
    data = asked(bench, "effects")
    found = list(views(bench, data))
    gen, maps = bench.generator, token_maps(bench, data)
    true = effects(gen, maps, data["label"], data["scale"], (data["row"], data["column"]))
    done = [view["done"] for view in found]
    assert done == sorted(done) and found[-1]["done"] == found[-1]["total"] and found[-1]["status"] == "done"
    for sent, bits in zip(found[-1]["bits"], true.bits, strict=True):
        got = torch.tensor([float("nan") if bit is None else bit for bit in sent])
        assert torch.equal(got.isnan(), bits.flatten().isnan())
        assert torch.allclose(got.nan_to_num(), bits.flatten().nan_to_num(), atol=1e-4)
    first = found[-1]["strongest"][0]
    assert first["bits"] == pytest.approx(max(float(bits.nan_to_num(-1).max()) for bits in true.bits))
    known = sum(bit is not None for sent in found[0]["bits"] for bit in sent)
    assert known == found[0]["done"] <= 16


def test_where_decoding_is_slow_previews_come_and_one_picture_on_request(bench, monkeypatch):
    monkeypatch.setattr(type(bench), "slow", True)
    monkeypatch.setattr(bench, "_preview", torch.rand(bench.tokenizer.code_dim + 1, 3))
    data = asked(bench, "lens")
    *_, last = list(views(bench, data))
    assert last["preview"] and len(last["images"]) == len(bench.generator.grids)
    (one,) = views(bench, {**data, "kind": "layer", "layer": 1, "scale": len(bench.generator.grids)})
    assert one["image"] != last["images"][-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "see"}, "'see', which is unknown"),
        ({"maps": None}, "no picture to look at"),
        ({"maps": [[1]]}, "are not a list for each"),
        ({"label": "unicorn"}, "no class 'unicorn'"),
        ({"row": 99}, "The row is a whole number"),
        ({"kind": "effects", "replacement": "worst"}, "replacement is one of likeliest, drawn"),
        ({"kind": "layer", "layer": 99, "scale": 1}, "The layer is a whole number"),
    ],
)
def test_what_a_page_should_never_send_is_a_sentence(bench, change, words):
    data = asked(bench, "look") | change
    if change.get("maps") == [[1]]:
        data["maps"] = [[1]] * 9
    with pytest.raises(ValueError, match=words):
        list(views(bench, data))


def test_a_picture_that_is_not_complete_is_told(bench):
    data = asked(bench, "look")
    data["maps"][0][0] = -1
    with pytest.raises(ValueError, match="not known"):
        list(views(bench, data))


def test_without_a_generator():
    bench = Workbench(random_var().tokenizer)
    assert introduction(bench) == {"introduction": True, "problem": inside_views.NO_GENERATOR}
    with pytest.raises(ValueError, match="No generator is loaded"):
        list(views(bench, {"kind": "look"}))


def switches(**off) -> dict:
    return {"heads": [], "layers": [], "hidden": [], "swap": None} | off


def test_a_switched_run_is_the_engines_own_and_the_cost_is_counted(bench):
    gen = bench.generator
    data = asked(bench, "switch", seed=4, switches=switches(heads=[[1, 1]], layers=[2]))
    *_, last = [view for view in views(bench, data) if view]
    other = gen.with_switches(heads=[(1, 1)], layers=[2])
    *_, plain = gen.generate(data["label"], seed=4)
    *_, without = other.generate(data["label"], seed=4)
    assert last["maps"] == [ids.flatten().tolist() for ids in without.maps]
    assert last["before"] == data_uri(gen.tokenizer.decode(plain.maps)[0])
    assert last["after"] == data_uri(gen.tokenizer.decode(without.maps)[0])
    changed = sum(int((a != b).sum()) for a, b in zip(plain.maps, without.maps, strict=True))
    assert last["changed"] == changed > 0 and last["said"] == "head 1 of layer 1 off, layer 2 off"
    scores = other.score(token_maps(bench, data), data["label"])
    nats = -sum(float(score.sum()) for score in scores) / sum(score.numel() for score in scores)
    assert last["bits_off"] == pytest.approx(nats / np.log(2), rel=1e-5) and last["bits"] != last["bits_off"]


@pytest.mark.parametrize(
    ("off", "words"),
    [
        (None, "what is switched off is missing"),
        (switches(), "nothing is switched off"),
        (switches(heads=[[1]]), "a head is a layer and a number"),
        (switches(heads=[1]), "a head is a layer and a number"),
        (switches(layers="all"), "lists of numbers"),
        (switches(layers=[99]), "there is no layer 99"),
        (switches(swap=[1]), "another class needs a scale and a name"),
        (switches(swap=[1, "unicorn"]), "no class 'unicorn'"),
    ],
)
def test_switches_that_are_none_are_a_sentence(bench, off, words):
    with pytest.raises(ValueError, match=words):
        list(views(bench, asked(bench, "switch", seed=0, switches=off)))
