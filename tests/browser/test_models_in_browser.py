"""The model chip in a real browser: what it says before, switching and back, errors, keyboard, a phone.

Its own server: the bundled models, and a folder with tiny random ones, a torn file and a generator without a
tokenizer.
"""

import re

import pytest
from browser_support import open_tab, photo, serious_violations, upload
from tiny_models import write_models

from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving

pytestmark = pytest.mark.browser

NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1440, "height": 900}
PATIENCE = 120_000  # a busy machine is no failure
# What Gradio's own script writes when a page is left while a stream of it is open, as every switch does.
LEAVING = ("AbortError", "Connection errored out")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "my models"
    (folder / "lone").mkdir(parents=True)
    write_models(folder)
    (folder / "tiny-raster-tokenizer.safetensors").unlink()  # tiny-raster is left without one
    (folder / "torn.safetensors").write_bytes((folder / "tiny-var.safetensors").read_bytes()[:999])
    damaged = folder / "lone" / "damaged.safetensors"  # NaN at its end: only opening it shows that
    damaged.write_bytes((folder / "tiny-tokenizer.safetensors").read_bytes()[:-64] + b"\xff" * 64)
    (folder / "lone" / "damaged.json").write_bytes((folder / "tiny-tokenizer.json").read_bytes())
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with serving(AppOptions(models=str(folder))) as url:
        yield url


@pytest.fixture
def visit(browser, address):
    """visit(size, query) gives the page of a new visitor, ready to use."""
    contexts, complaints = [], []

    def visit_one(size=WIDE, query: str = ""):
        context = browser.new_context(viewport=size, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if is_error(said) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + query)
        ready(page)
        return page

    yield visit_one
    for context in contexts:
        context.close()
    assert complaints == [], "the page wrote errors to the console"


def is_error(said) -> bool:
    return said.type == "error" and not any(words in said.text for words in LEAVING)


def ready(page) -> None:
    page.locator(".ts-cell:visible").first.wait_for()
    page.wait_for_function("() => Tokenscope.link.running && Tokenscope.state.docs.session")


def open_list(page):
    page.locator(".ts-chip").click()
    page.locator(".ts-model").first.wait_for()
    return page.get_by_role("dialog", name="Choose models")


def entry(page, choice_id: str):
    return page.locator(f'.ts-model[data-id="{choice_id}"]')


def switch(page, choice_id: str) -> None:
    open_list(page)
    entry(page, choice_id).get_by_role("button", name="Open").click()
    page.wait_for_url(lambda url: f"/m/{choice_id}/" in url)
    ready(page)


def test_the_list_says_what_a_model_is_before_it_is_opened(visit, folder):
    page = visit()
    dialog = open_list(page)
    assert "Shown on this page" in entry(page, "mini-var").inner_text()
    raster = entry(page, "mini-raster").inner_text()
    for fact in ("Raster generator", "64 in 1 scale", "64 × 64 px", "4,096", "million", "MiB", "PSNR"):
        assert fact in raster, raster
    assert re.search(r"about [\d.]+ s", raster)
    own = page.get_by_role("heading", name="In my models").locator("..")
    assert [one.get_attribute("data-id") for one in own.locator(".ts-model").all()] == [
        "tiny-var",
        "lone-damaged",
        "tiny-tokenizer",
    ]
    page.get_by_text("2 files in my models cannot be opened").click()
    told = dialog.inner_text()
    assert "torn.safetensors" in told and "no tokenizer with its 64 codes" in told
    assert str(folder.parent) not in page.content()


def test_there_and_back_with_the_sample_and_one_picture_drawn_on_the_way(visit, address):
    page = visit()
    page.locator('.ts-samples button[data-name="cat"]').click()
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    switch(page, "mini-raster")
    assert "sample=cat" in page.url and page.title() == "Tokenscope"
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    assert page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.ids.length)") == [
        64
    ]
    assert "mini-raster" in page.locator(".ts-chip").inner_text()
    open_tab(page, "Generate")
    page.evaluate("() => Tokenscope.generate.start('daisy')")
    page.wait_for_function(
        "() => Tokenscope.state.docs.run?.status === 'done' && Tokenscope.state.docs.run.label === 'daisy'"
    )
    assert page.evaluate("() => Tokenscope.state.docs.run.scales[0].ids.every((code) => code >= 0)")
    open_list(page)
    assert "open now" in entry(page, "mini-var").inner_text()
    entry(page, "mini-var").get_by_role("button", name="Open").click()
    page.wait_for_url(lambda url: "/m/" not in url)
    ready(page)
    assert "tab=generate" in page.url
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    assert page.evaluate("() => Tokenscope.state.docs.session.scales.length") == 6


