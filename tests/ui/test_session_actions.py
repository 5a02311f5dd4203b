"""What visitors do to a session, without a browser: pictures of every kind, edits, undo, what is refused."""

import io
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_tokenizers import tiny_multi

from explorer.samples import load_sample
from explorer.token_maps import TokenMaps
from explorer.tokenizers.carried import carried, save_options, survived
from explorer.tokenizers.images import open_image, to_pil
from explorer.ui import workbench
from explorer.ui.actions import MAX_PIXELS, open_picture, perform
from explorer.ui.edit import exporting
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.inspect import developing
from explorer.ui.page import act, first_session
from explorer.ui.session import Session
from explorer.ui.views import content_key, session_view
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module")
def bench():
    return Workbench(tiny_multi())


@pytest.fixture(scope="module")
def session(bench):
    return first_session(bench)


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """Writes bytes where Gradio would, and gives the data of the upload action."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def write(content: bytes, name: str = "picture.png") -> dict:
        (tmp_path / "upload").write_bytes(content)
        return {"kind": "upload", "path": str(tmp_path / "upload"), "name": name, "ticket": 1}

    return write


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def colours(mode: str = "RGB", size=(30, 20)) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def rotated_by_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(colours(), "JPEG", exif=exif)


GOOD = {
    "png": lambda: saved(colours(), "PNG"),
    "jpeg": lambda: saved(colours(), "JPEG"),
    "cmyk": lambda: saved(colours("CMYK"), "JPEG"),
    "alpha": lambda: saved(colours("RGBA"), "PNG"),
    "palette": lambda: saved(colours("P"), "PNG"),
    "16 bit": lambda: saved(Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100), "PNG"),
    "animated gif": lambda: saved(
        colours("P"), "GIF", save_all=True, append_images=[colours("P"), colours("P")]
    ),
    "exif rotation": rotated_by_exif,
    "1x1": lambda: saved(colours(size=(1, 1)), "PNG"),
    "very wide": lambda: saved(colours(size=(3000, 2)), "PNG"),
}
BAD = {
    "text": lambda: b"hello, this is no picture",
    "empty": lambda: b"",
    "cut off": lambda: saved(colours(size=(200, 200)), "PNG")[:900],
    "corrupt": lambda: saved(colours(size=(200, 200)), "JPEG")[:100] + b"\0" * 500,
    "100 megapixels": lambda: saved(Image.new("L", (10_000, 10_000)), "PNG"),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_usual_picture_opens(bench, session, uploads, kind):
    (new, answer) = list(act(bench, session, uploads(GOOD[kind](), f"{kind}.png")))[-1]
    assert "problem" not in answer
    assert new.present.title == f"{kind}.png" and new.past[-1] is session.present
    assert answer["session"]["scales"][-1]["image"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_sentence_and_changes_nothing(bench, session, uploads, kind):
    (new, answer) = list(act(bench, session, uploads(BAD[kind]())))[-1]
    assert new is session
    assert "picture.png" in answer["problem"] and answer["problem"].endswith("What you had is unchanged.")
    assert "Traceback" not in answer["problem"] and "\n" not in answer["problem"]


def test_the_size_limit_is_16_megapixels(bench, session, uploads):
    assert MAX_PIXELS == 16_000_000
    (new, answer) = list(act(bench, session, uploads(saved(Image.new("L", (4001, 4000)), "PNG"))))[-1]
    assert "16.0 megapixels" in answer["problem"]


def test_only_gradio_s_upload_folder_is_read(bench, session, uploads):
    uploads(b"")
    for path in ("/etc/passwd", "", "../../etc/passwd", None, 7, "\0"):
        (new, answer) = list(act(bench, session, {"kind": "upload", "path": path, "ticket": 3}))[-1]
        assert new is session and "problem" in answer


def test_a_replaced_token_changes_picture_and_marks(bench, session):
    new = perform(bench, session, "replace", {"scale": 2, "cells": [1, 2], "code": 9})
    assert new.present.maps[1][0].flatten()[[1, 2]].tolist() == [9, 9]
    assert all(torch.equal(new.present.maps[k], session.present.maps[k]) for k in (0, 2, 3))
    view = session_view(bench, new)
    assert (
        view["scales"][1]["changed"]
        == (new.present.maps[1] != session.present.maps[1]).int().flatten().tolist()
    )
    assert view["scales"][-1]["image"] != session_view(bench, session)["scales"][-1]["image"]
    assert view["difference"]["mean"] > 0
    assert session_view(bench, new.undo()) | {"edit": 0} == session_view(bench, session) | {"edit": 0}


def test_what_belongs_to_the_picture_is_sent_once(bench, session):
    new = perform(bench, session, "replace", {"scale": 2, "cells": [0], "code": 33})
    whole, rest = session_view(bench, new), session_view(bench, new, known=new.present.number)
    assert {"input", "before", "title"} <= whole.keys() - rest.keys() and "near" not in rest["scales"][0]
    assert all(whole[key] == rest[key] for key in rest if key != "scales")
    for a, b in zip(whole["scales"], rest["scales"], strict=True):
        assert all(a[key] == b[key] for key in b)


def test_requantising_keeps_coarse_scales_and_equals_the_tokenizer(bench, session):
    keen = session.with_policy("requantise")
    new = perform(bench, keen, "replace", {"scale": 2, "cells": [0], "code": 5})
    image = as_image(session.present.picture.fits[session.present.fit])
    expected = bench.tokenizer.encode(image, given=new.present.maps, keep=2)
    assert new.present.maps == expected
    assert torch.equal(new.present.maps[0], session.present.maps[0])


def test_undo_and_redo_walk_the_same_line(bench, session):
    rng = random.Random(4)
    line = [session]
    for _ in range(12):
        scale = rng.randint(1, 4)
        data = {"scale": scale, "cells": [rng.randrange(scale * scale)], "code": rng.randrange(64)}
        line.append(perform(bench, line[-1], "replace", data))
    line = [line[0], *[b for a, b in zip(line, line[1:], strict=False) if a is not b]]
    now = line[-1]
    for earlier in reversed(line[:-1]):
        now = now.undo()
        assert now.present is earlier.present
    for later in line[1:]:
        now = now.redo()
        assert now.present is later.present
    with pytest.raises(ValueError, match="nothing to redo"):
        now.redo()
    assert now.undo().then(line[0].present).future == ()


def test_reset_and_fit_and_sample_can_be_undone(bench, session):
    edited = perform(bench, session, "replace", {"scale": 4, "cells": [0], "code": 1})
    for kind, data in (("reset", {}), ("fit", {"fit": "letterbox"}), ("sample", {"name": "cat"})):
        assert perform(bench, edited, kind, data).undo().present is edited.present
    assert perform(bench, edited, "reset", {}).present.maps == session.present.maps


def test_a_generated_picture_is_taken_over_and_requantised_without_input(bench, session):
    maps = [[(7 * k + n) % 64 for n in range(h * w)] for k, (h, w) in enumerate(bench.tokenizer.grids)]
    new = perform(bench, session, "adopt", {"maps": maps, "label": "sea", "seed": 3})
    view = session_view(bench, new)
    assert view["title"] == "Sea, seed 3" and view["input"] == "" and view["scales"][0]["psnr"] is None
    assert [scale["ids"] for scale in view["scales"]] == maps
    again = perform(bench, new.with_policy("requantise"), "replace", {"scale": 1, "cells": [0], "code": 50})
    assert again.present.maps == bench.tokenizer.requantise(new.present.maps, again.present.maps, 1)


@pytest.mark.parametrize(
    "kind, data",
    [
        ("replace", {}),
        ("replace", {"scale": 9, "cells": [0], "code": 1}),
        ("replace", {"scale": 1, "cells": [1], "code": 1}),
        ("replace", {"scale": 1, "cells": [0], "code": 64}),
        ("replace", {"scale": 1, "cells": [0], "code": -1}),
        ("replace", {"scale": 1, "cells": [0], "code": True}),
        ("replace", {"scale": 1, "cells": "0", "code": 1}),
        ("replace", {"scale": 1, "cells": [0] * 99, "code": 1}),
        ("sample", {"name": "../../etc/passwd"}),
        ("fit", {"fit": "stretch"}),
        ("policy", {"policy": "forget"}),
        ("adopt", {"maps": [[1]]}),
        ("adopt", {"maps": [[1], [2] * 4, [3] * 9, [99] * 16]}),
        ("undo", {}),
        ("redo", {}),
        ("format the disk", {}),
    ],
)
def test_what_a_page_should_never_send_is_a_sentence(bench, session, kind, data):
    (new, answer) = list(act(bench, session, {"kind": kind, "ticket": 1, **data}))[-1]
    assert new is session and answer["problem"].endswith(".") and answer["ticket"] == 1


def test_a_broken_model_leaves_the_session_and_says_so(bench, session, monkeypatch):
    monkeypatch.setattr(type(bench), "traced", lambda *_: 1 / 0)
    (new, answer) = list(act(bench, session, {"kind": "sample", "name": "cat", "ticket": 1}))[-1]
    assert new is session and answer["problem"].startswith("Something went wrong")


def test_where_decoding_is_slow_tokens_come_first_then_the_last_picture(session, monkeypatch):
    slow = Workbench(tiny_multi())
    assert not slow.slow
    monkeypatch.setattr(workbench, "QUICK_PIXELS", 100)
    assert slow.slow
    data = {"kind": "replace", "scale": 2, "cells": [0], "code": 3, "ticket": 1}
    first, last = list(act(slow, session, data))
    assert "ticket" not in first[1] and last[1]["ticket"] == 1
    early, late = first[1]["session"]["scales"], last[1]["session"]["scales"]
    assert [scale["preview"] for scale in early] == [True] * 4
    assert [scale["preview"] for scale in late] == [True, True, True, False]
    assert all(scale["image"] for scale in early + late) and not any(scale["stale"] for scale in late)
    assert [scale["ids"] for scale in early] == [scale["ids"] for scale in late]
    assert first[1]["session"]["difference"] is None and last[1]["session"]["difference"]["mean"] > 0
    assert [scale["psnr"] is None for scale in late] == [True, True, True, False]


def test_pictures_that_follow_are_those_of_a_quick_page(session, monkeypatch):
    bench = Workbench(tiny_multi())
    whole = session_view(bench, session)
    key = content_key(session.present)
    found = list(developing.views(bench, session, {"key": key, "scales": [1, 2, 3]}))
    assert found[-1] == {"status": "done"} and [view["k"] for view in found[:-1]] == [2, 1, 0]
    for view in found[:-1]:
        scale = whole["scales"][view["k"]]
        assert view["psnr"] == pytest.approx(scale["psnr"], abs=1e-2) and view["key"] == key
        assert view["image"].startswith("data:image/png")
    assert [view["done"] for view in found[:-1]] == [1, 2, 3] and found[2]["left"] == 0 < found[0]["left"]
    assert list(developing.views(bench, session, {"key": "1-x", "scales": [1]})) == [{"status": "outdated"}]
    assert list(developing.views(bench, Session(), {})) == [{"status": "outdated"}]
    for scales in (None, [0], [5], [True], ["1"]):
        with pytest.raises(ValueError, match="whole numbers from 1 to 4"):
            list(developing.views(bench, session, {"key": key, "scales": scales}))


def test_one_picture_is_traced_once_for_all_visitors(bench, monkeypatch):
    asked = []
    real = type(bench.tokenizer).trace
    monkeypatch.setattr(
        type(bench.tokenizer), "trace", lambda self, *more, **kw: asked.append(1) or real(self, *more, **kw)
    )
    own = Workbench(bench.tokenizer)
    views = [session_view(own, first_session(own)) for _ in range(3)]
    assert len(asked) == 1 and views[0] == views[1] == views[2]
    image = own.tokenizer.fit(load_sample("flower"))
    assert first_session(own).present.maps == own.tokenizer.encode(image)


def test_every_fit_of_a_picture_is_what_the_tokenizer_would_fit(bench):
    image = colours(size=(57, 31))
    picture = open_picture(bench, Session(), image, "x").present.picture
    for mode, pixels in picture.fits.items():
        assert torch.equal(as_image(pixels), bench.tokenizer.fit(image, mode))


def test_cards_describe_codes(bench):
    card = bench.card(3)
    distances = [one["distance"] for one in card["near"]]
    assert card["id"] == 3 and distances == sorted(distances) and 3 not in [one["id"] for one in card["near"]]
    assert card["usage"] is None
    counted = Workbench(bench.tokenizer, usage_KV=torch.arange(4 * 64).view(4, 64), usage_of="ten photos")
    assert counted.card(63)["usage"][0] == pytest.approx(63 / 2016)
    for wrong in (-1, 64, True, "3", None, [1]):
        with pytest.raises(ValueError, match="codes go from 0 to 63"):
            bench.card(wrong)


def carrying(bench, maps) -> bytes:
    return saved(to_pil(bench.tokenizer.decode(maps))[0], "PNG", **save_options("PNG", maps))


def test_a_file_that_carries_its_tokens_offers_them(bench, session, uploads):
    tok = bench.tokenizer
    generator = torch.Generator().manual_seed(0)
    own = [torch.randint(tok.vocab_size, (1, *grid), generator=generator) for grid in tok.grids]
    own = TokenMaps(own, tok.meta)
    seen = perform(bench, session, "upload", uploads(carrying(bench, own)))
    view = session_view(bench, seen)["carried"]
    share, scales = survived(own, seen.present.source)
    assert view == {"used": False, "share": share, "scales": list(scales)} and share < 0.5
    taken = perform(bench, seen, "own_tokens", {})
    assert taken.present.source == own == taken.present.maps
    after = session_view(bench, taken)
    assert after["carried"]["used"] and after["edit"]["changed"] == 0
    assert after["scales"][0]["distance"] is None, "they were not chosen for their distance"
    assert session_view(bench, taken.undo())["carried"] == view


def test_tokens_that_this_model_cannot_read_are_told(bench, session, uploads):
    tok = bench.tokenizer
    maps = TokenMaps([torch.zeros(1, *grid, dtype=torch.int64) for grid in tok.grids], tok.meta)
    foreign = maps.with_meta({**tok.meta, "sha256": "f" * 64, "tokenizer": "another"})
    content = saved(to_pil(tok.decode(maps))[0], "PNG", **save_options("PNG", foreign))
    seen = perform(bench, session, "upload", uploads(content))
    view = session_view(bench, seen)
    assert view["carried"] is None and "tokens of another, which this model cannot read" in view["credit"]
    with pytest.raises(ValueError, match="carries no tokens"):
        perform(bench, seen, "own_tokens", {})
    assert "carried" in session_view(bench, session) and session_view(bench, session)["carried"] is None


def test_the_exported_picture_carries_what_is_on_show(bench, session):
    maps = session.present.maps
    other = session.then(replace(session.present, maps=maps.with_map(1, (maps[0] + 1) % 2)))
    assert carried(open_image(exporting.png_bytes(bench, other.present))) == other.present.maps != maps
