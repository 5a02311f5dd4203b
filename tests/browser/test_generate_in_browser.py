"""Generate in a real browser: find a class, several seeds, candidates, branches, new details, links, errors,
keys, a phone, and a model that writes token by token."""

import pytest
from browser_support import open_tab, serious_violations

from explorer.ui.generate import generate_tab
from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving

pytestmark = pytest.mark.browser

RUN = """() => {
  const { title, seed, label, status, done, total } = Tokenscope.state.docs.run;
  return { title, seed, label, status, done, total }; }"""
IDS = "() => Tokenscope.state.docs.run.scales.map((scale) => scale.ids)"
FINISHED = """(old) => {
  const { docs: { run }, running } = Tokenscope.state;
  return run.run !== old && run.status === 'done' && !running; }"""
HEAR = """() => {
  window.heard = [];
  document.addEventListener('ts:did', (event) => heard.push(event.detail.what)); }"""


def open_generate(open_page, *where):
    page = open_page(*where)
    open_tab(page, "Generate")
    return page


def run_id(page) -> str:
    return page.evaluate("() => Tokenscope.state.docs.run.run")


def finished(page, old: str) -> dict:
    page.wait_for_function(FINISHED, arg=old)
    return page.evaluate(RUN)


def looked_up(page, scale: int, row: int, column: int):
    """The candidates of a place (scale from 1, others from 0)."""
    page.evaluate("([k, i, j]) => Tokenscope.select({ k, i, j })", [scale - 1, row, column])
    where = f"Scale {scale}, row {row + 1}, column {column + 1}: code"
    page.locator(".ts-caption:visible", has_text=where).wait_for()
    return page.locator(".ts-candidates:not([aria-busy]) button")


def items(page):
    return page.locator(".ts-tree [role=treeitem]")


def test_classes_are_found_by_typing_and_run_by_a_key(open_page):
    page = open_generate(open_page)
    buttons, field = page.locator(".ts-classes button"), page.get_by_label("Find a class")
    everything = buttons.count()
    name = buttons.nth(everything - 1).get_attribute("data-label")
    field.fill(name[1:4].upper())
    assert 0 < buttons.count() < everything
    field.fill("no such thing")
    page.get_by_text("No class has this in its name.").wait_for()
    field.press("Escape")
    assert buttons.count() == everything
    old = run_id(page)
    field.fill(name)
    field.press("Enter")
    assert finished(page, old)["label"] == name
    field.fill("")
    field.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.dataset.label") == buttons.nth(1).get_attribute(
        "data-label"
    )
    page.evaluate(
        "() => Tokenscope.set({ model: { ...Tokenscope.state.model, classes: Array.from({ length: 1000 }, "
        "(_, n) => ({ name: `thing_${n}`, image: '' })) } })"
    )
    assert buttons.count() < 100
    field.fill("ng 777")
    assert buttons.all_inner_texts() == ["thing 777"]


def test_a_gallery_a_forced_token_and_the_way_back_by_keys(open_page):
    page = open_generate(open_page)
    page.evaluate(HEAR)
    page.get_by_role("radiogroup", name="Pictures at once").get_by_role("radio", name="4").click()
    old = run_id(page)
    page.locator(".ts-classes button").nth(1).click()
    first = finished(page, old)
    pictures = page.locator(".ts-gallery button")
    assert pictures.count() == 4 and pictures.nth(0).get_attribute("aria-pressed") == "true"
    pictures.nth(2).click()
    page.wait_for_function("(seed) => Tokenscope.state.docs.run.seed === seed", arg=first["seed"] + 2)
    assert pictures.nth(2).get_attribute("aria-pressed") == "true"
    assert page.locator(".ts-strip:visible .ts-step img:visible").count() == first["total"]
    before, old = page.evaluate(IDS), run_id(page)

    candidates = looked_up(page, 2, 1, 0)
    assert candidates.count() >= 12
    other = candidates.filter(has_not_text="written").first
    code = int(other.get_attribute("data-code"))
    other.click()
    branch = finished(page, old)
    assert branch["seed"] == first["seed"] + 2 and f"code {code} forced" in branch["title"]
    after = page.evaluate(IDS)
    assert after[0] == before[0] and after[1] == [*before[1][:2], code, before[1][3]]
    page.get_by_text("came out differently").wait_for()

    assert items(page).count() == 2 and items(page).nth(1).get_attribute("aria-selected") == "true"
    items(page).nth(1).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function("(old) => Tokenscope.state.docs.run.run === old", arg=old)
    assert page.evaluate(IDS) == before
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    assert items(page).count() == 1 and page.evaluate(IDS) == before
    # forcing the token that stands there anyway changes nothing
    looked_up(page, 2, 1, 0).filter(has_text="written").click()
    finished(page, old)
    assert page.evaluate(IDS) == before
    assert page.evaluate("() => heard").count("branch-forced") == 2


