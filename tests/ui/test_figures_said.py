"""Numbers that the page says and that a slip would change without a word: shares, strengths, thresholds."""

from types import SimpleNamespace

import pytest
import torch

from explorer.ui.compare import race_facts
from explorer.ui.learn.guidance_runs import STRONGEST, proposed
from explorer.ui.workbench import Workbench


def test_a_codes_share_is_of_the_tokens_of_its_own_scale():
    counts_KV = torch.tensor([[3, 1, 0], [10, 20, 70]])
    bench = SimpleNamespace(usage_KV=counts_KV)
    assert Workbench.shares(bench, 0, [0, 1, 2, -1]) == [0.75, 0.25, 0.0, None]
    assert Workbench.shares(bench, 1, [0, 2]) == [0.1, 0.7]
    assert Workbench.shares(bench, 2, [0]) is None
    assert Workbench.shares(SimpleNamespace(usage_KV=None), 0, [0]) is None


@pytest.mark.parametrize("default, wanted", [(2.0, [0, 2, 6]), (0.0, [0, 2, 6]), (9.0, [0, 9, STRONGEST])])
def test_guidance_is_compared_with_none_and_three_times_the_default(default, wanted):
    generator = SimpleNamespace(sampling={"guidance": default}, order="next-scale")
    assert proposed(generator) == wanted


@pytest.mark.parametrize("ratio, same", [(1.0, True), (1.09, True), (1.11, False), (2.9, False)])
def test_training_work_is_called_the_same_up_to_a_tenth(ratio, same):
    lanes = [
        {"name": name, "trained": {"flops": work}} for name, work in (("one", 1e15), ("two", ratio * 1e15))
    ]
    for first, second in (lanes, lanes[::-1]):
        said = race_facts._training(first, second)
        assert said.startswith("About the same") == same
        if not same:
            assert said.startswith(f"two had {ratio:.1f} times the training work of one")
