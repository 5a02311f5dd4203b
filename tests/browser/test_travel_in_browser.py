"""Compare / Error travel in a real browser: draw, choose, flip, sweep, fail, stop, keyboard, a phone."""

import time

import pytest
from browser_support import serious_violations

from explorer.ui.compare import travel

pytestmark = pytest.mark.browser

READY = "() => Tokenscope.travel.complete() && !Tokenscope.state.travel.running"
FLIPPED = "() => Tokenscope.state.travel.result?.status === 'done' && !Tokenscope.state.travel.running"


@pytest.fixture
def compare(open_page):
    """compare(width) gives a page with this section open and two pictures drawn."""

    def open_one(width: str = "wide"):
        page = open_page(width)
        page.evaluate("() => { Tokenscope.openTab('Compare'); Tokenscope.set({ compare: 'travel' }); }")
        page.get_by_role("button", name="Draw both pictures").click()
        page.wait_for_function(READY)
        return page

    return open_one


def state(page, key: str):
    return page.evaluate(f"() => Tokenscope.state.travel.{key}")


def flip(page) -> None:
    page.get_by_role("button", name="Flip both tokens").click()
    page.wait_for_function(FLIPPED)


def test_a_chosen_token_is_flipped_and_the_figures_are_the_title(compare):
    page = compare()
    page.evaluate(
        "() => { window.did = []; document.addEventListener('ts:did', (e) => did.push(e.detail.what)); }"
    )
    page.locator(".ts-travel-raster .ts-cell").nth(9).click()
    assert state(page, "places.raster") == {"k": 0, "n": 9}
    flip(page)
    result = {model["order"]: model for model in state(page, "result.models")}
    assert result["raster"]["cell"] == 9 and result["raster"]["control"] == 0
    share = 100 * result["raster"]["affected"]["8"]["share"]
    finding = page.locator(".ts-section-travel .ts-finding")
    assert f"and {share:.0f}" in finding.inner_text() or f"and {share:.1f}" in finding.inner_text()
    assert page.evaluate("() => did") == ["travel-done"]
    before = page.locator(".ts-comparison:visible td").all_inner_texts()
    page.locator(".ts-threshold").select_option("32")
    assert page.locator(".ts-comparison:visible td").all_inner_texts() != before
    page.get_by_role("radio", name="Decode only").click()
    assert "Out of date" in page.locator(".ts-section-travel .ts-sub").first.inner_text()
    flip(page)
    assert [model["drawn"] for model in state(page, "result.models")] == [0, 0]


def test_keys_choose_a_token_and_enter_flips(compare):
    page = compare()
    cell = page.locator(".ts-travel-next-scale .ts-cell.ts-selected")
    cell.focus()
    place = state(page, "places['next-scale']")
    page.keyboard.press("]")
    assert state(page, "places['next-scale']")["k"] == place["k"] + 1
    page.keyboard.press("ArrowLeft")
    chosen = state(page, "places['next-scale']")
    assert page.evaluate("() => document.activeElement.place") == chosen
    page.keyboard.press("Enter")
    page.wait_for_function(FLIPPED)
    found = state(page, "result.models[0]")
    assert (found["scale"] - 1, found["cell"]) == (chosen["k"], chosen["n"])


def test_a_sweep_draws_its_points_can_be_stopped_and_a_bad_code_is_a_sentence(compare, monkeypatch):
    page = compare()
    page.get_by_role("radio", name="Decode only").click()
    page.get_by_role("radiogroup", name="Flips of each model").get_by_text("6", exact=True).click()
    page.get_by_role("button", name="Flip many").click()
    page.wait_for_function("() => Tokenscope.state.travel.sweep?.status === 'done'")
    points = page.locator(".ts-point")
    assert points.count() == len(state(page, "sweep.points")) == 12
    points.last.press("Enter")
    assert state(page, "places.raster.n") == state(page, "sweep.points[11].cell")
    real = travel.point_view
    monkeypatch.setattr(travel, "point_view", lambda outcome: time.sleep(1) or real(outcome))
    page.get_by_role("radiogroup", name="Flips of each model").get_by_text("48", exact=True).click()
    page.get_by_role("button", name="Flip many").click()
    page.wait_for_function("() => Tokenscope.state.travel.sweep?.done > 0")
    page.locator(".ts-section-travel").get_by_role("button", name="Stop").click()
    done = state(page, "sweep.done")
    page.wait_for_timeout(2500)
    assert state(page, "sweep.done") == done < state(page, "sweep.total")
    page.get_by_role("radio", name="Typed").click()
    page.get_by_label("New code, raster").fill("999999")
    page.get_by_label("New code, raster").press("Tab")
    page.get_by_role("button", name="Flip both tokens").click()
    failed = page.locator(".ts-section-travel .ts-failed:visible")
    failed.wait_for()
    assert "new code is a whole number" in failed.inner_text()


def test_a_phone_scrolls_in_one_direction_only_and_nothing_is_seriously_wrong(compare):
    page = compare("narrow")
    page.locator(".ts-travel-raster .ts-cell").nth(3).tap()
    page.evaluate("() => Tokenscope.travel.put({ count: '6', mode: 'decode' })")
    flip(page)
    page.get_by_role("button", name="Flip many").click()
    page.wait_for_function("() => Tokenscope.state.travel.sweep?.status === 'done'")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(150)
        assert serious_violations(page) == [], f"dark: {dark}"
