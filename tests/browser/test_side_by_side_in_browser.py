"""Compare / Tokenizers in a browser: compare, look closer, sort, save, stop, fail; keyboard, phone, axe."""

import csv
import io

import pytest
from browser_support import serious_violations

pytestmark = pytest.mark.browser

DONE = "() => Tokenscope.state.sideBySide.status === 'done'"
MEASURED = "() => Tokenscope.state.sideBySide.crop"


@pytest.fixture
def tokenizers(open_page):
    """tokenizers(width) gives a page that has compared the tokenizers, which it starts by itself."""

    def open_section(width: str = "wide"):
        page = open_page()
        page.evaluate(
            """() => { window.did = [];
              document.addEventListener('ts:did', (event) => window.did.push(event.detail.what)); }"""
        )
        page.get_by_role("tab", name="Compare").click()
        page.evaluate("() => Tokenscope.set({ compare: 'tokenizers' })")
        page.wait_for_function(DONE)
        if width == "narrow":
            page.set_viewport_size({"width": 390, "height": 844})
        return page

    return open_section


def finding(page) -> str:
    return page.locator(".ts-section-tokenizers .ts-finding").inner_text()


def rows(page) -> list[dict]:
    return page.evaluate("() => Tokenscope.state.sideBySide.rows")


def names_in_table(page) -> list[str]:
    return page.locator(".ts-side-table tbody th").all_inner_texts()


def test_all_tokenizers_of_the_page_are_compared_on_the_picture_of_inspect(tokenizers):
    page = tokenizers()
    found = rows(page)
    assert [row["name"] for row in found] == ["mini-tokenizer", "mini-raster-tokenizer"]
    assert "tokenizers-compared" in page.evaluate("() => window.did")
    few = min(found, key=lambda row: row["tokens"])
    assert finding(page).startswith(
        f"{few['name']} comes to {few['psnr']:.1f} dB PSNR with {few['tokens']} tokens"
    )
    inspect = page.evaluate("() => Tokenscope.state.docs.session.scales.at(-1).psnr")
    assert found[0]["psnr"] == pytest.approx(inspect, abs=1e-3)
    assert page.locator(".ts-side-picture").count() == 2
    assert page.locator(".ts-side-chart circle").count() == len(found[0]["curve"]) + len(found[1]["curve"])
    for choice in ("Error", "Tokens"):
        page.get_by_role("radio", name=choice, exact=True).filter(visible=True).click()
        page.wait_for_function(
            """(start) => [...document.querySelectorAll('.ts-side-layer')].every((one) =>
              !one.hidden && one.getAttribute('aria-label').startsWith(start))""",
            arg="Error of" if choice == "Error" else "Finest map",
        )
    page.get_by_role("radio", name="Decoded", exact=True).filter(visible=True).click()
    page.get_by_label("Line between input and decoded picture").fill("80")
    assert page.evaluate(
        "() => getComputedStyle(document.querySelectorAll('.ts-side-picture')[1]).getPropertyValue('--split')"
    ).strip() == "80%"  # fmt: skip


def test_one_crop_for_all_pictures_is_measured_and_moves_by_mouse_and_keys(tokenizers):
    page = tokenizers()
    page.wait_for_function(MEASURED)
    picture = page.locator(".ts-side-picture").nth(1)
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.75)
    at = """(place) => Tokenscope.state.sideBySide.crop?.place.every((v, n) =>
      Math.abs(v - place[n]) < 0.01)"""  # a pointer hits whole pixels
    page.wait_for_function(at, arg=[0.625, 0.625, 0.25, 0.25])
    crop = page.evaluate("() => Tokenscope.state.sideBySide.crop.rows")
    assert all(side in (16, 17) for row in crop for side in row["size"])
    table = page.locator(".ts-side-table").inner_text()
    for row in crop:
        assert f"{row['psnr']:.2f}" in table
    handle = page.get_by_role("button", name="Crop; arrow keys move it")
    handle.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(at, arg=[0.625, 0.5625, 0.25, 0.25])
    page.get_by_role("radio", name="Large", exact=True).click()
    page.wait_for_function("() => Tokenscope.state.sideBySide.crop?.place[2] === 0.5")
    assert "of the finest map" in page.locator(".ts-lenses").inner_text()