def test_new_details_leave_the_coarse_scales_and_a_failure_leaves_everything(open_page, monkeypatch):
    page = open_generate(open_page)
    page.evaluate(HEAR)
    before, old = page.evaluate(IDS), run_id(page)
    page.get_by_label("Write again from", exact=True).select_option("5")
    page.get_by_role("button", name="With a new seed").click()
    run = finished(page, old)
    after = page.evaluate(IDS)
    assert after[:4] == before[:4] and after[4:] != before[4:]
    assert run["title"].endswith("from scale 5 on") and page.evaluate("() => heard") == [
        "run-done",
        "regenerated",
    ]
    assert items(page).count() == 2

    real = generate_tab.run_views

    def broken(*arguments, **settings):
        yield next(iter(real(*arguments, **settings)))
        raise RuntimeError("as if the device had failed")

    monkeypatch.setattr(generate_tab, "run_views", broken)
    page.locator(".ts-classes button").first.click()
    notice = page.get_by_role("alert").filter(visible=True)
    notice.wait_for()
    assert "failed on the server" in notice.inner_text() and "RuntimeError" not in notice.inner_text()
    assert page.evaluate(IDS) == after and items(page).count() == 2
    monkeypatch.undo()
    page.evaluate("() => Tokenscope.generate.start('dragon')")
    notice.filter(has_text="There is no class 'dragon'").wait_for()
    assert page.evaluate(IDS) == after


def test_every_verb_that_draws_again_uses_what_the_form_shows(open_page):
    page = open_generate(open_page)
    used = "() => Tokenscope.state.docs.run.settings.temperature"
    old = run_id(page)
    page.evaluate("() => Tokenscope.generate.adjust({ temperature: 0.6 })")
    page.get_by_role("button", name="With a new seed").click()
    finished(page, old)
    assert page.evaluate(used) == 0.6
    old = run_id(page)
    candidates = looked_up(page, 2, 1, 0)
    page.evaluate("() => Tokenscope.generate.adjust({ temperature: 0.7 })")
    candidates.filter(has_not_text="written").first.click()
    finished(page, old)
    assert page.evaluate(used) == 0.7


def test_what_is_no_seed_is_told_in_a_word(open_page):
    page = open_generate(open_page)
    field = page.locator("#ts-seed")
    field.fill("12")
    field.press("Tab")
    for typed, named in (("-1", "“-1”"), ("1.5", "“1.5”"), ("", "an empty field")):
        field.fill(typed)
        field.press("Tab")
        page.get_by_text(f"{named} is none, so seed 12 stays").wait_for()
        assert field.input_value() == "12"
        assert page.evaluate("() => Tokenscope.state.settings.seed") == 12


def test_a_link_reproduces_class_seed_and_temperature(open_page):
    query = "?tab=generate&class=&seed=5&temperature=0.5&top_p=0.9"
    first = open_page("wide", query)
    second = open_page("wide", query)
    for page in (first, second):
        run = finished(page, "")
        assert (run["label"], run["seed"], run["title"]) == ("", 5, "Any picture, seed 5")
        settings = page.evaluate("() => Tokenscope.state.docs.run.settings")
        assert (settings["temperature"], settings["top_p"]) == (0.5, 0.9)
        assert page.get_by_text("so guidance has no effect now").is_visible()
    assert first.evaluate(IDS) == second.evaluate(IDS)
    first.get_by_label("Temperature").press("ArrowRight")
    first.wait_for_function("() => location.search.includes('temperature=0.55')")


def test_a_phone_forces_a_token_and_the_page_is_accessible(open_page):
    page = open_generate(open_page, "narrow")
    old = run_id(page)
    looked_up(page, 2, 0, 0).nth(3).tap()
    finished(page, old)
    assert items(page).count() == 2
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    old = run_id(page)
    page.evaluate("() => Tokenscope.generate.start(Tokenscope.state.docs.run.label, { seeds: 4 })")
    finished(page, old)
    page.locator(".ts-gallery button").nth(3).wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1440, "height": 900})
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(150)
        assert serious_violations(page) == [], f"dark: {dark}"


def test_a_raster_model_is_followed_token_by_token(browser):
    options = AppOptions(tokenizer="mini-raster-tokenizer", generator="mini-raster")
    with serving(options) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(60_000)
        page.goto(url)
        page.locator(".ts-cell:visible").first.wait_for()
        open_tab(page, "Generate")
        page.locator(".ts-classes button").nth(1).click()
        run = finished(page, "")
        whole = page.evaluate(IDS)
        slider = page.get_by_label("Step of the run")
        slider.fill("12")  # between two rows: its picture is decoded now
        page.wait_for_function("() => Tokenscope.state.docs.run.frames[12]")
        page.get_by_text(f"step 12 of {run['total']}").first.wait_for()
        assert page.locator(".ts-pyramid:visible .ts-unknown").count() == run["total"] - 12
        slider.press("End")
        assert page.locator(".ts-pyramid:visible .ts-unknown").count() == 0
        old = run_id(page)
        page.get_by_label("Write again from token").fill("20")
        page.get_by_role("button", name="With a new seed").click()
        finished(page, old)
        again = page.evaluate(IDS)
        assert again[0][:19] == whole[0][:19] and again[0][19:] != whole[0][19:]
        page.close()
