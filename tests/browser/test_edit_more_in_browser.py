"""Edit beyond single tokens, in a real browser: a whole map, undo, mixing, named states, files to save."""

import pytest

from explorer import TokenMaps

pytestmark = pytest.mark.browser

NOW = "() => document.querySelector('.ts-history [aria-current]').textContent"


def edit_page(open_page, width: str = "wide"):
    page = open_page(width)
    page.get_by_role("tab", name="Edit").click()
    page.locator(".ts-pyramid:visible .ts-cell").first.wait_for()
    page.get_by_role("button", name="More tools").click()
    return page


def select_scale(page, scale: int) -> None:
    page.evaluate("(k) => Tokenscope.select({ k, i: 0, j: 0, cells: [0] })", scale - 1)


def ids(page) -> list[list[int]]:
    return page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.ids)")


def test_a_map_is_flipped_undone_and_saved(open_page, tmp_path):
    page = edit_page(open_page)
    select_scale(page, 4)
    before = ids(page)
    page.get_by_role("button", name="Flip upside down").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    side = int(len(before[3]) ** 0.5)
    rows = [before[3][n : n + side] for n in range(0, len(before[3]), side)]
    flipped = ids(page)
    assert flipped[3] == [code for row in reversed(rows) for code in row]
    assert page.evaluate(NOW) == "Scale 4: flipped top to bottom"
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Tokens", exact=True).click()
    waiting.value.save_as(tmp_path / "maps.npz")
    assert waiting.value.suggested_filename.endswith(".npz")
    saved = TokenMaps.load(tmp_path / "maps.npz")
    assert [one.flatten().tolist() for one in saved.maps] == flipped
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Script").click()
    waiting.value.save_as(tmp_path / "again.py")
    assert "load_tokenizer" in (tmp_path / "again.py").read_text()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 0")
    assert ids(page) == before


def test_mixing_and_a_named_state_with_the_keyboard(open_page):
    page = edit_page(open_page)
    before = ids(page)
    page.get_by_label("Last scale that stays").select_option("2")
    page.get_by_label("Picture to take tokens from").select_option("sample-cat")
    page.get_by_role("button", name="Mix", exact=True).press("Enter")
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    mixed = ids(page)
    assert mixed[:2] == before[:2] and all(a != b for a, b in zip(mixed[2:], before[2:], strict=True))
    page.get_by_label("Name for this state").fill("half <b>cat</b>")
    page.keyboard.press("Enter")
    named = page.locator(".ts-named li")
    named.first.wait_for()
    assert "half <b>cat</b>" in named.inner_text() and "shown now" in named.inner_text()
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 0")
    page.get_by_role("button", name="Restore half").press("Enter")
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    assert ids(page) == mixed


def test_a_phone_has_all_of_it_without_scrolling_sideways(open_page):
    page = edit_page(open_page, "narrow")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    select_scale(page, 3)
    page.get_by_role("button", name="Shift left").tap()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    assert page.evaluate(NOW) == "Scale 3: shifted left by one cell, wrapping"
