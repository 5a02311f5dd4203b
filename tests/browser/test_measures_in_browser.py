"""The charts of Inspect in a real browser: they follow the picture and the scale, and ask the generator."""

import pytest
from browser_support import serious_violations

from explorer.ui.inspect import measures, surprise

pytestmark = pytest.mark.browser

FRESH = "() => Tokenscope.measures.fresh()"
DONE = "() => Tokenscope.state.surprise.status === 'done'"


@pytest.fixture
def inspect(open_page):
    """inspect(width) gives a page whose picture is measured."""

    def open_one(width: str = "wide"):
        page = open_page(width)
        page.wait_for_function(FRESH)
        return page

    return open_one


def shown(page) -> int:
    return page.evaluate("() => Tokenscope.measures.shown()")


def ask(page) -> None:
    page.get_by_role("button", name="Ask the generator").click()


def replace_a_token(page) -> None:
    """As Edit does, from the console: the code above or below, at scale 2."""
    page.evaluate(
        """() => {
          Tokenscope.select({ k: 1, i: 0, j: 0, cells: [0] });
          const code = Tokenscope.codeAt("session", { k: 1, i: 0, j: 0 });
          Tokenscope.edit.replace((code + 1) % Tokenscope.state.model.codes);
        }"""
    )
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 1")


def test_a_bar_chooses_its_scale_everywhere_and_arrows_go_on(inspect):
    page = inspect()
    psnr = page.get_by_role("group", name="PSNR by scale").locator("button")
    assert psnr.count() == page.evaluate("() => Tokenscope.state.model.grids.length")
    psnr.nth(1).click()
    assert shown(page) == 1 and page.evaluate("() => Tokenscope.state.selection.k") == 1
    assert page.locator(".ts-strip:visible").get_attribute("aria-valuenow") == "2"
    page.keyboard.press("ArrowRight")
    assert shown(page) == 2 and psnr.nth(2).get_attribute("aria-pressed") == "true"
    decibel = page.evaluate("() => Tokenscope.state.docs.session.scales[2].psnr")
    assert f"{decibel:.2f} dB" in psnr.nth(2).get_attribute("aria-label")
    assert page.locator(".ts-table .ts-here").first.locator("button").inner_text() == "3"


def test_another_picture_is_measured_and_the_session_counts_both(inspect):
    page = inspect()
    before = (
        page.get_by_role("group", name="PSNR by scale").locator("button").last.get_attribute("aria-label")
    )
    page.locator(".ts-samples button[data-name=cat]").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    page.wait_for_function(FRESH)
    assert page.locator(".ts-usage-tables figcaption").all_inner_texts()[1].startswith("Both pictures")
    after = page.get_by_role("group", name="PSNR by scale").locator("button").last.get_attribute("aria-label")
    assert after != before


def test_the_error_is_shown_on_the_picture_and_follows_the_scale(inspect):
    page = inspect()
    layer = page.locator(".ts-picture:visible .ts-error-layer")
    assert not layer.is_visible()
    page.get_by_role("button", name="Show on the picture").click()
    page.locator(".ts-error").nth(0).click()
    page.wait_for_function("() => document.querySelector('.ts-error-layer').width > 1")
    first = layer.get_attribute("aria-label")
    assert "scale 1 alone" in first
    page.locator(".ts-strip:visible").focus()
    page.keyboard.press("End")
    assert layer.get_attribute("aria-label") != first
    means = page.evaluate("() => Tokenscope.measures.view().scales.map((scale) => scale.mean)")
    assert f"{means[-1]:.3f}" in layer.get_attribute("aria-label")
    page.locator(".ts-error canvas").last.hover()
    assert "pixel" in page.locator(".ts-error-read").inner_text()
    page.get_by_role("button", name="Show the picture again").click()
    assert not layer.is_visible()


def test_the_generator_ranks_all_classes_and_a_click_draws_another(inspect):
    page = inspect()
    ask(page)
    page.wait_for_function(DONE, timeout=60_000)
    ranks = page.locator(".ts-rank")
    assert ranks.count() == page.evaluate("() => Tokenscope.state.model.classes.length + 1")
    assert ranks.first.get_attribute("aria-pressed") == "true"
    colours = """() => [...document.querySelectorAll('.ts-surprise .ts-cell')]
      .map((cell) => cell.style.getPropertyValue('--c')).join()"""
    before = page.evaluate(colours)
    ranks.last.click()
    page.wait_for_function("() => document.querySelector('.ts-rank:last-of-type')?.ariaPressed === 'true'")
    assert page.evaluate(colours) != before
    assert ranks.count() > 2  # the ranking stays
    replace_a_token(page)
    assert page.locator(".ts-surprise-finding").inner_text().startswith("Out of date")
    ask(page)
    page.wait_for_function(DONE, timeout=60_000)
    assert " bits for the " in page.locator(".ts-surprise-finding").inner_text()


def test_asking_can_be_stopped_and_asked_again(inspect, monkeypatch):
    import time

    page = inspect()
    real = surprise.score
    monkeypatch.setattr(surprise, "score", lambda *asked: time.sleep(0.4) or real(*asked))
    ask(page)
    page.wait_for_function("() => Tokenscope.state.surprise.done > 0")
    page.get_by_role("button", name="Stop", exact=True).click()
    done = page.evaluate("() => Tokenscope.state.surprise.done")
    assert f"Stopped after {done} of" in page.locator(".ts-surprise-finding").inner_text()
    page.wait_for_timeout(1200)
    assert page.evaluate("() => Tokenscope.state.surprise.done") == done
    monkeypatch.undo()
    page.get_by_label("Class the generator is told").select_option(index=2)
    ask(page)
    page.wait_for_function(DONE, timeout=60_000)


def test_failures_are_sentences_and_the_page_goes_on(inspect, monkeypatch):
    page = inspect()
    monkeypatch.setattr(surprise, "score", lambda *_: 1 / 0)
    ask(page)
    page.locator(".ts-failed:visible").wait_for()
    assert page.locator(".ts-failed:visible").inner_text() == surprise.FAILED
    monkeypatch.setattr(measures, "measures_view", lambda *_: 1 / 0)
    replace_a_token(page)
    page.get_by_role("button", name="Try again").first.wait_for()
    monkeypatch.undo()
    page.get_by_role("button", name="Try again").first.click()
    page.wait_for_function(FRESH)
    assert page.get_by_role("button", name="Try again").count() == 0


def test_on_a_phone_the_charts_come_after_the_pictures_and_fit(inspect):
    page = inspect("narrow")
    ask(page)
    page.wait_for_function(DONE, timeout=60_000)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    top = {
        name: page.locator(name).first.bounding_box()["y"]
        for name in (".ts-strip", ".ts-samples", ".ts-errors")
    }
    assert top[".ts-strip"] < top[".ts-samples"] < top[".ts-errors"]


def test_the_charts_have_no_serious_accessibility_violation(inspect):
    page = inspect()
    ask(page)
    page.wait_for_function(DONE, timeout=60_000)
    for dark in (False, True):
        page.evaluate(
            "(dark) => { document.body.classList.toggle('dark', dark); Tokenscope.set({ theme: dark }); }",
            dark,
        )
        page.wait_for_timeout(150)
        assert serious_violations(page) == [], f"dark: {dark}"
