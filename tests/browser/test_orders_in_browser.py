"""Compare / Scan orders in a real browser: choose, play, point, fail, by keyboard, on a phone."""

import pytest
from browser_support import serious_violations

pytestmark = pytest.mark.browser

READY = "() => document.querySelectorAll('.ts-order').length === 7 && Tokenscope.orders.view()"


@pytest.fixture
def orders(open_page):
    """orders(width) gives a page with the section open."""

    def open_section(width: str = "wide"):
        page = open_page()
        page.get_by_role("tab", name="Compare").click()
        page.evaluate("() => Tokenscope.set({ compare: 'orders' })")
        page.wait_for_function(READY)
        page.evaluate(
            """() => { window.did = [];
              document.addEventListener('ts:did', (event) => window.did.push(event.detail.what)); }"""
        )
        if width == "narrow":
            page.set_viewport_size({"width": 390, "height": 844})
        return page

    return open_section


def finding(page) -> str:
    return page.locator(".ts-section-orders .ts-finding").inner_text()


def tile(page, name: str):
    return page.locator(f".ts-order[data-name='{name}']")


def chosen_cell(page) -> list[int]:
    return page.evaluate("() => [Tokenscope.state.ordersCell.i, Tokenscope.state.ordersCell.j]")


def test_choosing_an_order_and_a_grid_changes_finding_drawing_and_table(orders):
    page = orders()
    assert finding(page).startswith("In raster order")
    tile(page, "hilbert").locator("b").click()
    assert finding(page).startswith("Along the Hilbert curve on an 8×8 grid")
    assert tile(page, "hilbert").get_attribute("aria-checked") == "true"
    assert page.locator(".ts-order-table .ts-here th").first.inner_text() == "Hilbert"
    page.get_by_role("radio", name="16×16").click()
    page.wait_for_function("() => Tokenscope.orders.view().rows === 16")
    farthest = page.evaluate("() => Tokenscope.orders.chosen().longest")
    assert finding(page).endswith(
        f"on a 16×16 grid half of all neighbours are at most 1 token apart, the farthest {farthest}."
    )
    assert page.locator(".ts-order-grid [role=gridcell]").count() == 256
    assert page.evaluate("() => window.did") == ["orders-chosen", "orders-chosen"]


def test_the_clock_shows_equally_many_tokens_or_steps(orders):
    page = orders()
    slider = page.get_by_label("How far all orders have come")
    slider.fill("5")
    moment = page.locator(".ts-order-moment")
    assert moment.inner_text().startswith("After 5 tokens orders of single tokens have written 5 of 64.")
    assert "Next-scale has finished 2 of 6 maps, 5 of 130 tokens" in moment.inner_text()
    page.get_by_role("radio", name="Steps", exact=True).click()
    slider.fill("3")
    assert "Next-scale has finished 3 of 6 maps, 14 of 130 tokens" in moment.inner_text()
    page.get_by_role("button", name="Play").filter(visible=True).click()
    page.wait_for_function("() => Tokenscope.orders.now() > 3")
    page.get_by_role("button", name="Pause").filter(visible=True).click()
    stopped = page.evaluate("() => Tokenscope.orders.now()")
    page.wait_for_timeout(900)
    assert page.evaluate("() => Tokenscope.orders.now()") == stopped


def test_pointing_at_a_cell_reads_its_neighbours_in_every_order(orders):
    page = orders()
    canvas = tile(page, "raster").locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 3.5 / 8, box["y"] + box["height"] * 2.5 / 8)
    assert chosen_cell(page) == [2, 3]
    read = page.locator(".ts-order-read").inner_text()
    assert read == (
        "Row 3, column 4 is token 20 of 64: above comes 8 earlier (known), left comes 1 earlier (known), "
        "right 1 later, below 8 later."
    )
    row = page.locator(".ts-order-cell tbody tr").first
    assert row.inner_text().split() == ["Raster", "20", "−8", "−1", "+1", "+8"]
    page.mouse.move(box["x"] + box["width"] * 0.5 / 8, box["y"] + box["height"] * 0.5 / 8)
    assert page.locator(".ts-order-read").inner_text().startswith("Row 1, column 1 is token 1 of 64")
    assert chosen_cell(page) == [2, 3]


def test_a_grid_that_cannot_be_is_told_and_nothing_is_lost(orders):
    page = orders()
    page.get_by_label("Rows", exact=True).fill("99")
    page.get_by_label("Rows", exact=True).press("Enter")
    alert = page.locator(".ts-order-settings [role=alert]")
    alert.wait_for()
    assert alert.inner_text() == "The number of rows lies from 2 to 32; 99 is outside."
    assert page.evaluate("() => Tokenscope.orders.view().rows") == 8
    page.get_by_label("Rows", exact=True).fill("5")
    page.get_by_label("Rows", exact=True).press("Enter")
    page.wait_for_function("() => Tokenscope.orders.view().rows === 5")
    assert alert.is_hidden()
    assert "cut out of the next larger one" in page.locator(".ts-order-settings").inner_text()


def test_everything_by_keyboard(orders):
    page = orders()
    tile(page, "raster").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.dataset.name") == "hilbert"
    assert finding(page).startswith("Along the Hilbert curve")
    cell = page.locator(".ts-order-grid [role=gridcell][tabindex='0']")
    assert cell.count() == 1
    cell.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    assert chosen_cell(page) == [0, 0]
    page.keyboard.press("]")  # along the path
    here = page.evaluate("() => Tokenscope.orders.chosen().cells[1]")
    assert chosen_cell(page) == list(divmod(here, 8))
    assert page.evaluate("() => document.activeElement.getAttribute('aria-selected')") == "true"
    page.get_by_label("How far all orders have come").focus()
    page.keyboard.press("Home")
    assert page.evaluate("() => Tokenscope.orders.now()") == 0


def test_next_scale_says_that_no_neighbour_is_known(orders):
    page = orders()
    tile(page, "next-scale").locator("b").click()
    assert "0 steps apart and do not know each other" in finding(page)
    assert (
        "predicted in step 6 together with all its neighbours" in page.locator(".ts-order-read").inner_text()
    )
    assert page.locator(".ts-cross").inner_text().split().count("same") == 4


def test_orders_fit_a_phone(orders):
    page = orders("narrow")
    page.wait_for_timeout(200)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    tile(page, "spiral").locator("b").click()
    assert finding(page).startswith("On the inward spiral")


def test_orders_have_no_serious_violation(orders):
    page = orders()
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(150)
        assert serious_violations(page) == [], f"dark: {dark}"
