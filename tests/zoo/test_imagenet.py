"""Released models draw ImageNet's classes: their names are those of the labels."""

import pytest
from generator_support import random_raster

from explorer.generators.arguments import label_numbers
from explorer.zoo.imagenet import class_names


def test_names_stand_in_label_order_and_are_all_different():
    names = class_names(1000)
    assert len(names) == len({name.lower() for name in names}) == 1000
    known = {0: "tench", 1: "goldfish", 134: "crane (bird)", 207: "golden retriever", 517: "crane (machine)"}
    known |= {281: "tabby", 388: "giant panda", 980: "volcano", 999: "toilet tissue"}
    assert {n: names[n] for n in known} == known


@pytest.mark.parametrize("asked", ["golden retriever", "Golden-Retriever", "golden_retriever", "207", 207])
def test_a_released_models_class_is_asked_by_name_or_number(asked):
    assert label_numbers(asked, class_names(1000), 1000, "var_d16") == (207,)


def test_other_models_have_numbers_only():
    assert class_names(16) is None
    assert random_raster().classes == ("0", "1", "2", "3")
