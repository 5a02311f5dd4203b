"""Edit beyond single tokens: finer scales by the generator, whole maps, mixing, named states."""

import pytest
import torch
from generator_support import fill
from tiny_tokenizers import tiny_multi, tiny_rectangle

from explorer.generators import NextScaleGenerator
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.samples import load_sample
from explorer.ui.actions import perform
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.edit.edit_operations import REARRANGED, randomised
from explorer.ui.page import act, first_session
from explorer.ui.views import model_view, session_view
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module")
def plain():
    """Without a generator, without usage."""
    return Workbench(tiny_multi())


@pytest.fixture(scope="module")
def bench():
    tok = tiny_multi()
    config = VARConfig(tok.vocab_size, tok.codebook.shape[1], tok.grids, 3, depth=1, width=16, num_heads=2)
    net = fill(VARTransformer(config).eval(), seed=5)
    generator = NextScaleGenerator(net, tok, name="tiny-var", classes=("cat", "dog", "garbage_truck"))
    return Workbench(tok, generator)


@pytest.fixture(scope="module")
def session(bench):
    return first_session(bench)


def refused(bench, session, kind, **data) -> str:
    """The sentence of an action that cannot be done; the session has stayed as it was."""
    (new, answer) = list(act(bench, session, {"kind": kind, "ticket": 1, **data}))[-1]
    assert new is session and answer["problem"].endswith(".") and answer["ticket"] == 1
    return answer["problem"]


def steps(session) -> list[str]:
    return [scene.step for scene in (*session.past, session.present, *session.future)]


# Finer scales by the generator


def drawn(bench, maps, keep, label, seed):
    *_, last = bench.generator.generate(label, seed=seed, given=maps, keep=keep)
    return last.maps


def test_an_edit_lets_the_generator_write_the_finer_scales(bench, session):
    keen = perform(bench, session, "policy", {"policy": "regenerate", "label": "garbage_truck", "seed": 7})
    assert keen.present is session.present
    new = perform(bench, keen, "replace", {"scale": 2, "cells": [0], "code": 5})
    own = session.present.maps
    ids = own[1].clone()
    ids[0, 0, 0] = 5
    expected = drawn(bench, own.with_map(2, ids), 2, "garbage_truck", 7)
    assert new.present.maps == expected and torch.equal(new.present.maps[1], ids)
    assert steps(new)[-1] == "Scale 2: 1 token to code 5, finer regenerated as garbage truck, seed 7"
    assert new.undo().present is session.present
    last = perform(bench, keen, "replace", {"scale": 4, "cells": [0], "code": 5})
    assert steps(last)[-1] == "Scale 4: 1 token to code 5"  # there is nothing finer


def test_finer_scales_are_regenerated_at_once(bench, session):
    new = perform(bench, session, "regenerate", {"scale": 1, "label": "cat", "seed": 3})
    assert new.present.maps == drawn(bench, session.present.maps, 1, "cat", 3)
    assert new.present.maps.meta == session.present.maps.meta
    assert steps(new)[-1] == "Scales 2 to 4: regenerated as cat, seed 3"
    other = perform(bench, session, "regenerate", {"scale": 3, "label": "cat", "seed": 4})
    assert steps(other)[-1] == "Scale 4: regenerated as cat, seed 4"
    kept = zip(other.present.maps.maps[:3], session.present.maps.maps[:3], strict=True)
    assert all(torch.equal(a, b) for a, b in kept)
    assert new.undo().present is session.present and new.undo().redo().present is new.present
    assert (
        session_view(bench, new)["edit"] | {"policy": "regenerate", "label": "cat", "seed": 3}
        == (session_view(bench, new)["edit"])
    )


def test_without_a_generator_regenerating_is_a_sentence(plain, bench, session):
    alone = first_session(plain)
    assert model_view(bench)["no_regenerate"] == ""
    sentence = model_view(plain)["no_regenerate"]
    assert "No generator is loaded" in sentence
    assert refused(plain, alone, "policy", policy="regenerate", label="cat", seed=0) == sentence
    assert refused(plain, alone, "regenerate", scale=1, label="cat", seed=0) == sentence
    assert "no class" in refused(bench, session, "policy", policy="regenerate", label="<b>", seed=0)
    assert "no class" in refused(bench, session, "policy", policy="regenerate")
    assert "seed" in refused(bench, session, "regenerate", scale=1, label="cat", seed=-1).lower()
    assert "from 1 to 3" in refused(bench, session, "regenerate", scale=4, label="cat", seed=0)