def test_the_table_sorts_and_is_saved(tokenizers):
    page = tokenizers()
    page.wait_for_function(MEASURED)
    found = rows(page)
    by_tokens = [row["name"] for row in sorted(found, key=lambda row: row["tokens"])]
    assert names_in_table(page) == by_tokens
    page.locator(".ts-sort[data-key=tokens]").click()
    assert names_in_table(page) == by_tokens[::-1]
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.locator(".ts-sort[data-key=psnr_db]").focus()
    page.keyboard.press("Enter")
    by_psnr = [row["name"] for row in sorted(found, key=lambda row: -row["psnr"])]
    assert names_in_table(page) == by_psnr
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    saved = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
    assert [line["name"] for line in saved] == by_psnr
    for line in saved:
        row = next(row for row in found if row["name"] == line["name"])
        assert float(line["psnr_db"]) == row["psnr"] and int(line["tokens"]) == row["tokens"]
        assert float(line["crop_height"]) == 0.25


def test_another_picture_makes_it_out_of_date_until_compared_again(tokenizers):
    page = tokenizers()
    before = rows(page)[0]["input"]
    page.evaluate("() => Tokenscope.link.act('sample', { name: 'cat' })")
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    assert finding(page).startswith("Out of date")
    assert "ts-outdated-result" in page.locator(".ts-side-grid").get_attribute("class")
    page.get_by_role("button", name="Compare again").click()
    page.wait_for_function("() => Tokenscope.sideBySide.fresh()")
    page.wait_for_function(DONE)
    assert rows(page)[0]["input"] != before
    assert "PSNR" in finding(page)


def test_a_comparison_can_be_stopped_and_what_fails_is_told(tokenizers):
    page = tokenizers()
    kept = len(rows(page))
    page.evaluate(
        """() => { const button = [...document.querySelectorAll('.ts-side-subject .ts-button')].at(-1);
          button.click(); button.click(); }"""
    )
    assert page.evaluate("() => Tokenscope.state.sideBySide.status") == "stopped"
    page.wait_for_timeout(1500)
    assert page.evaluate("() => Tokenscope.state.sideBySide.status") == "stopped"
    assert len(rows(page)) == kept
    assert "Stopped." in page.locator(".ts-side-line").inner_text()
    page.evaluate(
        """() => { Tokenscope.set({ sideBySide: { ...Tokenscope.state.sideBySide, picked: ['nothing'] } });
          Tokenscope.sideBySide.compare(); }"""
    )
    alert = page.locator(".ts-side-subject [role=alert]")
    alert.wait_for()
    assert alert.inner_text() == "There is no tokenizer 'nothing' to compare. Reload the page."
    assert len(rows(page)) == kept


def test_only_what_is_ticked_is_compared(tokenizers):
    page = tokenizers()
    page.get_by_role("checkbox", name="mini-raster-tokenizer").uncheck()
    page.get_by_role("button", name="Compare again").click()
    page.wait_for_function("() => Tokenscope.state.sideBySide.rows.length === 1")
    page.wait_for_function(DONE)
    assert finding(page).startswith("mini-tokenizer comes to")


def test_tokenizers_fit_a_phone(tokenizers):
    page = tokenizers("narrow")
    page.wait_for_timeout(300)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.locator(".ts-side-picture").first.click()
    page.wait_for_function(MEASURED)


def test_tokenizers_have_no_serious_violation(tokenizers):
    page = tokenizers()
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(150)
        assert serious_violations(page) == [], f"dark: {dark}"
