"""The stage in a real browser: opened by key, button and link, played, stepped, left; on a phone."""

import pytest
from browser_support import serious_violations

pytestmark = pytest.mark.browser

SHOWN = "() => Tokenscope.present.shown()"
FILLED = """() => [...document.querySelectorAll('.ts-present-map')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((_, n) => n % 4 === 3 && data[n]).length;
})"""


def test_maps_and_picture_are_stepped_together_and_escape_gives_the_page_back(open_page):
    page = open_page("wide", "?sample=cat&colour=kind")
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    button = page.get_by_role("button", name="Present")
    button.click()
    stage = page.get_by_role("dialog", name="The stage")
    stage.wait_for()
    view = page.evaluate("() => Tokenscope.state.docs.session")
    cells = [scale["h"] * scale["w"] for scale in view["scales"]]
    assert page.evaluate(FILLED) == cells
    picture = stage.locator(".ts-present-image")
    assert picture.get_attribute("src") == view["scales"][-1]["image"]
    area = page.locator(".ts-present-picture").bounding_box()
    assert area["height"] > 0.8 * 900 or area["width"] > 0.5 * 1440
    page.keyboard.press("Home")
    assert page.evaluate(FILLED) == [1, 0, 0, 0, 0, 0]
    assert picture.get_attribute("src") == view["scales"][0]["image"]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FILLED) == [1, 4, 0, 0, 0, 0]
    stage.get_by_text("Scale 2 of 6: 4 more tokens, 5 of 130.").wait_for()
    stage.get_by_text("What scale 2 changed in the picture").wait_for()
    page.wait_for_function("() => location.search.includes('present=')")
    page.keyboard.press("Escape")
    stage.wait_for(state="detached")
    assert page.evaluate("() => document.activeElement.textContent") == "Present"
    page.wait_for_function("() => !location.search.includes('present')")
    assert page.locator(".ts-cell:visible").first.is_enabled()


def test_space_plays_to_the_end_and_holds(open_page):
    page = open_page("wide", "?tab=generate")
    page.keyboard.press("f")
    stage = page.get_by_role("dialog", name="The stage")
    stage.get_by_text("slower than the model wrote it").wait_for()
    speed = stage.get_by_label("Seconds per scale")
    speed.fill("0.05")
    page.keyboard.press("Home")
    stage.get_by_role("button", name="Play").focus()
    page.keyboard.press(" ")
    assert page.evaluate(SHOWN)["playing"]
    page.wait_for_function(
        "() => { const now = Tokenscope.present.shown(); return !now.playing && now.at === 5; }"
    )
    speed.fill("3")
    stage.get_by_role("button", name="Play").click()
    stage.get_by_role("button", name="Pause").click()
    assert page.evaluate(SHOWN) == {"doc": "run", "at": 0, "playing": False, "count": 6}


def test_a_link_opens_the_stage_and_other_values_are_told(open_page):
    page = open_page("wide", "?tab=generate&present")
    page.get_by_role("dialog", name="The stage").wait_for()
    assert page.evaluate(SHOWN)["doc"] == "run"
    other = open_page("wide", "?present=loudly")
    other.get_by_text("present “loudly”").wait_for()
    assert other.evaluate(SHOWN) is None


def test_a_tab_without_a_picture_of_its_own_says_so_and_typing_opens_nothing(open_page):
    page = open_page("wide", "?tab=generate")
    page.get_by_placeholder("Find a class").fill("f")
    page.get_by_placeholder("Find a class").press("f")
    assert page.evaluate(SHOWN) is None
    page.get_by_role("tab", name="Learn").click()
    page.get_by_role("button", name="Present").click()
    page.get_by_text("Open one of these tabs first").wait_for()


def test_a_phone_scrolls_in_one_direction_only_and_nothing_is_seriously_wrong(open_page):
    page = open_page("narrow", "?tab=generate&present")
    page.get_by_role("dialog", name="The stage").wait_for()
    assert page.evaluate("() => document.querySelector('.ts-present').scrollWidth") <= 390
    box = page.locator(".ts-present-picture").bounding_box()
    assert box["width"] > 340 and box["x"] >= 0
    assert serious_violations(page, ".ts-present") == []
    page.evaluate("() => document.body.classList.add('dark')")
    assert serious_violations(page, ".ts-present") == []
