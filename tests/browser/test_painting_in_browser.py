"""Painting in a real browser: a brush, the mask at every scale, and a run that keeps the rest."""

import time

import pytest
from browser_support import serious_violations

from explorer.ui.generate import painting, run_views

pytestmark = pytest.mark.browser

SETTLED = "() => !Tokenscope.state.running && Tokenscope.state.docs.run?.phrase.startsWith('painted')"
IDS = "() => Tokenscope.state.docs.run.scales.map((scale) => scale.ids)"
PAINTED = "() => (Tokenscope.state.painting.painted || []).reduce((a, b) => a + b, 0)"


@pytest.fixture
def paint(open_page):
    """paint(width) gives a page with the brush taken out, in Generate."""

    def open_one(width: str = "wide"):
        page = open_page(width)
        page.get_by_role("tab", name="Generate").click()
        page.get_by_role("button", name="Paint a part and draw it again").click()
        page.locator(".ts-painting .ts-keep-cell:visible").first.wait_for()
        return page

    return open_one


def cell_at(page, i: int, j: int) -> tuple[float, float]:
    cells = page.locator(".ts-painting .ts-keep-cells")
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    h, w = page.evaluate("() => Tokenscope.state.model.grids.at(-1)")
    return box["x"] + (j + 0.5) * box["width"] / w, box["y"] + (i + 0.5) * box["height"] / h


def drag(page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """One fast move: what lies between is painted too."""
    page.mouse.move(*cell_at(page, *start))
    page.mouse.down()
    page.mouse.move(*cell_at(page, *end))
    page.mouse.up()


def wait_for_mask(page) -> None:
    """Until what is shown belongs to what is painted."""
    page.wait_for_function(
        """() => {
          const { scales, painted, how } = Tokenscope.state.painting;
          const now = scales?.at(-1), inside = how === "inside";
          return now && now.every((stays, n) => (Boolean(stays) !== Boolean(painted[n])) === inside);
        }"""
    )


def says(page) -> str:
    return page.locator(".ts-paint-says").inner_text()


def test_what_is_painted_is_drawn_again_and_the_rest_stays(paint):
    page = paint()
    assert page.get_by_role("button", name="Draw again", exact=True).is_disabled()
    drag(page, (2, 2), (5, 5))
    assert page.evaluate(PAINTED) == 4  # a diagonal without gaps
    wait_for_mask(page)
    kept = page.evaluate("() => Tokenscope.state.painting.scales")
    count, total = sum(map(sum, kept)), sum(map(len, kept))
    assert says(page) == f"{count} of {total} tokens kept exactly, {total - count} drawn again."
    captions = page.locator(".ts-paint-scales figcaption").all_inner_texts()
    assert captions == [f"{sum(scale)}/{len(scale)}" for scale in kept]
    assert page.locator(".ts-paint-scales .ts-unkept").count() == total - count
    before = page.evaluate(IDS)
    page.evaluate(
        """() => {
          window.did = [];
          document.addEventListener("ts:did", ({ detail }) => window.did.push(detail.what));
        }"""
    )
    page.get_by_role("button", name="Draw again", exact=True).click()
    page.wait_for_function(SETTLED)
    after = page.evaluate(IDS)
    for old, new, stays in zip(before, after, kept, strict=True):
        assert all(a == b for a, b, keep in zip(old, new, stays, strict=True) if keep)
    assert before != after and page.evaluate("() => window.did") == ["run-done", "painted"]
    assert (
        page.evaluate(
            "() => Tokenscope.state.docs.run.scales.map((scale) => scale.kept || scale.ids.map(() => 0))"
        )
        == kept
    )


def test_the_outside_keeps_its_pixels_until_the_models_own_picture_is_asked_for(paint):
    """Also when a painted picture is painted on again: what was on show is what stays."""
    page = paint()
    sides = """async (uris) => {
      const pixels = [];
      for (const uri of uris) {
        const image = new Image(), canvas = document.createElement("canvas");
        image.src = uri;
        await image.decode();
        Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
        const pen = canvas.getContext("2d");
        pen.drawImage(image, 0, 0);
        pixels.push([...pen.getImageData(0, 0, canvas.width, canvas.height / 2).data]);
      }
      return pixels;
    }"""
    shown = page.locator(".ts-specimen:visible .ts-over")
    drag(page, (6, 1), (6, 6))  # in the lower half
    wait_for_mask(page)
    drawn = """(old) => {
      const { running, docs: { run } } = Tokenscope.state;
      return !running && run.run !== old && run.blend;
    }"""
    for _ in range(2):
        before, old = shown.get_attribute("src"), page.evaluate("() => Tokenscope.state.docs.run.run")
        page.get_by_role("button", name="Draw again", exact=True).click()
        page.wait_for_function(drawn, arg=old)
        page.get_by_text("Pixels outside the drawn part are those from before").wait_for()
        after = shown.get_attribute("src")
        assert after != before
        first, second = page.evaluate(sides, [before, after])
        assert first == second, "the upper half, pixel by pixel"
    page.get_by_role("radio", name="Model's own").click()
    page.get_by_text("moved by more than 8 of 255").wait_for()
    own = shown.get_attribute("src")
    assert own == page.evaluate("() => Tokenscope.state.docs.run.scales.at(-1).image") != after
    assert page.locator(".ts-blend-change:visible img").count() == 1
    page.get_by_role("radio", name="Outside kept").click()
    page.locator(".ts-take:visible").get_by_text("“Picture” saves what you see").wait_for()
    with page.expect_download() as download:
        page.locator(".ts-take:visible [data-what=png]").click()
    assert download.value.suggested_filename.endswith("_outside_kept.png")


def test_around_what_is_painted_and_on_the_picture_of_edit(paint):
    page = paint()
    page.get_by_role("radio", name="The picture of Edit").click()
    page.get_by_role("radio", name="Draw the rest again").click()
    page.get_by_role("radio", name="3", exact=True).click()
    page.mouse.click(*cell_at(page, 3, 3))
    assert page.evaluate(PAINTED) == 9
    wait_for_mask(page)
    own = page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.ids)")
    page.get_by_label("Class", exact=True).select_option(index=1)
    page.get_by_role("button", name="Draw again", exact=True).click()
    page.wait_for_function(SETTLED)
    kept = page.evaluate("() => Tokenscope.state.painting.scales")
    for old, new, stays in zip(own, page.evaluate(IDS), kept, strict=True):
        assert all(a == b for a, b, keep in zip(old, new, stays, strict=True) if keep)
    assert kept[-1].count(1) == 9
    chosen = page.evaluate("() => Tokenscope.state.model.classes[1].name")
    assert page.evaluate("() => Tokenscope.state.docs.run.label") == chosen
    assert page.evaluate("() => Tokenscope.branches.parentOf(Tokenscope.state.docs.run)") is None


