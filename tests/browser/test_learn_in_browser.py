"""Learn in a real browser: a newcomer through all pages by real actions, an error, a stop, links, a reload,
keyboard, a phone, accessibility."""

import pytest
from browser_support import serious_violations

pytestmark = pytest.mark.browser


@pytest.fixture
def learn(open_page):
    """learn(width, at) gives a page with the tab open at page `at` (from 1)."""

    def open_tab(width: str = "wide", at: int = 1, query: str = ""):
        page = open_page(width, query)
        page.get_by_role("tab", name="Learn").click()
        page.locator(".ts-lesson-title:visible").wait_for()
        if at > 1:
            go(page, at)
        return page

    return open_tab


def go(page, at: int) -> None:
    page.locator(".ts-lessons button").nth(at - 1).click()
    page.get_by_text(f"Page {at} of", exact=False).wait_for()


def cell(page, scale: int, n: int):
    """scale from 1, -1 the finest; n counts row by row, -1 is the last."""
    maps = page.locator(".ts-learn .ts-pyramid:visible .ts-map")
    one = maps.nth(scale - 1) if scale > 0 else maps.last
    return one.locator("[role=gridcell]").nth(n)


def seen(page) -> str:
    """What the reader is told once the open page is ticked; fails where it is not."""
    page.locator('.ts-task-box[data-state="done"]:visible').wait_for()
    return page.locator(".ts-saw").inner_text()


def turn(page) -> None:
    page.locator(".ts-task-box .ts-main").click()
    page.locator('.ts-task-box[data-state="open"]:visible').wait_for()


def code_at(page, k: int, n: int) -> int:
    return page.evaluate("([k, n]) => Tokenscope.state.docs.session.scales.at(k).ids[n]", [k, n])


def look_after_guessing(page) -> None:
    cell(page, -1, 9).click()
    page.get_by_role("radio", name="Its own map").filter(visible=True).click()
    page.get_by_role("button", name="Look", exact=True).filter(visible=True).click()


def choose_dots(page) -> None:
    """Two codes by the keyboard: arrows walk over the map."""
    box = page.locator(".ts-learn .ts-codemap:visible")
    page.wait_for_function(
        "() => Tokenscope.state.codebook.ready && Tokenscope.state.docs.session.scales.length"
    )
    box.focus()
    for key in ("ArrowRight", "ArrowUp"):
        before = page.evaluate("() => Tokenscope.codebook.selected()")
        page.keyboard.press(key)
        page.wait_for_function("(code) => Tokenscope.codebook.selected() !== code", arg=before)


def test_a_newcomer_gets_through_all_pages_by_doing(learn):
    page = learn()
    many = page.locator(".ts-lessons button").count()
    assert 10 <= many <= 12 and page.locator(".ts-lessons [data-state=done]").count() == 0

    cell(page, -1, 5).click()
    assert f"token {code_at(page, -1, 5)}" in seen(page)
    turn(page)

    cell(page, -1, 6).click()
    old = code_at(page, -1, 6)
    page.locator(".ts-distance:visible").nth(1).click()
    told = seen(page)
    assert f"replaced code {old} by {code_at(page, -1, 6)}" in told and "% of the pixels" in told
    assert page.evaluate("() => Tokenscope.state.docs.session.edit.changed") == 1
    turn(page)
    # what the page had put in is taken out
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 0")

    choose_dots(page)
    assert "apart" in seen(page)
    turn(page)

    page.locator(".ts-reading-cell").nth(0).click()
    assert page.locator('.ts-task-box[data-state="open"]').count() == 1
    page.locator(".ts-reading-cell").last.click()
    assert "the last square" in seen(page)
    turn(page)

    cell(page, 1, 0).click()
    page.locator(".ts-palette button:visible").nth(2).click()
    page.locator(".ts-outcome:visible").get_by_text("Now a square of scale").wait_for()
    cell(page, -1, 9).click()
    page.locator(".ts-palette button:visible").nth(4).click()
    assert "One token at scale 1 changed" in seen(page)
    turn(page)

    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 0")
    strip = page.locator(".ts-learn .ts-strip:visible")
    strip.focus()
    page.keyboard.press("Home")
    for _ in range(page.evaluate("() => Tokenscope.state.docs.session.scales.length - 1")):
        assert page.locator('.ts-task-box[data-state="open"]').count() == 1
        page.keyboard.press("ArrowRight")
    assert "unexplained" in seen(page)
    turn(page)

    page.get_by_role("button", name="Write a picture").click()
    assert "tokens in" in seen(page)
    turn(page)

    page.get_by_role("button", name="Run the three").click()
    assert "bits per token" in seen(page)
    pictures = page.locator(".ts-guided img").evaluate_all("(all) => all.map((one) => one.src)")
    assert len(set(pictures)) == 3
    turn(page)

    page.locator(".ts-learn").get_by_role("button", name="Ask the generator").filter(visible=True).click()
    assert "the generator needs" in seen(page)
    turn(page)

    look_after_guessing(page)
    assert "of the attention went there" in seen(page)
    turn(page)

    page.locator(".ts-panel-layers select").last.select_option("1")
    page.get_by_role("button", name="Read the layers").filter(visible=True).click()
    assert "of the codes are those" in seen(page)
    turn(page)

    page.locator(".ts-learn .ts-samples button:visible").first.click()
    assert "dB PSNR" in seen(page)
    assert page.locator(".ts-lessons [data-state=done]").count() == many
    assert "All pages are ticked" in page.locator(".ts-saw").inner_text()


