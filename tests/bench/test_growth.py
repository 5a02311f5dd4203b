"""`bench growth`: counted and measured rows for both models, size by size."""

import json

import pytest

from explorer.analysis import cost
from explorer.bench import growth
from explorer.cli import main


def test_rows_hold_counted_work_and_only_measured_times():
    lines: list[str] = []
    found = growth.run("cpu", seconds=0, report=lines.append)
    rows = found["rows"]
    assert len(rows) == len(lines) and {row["model"] for row in rows} == {"mini-var", "mini-raster"}
    smallest = min(row["image_size"] for row in rows)
    for row in rows:
        assert (row["seconds"] is not None) == (row["image_size"] == smallest)
        assert row["flops"] > 0
    assert sum("left out" in line for line in lines) == len(rows) - 2
    json.dumps(found)


def test_the_published_family_is_counted_with_its_own_schedules():
    family = growth.published_family()
    assert [len(family.grids(side)) for side in (16, 32)] == [10, 10]
    assert growth.count(family, "next-scale", 16).tokens == 680
    assert round(cost.parameter_count(family.configs["next-scale"]) / 1e6) == 310
    assert round(cost.parameter_count(family.configs["raster"]) / 1e6) == 111


@pytest.mark.parametrize("seconds", ["0", "-3", "nan"])
def test_a_budget_of_nothing_is_one_line(capsys, seconds):
    assert main(["bench", "growth", "--seconds", seconds]) == 2
    assert "--seconds" in capsys.readouterr().err
