"""The page behind a proxy that shows it under a path: uploads, other models and the way back."""

import pytest
from browser_support import photo, upload
from gradio_client import Client, handle_file
from proxy_support import prefix_stripping

from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving

pytestmark = pytest.mark.browser

ROOT = "/tokenscope"
# What Gradio's own script writes when a page is left while a stream of it is open.
LEAVING = ("AbortError", "Connection errored out")

# What Gradio's template asks of the root of the address, wherever the page lies; nothing depends on it.
GRADIOS = ("manifest.json", "favicon.ico")


@pytest.fixture(scope="module")
def server():
    with serving(AppOptions(root_path=ROOT)) as url:
        yield url


@pytest.fixture(scope="module")
def address(server):
    with prefix_stripping(server, ROOT) as seen:
        yield seen


@pytest.fixture
def page(browser, address):
    """Ready, and with complaints about whatever was asked for beside the path."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    page, complaints = context.new_page(), []

    def listen(said):
        asked = said.location["url"].rpartition("/")[2]
        if asked not in GRADIOS and said.type == "error" and not any(one in said.text for one in LEAVING):
            complaints.append(said.text)

    page.on("console", listen)
    page.on(
        "request",
        lambda sent: (
            None if sent.url.startswith((address, "data:", "blob:")) else complaints.append(sent.url)
        ),
    )
    page.goto(address)
    ready(page)
    yield page
    context.close()
    assert complaints == []


def ready(page) -> None:
    page.locator(".ts-cell:visible").first.wait_for()
    page.wait_for_function("() => Tokenscope.link.running && Tokenscope.state.docs.session")


def send_photo(page, seed: int) -> None:
    upload(page, photo(seed))
    page.wait_for_function(f"() => Tokenscope.state.docs.session.title === 'photo {seed}.png'")


def choose(page, choice_id: str) -> None:
    page.locator(".ts-chip").click()
    page.locator(f'.ts-model[data-id="{choice_id}"]').get_by_role("button", name="Open").click()


def test_upload_and_models_there_and_back(page, server, address, tmp_path):
    send_photo(page, 3)
    choose(page, "mini-raster")
    page.wait_for_url(lambda url: url.startswith(f"{address}m/mini-raster/"))
    ready(page)
    send_photo(page, 4)
    assert page.evaluate("() => Tokenscope.state.docs.session.scales.length") == 1

    (tmp_path / "photo.png").write_bytes(photo(5)["buffer"])  # programs, on the other model's page
    kept = f"{server.rstrip('/')}{ROOT}/"  # where a proxy leaves the path as it is
    for where in (address, kept):
        client = Client(f"{where}m/mini-raster/", verbose=False, download_files=tmp_path)
        seen = client.predict(handle_file(tmp_path / "photo.png"), api_name="/inspect")
        assert seen["tokens"] == 64
        assert client.predict(seen, api_name="/decode").endswith(".png")

    choose(page, "mini-var")
    page.wait_for_url(lambda url: url.startswith(address) and "/m/" not in url)
    ready(page)
    assert page.evaluate("() => Tokenscope.state.docs.session.scales.length") == 6


def test_a_link_to_a_model_that_is_not_open_stays_below_the_path(page, address):
    page.goto(f"{address}m/mini-raster-tokenizer/?tab=codebook")
    page.wait_for_url(lambda url: url.startswith(f"{address}m/mini-raster-tokenizer/") and "tab=" in url)
    page.wait_for_function("() => window.Tokenscope?.state.docs.session")
    page.get_by_role("tab", name="Codebook", selected=True).wait_for()
    page.locator(".ts-codemap").wait_for()  # cells of a token map are not in sight on this tab
