"""What a visitor does, in a real browser: open, look, change, undo, generate, stop, fail, use keys."""

import io
import re
import time

import numpy as np
import pytest
from browser_support import serious_violations
from PIL import Image

from explorer.ui.generate import generate_tab
from explorer.ui.measure import GOALS, waits_on

pytestmark = pytest.mark.browser


def cell(page, scale: int, row: int, column: int):
    """A token of the map that is on show; all from 1."""
    map_ = page.locator(".ts-pyramid:visible .ts-map").nth(scale - 1)
    return map_.locator("[role=row]").nth(row - 1).locator("[role=gridcell]").nth(column - 1)


def code(cell) -> int:
    return int(cell.get_attribute("aria-label").split("code ")[1].split(",")[0])


def photo(seed: int = 0, size=(200, 150), kind: str = "PNG") -> dict:
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return {"name": f"photo {seed}.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def upload(page, file: dict) -> None:
    page.get_by_label("Picture to upload").set_input_files(file)


def title(page):
    return page.locator(".ts-specimen:visible .ts-caption b")


def open_tab(page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    page.locator(".ts-pyramid:visible .ts-cell").first.wait_for()


def type_code(page, code: str) -> None:
    """Into the card of the selected token, once that card has arrived: the one before it is replaced."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('[aria-label=\"Code to put in\"]')].some((field) =>"
        " field.placeholder === String(Tokenscope.codeAt('session', Tokenscope.state.selection)))"
    )
    page.get_by_label("Code to put in").fill(code)


def final_picture(page) -> str:
    return page.locator(".ts-strip:visible .ts-step img").last.get_attribute("src")


def until(page, script: str, argument=None):
    page.wait_for_function(script, arg=argument)


def test_an_uploaded_photo_is_edited_and_undone_to_the_identical_picture(open_page):
    page = open_page()
    upload(page, photo())
    until(page, "() => document.querySelector('.ts-specimen .ts-caption b').textContent === 'photo 0.png'")
    open_tab(page, "Edit")
    before = final_picture(page)
    target = cell(page, 3, 2, 2)
    old = code(target)
    target.click()
    page.locator(f".ts-edit-card:not([aria-busy]) strong:text-is('{old}')").wait_for()
    choice = page.locator(f".ts-edit-card .ts-codes button:not([data-key=near-{old}])").last
    new = int(choice.get_attribute("data-key").removeprefix("near-"))
    choice.click()
    until(
        page,
        "(old) => Tokenscope.state.docs.session.scales.at(-1).image !== old",
        before,
    )
    assert code(cell(page, 3, 2, 2)) == new
    assert "changed" in target.get_attribute("class")
    assert page.locator(".ts-finding:visible").inner_text().startswith("1 token changed")
    page.get_by_role("button", name="Undo").click()
    until(
        page,
        "(old) => Tokenscope.state.docs.session.scales.at(-1).image === old",
        before,
    )
    assert code(cell(page, 3, 2, 2)) == old
    page.keyboard.press("Control+Shift+Z")
    until(
        page,
        "(old) => Tokenscope.state.docs.session.scales.at(-1).image !== old",
        before,
    )
    assert code(cell(page, 3, 2, 2)) == new


def test_dragging_selects_several_tokens_and_a_typed_code_replaces_them(open_page):
    page = open_page()
    open_tab(page, "Edit")
    start, end = cell(page, 3, 1, 1).bounding_box(), cell(page, 3, 1, 3).bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 5, steps=12)
    page.mouse.up()
    page.get_by_role("radio", name="Re-quantise").click()
    type_code(page, "7")
    page.get_by_role("button", name="Replace 3 tokens").click()
    page.wait_for_function(
        "() => document.querySelector('.ts-history [aria-current]').textContent === "
        "'Scale 3: 3 tokens to code 7, finer re-quantised'"
    )
    assert [code(cell(page, 3, 1, column)) for column in (1, 2, 3)] == [7, 7, 7]


def test_a_class_streams_all_scales_and_goes_to_edit(open_page):
    page = open_page()
    open_tab(page, "Generate")
    steps = page.locator(".ts-strip:visible .ts-step img")
    total = steps.count()
    page.locator(".ts-classes button").nth(1).click()
    page.wait_for_function(
        "() => Tokenscope.state.docs.run.status === 'done' && Tokenscope.state.docs.run.run"
    )
    assert page.locator(".ts-strip:visible .ts-step img:visible").count() == total
    assert page.locator(".ts-pyramid:visible .ts-cell.ts-unknown").count() == 0
    picture = final_picture(page)
    page.get_by_role("button", name="Open in Edit").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.credit === 'generated'")
    assert final_picture(page) == picture


def test_stop_ends_the_run_within_one_step_and_the_next_one_is_whole(open_page, monkeypatch):
    page = open_page()
    open_tab(page, "Generate")
    taken = []
    real = generate_tab.run_views

    def slowly(*arguments, **settings):
        for view in real(*arguments, **settings):
            taken.append(view["done"])
            time.sleep(0.4)
            yield view

    monkeypatch.setattr(generate_tab, "run_views", slowly)
    page.locator(".ts-classes button").first.click()
    page.wait_for_function("() => Tokenscope.state.docs.run.run && Tokenscope.state.docs.run.done === 1")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function("() => Tokenscope.state.docs.run.status === 'stopped'")
    shown = page.evaluate("() => Tokenscope.state.docs.run.done")
    assert page.locator(".ts-finding:visible").inner_text().startswith(f"Stopped after scale {shown} of")
    assert page.get_by_role("button", name="Open in Edit").is_disabled()
    page.wait_for_timeout(1000)
    assert len(taken) <= shown + 1  # the step under way when Stop was pressed, none after it
    monkeypatch.undo()
    page.locator(".ts-classes button").nth(2).click()
    page.wait_for_function("() => Tokenscope.state.docs.run.status === 'done'")


def test_the_waiting_times_can_be_measured(open_page):
    assert [wait.action for wait in waits_on(open_page(), 1)] == list(GOALS)


@pytest.mark.parametrize("name", ["notes.png", "<img src=x onerror=alert(1)>.png"])
def test_a_bad_file_gives_one_sentence_and_the_session_survives(open_page, name):
    page = open_page()
    open_tab(page, "Edit")
    cell(page, 2, 1, 1).click()
    type_code(page, "5")
    page.get_by_role("button", name="Replace this token").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 1")
    open_tab(page, "Inspect")
    upload(page, {"name": name, "mimeType": "image/png", "buffer": b"this is not a picture"})
    notice = page.get_by_role("alert").filter(visible=True)
    notice.wait_for()
    text = notice.inner_text()
    assert "not a picture" in text and "unchanged" in text and "Traceback" not in text
    assert page.evaluate("() => Tokenscope.state.docs.session.edit.changed") == 1
    upload(page, photo(3))  # and the next good one works
    page.wait_for_function("() => Tokenscope.state.docs.session.title === 'photo 3.png'")
    assert page.get_by_role("alert").filter(visible=True).count() == 0


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(open_page):
    page = open_page()
    page.evaluate("""() => {
      const held = new DataTransfer(), input = document.querySelector('[aria-label="Picture to upload"]');
      held.items.add(new File([new Uint8Array(21 << 20)], 'huge.png'));
      input.files = held.files;
      input.dispatchEvent(new Event('change')); }""")
    notice = page.get_by_role("alert").filter(visible=True)
    notice.wait_for()
    assert "21 MB; at most 20 MB" in notice.inner_text()


def test_a_burst_of_edits_arrives_whole_and_in_order(open_page):
    page = open_page()
    codes = [5, 11, 2, 9, 30, 7]
    page.evaluate("(codes) => codes.forEach((code) => Tokenscope.edit.replace(code))", codes)
    until(page, "(n) => Tokenscope.state.docs.session.edit.history.length === n + 1", len(codes))
    steps = page.evaluate("() => Tokenscope.state.docs.session.edit.history.map((step) => step.text)")
    assert [int(step.split("code ")[1]) for step in steps[1:]] == codes


def test_keys_move_between_tokens_and_scales(open_page):
    page = open_page()
    cell(page, 4, 2, 2).click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    read = page.locator(".ts-read:visible")
    assert read.inner_text().startswith(
        f"Scale 4 of {page.locator('.ts-pyramid:visible .ts-map').count()}, row 3, column 3"
    )
    page.keyboard.press("[")
    assert read.inner_text().startswith("Scale 3")
    assert cell(page, 3, 2, 2).get_attribute("aria-selected") == "true"
    assert page.evaluate("() => document.activeElement.getAttribute('role')") == "gridcell"


def test_pointing_at_a_token_outlines_its_footprint_without_the_server(open_page):
    page = open_page()
    page.context.set_offline(True)
    cell(page, 2, 1, 2).hover()
    ring = page.locator(".ts-picture:visible .ts-ring.ts-hovered").bounding_box()
    picture = page.locator(".ts-picture:visible").bounding_box()
    assert abs(ring["x"] - (picture["x"] + picture["width"] / 2)) < 2 and abs(ring["y"] - picture["y"]) < 2
    assert page.locator(".ts-pyramid:visible .ts-cell.ts-linked").count() > 4
    page.context.set_offline(False)


def test_two_visitors_do_not_see_each_other(open_page):
    first, second = open_page(), open_page()
    first.locator(".ts-samples button[data-name=cat]").click()
    first.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    second.locator(".ts-samples button[data-name=coffee]").click()
    second.wait_for_function("() => Tokenscope.state.docs.session.sample === 'coffee'")
    first.get_by_role("radio", name="Letterbox").click()
    first.wait_for_function("() => Tokenscope.state.docs.session.fit === 'letterbox'")
    assert first.evaluate("() => Tokenscope.state.docs.session.sample") == "cat"
    assert second.evaluate(
        "() => [Tokenscope.state.docs.session.sample, Tokenscope.state.docs.session.fit]"
    ) == ["coffee", "crop"]


def test_a_phone_scrolls_in_one_direction_only(open_page):
    page = open_page("narrow")
    for tab in ("Inspect", "Edit", "Generate"):
        open_tab(page, tab)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, tab
    open_tab(page, "Inspect")
    cell(page, 2, 2, 2).tap()
    focused = page.locator(".ts-scale.ts-focused:visible").bounding_box()
    assert focused["width"] > 340


def test_accessibility_has_no_serious_violation(open_page):
    page = open_page()
    for dark in (False, True):
        page.evaluate(
            "(dark) => { document.body.classList.toggle('dark', dark); Tokenscope.set({ theme: dark }); }",
            dark,
        )
        for tab in ("Inspect", "Edit", "Generate")[: 1 if dark else 3]:
            open_tab(page, tab)
            page.wait_for_timeout(150)
            assert serious_violations(page) == [], f"{tab}, dark: {dark}"


def test_a_saved_picture_brings_its_tokens_back(open_page, tmp_path):
    page = open_page(query="?tab=generate&class=tulip&seed=1")
    page.wait_for_function("() => Tokenscope.state.docs.run?.label === 'tulip' && !Tokenscope.state.running")
    ids = page.evaluate("() => Tokenscope.state.docs.run.scales.map((scale) => scale.ids)")
    with page.expect_download() as saving:
        page.get_by_role("button", name="Picture", exact=True).filter(visible=True).click()
    saving.value.save_as(tmp_path / "tulip.png")
    open_tab(page, "Inspect")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "tulip.png")
    offer = page.locator(".ts-carried:visible")
    offer.wait_for()
    assert re.search(
        r"Tokenized from its pixels, \d+ % of them came back \(by scale: \d+ %", offer.inner_text()
    )
    offer.get_by_role("button", name="Use its own tokens").click()
    page.get_by_text("These are the tokens that the picture's file carries.").wait_for()
    assert page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.ids)") == ids
    assert serious_violations(page) == []


def test_a_question_mark_lists_the_keys(open_page):
    page = open_page()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    assert dialog.locator("kbd").count() > 20
    assert serious_violations(page, ".ts-shortcuts") == []
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.get_by_role("button", name="Keys").click()
    dialog.wait_for()
    dialog.get_by_role("button", name="Close").click()
    dialog.wait_for(state="hidden")
    page.get_by_role("tab", name="Edit").click()
    page.locator(".ts-edit-card input:visible").first.focus()
    page.keyboard.press("?")
    assert dialog.count() == 0, "who types means the letter"
