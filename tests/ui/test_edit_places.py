"""Edits of chosen places: one code at several scales, erasing, and places of another picture."""

import pytest
import torch
from tiny_tokenizers import MULTI_GRIDS, VOCAB, tiny_multi, tiny_single

from explorer.ui.actions import perform
from explorer.ui.page import act, first_session
from explorer.ui.session import Session
from explorer.ui.views import map_view
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module")
def bench():
    return Workbench(tiny_multi())


@pytest.fixture(scope="module")
def session(bench):
    return first_session(bench)


def refused(bench, session, kind, **data) -> str:
    (new, answer) = list(act(bench, session, {"kind": kind, "ticket": 1, **data}))[-1]
    assert new is session
    return answer["problem"]


def flat(session: Session, scale: int) -> list[int]:
    return session.present.maps[scale - 1].flatten().tolist()


# One code at several scales


def test_places_of_several_scales_are_one_step(bench, session):
    data = {"scale": 4, "cells": [0, 5], "others": [{"scale": 2, "cells": [3]}], "code": 9}
    new = perform(bench, session, "replace", data)
    for scale, cells in ((4, {0, 5}), (2, {3}), (3, set())):
        own = flat(session, scale)
        assert flat(new, scale) == [9 if n in cells else code for n, code in enumerate(own)]
    assert new.present.step == "2 scales: 3 tokens to code 9"
    assert new.undo().present is session.present


@pytest.mark.parametrize("policy", ["keep", "requantise"])
def test_what_was_asked_for_at_a_fine_scale_stands_there_in_the_end(bench, session, policy):
    keen = session.with_policy(policy)
    data = {"scale": 1, "cells": [0], "others": [{"scale": 3, "cells": [2, 4]}], "code": 11}
    new = perform(bench, keen, "replace", data)
    assert flat(new, 1) == [11] and [flat(new, 3)[n] for n in (2, 4)] == [11, 11]
    if policy == "requantise":
        alone = perform(bench, perform(bench, keen, "replace", {"scale": 1, "cells": [0], "code": 11}),
                        "replace", {"scale": 3, "cells": [2, 4], "code": 11})  # fmt: skip
        assert new.present.maps == alone.present.maps
        assert new.present.step.endswith("finer re-quantised")


@pytest.mark.parametrize(
    "others",
    [
        "all",
        [1],
        [{"scale": 4, "cells": [1]}],
        [{"scale": 9, "cells": [1]}],
        [{"scale": 2, "cells": []}],
        [{"scale": 2, "cells": [4]}],
        [{"scale": 2, "cells": [0]}, {"scale": 2, "cells": [1]}],
        [{"scale": 2, "cells": [0]}] * 9,
    ],
)
def test_places_that_are_none_are_refused(bench, session, others):
    assert refused(bench, session, "replace", scale=4, cells=[0], others=others, code=1).endswith(".")


# Erasing


def test_an_erased_token_gets_the_code_that_adds_least_at_its_scale(bench, session):
    data = {"scale": 2, "cells": [0], "others": [{"scale": 4, "cells": [1, 2]}]}
    new = perform(bench, session, "erase", data)
    least = [int(bench.tokenizer.contributions(scale).norm(dim=1).argmin()) for scale in (2, 4)]
    assert [flat(new, 2)[0], *flat(new, 4)[1:3]] == [least[0], least[1], least[1]]
    assert new.present.step == "2 scales: 3 tokens erased"
    assert new.undo().present is session.present
    assert refused(bench, new, "erase", **data).startswith("Nothing to erase")
    assert "from 1 to 4" in refused(bench, session, "erase", scale=5, cells=[0])


def test_a_single_scale_gets_the_code_closest_to_the_mean():
    bench = Workbench(tiny_single())
    new = perform(bench, first_session(bench), "erase", {"scale": 1, "cells": [3]})
    codebook_VC = bench.tokenizer.codebook
    assert flat(new, 1)[3] == int((codebook_VC - codebook_VC.mean(0)).norm(dim=1).argmin())


# A region of another picture


def test_chosen_places_come_from_another_picture(bench, session):
    cells = [0, 3, 7]
    new = perform(bench, session, "paste", {"source": "sample", "name": "cat", "scale": 4, "cells": cells})
    other = perform(bench, session, "sample", {"name": "cat"})
    own, theirs = flat(session, 4), flat(other, 4)
    assert flat(new, 4) == [theirs[n] if n in cells else code for n, code in enumerate(own)]
    assert new.present.picture is session.present.picture
    assert new.present.step == f"Scale 4: 3 tokens from {other.present.title}"
    assert new.undo().present is session.present


def test_a_region_of_a_generated_picture_is_followed_by_the_policy(bench, session):
    ids = [[(n + k) % VOCAB for n in range(h * w)] for k, (h, w) in enumerate(MULTI_GRIDS)]
    data = {"source": "adopt", "maps": ids, "label": "sea", "seed": 3, "scale": 2, "cells": [1]}
    new = perform(bench, session.with_policy("requantise"), "paste", data)
    own = session.present.maps[1].clone()
    own.view(-1)[1] = ids[1][1]
    assert torch.equal(new.present.maps[1], own)
    assert new.present.step == "Scale 2: 1 token from Sea, seed 3, finer re-quantised"


def test_what_cannot_be_pasted_is_a_sentence(bench, session):
    here = {"source": "sample", "name": session.present.picture.sample, "scale": 3, "cells": [0]}
    assert "same tokens there" in refused(bench, session, "paste", **here)
    assert "cannot come from" in refused(bench, session, "paste", **here | {"source": "disk"})
    assert "between 1 and 9" in refused(bench, session, "paste", **here | {"cells": [], "name": "cat"})
    assert "whole number" in refused(bench, session, "paste", **here | {"cells": ["1"], "name": "cat"})
    assert "Open a picture first" in refused(bench, Session(), "paste", **here)


# What the page colours by


def test_a_map_says_how_common_its_codes_are(bench, session):
    assert map_view(bench, session.present.maps, 1)["use"] is None
    usage_KV = torch.zeros(4, VOCAB, dtype=torch.int64)
    usage_KV[1] = torch.arange(VOCAB)
    counted = Workbench(bench.tokenizer, usage_KV=usage_KV, usage_of="1052 photos of 16 classes")
    assert counted.usage_of == "1,052 photos of 16 classes"
    view = map_view(counted, session.present.maps, 1)
    assert view["use"] == pytest.approx([code / 2016 for code in view["ids"]], rel=1e-3)
    assert map_view(counted, session.present.maps, 2)["use"] == [0] * 9
    unknown = session.present.maps.with_map(2, torch.tensor([[[-1, 1], [2, 3]]]))
    assert map_view(counted, unknown, 1)["use"][0] is None