def test_ticks_and_the_open_page_survive_a_reload_and_can_be_cleared(learn):
    page = learn()
    cell(page, -1, 5).click()
    told = seen(page)
    go(page, 4)
    page.wait_for_function("() => location.search.includes('lesson=4')")
    page.reload()
    page.get_by_text("Page 4 of").wait_for()
    assert page.locator(".ts-lessons [data-state=done]").count() == 1
    go(page, 1)
    assert seen(page) == told
    page.get_by_role("button", name="Start again").click()
    page.wait_for_function("() => !document.querySelector('.ts-lessons [data-state=done]')")
    page.get_by_role("button", name="Bring them back").click()
    assert seen(page) == told


def test_a_link_opens_its_page_and_a_wrong_one_says_so(open_page):
    page = open_page(query="?lesson=77")
    page.get_by_text("lesson “77”").wait_for()
    page.goto(page.url.split("?")[0] + "?tab=learn&lesson=6")
    page.get_by_text("Page 6 of").wait_for()


def test_being_led_to_another_tab_there_is_a_way_back(learn):
    page = learn(at=4)
    page.get_by_role("button", name="Compare this with other orders").click()
    assert page.get_by_role("tab", name="Compare").get_attribute("aria-selected") == "true"
    assert page.evaluate("() => Tokenscope.state.compare") == "orders"
    chip = page.locator(".ts-learn-chip")
    assert "Back to page 4" in chip.inner_text()
    chip.get_by_role("button").first.click()
    page.get_by_text("Page 4 of").wait_for()
    page.wait_for_function("() => document.activeElement.className === 'ts-lesson-title'")
    assert not chip.is_visible()


def test_guided_runs_can_be_stopped_and_a_refusal_is_one_sentence(learn):
    page = learn(at=8)
    page.evaluate("""() => { const T = Tokenscope, real = T.set; T.set = (patch) => { real(patch);
      if (patch.guided?.status === 'running' && !window.halted) { window.halted = true;
        setTimeout(() => [...document.querySelectorAll('.ts-guided-tools .ts-button')][0].click()); } }; }""")
    page.get_by_role("button", name="Run the three").click()
    page.wait_for_function("() => ['stopped', 'done'].includes(Tokenscope.state.guided?.status)")
    stopped = page.evaluate("() => Tokenscope.state.guided.status") == "stopped"
    if stopped:  # a quick machine may finish first
        page.locator(".ts-learn").get_by_text("Stopped after step").wait_for()
        assert page.locator('.ts-task-box[data-state="open"]').count() == 1
    page.evaluate("() => { window.halted = true; }")
    page.locator("#ts-guided-class").evaluate(
        "(select) => { select.add(new Option('dragon')); select.value = 'dragon'; }"
    )
    page.get_by_role("button", name="Run the three").click()
    page.locator(".ts-failed:visible").get_by_text("There is no class 'dragon'").wait_for()
    page.locator("#ts-guided-class").select_option(index=0)
    page.get_by_role("button", name="Run the three").click()
    assert "bits per token" in seen(page)
    assert page.locator(".ts-learn .ts-failed:visible").count() == 0


