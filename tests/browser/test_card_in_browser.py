"""The code card: patches, all tokens of a code at once, typing while it changes; erasing and pasting."""

import pytest
from browser_support import open_tab, serious_violations

pytestmark = pytest.mark.browser

EDIT = "() => Tokenscope.state.docs.session.edit"
IDS = "() => Tokenscope.state.docs.session.scales.map((scale) => scale.ids)"


def put(page, scale: int, cells: list[int], code: int, others=()) -> None:
    """As if these tokens had that code."""
    page.evaluate(
        "([scale, cells, code, others]) => Tokenscope.link.act('replace', { scale, cells, code, others })",
        [scale, cells, code, [{"scale": k, "cells": some} for k, some in others]],
    )
    page.wait_for_function(
        "([k, n, code]) => Tokenscope.state.docs.session.scales[k].ids[n] === code",
        arg=[scale - 1, cells[0], code],
    )


def card_of(page, code: int):
    card = page.locator(".ts-card:visible")
    page.locator(f".ts-card:not([aria-busy]):visible strong:text-is('{code}')").wait_for()
    return card


def shades(page, patch) -> int:
    """How many different colours a patch shows."""
    return patch.locator("canvas").evaluate(
        """(canvas) => new Set(new Uint32Array(
          canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
    )


def test_patches_show_where_a_code_is_used_and_lead_there(open_page):
    page = open_page()
    put(page, 6, [0, 9, 30], 7, [(5, [2])])
    page.evaluate("() => Tokenscope.select({ k: 5, i: 0, j: 0, cells: [0] })")
    card = card_of(page, 7)
    patches = card.locator(".ts-exemplar[data-key^=patch-session]")
    own = page.evaluate(IDS)
    assert patches.count() == own[5].count(7) >= 3
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ts-exemplar canvas')].some((canvas) => canvas.offsetParent)"
    )
    page.wait_for_timeout(200)
    assert shades(page, patches.first) > 4
    patches.nth(1).hover()
    assert page.evaluate("() => Tokenscope.state.hover") == {"k": 5, "i": 1, "j": 1}
    patches.nth(1).press("Enter")
    assert page.evaluate("() => { const { i, j } = Tokenscope.state.selection; return [i, j]; }") == [1, 1]
    card_of(page, 7)
    card.get_by_role("button", name="Select scale 5, row 1, column 3").click()
    assert page.evaluate("() => { const { k, j } = Tokenscope.state.selection; return [k, j]; }") == [4, 2]


def test_all_tokens_of_a_code_are_replaced_as_one_step(open_page):
    page = open_page()
    put(page, 6, [0, 9, 30], 7, [(5, [2])])
    open_tab(page, "Edit")
    page.evaluate("() => Tokenscope.select({ k: 5, i: 1, j: 1, cells: [9] })")
    card = card_of(page, 7)
    before = page.evaluate(IDS)
    total = sum(ids.count(7) for ids in before)
    steps = len(page.evaluate(EDIT)["history"])
    card.get_by_role("button", name=f"Select all {total}", exact=True).click()
    assert page.locator(".ts-pyramid:visible .ts-cell[aria-selected=true]").count() == total
    card.get_by_label("Code to put in").fill("11")
    card.get_by_role("button", name=f"Replace {total} tokens").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.scales[5].ids[9] === 11")
    after = page.evaluate(IDS)
    assert after == [[11 if code == 7 else code for code in ids] for ids in before]
    assert len(page.evaluate(EDIT)["history"]) == steps + 1
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.scales[5].ids[9] === 7")
    assert page.evaluate(IDS) == before


def test_what_is_typed_survives_the_next_card(open_page):
    page = open_page()
    open_tab(page, "Edit")
    field = page.get_by_label("Code to put in")
    field.wait_for()
    field.focus()
    page.keyboard.type("12")
    page.evaluate("() => Tokenscope.select({ k: 5, i: 3, j: 3 })")
    code = page.evaluate("() => Tokenscope.codeAt('session', Tokenscope.state.selection)")
    page.keyboard.type("3")
    card_of(page, code)
    page.keyboard.type("4")
    assert field.input_value() == "1234"
    page.keyboard.press("Enter")
    page.wait_for_function("() => Tokenscope.state.docs.session.scales[5].ids[27] === 1234")


def test_tokens_are_erased_and_pasted_from_another_picture(open_page):
    page = open_page()
    open_tab(page, "Edit")
    page.evaluate("() => Tokenscope.select({ k: 5, i: 1, j: 2, cells: [9, 10] })")
    before = page.evaluate(IDS)
    page.get_by_role("button", name="Erase selection").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.undo")
    erased = page.evaluate(IDS)
    assert erased[5][9] == erased[5][10] and erased[5][9] not in before[5][9:11]
    page.get_by_role("button", name="More tools").click()
    page.get_by_label("Picture to take tokens from", exact=True).select_option("sample-cat")
    assert "the 2 selected tokens of scale 6" in page.locator(".ts-more").inner_text()
    page.get_by_role("button", name="Paste", exact=True).press("Enter")
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.history.length === 3")
    pasted = page.evaluate(IDS)
    same = [a == b for n, (a, b) in enumerate(zip(pasted[5], before[5], strict=True)) if n not in (9, 10)]
    assert all(same) and pasted[5][9:11] != erased[5][9:11] and pasted[:5] == before[:5]
    assert "2 tokens from" in page.evaluate(EDIT)["history"][-1]["text"]
    for _ in range(2):
        page.get_by_role("button", name="Undo").click()
    page.wait_for_function("() => !Tokenscope.state.docs.session.edit.undo")
    assert page.evaluate(IDS) == before


def test_the_card_and_more_tools_are_accessible_in_both_themes(open_page):
    page = open_page()
    open_tab(page, "Edit")
    page.get_by_role("button", name="More tools").click()
    put(page, 6, [0, 9], 7)
    page.evaluate(
        """() => { Tokenscope.set({ colourMode: 'use', tool: 'erase' });
          Tokenscope.select({ k: 5, i: 0, j: 0 }); }"""
    )
    card_of(page, 7)
    for dark in (False, True):
        page.evaluate(
            "(dark) => { document.body.classList.toggle('dark', dark); Tokenscope.set({ theme: dark }); }",
            dark,
        )
        page.wait_for_timeout(200)
        assert serious_violations(page) == [], f"dark: {dark}"


def test_a_phone_shows_patches_in_the_sheet(open_page):
    page = open_page("narrow")
    page.locator(".ts-handle:visible").tap()
    page.locator(".ts-exemplars:visible").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
