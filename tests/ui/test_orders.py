"""Scan orders for the page, without a browser: the figures of the analysis, a sentence for bad requests."""

import json
import math

import pytest

from explorer import orders as cell_orders
from explorer.analysis import scan_orders
from explorer.ui.compare import orders

OWN = ((1, 1), (2, 2), (4, 4))


def ask(own=OWN, **asked) -> dict:
    return orders.answer(own, asked)


def test_an_answer_holds_every_order_with_the_figures_of_the_analysis():
    view = ask(rows=4, columns=6, seed=5)
    assert [order["name"] for order in view["orders"]] == [
        "raster", "serpentine", "spiral", "z-curve", "hilbert", "random",
    ]  # fmt: skip
    for order in view["orders"]:
        order_N = cell_orders.scan_order(order["name"], 4, 6, seed=5)
        found = scan_orders.locality(cell_orders.steps_of(order_N, 4, 6))
        assert order["cells"] == order_N.tolist()
        assert (order["mean"], order["median"], order["longest"]) == (found.mean, found.median, found.longest)
        assert order["look_back"] == found.look_back_hw.flatten().tolist()
        assert order["known_4"] == pytest.approx(float(found.share_4_hw.mean()))
        assert sum(order["counts"]) == view["pairs"] == 4 * 5 + 6 * 3
        assert sum(order["known_4_of"]) == 24 and order["known_4_of"][0] == order["alone"]
        assert order["steps"] == order["tokens"] == 24


def test_an_answer_is_plain_json():
    view = ask(rows=32, columns=32)
    assert json.loads(json.dumps(view, allow_nan=False)) == view


def test_the_spiral_turns_when_asked_and_the_seed_counts():
    inwards, outwards = (ask(rows=4, columns=4, spiral=way)["orders"][2] for way in ("inwards", "outwards"))
    assert inwards["cells"] == outwards["cells"][::-1]
    one, other = (ask(rows=4, columns=4, seed=seed)["orders"][-1] for seed in (1, 2))
    assert one["cells"] != other["cells"]


def test_next_scale_uses_the_maps_of_the_tokenizer_where_they_end_at_this_grid():
    own = ask(rows=4, columns=4)["scales"]
    assert own["own"] and [(one["h"], one["w"]) for one in own["maps"]] == list(OWN)
    assert (own["tokens"], own["steps"]) == (21, 3)
    other = ask(rows=8, columns=4)["scales"]
    assert not other["own"] and (other["maps"][-1]["h"], other["maps"][-1]["w"]) == (8, 4)


def test_next_scale_keeps_known_and_covered_apart():
    scales = ask(rows=4, columns=4)["scales"]
    assert scales["mean"] == scales["longest"] == 0 and scales["counts"][0] == 24
    assert scales["known_4"] == 0 and scales["covered_4"] == 1
    first, second, _ = scales["maps"]
    assert first["covered_4"] is None and first["coarser"] == 0  # nothing is coarser than the first map
    assert second["covered_4"] == 1 and second["known_4"] == 0 and second["apart"] == 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "The number of rows is a whole number from 2 to 32, nothing was given."),
        ({"rows": 8}, "The number of columns is a whole number"),
        ({"rows": 8, "columns": 33}, "columns lies from 2 to 32; 33 is outside"),
        ({"rows": 1, "columns": 8}, "rows lies from 2 to 32; 1 is outside"),
        ({"rows": "8", "columns": 8}, "not 8."),
        ({"rows": True, "columns": 8}, "not True"),
        ({"rows": 8.5, "columns": 8}, "not 8.5"),
        ({"rows": math.nan, "columns": 8}, "whole number"),
        ({"rows": math.inf, "columns": 8}, "whole number"),
        ({"rows": 8, "columns": 8, "seed": -1}, "The seed lies from 0"),
        ({"rows": 8, "columns": 8, "spiral": "sideways"}, "inwards or outwards, not 'sideways'"),
        ({"rows": [8], "columns": 8}, "whole number"),
    ],
)
def test_a_bad_request_is_one_clear_sentence(asked, told):
    answer = orders.answer(OWN, asked)
    assert set(answer) == {"problem"}
    assert told in answer["problem"] and answer["problem"].endswith(".")


@pytest.mark.parametrize("asked", [None, "8x8", 5, [8, 8]])
def test_what_is_no_request_is_told_too(asked):
    assert "whole number" in orders.answer(OWN, asked)["problem"]


def test_whole_numbers_may_come_as_floats():
    assert ask(rows=4.0, columns=4.0) == ask(rows=4, columns=4)
