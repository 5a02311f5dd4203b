"""Take it along, in a real browser: files of the run in Generate and of the picture in Inspect and Edit."""

import io
import time
from pathlib import Path

import pytest
from PIL import Image

from explorer import TokenMaps
from explorer.ui.generate import run_exporting

pytestmark = pytest.mark.browser


@pytest.fixture
def generate(open_page):
    def open_one(width: str = "wide"):
        page = open_page(width)
        page.get_by_role("tab", name="Generate").click()
        page.locator(".ts-take:visible").wait_for()
        return page

    return open_one


def save(page, what: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.locator(f".ts-take:visible [data-what={what}]").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_a_run_is_saved_in_every_way(generate, tmp_path):
    page = generate()
    label = page.evaluate("() => Tokenscope.state.docs.run.label")
    stem = f"{label.replace('_', '-')}-seed0"
    names = {}
    for what in ("webp", "gif", "sheet", "png", "npz", "json", "py"):
        names[what], content = save(page, what)
        (tmp_path / what).write_bytes(content)
    assert names == {
        "webp": f"{stem}-steps.webp",
        "gif": f"{stem}-steps.gif",
        "sheet": f"{stem}-sheet.png",
        "png": f"{stem}.png",
        "npz": f"{stem}.npz",
        "json": f"{stem}.json",
        "py": f"{stem}.py",
    }
    assert Image.open(tmp_path / "webp").n_frames == page.evaluate(
        "() => Tokenscope.state.model.grids.length"
    )
    ids = page.evaluate("() => Tokenscope.state.docs.run.scales.map((scale) => scale.ids)")
    assert [scale.flatten().tolist() for scale in TokenMaps.load(tmp_path / "npz")] == ids
    assert b"generator.generate(" in (tmp_path / "py").read_bytes()  # the example can be drawn again
    assert not page.locator(".ts-take:visible [data-what=gallery]").is_visible()


def test_pictures_of_inspect_and_edit_are_saved(open_page):
    page = open_page()
    name, content = save(page, "webp")
    assert name.endswith("-scales.webp") and Image.open(io.BytesIO(content)).n_frames == 6
    name, content = save(page, "npz")  # Edit's own export
    assert name.startswith("tokenscope-") and name.endswith(".npz")
    page.get_by_role("tab", name="Edit").click()
    name, content = save(page, "sheet")
    assert name.endswith("-sheet.png") and Image.open(io.BytesIO(content)).width > 600


def test_a_file_can_be_cancelled_and_asked_for_again(generate, monkeypatch):
    page = generate()
    real = run_exporting.stage_picture
    monkeypatch.setattr(run_exporting, "stage_picture", lambda *asked: time.sleep(0.4) or real(*asked))
    page.locator(".ts-take:visible [data-what=gif]").click()
    page.wait_for_function("() => Tokenscope.state.saving?.done > 0")
    assert "Making the file: step" in page.locator(".ts-saving:visible").inner_text()
    assert page.locator(".ts-take:visible [data-what=gif]").is_disabled()
    downloads = []
    page.on("download", lambda download: downloads.append(download))
    page.get_by_role("button", name="Cancel").last.click()
    page.wait_for_timeout(1500)
    assert downloads == [] and page.evaluate("() => Tokenscope.state.saving") is None
    monkeypatch.undo()
    assert save(page, "gif")[0].endswith(".gif")


def test_a_failure_is_a_sentence_and_the_next_file_comes(generate, monkeypatch):
    page = generate()
    monkeypatch.setattr(run_exporting, "animation", lambda *_: 1 / 0)
    page.locator(".ts-take:visible [data-what=webp]").focus()
    page.keyboard.press("Enter")
    failed = page.locator(".ts-take:visible .ts-failed")
    failed.wait_for()
    assert failed.inner_text() == run_exporting.FAILED
    monkeypatch.undo()
    assert save(page, "webp")[0].endswith(".webp")
    assert not failed.is_visible()


def test_on_a_phone_nothing_scrolls_sideways(generate):
    page = generate("narrow")
    page.locator(".ts-take:visible").scroll_into_view_if_needed()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for button in page.locator(".ts-take:visible button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 40


def test_saving_has_no_serious_accessibility_violation(generate):
    from axe_playwright_python.sync_playwright import Axe

    page = generate()
    page.evaluate("() => Tokenscope.set({ saving: { what: 'gif', done: 1, total: 6 } })")
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(150)
        found = Axe().run(page, context=".ts-take").response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == [], f"dark: {dark}"
