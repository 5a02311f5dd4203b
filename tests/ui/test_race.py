"""The race behind Compare: who goes next, what a view holds, what is checked; facts and cost for the page."""

import json

import pytest
import torch
from generator_support import fill
from tiny_models import CLASSES, SAMPLING
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi, tiny_single

from explorer.analysis import cost
from explorer.bench import growth, racing
from explorer.generators import GenerationStep, NextScaleGenerator, RasterGenerator
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.token_maps import TokenMaps
from explorer.ui.compare import race, race_cost
from explorer.ui.compare.pairs import Pair
from explorer.ui.compare.race_facts import fairness, introduction, lane_facts
from explorer.ui.wires import streamed
from explorer.ui.workbench import Workbench

ASKED = {"job": "j", "label": "night", "seed": 3, "guidance": {"next-scale": 1.5, "raster": 3.0}}


def next_scale(**options) -> NextScaleGenerator:
    net = fill(VARTransformer(VARConfig(VOCAB, 8, MULTI_GRIDS, len(CLASSES), 1, 16, 2)), 1, 0.3)
    given = {"name": "tiny-var", "classes": CLASSES, "sampling": SAMPLING} | options
    return NextScaleGenerator(net, tiny_multi(), **given)


def raster(**options) -> RasterGenerator:
    net = fill(LlamaGenGPT(LlamaGenConfig(VOCAB, MULTI_GRIDS[-1], len(CLASSES), 1, 16, 2)), 2, 0.3)
    given = {"name": "tiny-raster", "classes": CLASSES, "sampling": SAMPLING} | options
    return RasterGenerator(net, tiny_single(), **given)


def workbench(first=None, second=None) -> Workbench:
    first, second = first or next_scale(), second or raster()
    return Workbench(first.tokenizer, first, counterpart=Pair(second.tokenizer, second))


@pytest.fixture(scope="module")
def bench():
    return workbench()


@pytest.fixture(scope="module")
def colours(bench):
    return {order: race._colours(bench, pair) for order, pair in bench.pairs.items()}


@pytest.fixture(scope="module")
def seen(bench, colours):
    return list(race.views(bench, ASKED, colours))


def steps(seconds: list[float], log: list | None = None, name: str = ""):
    """Steps of a made-up generator with these times."""
    maps = TokenMaps((torch.zeros(1, 1, 1, dtype=torch.long),))
    for index, one in enumerate(seconds, start=1):
        if log is not None:
            log.append(name)
        yield GenerationStep(index, len(seconds), 1, maps, torch.zeros(1), torch.zeros(1), one)


# Who goes next


def test_the_clock_that_is_behind_goes_next():
    moves = list(racing.race({"slow": steps([5, 1, 1]), "quick": steps([1, 1, 1, 1, 3])}))
    assert [move.runner for move in moves] == ["slow", *["quick"] * 5, "slow", "slow"]
    assert [move.seconds for move in moves] == [5, 1, 2, 3, 4, 7, 6, 7]


@pytest.mark.parametrize("seed", range(5))
def test_clocks_never_differ_by_more_than_one_step(seed):
    draw = torch.Generator().manual_seed(seed)
    times = {name: (torch.rand(n, generator=draw) + 0.01).tolist() for name, n in (("a", 6), ("b", 40))}
    clocks, done = dict.fromkeys(times, 0.0), dict.fromkeys(times, 0)
    for move in racing.race({name: steps(one) for name, one in times.items()}):
        going = [name for name in times if done[name] < len(times[name])]
        assert clocks[move.runner] == min(clocks[name] for name in going)
        done[move.runner] += 1
        clocks[move.runner] = move.seconds
        assert move.seconds == pytest.approx(sum(times[move.runner][: done[move.runner]]))
    assert done == {name: len(one) for name, one in times.items()}


def test_closing_a_race_runs_no_further_step():
    log: list[str] = []
    going = racing.race({"a": steps([1] * 9, log, "a"), "b": steps([1] * 9, log, "b")})
    next(going), next(going)
    going.close()
    assert log == ["a", "b"]


def test_the_finish_says_where_the_others_were():
    finish = racing.first_finish({"a": [1.0, 2.0], "b": [0.5, 1.0, 1.5, 2.5]})
    assert (finish.first, finish.seconds, finish.others) == ("a", 2.0, {"b": 3})
    assert racing.step_times([1.0, 3.0, 3.5]) == [1.0, 2.0, 0.5]
    assert racing.median_step([1.0, 3.0, 3.5]) == 1.0 and racing.median_step([]) is None
    with pytest.raises(ValueError, match="finished"):
        racing.first_finish({"a": [1.0], "b": []})


# What a view holds


