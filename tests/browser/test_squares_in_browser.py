"""Squares that show pictures: so far, look, adds; numbers on enlarged squares; the card; the stage."""

import pytest
from browser_support import open_tab, serious_violations
from tiny_tokenizers import tiny_multi, tiny_single

from explorer.ui.page import build_page
from explorer.ui.workbench import Workbench

pytestmark = pytest.mark.browser

LARGE = (1, 2, 3, 4, 6, 9, 13, 18, 24, 32)
MODE = "() => Tokenscope.state.colourMode"
# The mean colour of a square as it is painted: from the sprite of its map, cut where the style cuts it.
MEAN = """const mean = (canvas, x, y, w, h) => {
  const { data } = canvas.getContext('2d').getImageData(x, y, w, h), count = data.length / 4;
  return [0, 1, 2].map((c) => data.filter((_, at) => at % 4 === c).reduce((a, b) => a + b, 0) / count); };
const drawn = async (src) => {
  const image = new Image();
  image.src = src;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas; };
const maps = (name) => [...document.querySelectorAll(name)].filter((one) => one.offsetParent);
"""
PAINTED = f"""async ([k, n]) => {{ {MEAN}
  const style = getComputedStyle(maps('.ts-pyramid .ts-map')[k].querySelectorAll('.ts-cell')[n]);
  const sprite = await drawn(/url\\("([^"]+)"\\)/.exec(style.backgroundImage)[1]);
  const [w, h] = style.backgroundSize.split(' ').map((size) => Math.round(parseFloat(size) / 100));
  const [x, y] = style.backgroundPosition.split(' ')
    .map((at, d) => Math.round((parseFloat(at) / 100) * ([w, h][d] - 1)));
  const [tw, th] = [sprite.width / w, sprite.height / h], [left, top] = [x * tw, y * th].map(Math.round);
  return {{ w, h, x, y, mean: mean(sprite, left, top, Math.floor(tw), Math.floor(th)) }};
}}"""
LABELS = """(k) => { const maps = [...document.querySelectorAll('.ts-pyramid .ts-map')];
  return [...maps.filter((one) => one.offsetParent)[k].querySelectorAll('.ts-cell')]
    .map((cell) => cell.getAttribute('aria-label')); }"""
ASKED = """() => { const asked = []; window.askedSquares = asked; const real = fetch;
  window.fetch = (url, options) => {
    if (String(url).includes('component_server')) asked.push(options?.body || '');
    return real(url, options); }; }"""


def choose(page, mode: str) -> None:
    page.locator(f".ts-modes:visible [data-value={mode}]").click()


def says(page) -> str:
    return page.locator(".ts-says:visible").inner_text()


def worn(page, count: int = 6) -> None:
    """Waits until every map on show wears a sprite of its own tokens."""
    page.wait_for_function(
        """(count) => [...document.querySelectorAll('.ts-pyramid .ts-map.ts-squares:not(.ts-stale)')]
          .filter((one) => one.offsetParent).length === count""",
        arg=count,
    )


def test_the_page_opens_with_the_picture_so_far_and_asks_for_nothing(open_page):
    page = open_page()
    worn(page)
    assert page.evaluate(MODE) == "sofar" and "colour=" not in page.url
    assert "part of the picture after its scale" in says(page)
    cell = page.evaluate(PAINTED, [3, 6])
    assert (cell["w"], cell["h"], cell["x"], cell["y"]) == (4, 4, 2, 1)
    expected = page.evaluate(
        f"""async () => {{ {MEAN}
          return mean(await drawn(Tokenscope.state.docs.session.scales[3].image), 32, 16, 16, 16); }}"""
    )
    assert cell["mean"] == pytest.approx(expected, abs=0.6)


def test_a_square_of_look_is_the_cards_swatch_and_is_said_in_words(open_page):
    page = open_page()
    choose(page, "look")
    worn(page)
    assert "decoded alone" in says(page) and "Computing" not in says(page)
    page.wait_for_function("() => location.search.includes('colour=look')")
    k, i, j = page.evaluate("() => { const { k, i, j } = Tokenscope.state.selection; return [k, i, j]; }")
    page.locator(".ts-card:visible .ts-id img").wait_for()
    swatch = page.evaluate(
        f"""async () => {{ {MEAN}
          const swatch = await drawn(document.querySelector('.ts-card .ts-id img').src);
          return mean(swatch, 0, 0, swatch.width, swatch.height); }}"""
    )
    painted = page.evaluate(PAINTED, [k, 4 * i + j])["mean"]
    assert painted == pytest.approx(swatch, abs=5)  # a JPEG
    labels = page.evaluate(LABELS, k)
    assert all(", looks " in label and label.endswith(" alone") for label in labels)
    assert "looks" in page.locator(".ts-read[role=status]:visible").inner_text()
    kind = page.locator(".ts-card:visible .ts-kind i").evaluate(
        "(chip) => getComputedStyle(chip).backgroundColor"
    )
    choose(page, "kind")
    cell = page.locator(".ts-pyramid:visible .ts-cell.ts-selected")
    assert cell.evaluate("(cell) => getComputedStyle(cell).backgroundColor") == kind
    assert "a label" in says(page)