# Whole maps


@pytest.mark.parametrize("how", REARRANGED)
def test_a_map_is_rearranged_and_undone(bench, session, how):
    own = session.present.maps
    new = perform(bench, session, "whole", {"scale": 3, "how": how})
    ids, moved = own[2][0], new.present.maps[2][0]
    at = {
        "left": lambda i, j: (i, (j + 1) % 3),
        "right": lambda i, j: (i, (j - 1) % 3),
        "up": lambda i, j: ((i + 1) % 3, j),
        "down": lambda i, j: ((i - 1) % 3, j),
        "mirror": lambda i, j: (i, 2 - j),
        "overturn": lambda i, j: (2 - i, j),
        "transpose": lambda i, j: (j, i),
    }[how]
    assert all(moved[i, j] == ids[at(i, j)] for i in range(3) for j in range(3))
    assert all(torch.equal(new.present.maps[k], own[k]) for k in (0, 1, 3))
    assert steps(new)[-1] == f"Scale 3: {REARRANGED[how][0]}"
    assert new.undo().present is session.present


def test_random_maps_follow_the_seed_and_the_counted_use(bench, session):
    new = perform(bench, session, "whole", {"scale": 4, "how": "randomise", "seed": 5})
    again = perform(bench, session, "whole", {"scale": 4, "how": "randomise", "seed": 5})
    other = perform(bench, session, "whole", {"scale": 4, "how": "randomise", "seed": 6})
    assert new.present.maps == again.present.maps != other.present.maps
    assert steps(new)[-1] == "Scale 4: random, seed 5"
    assert new.undo().present is session.present
    usage_KV = torch.zeros(4, 64, dtype=torch.int64)
    usage_KV[3, [7, 9]] = torch.tensor([100, 1])
    counted = Workbench(bench.tokenizer, usage_KV=usage_KV, usage_of="ten photos")
    codes = perform(counted, session, "whole", {"scale": 4, "how": "randomise", "seed": 5}).present.maps[3]
    assert set(codes.flatten().tolist()) <= {7, 9} and (codes == 7).sum() > 8
    assert randomised(codes, 1, 64, usage_KV[0]).max() > 9  # nothing was counted there: any code


def test_finer_scales_follow_a_whole_map(bench, session):
    keen = session.with_policy("requantise")
    new = perform(bench, keen, "whole", {"scale": 2, "how": "mirror"})
    image = as_image(session.present.picture.fits[session.present.fit])
    assert new.present.maps == bench.tokenizer.encode(image, given=new.present.maps, keep=2)
    assert steps(new)[-1] == "Scale 2: flipped left to right, finer re-quantised"


def test_what_cannot_be_done_to_a_map_is_a_sentence(bench, session):
    assert "Scale 1 stays as it is" in refused(bench, session, "whole", scale=1, how="mirror")
    assert "unknown" in refused(bench, session, "whole", scale=1, how="<b>")
    assert "unknown" in refused(bench, session, "whole", scale=1, how=["mirror"])
    assert "scale" in refused(bench, session, "whole", scale=9, how="mirror")
    assert "seed" in refused(bench, session, "whole", scale=1, how="randomise").lower()
    wide = Workbench(tiny_rectangle())
    assert "3 × 5" in refused(wide, first_session(wide), "whole", scale=4, how="transpose")


# Mixing with another picture


def test_fine_scales_come_from_a_sample(bench, session):
    new = perform(bench, session, "mix", {"source": "sample", "name": "cat", "scale": 2})
    cat = perform(bench, session, "sample", {"name": "cat"}).present
    own = session.present.maps
    for k, ids in enumerate(new.present.maps):
        assert torch.equal(ids, own[k] if k < 2 else cat.maps[k])
    assert steps(new)[-1] == f"Scales 3 to 4: from {cat.title}"
    assert new.present.number == session.present.number and new.undo().present is session.present
    assert bench.tokenizer.decode(new.present.maps).shape == (1, 3, 16, 16)