def test_every_step_is_counted_and_the_last_view_is_done(bench, seen):
    views = [view for view in seen if view]
    assert views[0]["status"] == "warming" and views[-1]["status"] == "done"
    json.dumps(views)
    assert all(isinstance(key, str) for lane in views[-1]["lanes"] for key in lane["images"])
    for lane in views[-1]["lanes"]:
        pair = bench.pairs[lane["order"]]
        assert lane["done"] == lane["total"] == pair.generator.steps == len(lane["clock"])
        assert lane["clock"] == sorted(lane["clock"]) and lane["clock"][0] > 0
        assert lane["tokens"][-1] == sum(h * w for h, w in pair.generator.grids)
        assert lane["work"][-1] == cost.generation_flops(pair.generator.config).total
        assert all(min(one["ids"]) >= 0 and None not in one["colours"] for one in lane["maps"])
        assert str(lane["total"]) in lane["images"]
    # a None for each step that is not shown, so that cancelling is heard after every step
    total = sum(pair.generator.steps for pair in bench.pairs.values())
    assert len(seen) == 1 + len(bench.pairs) + total + 1


def test_the_race_draws_what_the_api_draws(bench, seen):
    for lane in seen[-1]["lanes"]:
        gen = bench.pairs[lane["order"]].generator
        *_, step = gen.generate("night", seed=3, guidance=ASKED["guidance"][lane["order"]])
        assert [one["ids"] for one in lane["maps"]] == [ids.flatten().tolist() for ids in step.maps]


def test_the_finish_follows_from_the_clocks(seen):
    clocks = {lane["order"]: lane["clock"] for lane in seen[-1]["lanes"]}
    finish = seen[-1]["finish"]
    assert finish["seconds"] == min(clock[-1] for clock in clocks.values()) == clocks[finish["first"]][-1]
    ((other, done),) = finish["others"].items()
    assert done == sum(at <= finish["seconds"] for at in clocks[other])


def test_views_stop_after_the_step_in_which_the_race_is_cancelled(bench, colours):
    cancelled: set[str] = set()
    heard = streamed(ASKED, race.views(bench, ASKED, colours), cancelled)
    assert next(heard)["status"] == "warming"
    cancelled.add("j")
    assert list(heard) == []


def test_a_picture_of_any_moment_can_be_asked_for(bench, seen):
    for lane in seen[-1]["lanes"]:
        maps = [one["ids"] for one in lane["maps"]]
        for n, image in lane["images"].items():
            asked = {"order": lane["order"], "maps": maps, "done": int(n)}
            assert race.picture(bench, asked) == image
        first = race.picture(bench, {"order": lane["order"], "maps": maps, "done": 1})
        assert first != lane["images"][str(lane["total"])]


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": "spiral"},
        {"done": 0},
        {"done": 17},
        {"done": 1.5},
        {"maps": []},
        {"maps": [[0] * 15]},
        {"maps": [[VOCAB] + [0] * 15]},
        {"maps": [["a"] * 16]},
        {"maps": None},
    ],
)
def test_a_picture_of_nonsense_is_refused(bench, wrong):
    asked = {"order": "raster", "maps": [[0] * 16], "done": 2} | wrong
    with pytest.raises((ValueError, KeyError, TypeError)):
        race.picture(bench, asked)


@pytest.mark.parametrize(
    "wrong, word",
    [
        ({"label": "dragon"}, "dragon"),
        ({"label": None}, "None"),
        ({"seed": -1}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"guidance": {"next-scale": 1}}, "tiny-raster"),
        ({"guidance": {"next-scale": float("nan"), "raster": 1}}, "tiny-var"),
        ({"guidance": {"next-scale": 1, "raster": True}}, "tiny-raster"),
        ({"guidance": "strong"}, "tiny-var"),
    ],
)
def test_wrong_settings_are_one_sentence(bench, colours, wrong, word):
    data = ASKED | wrong
    (view,) = streamed(data, race.views(bench, data, colours))
    assert view["status"] == "failed" and view["job"] == "j"
    assert word in view["problem"] and view["problem"].endswith(".")


def test_without_a_pair_the_page_says_what_to_do(colours):
    gen = next_scale()
    alone = Workbench(gen.tokenizer, gen)
    assert "--raster-generator" in introduction(alone)["problem"]
    (view,) = streamed(ASKED, race.views(alone, ASKED, colours))
    assert "--raster-generator" in view["problem"]
    strangers = workbench(second=raster(classes=("a", "b", "c")))
    assert "no class" in introduction(strangers)["problem"]


def test_the_example_is_a_race_that_says_what_it_is(bench, colours):
    example = race.example(bench, colours)
    assert example["status"] == "example" and example["label"] in CLASSES
    assert example["guidance"] == dict.fromkeys(bench.pairs, SAMPLING["guidance"])


# Fairness


def card(photos=100, images=5000, about="photos of a garden", **training) -> dict:
    return {
        "data": {"photos_trained_on": photos, "about": about},
        "training": {"images_seen": images, **training},
    }


def test_what_no_card_states_is_not_made_up(bench):
    facts = introduction(bench)
    for lane in facts["lanes"]:
        assert lane["trained"]["images"] is None and lane["trained"]["flops"] is None
        assert lane["psnr"] is None
    assert sum("do not state" in note for note in facts["notes"]) == 3


