"""The Codebook tab in a real browser: look, pick, lasso, count a zip, fail, use the keyboard, on a phone."""

import io
import zipfile

import numpy as np
import pytest
from browser_support import serious_violations
from PIL import Image

pytestmark = pytest.mark.browser


@pytest.fixture
def codebook(open_page):
    """codebook(width) gives a page with the tab open and the map drawn."""

    def open_tab(width: str = "wide"):
        page = open_page(width)
        page.get_by_role("tab", name="Codebook").click()
        page.wait_for_function(
            "() => Tokenscope.state.codebook.ready && Tokenscope.state.codebook.usage.picture"
        )
        page.wait_for_function(INK)
        return page

    return open_tab


# The canvas is not empty: the middle of the map has points.
INK = """() => {
  const canvas = document.querySelector('.ts-dots');
  if (!canvas?.width) return false;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size > 50;
}"""


TOKENS = "() => Tokenscope.state.docs.session.scales.reduce((sum, scale) => sum + scale.ids.length, 0)"


def selected(page) -> int:
    return page.evaluate("() => Tokenscope.codebook.selected()")


def wait_for_card(page, code: int) -> None:
    page.locator(".ts-card:visible .ts-id strong").get_by_text(str(code), exact=True).wait_for()


def choose(page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).filter(visible=True).click()