def test_keys_paint_undo_invert_and_clear(paint):
    page = paint()
    page.locator(".ts-painting .ts-keep-cell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    cell = page.locator(".ts-painting .ts-keep-cell[tabindex='0']")
    assert cell.get_attribute("aria-label") == "row 2 column 2, painted, drawn again"
    assert cell.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.evaluate(PAINTED) == 2
    page.keyboard.press("Control+z")
    assert page.evaluate(PAINTED) == 1
    page.get_by_role("button", name="Invert").click()
    assert page.evaluate(PAINTED) == 63
    page.get_by_role("button", name="Clear").last.click()
    assert page.evaluate(PAINTED) == 0 and says(page).startswith("Nothing is painted yet")
    page.get_by_role("button", name="Undo").last.click()
    page.get_by_role("button", name="Undo").last.click()
    assert page.evaluate(PAINTED) == 1


def test_a_drag_from_paint_erases(paint):
    page = paint()
    drag(page, (1, 0), (1, 7))
    assert page.evaluate(PAINTED) == 8
    drag(page, (1, 6), (1, 3))
    assert page.evaluate(PAINTED) == 4


def test_a_painted_run_can_be_stopped_and_what_was_painted_stays(paint, monkeypatch):
    page = paint()
    drag(page, (0, 0), (3, 0))
    real = run_views._decode
    monkeypatch.setattr(run_views, "_decode", lambda *asked: time.sleep(0.5) or real(*asked))
    page.get_by_role("button", name="Draw again", exact=True).click()
    page.wait_for_function("() => Tokenscope.state.docs.run.run === Tokenscope.state.running")
    page.get_by_role("button", name="Stop", exact=True).first.click()
    assert page.evaluate("() => Tokenscope.state.docs.run.status") == "stopped"
    assert page.evaluate(PAINTED) == 4
    assert "not complete" in page.locator(".ts-paint-go .ts-caption").inner_text()


def test_a_failure_is_a_sentence_and_the_brush_goes_on(paint, monkeypatch):
    page = paint()
    monkeypatch.setattr(painting, "kept_tokens", lambda *_: 1 / 0)
    drag(page, (0, 0), (0, 1))
    page.locator(".ts-painting .ts-failed:visible").wait_for()
    assert page.locator(".ts-painting .ts-failed").inner_text() == painting.FAILED
    monkeypatch.undo()
    drag(page, (4, 0), (4, 1))
    page.locator(".ts-painting .ts-failed").wait_for(state="hidden")
    assert page.evaluate(PAINTED) == 4


def test_on_a_phone_a_finger_paints_and_nothing_scrolls_sideways(paint):
    page = paint("narrow")
    page.touchscreen.tap(*cell_at(page, 4, 4))
    wait_for_mask(page)
    assert page.evaluate(PAINTED) == 1
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_painting_has_no_serious_accessibility_violation(paint):
    page = paint()
    drag(page, (2, 2), (5, 5))
    wait_for_mask(page)
    for dark in (False, True):
        page.evaluate(
            "(dark) => { document.body.classList.toggle('dark', dark); Tokenscope.set({ theme: dark }); }",
            dark,
        )
        page.wait_for_timeout(150)
        assert serious_violations(page, ".ts-painting") == [], f"dark: {dark}"