def test_an_own_picture_comes_along_once_and_edits_stay_with_their_model(visit):
    page = visit()
    upload(page, photo(3))
    page.wait_for_function("() => Tokenscope.state.docs.session.title === 'photo 3.png'")
    page.evaluate(
        "() => { Tokenscope.select({ k: 1, i: 0, j: 0, cells: [0] }); Tokenscope.edit.replace(7); }"
    )
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    switch(page, "tiny-var")
    page.get_by_text("photo 3.png came along at 64 × 64 px, as mini-tokenizer saw it.").wait_for()
    assert page.evaluate(
        "() => [Tokenscope.state.docs.session.title, ...Tokenscope.state.docs.session.size]"
    ) == [
        "photo 3.png",
        16,
        16,
    ]
    open_list(page)
    entry(page, "mini-var").get_by_role("button", name="Open").click()
    page.wait_for_url(lambda url: "/m/" not in url)
    ready(page)
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    page.wait_for_timeout(500)  # nothing is uploaded over it
    assert page.evaluate("() => Tokenscope.state.docs.session.title") == "photo 3.png"


def test_visitors_with_different_models_do_not_disturb_each_other(visit):
    one, other = visit(), visit()
    switch(other, "tiny-var")
    drawn = "() => JSON.stringify(Tokenscope.state.docs.session.scales.map((scale) => scale.ids))"
    before = one.evaluate(drawn), other.evaluate(drawn)
    edit = """(code) => {
      Tokenscope.select({ k: 1, i: 0, j: 0, cells: [0] });
      Tokenscope.edit.replace(code);
    }"""
    changed = "() => Tokenscope.state.docs.session.edit.changed > 0"
    one.evaluate(edit, 3000)  # a code that only the larger codebook has
    one.wait_for_function(changed)
    assert other.evaluate(drawn) == before[1]
    code = (other.evaluate("() => Tokenscope.state.docs.session.scales[1].ids[0]") + 1) % 64
    middle = one.evaluate(drawn)
    other.evaluate(edit, code)
    other.wait_for_function(changed)
    assert one.evaluate(drawn) == middle != before[0]


def test_a_model_that_cannot_be_opened_is_one_sentence_and_the_page_goes_on(visit):
    page = visit()
    open_list(page)
    entry(page, "lone-damaged").get_by_role("button", name="Open").click()
    problem = entry(page, "lone-damaged").get_by_role("alert")
    problem.wait_for()
    assert "NaN" in problem.inner_text() and "lone/damaged.safetensors" in problem.inner_text()
    page.keyboard.press("Escape")
    page.locator('.ts-samples button[data-name="cat"]').click()
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")


def test_a_link_to_a_model_that_is_not_open_opens_it(visit):
    page = visit(query="m/tiny-tokenizer/?tab=edit&sample=cat")
    page.wait_for_url(lambda url: "/m/tiny-tokenizer/" in url and "model=" not in url)
    ready(page)
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    assert page.get_by_role("tab", name="Edit").get_attribute("aria-selected") == "true"
    page = visit(query="?model=unheard-of")
    page.get_by_text("The link asks for the models “unheard-of”").wait_for()


def test_the_keyboard_opens_cancels_and_closes(visit):
    page = visit()
    chip = page.locator(".ts-chip")
    chip.focus()
    page.keyboard.press("Enter")
    page.locator(".ts-model").first.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        inside = (
            "() => document.activeElement === document.body || !!document.activeElement.closest('.ts-models')"
        )
        assert page.evaluate(inside)
    # a model that no other test opens: one that is open already would be shown at once
    entry(page, "mini-raster-tokenizer").get_by_role("button").focus()
    here = page.url
    page.keyboard.press("Enter")  # open, and at once
    page.keyboard.press("Enter")  # the same button cancels
    entry(page, "mini-raster-tokenizer").get_by_role("button", name="Open").wait_for()
    page.wait_for_timeout(1500)
    assert page.url == here
    page.keyboard.press("Escape")
    page.locator(".ts-models").wait_for(state="hidden")
    assert page.evaluate("() => document.activeElement.classList.contains('ts-chip')")


def test_on_a_phone_it_is_a_sheet_from_below_and_nothing_scrolls_sideways(visit):
    page = visit(NARROW)
    assert page.locator(".ts-chip").bounding_box()["height"] >= 40
    box = open_list(page).bounding_box()
    assert box["x"] == 0 and box["width"] == 390 and abs(box["y"] + box["height"] - 844) < 1
    sizes = "(node) => [node.scrollWidth, node.clientWidth]"
    for selector in ("html", ".ts-models"):
        wide, room = page.locator(selector).evaluate(sizes)
        assert wide <= room, selector


def test_the_list_has_no_serious_violation(visit):
    page = visit()
    open_list(page)
    page.get_by_text("files in my models cannot be opened").click()
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(200)
        assert serious_violations(page, ".ts-models") == [], f"dark: {dark}"