def upload(page, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/zip", "buffer": content}
    page.locator("input[type=file][accept*=zip]").set_input_files(file)


def photos(count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for seed in range(count):
            pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
            picture = io.BytesIO()
            Image.fromarray(pixels).resize((80, 60)).save(picture, "JPEG")
            archive.writestr(f"{seed}.jpg", picture.getvalue())
    return buffer.getvalue()


def test_a_click_selects_the_code_under_the_pointer_everywhere(codebook):
    page = codebook()
    old = selected(page)
    page.get_by_label("Go to code").fill("3")
    page.get_by_label("Go to code").press("Enter")
    page.wait_for_function("() => Tokenscope.state.selection.code === 3")
    box = page.locator(".ts-codemap")
    box.scroll_into_view_if_needed()
    area = box.bounding_box()
    for part in (0.5, 0.45, 0.4, 0.55):  # somewhere near the middle there is a point
        page.mouse.click(area["x"] + area["width"] * part, area["y"] + area["height"] / 2)
        if selected(page) not in (old, 3):
            break
    code = selected(page)
    assert code not in (old, 3)
    wait_for_card(page, code)
    assert page.locator(".ts-codemap-frame + .ts-legend + .ts-read").inner_text().startswith(f"Code {code},")
    page.get_by_role("tab", name="Inspect").click()
    wait_for_card(page, code)


def test_the_selected_token_of_inspect_is_selected_on_the_map_and_back(codebook):
    page = codebook()
    page.get_by_role("tab", name="Inspect").click()
    cell = page.locator(".ts-pyramid:visible .ts-map").last.locator("[role=gridcell]").nth(3)
    cell.click()
    name = cell.get_attribute("aria-label")
    page.get_by_role("tab", name="Codebook").click()
    code = selected(page)
    assert f"code {code}" in name
    jump = page.locator(".ts-occurrences button").last
    scale = page.locator(".ts-pyramid .ts-map").count()
    jump.click()
    assert page.get_by_role("tab", name="Inspect").get_attribute("aria-selected") == "true"
    chosen = page.evaluate("() => Tokenscope.state.selection")
    assert chosen["code"] is None and len(chosen["cells"]) >= 1 and chosen["k"] < scale
    assert selected(page) == code


def test_a_lasso_gives_the_list_of_its_codes(codebook):
    page = codebook()
    choose(page, "Lasso")
    box = page.locator(".ts-codemap")
    box.scroll_into_view_if_needed()
    area = box.bounding_box()
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.35)]
    points = [(area["x"] + area["width"] * x, area["y"] + area["height"] * y) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    found = page.evaluate("() => Tokenscope.state.codebook.chosen.codes")
    total = page.evaluate("() => Tokenscope.state.codebook.ready.codes")
    assert 0 < len(found) < total
    first = page.locator(".ts-chosen button").first
    first.click()
    assert selected(page) in found
    page.get_by_role("button", name="Clear").click()
    assert page.evaluate("() => Tokenscope.state.codebook.chosen") is None


@pytest.mark.parametrize("dx, dy", [(60, 0), (0, 60), (-45, -50)])
def test_a_drag_takes_the_map_along(codebook, dx, dy):
    """The code under the pointer is under the pointer again where it was dragged to."""
    page = codebook()
    choose(page, "Move")
    box = page.locator(".ts-codemap")
    box.scroll_into_view_if_needed()
    area = box.bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.mouse.click(x, y)
    page.wait_for_function("() => Tokenscope.codebook.selected() !== null")
    code = selected(page)
    page.mouse.move(x + 3, y + 3)
    page.mouse.down()
    page.mouse.move(x + 3 + dx, y + 3 + dy, steps=6)
    page.mouse.up()
    goto = page.get_by_label("Go to code")
    goto.fill("3" if code != 3 else "4")
    goto.press("Enter")
    page.wait_for_function(f"() => Tokenscope.codebook.selected() !== {code}")
    page.mouse.click(x + dx, y + dy)
    page.wait_for_function(f"() => Tokenscope.codebook.selected() === {code}")


def test_a_bar_and_a_cell_choose_the_codes_behind_them(codebook):
    page = codebook()
    choose(page, "This picture")
    bar = page.locator(".ts-plot button:enabled").first
    many = int(bar.get_attribute("aria-label").split(": ")[1].split(" ")[0].replace(",", ""))
    bar.click()
    assert page.evaluate("() => Tokenscope.state.codebook.chosen.codes.length") == many
    cells = page.locator(".ts-matrix [role=gridcell]")
    if cells.count():
        cells.first.click()
        assert (
            page.evaluate("() => Tokenscope.state.codebook.chosen.codes.length") == 1
        )  # scale 1 has one token
    choose(page, "By rank")
    assert page.locator(".ts-ranks path").count() >= 1


def test_the_numbers_of_the_picture_are_its_tokens(codebook):
    page = codebook()
    choose(page, "This picture")
    tokens = page.evaluate(TOKENS)
    distinct = page.evaluate("() => new Set(Tokenscope.state.docs.session.scales.flatMap((s) => s.ids)).size")
    facts = page.locator(".ts-sources .ts-facts dd").all_inner_texts()
    assert facts[0] == f"{tokens:,}" and facts[1].startswith(f"{distinct:,} of")
    assert page.locator(".ts-finding:visible").inner_text().startswith(f"{distinct:,} of")


def test_a_zip_is_counted_and_a_bad_one_is_one_sentence(codebook):
    page = codebook()
    choose(page, "Your zip")
    upload(page, "notes.zip", b"this is no zip")
    failed = page.locator(".ts-failed:visible")
    failed.wait_for()
    assert (
        failed.inner_text() == "“notes.zip” cannot be counted. It is not a zip file, or its end is missing."
    )
    upload(page, "photos.zip", photos(3))
    page.wait_for_function("() => Tokenscope.state.codebook.zip.status === 'done'")
    assert failed.count() == 0
    assert "3 pictures of photos.zip" in page.locator(".ts-finding:visible").inner_text()
    per_picture = page.evaluate(
        "() => Tokenscope.state.docs.session.scales.reduce((n, s) => n + s.ids.length, 0)"
    )
    assert page.locator(".ts-sources .ts-facts dd").first.inner_text() == f"{3 * per_picture:,}"


def test_a_count_can_be_cancelled(codebook):
    page = codebook()
    choose(page, "Your zip")
    page.evaluate("""() => { const T = Tokenscope, real = T.set; T.set = (patch) => { real(patch);
      if (patch.codebook?.zip?.status === 'running' && !window.cancelled) { window.cancelled = true;
        setTimeout(() => document.querySelector('.ts-zip .ts-button')?.click()); } }; }""")
    upload(page, "photos.zip", photos(2))
    page.wait_for_function("() => ['stopped', 'done'].includes(Tokenscope.state.codebook.zip.status)")
    page.evaluate("() => { window.cancelled = true; }")
    upload(page, "again.zip", photos(2))
    page.wait_for_function("() => Tokenscope.state.codebook.zip.status === 'done'")
    assert page.evaluate("() => Tokenscope.state.codebook.zip.name") == "again.zip"


def test_arrow_keys_walk_over_the_map(codebook):
    page = codebook()
    box = page.locator(".ts-codemap")
    box.focus()
    places = "(v) => [...Tokenscope.state.codebook.ready.planes.pca.at.slice(2 * v, 2 * v + 2)]"
    before = page.evaluate(places, selected(page))
    page.keyboard.press("ArrowRight")
    after = page.evaluate(places, selected(page))
    assert after[0] > before[0] and abs(after[1] - before[1]) <= after[0] - before[0] + 1e-6
    page.keyboard.press("ArrowUp")
    assert page.evaluate(places, selected(page))[1] > after[1]
    code = selected(page)
    assert f"code {code} selected" in box.get_attribute("aria-label")
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert page.evaluate("() => document.activeElement.className").startswith("ts-codemap")


def test_every_colouring_has_a_legend(codebook):
    page = codebook()
    choose(page, "This picture")
    seen = set()
    for name in ("Code", "Use", "Norm", "Scale"):
        choose(page, name)
        seen.add(page.locator(".ts-codemap-frame + .ts-legend").inner_text())
    assert len(seen) == 4
    choose(page, "Swatch")
    page.wait_for_function(
        "() => document.querySelector('.ts-codemap-frame + .ts-legend')"
        ".textContent.startsWith('The mean colour')",
        timeout=60_000,
    )


def test_a_phone_scrolls_in_one_direction_only_and_picks_by_touch(codebook):
    page = codebook("narrow")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.locator(".ts-codemap").bounding_box()["width"] > 340
    for source in ("This picture", "Your zip"):
        choose(page, source)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, source
    choose(page, "This picture")
    choose(page, "By rank")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_the_codebook_tab_has_no_serious_violation(codebook):
    page = codebook()
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        for source in ("This picture", "Your zip"):
            choose(page, source)
            page.wait_for_timeout(150)
            assert serious_violations(page) == [], f"{source}, dark: {dark}"