def test_facts_come_from_the_cards():
    told = card(flops_counted=7, images_seen_in_all=9000, flops_counted_in_all=11)
    one = lane_facts(Pair(tiny_multi(), next_scale(about=told)))
    assert one["trained"] == {
        "photos": 100,
        "about": "photos of a garden",
        "images": 9000,
        "flops": 11,
        "counted": "card",
    }
    other = raster(about=card(images=5000))
    two = lane_facts(Pair(tiny_single(), other))
    assert two["trained"]["flops"] == cost.training_flops(other.config, 5000)
    assert two["trained"]["counted"] == "here"
    # a run that was continued, whose card only counts the last part: that part is not passed off as the whole
    part = lane_facts(Pair(tiny_single(), raster(about=card(images_seen_in_all=9000, flops_counted=7))))
    assert part["trained"]["flops"] == cost.training_flops(other.config, 9000)


def test_sentences_follow_the_figures():
    def lane(name, tokens, psnr, photos=100, flops=1e15, parameters=1000):
        trained = {"photos": photos, "about": "garden", "images": 1, "flops": flops, "counted": "card"}
        return {
            "name": name,
            "tokenizer": f"{name}-codes",
            "tokens": tokens,
            "psnr": psnr,
            "parameters": parameters,
            "trained": trained,
        }

    same = fairness([lane("a", 130, 21.4), lane("b", 64, 21.5)])
    assert "same 100 photos" in same[0] and "same counted work" in same[1]
    assert "0 %" in same[2] and "about the same PSNR with fewer tokens" in same[3]
    assert "b-codes writes a photo with 64 tokens" in same[3]
    unlike = fairness([lane("a", 130, 24.0, flops=3e15), lane("b", 64, 21.0, photos=9, parameters=500)])
    assert "different photos" in unlike[0] and "3.0 times the training work" in unlike[1]
    assert "100 % more parameters" in unlike[2] and "3.0 dB less PSNR" in unlike[3]


# Cost as pictures grow


def test_counted_cost_of_growing_pictures(bench):
    views = {view["name"]: view for view in race_cost.introduction(bench)["families"]}
    assert set(views) == {"own", "published"}
    for view in views.values():
        pixels = [row["pixels"] for row in view["rows"]]
        assert pixels == sorted(set(pixels))
        for row in view["rows"]:
            assert row["raster"]["steps"] == row["raster"]["tokens"] == row["side"] ** 2
            assert row["next-scale"]["steps"] == len(row["scales"]) < row["raster"]["steps"]
            assert row["raster"]["without_cache"] > row["raster"]["flops"]
            assert 0 < row["raster"]["attention"] < 1
        assert f"{view['rows'][-1]['raster']['steps']:,} steps" in view["finding"]
        assert any("O(n⁶)" in caveat for caveat in view["caveats"])
    published = views["published"]["rows"][0]
    # DESIGN.md measured 601 and 114 GFLOP with guidance; engine rule 9: raster does less work at 256 px
    assert published["pixels"] == 256
    assert 5.7e11 < published["next-scale"]["flops"] < 6.3e11
    assert 0.95e11 < published["raster"]["flops"] < 1.2e11
    own = views["own"]["rows"][0]
    assert own["next-scale"]["flops"] == cost.generation_flops(bench.generator.config).total
    json.dumps(views)


def test_times_are_measured_size_by_size_and_the_rest_is_left_out(bench):
    pairs = bench.pairs
    family = growth.own_family({order: pair.generator for order, pair in pairs.items()})
    tokenizers = {order: pair.tokenizer for order, pair in pairs.items()}
    timings = list(growth.measure(family, tokenizers, seconds=0))
    finished = [one for one in timings if one.seconds is not None]
    skipped = [one for one in timings if one.skipped is not None]
    assert [(one.side, one.order) for one in finished] == [(4, "next-scale"), (4, "raster")]
    assert {(one.side, one.order) for one in finished + skipped} == {
        (side, order) for side in family.sides for order in pairs
    }
    assert all(one.seconds > 0 and one.done == one.total for one in finished)
    assert skipped and all(one.skipped > 0 and one.done == 0 for one in skipped)
    steps_told = [one.done for one in timings if one.side == 4 and one.order == "raster"]
    assert steps_told == list(range(17))


def test_measuring_tells_every_step_and_can_be_cancelled(bench, monkeypatch):
    monkeypatch.setattr(race_cost, "SECONDS", 0.0)
    views = list(race_cost.views(bench))
    assert views[-1]["status"] == "done" and views[0]["at"]["done"] == 0
    found = views[-1]["measured"]
    assert found[0]["seconds"] > 0 and found[-1]["expected"] > 0
    cancelled = {"j"}
    assert list(streamed({"job": "j"}, race_cost.views(bench), cancelled)) == []


def test_only_square_pairs_of_one_size_grow():
    gen = next_scale()
    assert growth.own_family({"next-scale": gen}) is None
    alone = Workbench(gen.tokenizer, gen)
    assert [view["name"] for view in race_cost.introduction(alone)["families"]] == ["published"]
    (view,) = streamed({"job": "j"}, race_cost.views(alone))
    assert view["problem"].endswith(".")
