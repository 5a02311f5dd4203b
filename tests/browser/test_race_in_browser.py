"""Compare / Race in a real browser: race, scrub, replay, fail, stop, link, measure, keyboard, a phone."""

import pytest
from browser_support import serious_violations

pytestmark = pytest.mark.browser

OPEN = "() => { Tokenscope.openTab('Compare'); Tokenscope.set({ compare: 'race' }); }"
SHOWN = "() => Tokenscope.state.race.view?.finish && Tokenscope.state.race.at !== null"
DONE = "() => Tokenscope.state.race.status === 'done'"
# Stops the next race after its third raster step.
STOP_EARLY = """() => {
  const real = Tokenscope.set;
  Tokenscope.set = (patch) => {
    real(patch);
    const { status, view } = Tokenscope.state.race;
    if (status !== 'running' || window.stopped || view.lanes[1].done < 3) return;
    window.stopped = true;
    Tokenscope.race.stop();
  };
}"""


@pytest.fixture
def race(open_page):
    """race(width) gives a page with this section open and a race on show."""

    def open_one(width: str = "wide", query: str = ""):
        page = open_page(width, query)
        page.evaluate(OPEN)
        page.wait_for_function(SHOWN)
        return page

    return open_one


def state(page, key: str):
    return page.evaluate(f"() => Tokenscope.state.race.{key}")


def finding(page) -> str:
    return page.locator(".ts-section-race .ts-finding").first.inner_text()


def steps_shown(page) -> list[int]:
    return page.evaluate("() => Tokenscope.race.lanes().map((lane) => Tokenscope.race.shownSteps(lane))")


def start(page) -> None:
    page.locator(".ts-race-go").click()


def test_a_race_is_run_and_says_who_was_first(race):
    page = race()
    assert state(page, "view.status") == "example"
    assert "Raced for real" in page.locator(".ts-race-head .ts-sub").inner_text()
    page.evaluate(
        "() => { window.did = []; document.addEventListener('ts:did', (e) => did.push(e.detail.what)); }"
    )
    page.locator(".ts-race-classes button").first.click()
    assert "Out of date" in page.locator(".ts-race-head .ts-sub").inner_text()
    start(page)
    page.wait_for_function(DONE)
    assert page.evaluate("() => did") == ["race-done"]
    view = state(page, "view")
    first = view["finish"]["first"]
    others = view["finish"]["others"]
    assert first not in others and finding(page).lower().startswith((first, "both"))
    assert str(next(iter(others.values()))) in finding(page) or finding(page).startswith("Both")
    for lane in view["lanes"]:
        figure = page.locator(f".ts-race-lane.ts-race-{lane['order']}")
        assert figure.locator("img").get_attribute("src").startswith("data:image/")
        assert page.locator(f".ts-race-row.ts-race-{lane['order']} .ts-race-marks i").count() == lane["total"]
    assert "Out of date" not in page.locator(".ts-race-head .ts-sub").inner_text()


def test_the_time_axis_shows_both_at_equal_time(race):
    page = race()
    slider = page.get_by_role("slider", name="Computing time")
    slider.focus()
    page.keyboard.press("Home")
    assert steps_shown(page) == [0, 0]
    assert page.locator(".ts-race-empty:visible").count() == 2
    seen = [0, 0]
    for _ in range(4):  # from step to step of either model
        page.keyboard.press("ArrowRight")
        now = steps_shown(page)
        assert sum(now) > sum(seen)
        seen = now
    assert f"raster {seen[1]} of" in slider.get_attribute("aria-valuetext")
    # a picture that was not sent during the race is asked for
    page.keyboard.press("ArrowLeft")
    key = f"raster {steps_shown(page)[1]}" if steps_shown(page)[1] else None
    if key:
        page.wait_for_function("() => !document.querySelector('.ts-race-raster .ts-late')")
    cells = page.locator(".ts-race-table").first.locator("td").all_inner_texts()
    lanes = state(page, "view.lanes")
    assert cells[:2] == [f"{n} of {lane['total']}" for n, lane in zip(steps_shown(page), lanes, strict=True)]
    page.keyboard.press("End")
    assert steps_shown(page) == [lane["total"] for lane in lanes]
    page.get_by_role("button", name="Replay").click()
    page.wait_for_function("() => Tokenscope.state.race.playing && Tokenscope.race.now() > 0")
    page.get_by_role("button", name="Pause").click()
    assert state(page, "playing") is False