def test_pages_turn_by_arrow_keys_but_not_inside_the_live_parts(learn):
    page = learn()
    page.locator(".ts-lesson-title").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Page 2 of").wait_for()
    assert page.evaluate("() => document.activeElement.className") == "ts-lesson-title"
    cell(page, -1, 0).click()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => Tokenscope.state.selection.j") == 1
    assert page.get_by_text("Page 2 of").is_visible()
    page.locator('.ts-lessons button[aria-current="page"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.get_by_text("Page 4 of").wait_for()
    assert page.evaluate("() => document.activeElement.getAttribute('aria-current')") == "page"
    square = page.locator(".ts-reading-cell").first
    square.focus()
    for key in ("End", "Enter"):
        page.keyboard.press(key)
    assert page.get_by_text("Page 4 of").is_visible()
    width = page.evaluate("() => Tokenscope.state.learn.grid[1]")
    assert (
        page.locator(".ts-reading-cell[aria-selected=true]")
        .get_attribute("aria-label")
        .startswith(f"row 1 column {width}, step {width}")
    )
    # a term is explained to whoever reaches it by keyboard
    page.locator(".ts-lesson-text .ts-term").first.focus()
    page.locator(".ts-tip").wait_for()


def test_a_phone_shows_every_page_in_one_column(learn):
    page = learn("narrow")
    for at in range(1, page.locator(".ts-lessons button").count() + 1):
        go(page, at)
        page.wait_for_timeout(100)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, f"page {at}"
    go(page, 1)
    cell(page, -1, 3).tap()
    toast = page.locator(".ts-learn-toast")
    told = page.locator(".ts-saw").evaluate("(node) => node.textContent")
    assert "You chose token" in told
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")  # the task is out of sight
    cell(page, -1, -1).tap()
    toast.wait_for()
    toast.get_by_role("button").click()
    page.get_by_text("Page 2 of").wait_for()


def test_learn_has_no_serious_violation(learn):
    page = learn()
    for dark, pages in (
        (False, (2, 4, 8, 10, 11, 12)),
        (True, (3, 5, 6, 9, 10, 11)),
    ):  # 1 and 7 have the parts of 2 and 6
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        for at in pages:
            go(page, at)
            if at == 4:
                page.locator(".ts-reading-cell").nth(10).click()
            page.wait_for_timeout(200)
            assert serious_violations(page, ".ts-learn") == [], f"page {at}, dark: {dark}"


def test_what_was_looked_at_is_the_models_own_attention(learn):
    page = learn(at=10)
    look_after_guessing(page)
    told = seen(page)
    look = page.evaluate("() => { const { rows, ...look } = Tokenscope.state.inside.look; return look; }")
    shares = [0.0, 0.0, 0.0]
    for n, (k, _, _) in enumerate(look["places"]):
        kind = 0 if n < look["class_positions"] else 1 if k < look["asked"][0] else 2
        shares[kind] += sum(row[n] for row in look["means"]) / look["layers"]
    assert sum(shares) == pytest.approx(1, abs=0.01)
    best = ("the class", "the coarser maps", "its own map")[shares.index(max(shares))]
    assert best in told.split(":")[0]
    bars = page.locator(".ts-panel-looked .ts-bar-track i:not(.ts-even)").evaluate_all(
        "(all) => all.map((one) => parseFloat(one.style.getPropertyValue('--v')) / 100)"
    )
    assert bars == pytest.approx(shares, abs=1e-6)
    cell(page, -1, 12).click()
    page.get_by_text("Another square, class or picture is chosen now").wait_for()
    assert page.locator(".ts-panel-looked .ts-guess-rows").is_hidden()
    cell(page, 1, 0).click()
    page.get_by_text("Nothing comes before this square").wait_for()
    assert page.get_by_role("button", name="Look", exact=True).filter(visible=True).is_disabled()


def test_a_guess_is_made_by_keyboard_and_needed_first(learn):
    page = learn(at=10)
    cell(page, -1, 9).click()
    assert page.get_by_role("button", name="Look", exact=True).filter(visible=True).is_disabled()
    guess = page.get_by_role("radio", name="The class").filter(visible=True)
    guess.focus()
    page.keyboard.press("ArrowRight")
    assert (
        page.get_by_role("radio", name="Coarser maps").filter(visible=True).get_attribute("aria-checked")
        == "true"
    )
    assert page.get_by_text("Page 10 of").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "You guessed the coarser maps" in seen(page)


def test_reading_the_layers_can_be_stopped_and_leaves_no_tick(learn):
    page = learn(at=11)
    page.locator(".ts-panel-layers select").last.select_option("2")
    page.evaluate("""() => { const real = Tokenscope.set; Tokenscope.set = (patch) => { real(patch);
      if (patch.inside?.lens?.done !== 1 || window.halted) return;
      window.halted = true;
      Tokenscope.inside.stop('lens'); }; }""")
    page.get_by_role("button", name="Read the layers").filter(visible=True).click()
    page.wait_for_function("() => window.halted && !Tokenscope.inside.busy('lens')")
    page.locator(".ts-panel-layers").get_by_text("Stopped after 1 of").wait_for()
    assert page.locator('.ts-task-box[data-state="open"]').count() == 1
    page.get_by_role("button", name="Read the layers").filter(visible=True).click()
    seen(page)
    lens = page.evaluate("() => Tokenscope.state.inside.lens")
    half = next(n for n, row in enumerate(lens["agreement"], 1) if row[-1] >= 0.5)
    assert f"layer {half}" in page.locator(".ts-saw").inner_text()
    assert page.locator(".ts-panel-layers img").count() == lens["layers"]
