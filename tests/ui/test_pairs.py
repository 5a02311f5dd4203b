"""Pairs by order: a masked pair is neither of the two that are compared, and takes nobody's place."""

from generator_support import random_masked, random_raster, random_var

from explorer.families import ANY_ORDER
from explorer.ui.compare.pairs import NEXT_SCALE, RASTER, Pair, by_order
from explorer.ui.learn.guidance_runs import no_guidance


def test_each_pair_stands_under_its_own_order():
    var, raster, masked = (
        Pair(gen.tokenizer, gen) for gen in (random_var(), random_raster(), random_masked())
    )
    assert (var.order, raster.order, masked.order) == (NEXT_SCALE, RASTER, ANY_ORDER)
    assert by_order(masked, None, raster, var) == {NEXT_SCALE: var, RASTER: raster}
    assert by_order(masked) == {}


def test_no_guidance_in_each_models_own_meaning():
    assert [no_guidance(gen) for gen in (random_var(), random_raster(), random_masked())] == [0.0, 1.0, 1.0]
