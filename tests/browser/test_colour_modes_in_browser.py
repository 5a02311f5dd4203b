"""Colours of the token maps, enlarged maps, and maps of more than a thousand tokens, in a real browser.

Squares that show pictures: test_squares_in_browser.py.
"""

import pytest
from browser_support import open_tab
from tiny_tokenizers import tiny_multi

from explorer.ui.page import build_page
from explorer.ui.workbench import Workbench

pytestmark = pytest.mark.browser

LARGE = (1, 2, 3, 4, 6, 9, 13, 18, 24, 32)  # VAR at 512 px: 2240 tokens in ten maps
CELLS = """() => {
  const maps = [...document.querySelectorAll('.ts-pyramid:not(.ts-surprise) .ts-map')];
  const last = maps.filter((node) => node.offsetParent).at(-1);
  return [...last.querySelectorAll('.ts-cell')]
    .map((cell) => [cell.style.getPropertyValue('--c'), cell.getAttribute('aria-label')]); }"""
ASKED = """() => {
  const { state, set, measures } = Tokenscope;
  const bits = state.docs.session.scales.map((scale) => scale.ids.map((_, n) => n / 4));
  const answer = { status: 'done', ranking: [['', 1]], shown: { label: '', bits, total: 1 } };
  set({ surprise: { ...state.surprise, ...answer, key: measures.keyNow() } }); }"""
DRAWN = """() => {
  const canvas = document.querySelectorAll('.ts-pyramid .ts-map')[9].querySelector('canvas');
  const side = canvas.width / 32, { colours } = Tokenscope.state.docs.session.scales[9];
  return [0, 33, 1023].every((n) => {
    const [x, y] = [n % 32, Math.floor(n / 32)].map((at) => (at + 0.5) * side);
    const [...rgb] = canvas.getContext('2d').getImageData(x, y, 1, 1).data.slice(0, 3);
    return colours[n] === '#' + rgb.map((v) => v.toString(16).padStart(2, '0')).join(''); }); }"""


def choose(page, mode: str) -> None:
    page.locator(f".ts-modes:visible [data-value={mode}]").click(force=True)


def legend(page):
    return page.locator(".ts-colour-legend:visible")


def read(page):
    return page.locator(".ts-read[role=status]").locator("visible=true")


def test_every_mode_colours_by_its_numbers_and_says_them(open_page):
    page = open_page(query="?colour=kind")
    by_kind = page.evaluate(CELLS)
    assert legend(page).count() == 0
    seen = {"kind": [colour for colour, _ in by_kind]}
    for mode, words in (("use", "of the tokens of scale"), ("distance", "distance ")):
        choose(page, mode)
        cells = page.evaluate(CELLS)
        seen[mode] = [colour for colour, _ in cells]
        assert all(words in label or "never used" in label for _, label in cells)
        assert words in read(page).inner_text() or "never used" in read(page).inner_text()
    assert len({tuple(colours) for colours in seen.values()}) == 3
    text = legend(page).inner_text()
    low, high = (part for part in text.split("\n") if part.replace(".", "").isdigit())
    scale = page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.distance).flat()")
    assert (float(low), float(high)) == (round(min(scale), 2), round(max(scale), 2))
    last = page.evaluate("() => Tokenscope.state.docs.session.scales.at(-1).distance")
    order = sorted(range(len(last)), key=last.__getitem__)
    lightness = [sum(int(part) for part in colour[4:-1].split()) for colour in seen["distance"]]
    assert lightness[order[0]] < lightness[order[-1]]  # viridis grows lighter


def test_a_mode_without_numbers_is_refused_with_a_reason_and_nothing_changes(open_page):
    page = open_page(query="?colour=kind")
    before = page.evaluate(CELLS)
    button = page.locator(".ts-modes:visible [data-value=surprise]")
    assert button.get_attribute("aria-disabled") == "true"
    choose(page, "surprise")
    assert "Ask the generator" in page.locator(".ts-why:visible").inner_text()
    assert page.evaluate(CELLS) == before and page.evaluate("() => Tokenscope.state.colourMode") == "kind"
    page.evaluate(ASKED)
    choose(page, "surprise")
    label = page.evaluate(CELLS)[5][1]
    assert label.endswith("1.25 bits of surprise")