def test_fine_scales_come_from_an_upload_or_a_run(bench, session, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    load_sample("coffee").save(tmp_path / "x.png")
    sent = {"source": "upload", "path": str(tmp_path / "x.png"), "name": "x.png", "scale": 3}
    coffee = perform(bench, session, "sample", {"name": "coffee"}).present
    new = perform(bench, session, "mix", sent)
    assert torch.equal(new.present.maps[3], coffee.maps[3]) and steps(new)[-1] == "Scale 4: from x.png"
    maps = [[(7 * k + n) % 64 for n in range(h * w)] for k, (h, w) in enumerate(bench.tokenizer.grids)]
    run = {"source": "adopt", "maps": maps, "label": "garbage_truck", "seed": 3, "scale": 1}
    new = perform(bench, session, "mix", run)
    assert [ids.flatten().tolist() for ids in new.present.maps.maps[1:]] == maps[1:]
    assert steps(new)[-1] == "Scales 2 to 4: from Garbage truck, seed 3"


def test_what_cannot_be_mixed_is_a_sentence(bench, session):
    assert "same tokens" in refused(bench, session, "mix", source="sample", name="flower", scale=2)
    assert "from 1 to 3" in refused(bench, session, "mix", source="sample", name="cat", scale=4)
    assert "no such sample" in refused(bench, session, "mix", source="sample", name="x", scale=1)
    assert "upload did not arrive" in refused(bench, session, "mix", source="upload", path="/etc/passwd")
    assert "cannot come from" in refused(bench, session, "mix", source="mix", scale=1)
    assert "not complete" in refused(bench, session, "mix", source="adopt", maps=[[1]], scale=1)


# Named states


def shown(bench, session) -> list[tuple[str, bool]]:
    """The names on the page, and whether each is what is on show."""
    return [(one["name"], one["now"]) for one in session_view(bench, session)["edit"]["named"]]


def test_a_named_state_comes_back_and_can_be_undone(bench, session):
    edited = perform(bench, session, "replace", {"scale": 4, "cells": [3], "code": 9})
    named = perform(bench, edited, "snapshot", {"name": "  my   <b>state</b> "})
    assert named.past == edited.past and named.present is edited.present  # naming is no step
    assert shown(bench, named) == [("my <b>state</b>", True)]
    other = perform(bench, named.undo(), "sample", {"name": "cat"})
    assert shown(bench, other) == [("my <b>state</b>", False)]
    back = perform(bench, other, "recall", {"name": "my <b>state</b>"})
    assert back.present.maps == edited.present.maps and back.present.number == edited.present.number
    assert steps(back)[-1] == "Restored “my <b>state</b>”"
    assert back.undo().present is other.present
    assert perform(bench, back, "forget", {"name": "my <b>state</b>"}).named == ()


def test_a_name_moves_and_is_limited(bench, session):
    edited = perform(bench, session, "replace", {"scale": 4, "cells": [3], "code": 9})
    named = perform(bench, session, "snapshot", {"name": "a"})
    moved = perform(bench, named, "replace", {"scale": 4, "cells": [3], "code": 9})
    moved = perform(bench, moved, "snapshot", {"name": "a"})
    assert len(moved.named) == 1 and moved.named[0][1].maps == edited.present.maps
    assert perform(bench, moved, "recall", {"name": "a"}) is moved  # that is where it stands already
    full = session
    for n in range(20):
        full = perform(bench, full, "snapshot", {"name": f"state {n}"})
    assert "the most" in refused(bench, full, "snapshot", name="one more")
    assert perform(bench, full, "snapshot", {"name": "state 3"}).named[-1][0] == "state 3"
    assert "Type a name" in refused(bench, session, "snapshot", name="   ")
    assert "No state" in refused(bench, session, "recall", name="never given")
    assert "No state" in refused(bench, session, "forget")
