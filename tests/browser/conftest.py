"""One server and one browser for all browser tests. A page fails its test on a console error or on a request
that would leave this machine."""

import pytest

from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving, start_browser

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def address():
    """The page with the bundled models, served on a free port."""
    with serving(AppOptions()) as url:
        yield url


@pytest.fixture(scope="session")
def browser(missing_browser):
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = start_browser(playwright)
        except Error as error:
            missing_browser(str(error).splitlines()[0])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, address):
    """open_page(width="wide" | "narrow") gives a page of its own session, ready to use."""
    contexts, complaints = [], []

    def open_one(width: str = "wide", query: str = ""):
        context = browser.new_context(
            viewport=WIDE if width == "wide" else NARROW, has_touch=width == "narrow", reduced_motion="reduce"
        )
        context.set_default_timeout(60_000)  # a busy machine is no failure
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: None if _of_leaving(error) else complaints.append(str(error)))
        page.on(
            "request",
            lambda request: complaints.append(request.url) if _leaves(request.url, address) else None,
        )
        page.goto(address + query)
        page.locator(".ts-cell:visible").first.wait_for()
        page.locator(".ts-card:visible .ts-id strong").first.wait_for()
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == [], (
        "the page wrote errors to the console, or asked for something outside this machine"
    )


def _of_leaving(error) -> bool:
    """Gradio gives up a stream of its own when its page is left in the middle, and says so to nobody."""
    ours = "/assets/js/" in (error.stack or "")
    return str(error).startswith("AbortError: signal is aborted") and not ours


def _leaves(url: str, address: str) -> bool:
    return not url.startswith((address.rstrip("/"), "data:", "blob:"))