def test_the_comparison_is_saved_as_a_picture(race):
    page = race()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as picture").click()
    assert download.value.suggested_filename.endswith(".png")


def test_wrong_settings_are_one_sentence_and_nothing_is_lost(race):
    page = race()
    before = finding(page)
    page.evaluate("() => Tokenscope.race.settle({ guidance: { 'next-scale': 99, raster: 1 } })")
    start(page)
    failed = page.locator(".ts-section-race .ts-failed:visible")
    failed.wait_for()
    assert failed.inner_text().startswith("Guidance of ") and failed.inner_text().endswith(".")
    assert finding(page) == before
    page.get_by_role("button", name="Models' defaults").click()
    assert "Out of date" not in page.locator(".ts-race-head .ts-sub").inner_text()


def test_a_race_can_be_stopped_and_run_again(race):
    page = race()
    page.evaluate(STOP_EARLY)
    start(page)
    page.wait_for_function("() => ['stopped', 'done'].includes(Tokenscope.state.race.status)")
    if state(page, "status") == "stopped":
        assert finding(page).startswith("Stopped at")
    page.evaluate("() => { window.stopped = true; }")
    start(page)
    page.wait_for_function(DONE)
    assert state(page, "view.finish.seconds") > 0


def test_a_link_carries_class_seed_and_guidance(race):
    page = race()
    name = page.evaluate("() => Tokenscope.state.race.intro.classes.at(-1)")
    page.locator(f".ts-race-classes button[data-label={name}]").click()
    page.locator("#ts-race-seed").fill("41")
    page.locator("#ts-race-seed").press("Enter")
    guidance = 3.5 if state(page, "settings.guidance.raster") != 3.5 else 2  # any but the card's own
    page.get_by_role("slider", name="Raster, ").fill(str(guidance))
    page.wait_for_function(
        f"() => /race-seed=41.*race-guidance=.*{guidance}/.test(decodeURIComponent(location.search))"
    )
    query = page.evaluate("() => location.search")
    other = race(query=query.replace("tab=compare", "tab=inspect"))
    assert state(other, "settings.label") == name and state(other, "settings.seed") == 41
    assert state(other, "settings.guidance.raster") == guidance
    other.wait_for_function(DONE)
    assert state(other, "view.label") == name and state(other, "view.seed") == 41


def test_times_are_measured_on_request_and_can_be_stopped(race):
    page = race()
    cost = page.locator(".ts-race-cost")
    rows = cost.locator("tbody tr")
    assert rows.count() >= 4 and "–" in rows.first.inner_text()
    cost.get_by_role("button", name="Measure").click()
    page.wait_for_function("() => Tokenscope.state.cost.measured.length > 0")
    cost.get_by_role("button", name="Stop").click()
    page.wait_for_function("() => Tokenscope.state.cost.status === 'stopped'")
    assert cost.locator(".ts-cost-plot").last.locator("circle").count() >= 1
    cost.get_by_role("radio", name="VAR-d16").click()
    assert "1024 px" in cost.locator(".ts-finding").inner_text()
    assert cost.get_by_role("button", name="Measure").count() == 0
    dot = cost.locator("circle").first
    dot.focus()
    assert page.locator(".ts-tip").inner_text() == dot.get_attribute("aria-label")


def test_a_phone_scrolls_in_one_direction_only(race):
    page = race("narrow")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    pictures = page.locator(".ts-race-picture")
    boxes = [pictures.nth(n).bounding_box() for n in range(2)]
    assert boxes[0]["y"] == pytest.approx(boxes[1]["y"], abs=2) and boxes[0]["width"] > 150
    page.locator(".ts-race-go").tap()
    page.wait_for_function(DONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for share in (0, 0.25, 0.5, 0.6, 0.75, 1):  # the label of the clock stays on the axis wherever it stands
        edges = page.evaluate(
            """(share) => {
              document.querySelector('.ts-race-axis').style.setProperty('--now', `${100 * share}%`);
              const box = document.querySelector('.ts-race-badge').getBoundingClientRect();
              return [box.left, box.right, box.width];
            }""",
            share,
        )
        assert edges[2] > 100 and edges[0] >= 0 and edges[1] <= 390, share


def test_the_section_has_no_serious_violation(race):
    page = race()
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(150)
        assert serious_violations(page) == [], f"dark: {dark}"
