"""No caller makes the server fetch an address: neither through relays nor in place of a file."""

import asyncio
import http.server
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
from gradio import processing_utils
from gradio_client import Client
from gradio_client.exceptions import AppError
from tiny_tokenizers import tiny_multi

from explorer.ui.endpoints.stay_local import REFUSED
from explorer.ui.options import AppOptions
from explorer.ui.page import build_page
from explorer.ui.screenshots import serving
from explorer.ui.workbench import Workbench

PUBLIC = "https://example.com/picture.png"


@pytest.fixture(scope="module")
def address():
    with serving(AppOptions(device="cpu", precision="exact", generator="", raster_generator="")) as url:
        yield url.rstrip("/")


@pytest.fixture(scope="module")
def elsewhere():
    """Another server, with the list of what was asked of it."""
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/picture.png", asked
    server.shutdown()


@pytest.fixture
def fetched(monkeypatch):
    """What Gradio would have fetched; nothing is."""
    asked = []

    async def get(url, *_, **__):
        asked.append(url)
        raise OSError("the test fetches nothing")

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_get", get)
    return asked


def status(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read(200).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(200).decode(errors="replace")


@pytest.mark.parametrize("way", ["file=", "file/", "proxy=", "file=%20"])
@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS"])
def test_nothing_is_relayed(address, elsewhere, fetched, way, scheme):
    url, asked = elsewhere
    for target in (PUBLIC, url):
        where = f"{scheme}://{target.partition('://')[2]}"
        assert status(f"{address}/gradio_api/{way}{where}") == (403, REFUSED)
    assert asked == [] and fetched == []


def test_own_files_are_still_served(address):
    server = Client(address, verbose=False)
    picture = server.predict(
        {"maps": [[[[1] * s for _ in range(s)]] for s in (1, 2, 3, 4, 6, 8)]}, api_name="/decode"
    )
    assert picture.endswith(".png")


@pytest.mark.parametrize("key", ["path", "both"])
def test_an_address_in_place_of_a_file_is_refused_before_it_is_fetched(address, elsewhere, fetched, key):
    url, asked = elsewhere
    server = Client(address, verbose=False)
    for target in (PUBLIC, url):
        file = {"path": target, "meta": {"_type": "gradio.FileData"}}
        if key == "both":
            file["url"] = target
        with pytest.raises(AppError, match=REFUSED):
            server.predict(file, api_name="/inspect")
    assert asked == [] and fetched == []


def test_the_page_keeps_no_history_elsewhere(address):
    assert status(f"{address}/gradio_api/runs")[0] == 404


def test_every_endpoint_that_programs_see_refuses_addresses():
    page = build_page(Workbench(tiny_multi()))
    public = [event for event in page.fns.values() if event.api_visibility == "public"]
    assert {"inspect", "usage", "generate"} <= {event.api_name for event in public}
    with ThreadPoolExecutor(1) as thread:  # this thread has a loop already when browser tests ran before
        for event in public:
            for block in event.inputs:
                with pytest.raises(gr.Error, match=REFUSED):
                    thread.submit(_resolved, block.async_move_resource_to_block_cache).result()


def _resolved(move):
    """What an input makes of a public address, awaited."""
    return asyncio.run(move(PUBLIC))