def test_an_edit_asks_again_for_what_it_changes_only(open_page):
    page = open_page(query="?tab=edit&colour=adds")
    worn(page)
    assert "with it minus without it" in says(page)
    notes = page.locator(".ts-pyramid:visible .ts-note").all_inner_texts()
    assert len(notes) == 6 and all(note in ("±0.05", "±0.1", "±0.25", "±0.5", "±1") for note in notes)
    before = page.evaluate(LABELS, 5), page.evaluate(LABELS, 4)
    assert all(" on average" in label or "no change" in label for label in before[0])
    page.evaluate(ASKED)
    page.evaluate(
        "() => { Tokenscope.select({ k: 4, i: 0, j: 2, cells: [2] }); Tokenscope.edit.replace(7); }"
    )
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 1")
    page.wait_for_function("() => !Tokenscope.squares.progress('session', 'adds')")
    worn(page)
    after = page.evaluate(LABELS, 5), page.evaluate(LABELS, 4)
    assert after[1][2] != before[1][2] and after[0] != before[0]
    asked = [body for body in page.evaluate("() => window.askedSquares") if "adds" in body]
    assert len(asked) == 2  # scales 5 and 6: the coarser ones stand on nothing that changed


def test_a_link_opens_the_mode_and_what_nobody_knows_is_told(open_page):
    page = open_page(query="?colour=look")
    assert page.evaluate(MODE) == "look"
    other = open_page(query="?colour=rainbow")
    other.get_by_text("colour “rainbow”").wait_for()
    assert other.evaluate(MODE) == "sofar"


def test_generated_pictures_have_them_too(open_page):
    page = open_page(query="?tab=generate&colour=look")
    open_tab(page, "Generate")
    worn(page)
    page.evaluate("() => Tokenscope.generate.start('rose', { seed: 3 })")
    page.wait_for_function(
        "() => Tokenscope.state.running === null && Tokenscope.state.docs.run.status === 'done'"
    )
    worn(page)
    assert all(", looks " in label for label in page.evaluate(LABELS, 5))


def test_enlarged_squares_carry_the_numbers_of_their_codes(open_page):
    page = open_page()
    number = """(cell) => { const { content, display } = getComputedStyle(cell, '::after');
      return display === 'none' ? 'none' : content; }"""
    cell = page.locator(".ts-pyramid:visible .ts-map").nth(3).locator(".ts-cell").nth(5)
    assert cell.evaluate(number) == "none"
    page.keyboard.press("Tab")
    cell.click()
    page.keyboard.press("z")
    page.wait_for_function("() => document.querySelector('.ts-focused .ts-numbered')")
    code = page.evaluate("() => Tokenscope.codeAt('session', Tokenscope.state.selection)")
    assert cell.evaluate(number) == f'"{code}"'
    box = page.locator(".ts-pyramid:visible .ts-focused .ts-map").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 900  # all of it is in the window
    page.keyboard.press("Escape")
    assert cell.evaluate(number) == "none"


def test_the_stage_shows_the_same_squares(open_page):
    page = open_page(query="?colour=look")
    worn(page)
    page.keyboard.press("f")
    page.get_by_role("dialog", name="The stage").wait_for()
    seen = f"""() => {{ {MEAN} const canvas = document.querySelectorAll('.ts-present-map')[3];
      const side = canvas.width / 4; return mean(canvas, side, side, side - 1, side - 1); }}"""
    assert page.evaluate(seen) == pytest.approx(page.evaluate(PAINTED, [3, 5])["mean"], abs=3)
    page.keyboard.press("Home")
    empty = """() => { const canvas = document.querySelectorAll('.ts-present-map')[3];
      return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean); }"""
    assert not page.evaluate(empty)


def test_a_phone_shows_them_without_scrolling_sideways_and_axe_finds_nothing(open_page):
    page = open_page("narrow")
    for mode in ("look", "adds", "kind", "sofar"):
        choose(page, mode)
        if mode != "kind":
            worn(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert serious_violations(page, ".ts-pyramid") == []
    assert serious_violations(page, ".ts-modes") == []


@pytest.mark.parametrize("make", [tiny_single, lambda: tiny_multi(grids=tuple((n, n) for n in LARGE))])
def test_single_scale_tokenizers_and_drawn_maps(browser, make):
    tok = make()
    page_of = build_page(Workbench(tok))
    from explorer.ui import settings
    from explorer.ui.options import AppOptions

    _, url, _ = page_of.launch(**settings(AppOptions()), prevent_thread_lock=True, quiet=True)
    page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page.set_default_timeout(120_000)
    try:
        page.goto(url)
        page.locator(".ts-cell:visible").first.wait_for()
        K = len(tok.grids)
        for mode in ("look", "adds"):
            choose(page, mode)
            page.wait_for_function(
                """([mode, count]) => !Tokenscope.squares.progress('session', mode) && count ===
                  Tokenscope.colourModes.look('session').sprites.filter((one) => one && !one.stale).length""",
                arg=[mode, K],
            )
            words = page.evaluate("() => Tokenscope.colourModes.look('session').words.at(-1)")
            assert all(words) and len(words) == tok.grids[-1][0] * tok.grids[-1][1]
        if K > 1:
            page.evaluate("() => Tokenscope.select({ k: 9, i: 31, j: 31 })")
            choose(page, "look")
            drawn = f"""() => {{ {MEAN}
              const canvas = maps('.ts-pyramid .ts-map')[9].querySelector('canvas');
              const side = canvas.width / 32, [x, y] = [8, 5].map((n) => Math.round(n * side));
              return mean(canvas, x + 2, y + 2, side - 5, side - 5); }}"""
            value = page.evaluate("() => Tokenscope.colourModes.look('session').colours[9][5 * 32 + 8]")
            page.wait_for_timeout(200)
            expected = [int(value[at : at + 2], 16) for at in (1, 3, 5)]
            assert page.evaluate(drawn) == pytest.approx(expected, abs=14)  # the edge of the tile is left out
    finally:
        page.close()
        page_of.close(verbose=False)
