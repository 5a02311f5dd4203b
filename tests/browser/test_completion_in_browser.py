"""Compare / Completion in a real browser: paint, complete, look back, fail, stop, keyboard, a phone."""

import time

import pytest
from browser_support import serious_violations

from explorer.ui.compare import completion

pytestmark = pytest.mark.browser

DONE = "() => Tokenscope.state.completion.view?.status === 'done' && !Tokenscope.state.completion.running"


@pytest.fixture
def compare(open_page):
    """compare(width) gives a page with this section open."""

    def open_one(width: str = "wide"):
        page = open_page(width)
        page.evaluate("() => { Tokenscope.openTab('Compare'); Tokenscope.set({ compare: 'completion' }); }")
        page.locator(".ts-keep-cell:visible").first.wait_for()
        return page

    return open_one


def state(page, key: str):
    return page.evaluate(f"() => Tokenscope.state.completion.{key}")


def complete(page) -> None:
    page.locator(".ts-compare-part:visible select").first.select_option("sunflower")
    page.get_by_role("button", name="Complete the picture").click()
    page.wait_for_function(DONE)


def test_both_models_complete_and_the_page_says_what_they_saw(compare):
    page = compare()
    page.evaluate(
        "() => { window.did = []; document.addEventListener('ts:did', (e) => did.push(e.detail.what)); }"
    )
    page.get_by_role("radio", name="Bottom", exact=True).click()
    complete(page)
    finding = page.locator(".ts-section-completion .ts-finding").inner_text().replace("\u00a0", " ")
    assert finding.startswith("With the bottom kept") and finding.endswith("raster order with 0 %.")
    assert page.evaluate("() => did") == ["completion-done"]
    models = state(page, "view.models")
    cells = page.locator(".ts-comparison:visible tbody tr").first.locator("td").all_inner_texts()
    assert cells == [f"{model['kept']} of {model['tokens']}" for model in models]
    assert "no say" not in page.locator(".ts-see-raster").inner_text()
    assert "cannot complete this part" in page.locator(".ts-see-raster .ts-sub").inner_text()
    # the maps follow the slider: raster order has passed more cells at a later step
    drawn = page.locator(".ts-see-raster .ts-see-drawn")
    assert drawn.count() == 0
    page.locator(".ts-see-raster input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert drawn.count() == 2
    page.get_by_role("radio", name="Left", exact=True).click()
    assert "Out of date" in page.locator(".ts-section-completion .ts-sub").first.inner_text()


def test_the_kept_part_keeps_its_pixels_until_the_models_own_are_asked_for(compare):
    page = compare()
    page.get_by_role("radio", name="Top", exact=True).click()
    complete(page)
    blends = [model["blends"][0] for model in state(page, "view.models")]
    pictures = page.locator(".ts-completions figure .ts-frame-picture img")
    shown = lambda: [pictures.nth(n).get_attribute("src") for n in (1, 2)]  # noqa: E731
    assert shown() == [blend["image"] for blend in blends]
    assert page.get_by_text("kept part as it was").count() == 2
    page.get_by_role("radio", name="Model's own").filter(visible=True).click()
    assert shown() == [blend["own"] for blend in blends]
    assert page.get_by_text("of the kept pixels moved by more than 8 of 255").count() == 2
    assert page.locator(".ts-kept-change:visible").count() == 2
    page.get_by_role("radio", name="Outside kept").filter(visible=True).click()
    assert shown() == [blend["image"] for blend in blends]


def test_a_part_is_painted_with_mouse_and_keys(compare):
    page = compare()
    assert sum(state(page, "mask")) == len(state(page, "mask")) / 2
    cells = page.locator(".ts-keep-cell")
    h, w = page.evaluate("() => Tokenscope.completion.grid()")
    first, last = cells.nth(0).bounding_box(), cells.nth(w - 1).bounding_box()
    page.mouse.move(first["x"] + 4, first["y"] + 4)
    page.mouse.down()
    page.mouse.move(last["x"] + 4, last["y"] + 4, steps=2 * w)
    page.mouse.up()
    assert state(page, "mask")[:w] == [0] * w and state(page, "region") == "painted"
    cells.nth(0).focus()
    for key in ("ArrowDown", "ArrowRight", " "):
        page.keyboard.press(key)
    before = state(page, "mask")
    assert cells.nth(w + 1).get_attribute("aria-selected") == ("true" if before[w + 1] else "false")
    assert cells.nth(w + 1).get_attribute("aria-label").startswith("row 2 column 2, ")
    page.get_by_role("button", name="Invert").click()
    assert state(page, "mask") == [1 - value for value in before]


def test_nothing_kept_is_one_sentence_and_it_can_be_stopped(compare, monkeypatch):
    page = compare()
    page.evaluate("() => Tokenscope.completion.put({ mask: Tokenscope.state.completion.mask.map(() => 0) })")
    page.get_by_role("button", name="Complete the picture").click()
    failed = page.locator(".ts-section-completion .ts-failed:visible")
    failed.wait_for()
    assert failed.inner_text().startswith("Nothing is kept") and failed.inner_text().endswith(".")
    real = completion.Work.view
    monkeypatch.setattr(completion.Work, "view", lambda work: time.sleep(1) or real(work))
    page.get_by_role("radio", name="Top", exact=True).click()
    page.get_by_role("button", name="Complete the picture").click()
    page.wait_for_function("() => Tokenscope.state.completion.view?.models.length > 0")
    page.locator(".ts-section-completion").get_by_role("button", name="Stop").click()
    done = state(page, "progress.done")
    page.wait_for_timeout(2500)
    assert state(page, "progress.done") == done and state(page, "running") is False
    assert done < state(page, "progress.total")


def test_a_phone_scrolls_in_one_direction_only_and_nothing_is_seriously_wrong(compare):
    page = compare("narrow")
    page.locator(".ts-keep-cell").nth(0).tap()
    assert state(page, "region") == "painted"
    complete(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(150)
        assert serious_violations(page) == [], f"dark: {dark}"