def test_the_changed_mode_greys_what_stayed_and_the_link_carries_the_mode(open_page):
    page = open_page(query="?tab=edit&colour=changed")
    page.wait_for_function("() => Tokenscope.state.colourMode === 'changed'")
    open_tab(page, "Edit")
    page.evaluate(
        "() => { Tokenscope.select({ k: 5, i: 0, j: 2, cells: [2] }); Tokenscope.edit.replace(7); }"
    )
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 1")
    cells = page.evaluate(CELLS)
    greys = {colour for n, (colour, _) in enumerate(cells) if n != 2}
    assert len(greys) == 1 and cells[2][0] not in greys and "changed" in cells[2][1]
    page.wait_for_function("() => location.search.includes('colour=changed')")
    choose(page, "sofar")
    page.wait_for_function("() => !location.search.includes('colour=')")


def test_a_map_is_enlarged_by_button_key_and_double_click(open_page):
    page = open_page()
    map_ = page.locator(".ts-pyramid:visible .ts-map").nth(4)
    small = map_.bounding_box()["width"]
    map_.dblclick(position={"x": 12, "y": 12})
    large = map_.bounding_box()["width"]
    assert large > 2 * small
    assert page.evaluate("() => Tokenscope.state.selection.k") == 4
    page.keyboard.press("Escape")
    assert map_.bounding_box()["width"] == pytest.approx(small, abs=1)
    page.keyboard.press("z")
    assert map_.bounding_box()["width"] == pytest.approx(large, abs=1)
    button = page.locator(".ts-zoom:visible")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert map_.bounding_box()["width"] == pytest.approx(small, abs=1)
    assert page.locator(".ts-ring.ts-selected:visible").count() == 1


def test_a_phone_has_the_modes_without_scrolling_sideways(open_page):
    page = open_page("narrow")
    choose(page, "use")
    assert "never" in legend(page).inner_text()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    chosen, other = (
        page.locator(f".ts-modes:visible button[aria-checked={on}]").first.evaluate(
            "(button) => getComputedStyle(button).backgroundColor"
        )
        for on in ("true", "false")
    )
    assert chosen != other, "which mode is on cannot be seen"


@pytest.fixture(scope="module")
def large_address():
    """A page with a random tokenizer of ten scales, 32 x 32 tokens in the finest."""
    page = build_page(Workbench(tiny_multi(grids=tuple((n, n) for n in LARGE))))
    from explorer.ui import settings
    from explorer.ui.options import AppOptions

    _, url, _ = page.launch(**settings(AppOptions()), prevent_thread_lock=True, quiet=True)
    yield url
    page.close(verbose=False)


def test_large_maps_are_drawn_and_answer_pointer_and_keys(browser, large_address):
    page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page.set_default_timeout(60_000)
    page.goto(f"{large_address}?colour=kind")
    page.locator(".ts-cell:visible").first.wait_for()
    pyramid = page.locator(".ts-pyramid:visible").first
    assert pyramid.locator(".ts-map").count() == 10
    assert pyramid.locator("canvas").count() == 4 and pyramid.locator(".ts-cell").count() < 300
    page.evaluate("() => Tokenscope.select({ k: 9, i: 0, j: 0 })")
    map_ = pyramid.locator(".ts-map").nth(9)
    box = map_.bounding_box()
    side = box["width"] / 32
    assert side > 10  # enlarged: a cell can be pointed at
    page.mouse.click(box["x"] + 20.5 * side, box["y"] + 7.5 * side)
    place = "() => { const { k, i, j } = Tokenscope.state.selection; return [k, i, j]; }"
    assert page.evaluate(place) == [9, 7, 20]
    cell = map_.locator("[role=gridcell]")
    code = page.evaluate("() => Tokenscope.codeAt('session', Tokenscope.state.selection)")
    assert cell.get_attribute("aria-label").startswith(f"row 8 column 21, code {code}")
    assert (cell.get_attribute("aria-colindex"), cell.get_attribute("aria-selected")) == ("21", "true")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(place) == [9, 8, 21]
    page.keyboard.press("[")
    assert page.evaluate(place) == [8, 6, 16]
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')").startswith(
        "row 7 column 17"
    )
    page.mouse.move(box["x"] + 3, box["y"] - 60)
    page.evaluate("() => { Tokenscope.set({ hover: null }); Tokenscope.select({ k: 9, i: 5, j: 5 }); }")
    assert page.evaluate(DRAWN)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1440
    page.close()
