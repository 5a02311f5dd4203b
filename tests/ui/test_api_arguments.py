"""Calls with arguments that Gradio itself would refuse: a sentence over HTTP, never null and a traceback."""

import json
import urllib.error
import urllib.request

import pytest

from explorer.ui.endpoints.arguments import completed
from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving

FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def address():
    with serving(AppOptions(device="cpu", precision="exact", generator="", raster_generator="")) as url:
        yield f"{url.rstrip('/')}/gradio_api/call"


def answer(address: str, endpoint: str, body: object) -> dict:
    """What the caller reads: the error of the event, or of the request."""
    request = urllib.request.Request(
        f"{address}/{endpoint}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as told:
            event = json.load(told)["event_id"]
        with urllib.request.urlopen(f"{address}/{endpoint}/{event}", timeout=60) as told:
            kind, data = told.read().decode().strip().splitlines()[:2]
        assert kind == "event: error"
        return json.loads(data.removeprefix("data: "))
    except urllib.error.HTTPError as error:
        assert error.code in (404, 422)
        return json.loads(error.read())


@pytest.mark.parametrize("endpoint", ["inspect", "usage"])
@pytest.mark.parametrize("path", ["/etc/passwd", "/nope", "", "\0", "a" * 5000, "../../etc/passwd", "/etc"])
def test_a_path_outside_the_uploads_is_a_sentence(address, capfd, endpoint, path):
    told = answer(address, endpoint, {"data": [{**FILE, "path": path}, "crop"]})["error"]
    assert told.startswith("A file in this call is no upload") and told.endswith(".")
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "endpoint, body, sentence",
    [
        ("inspect", {"data": []}, "`image` is missing: `inspect` takes `image`, `fit`, and 0 were given."),
        ("inspect", {"data": [{}]}, "Send a picture as a file"),
        ("inspect", {"data": [5, "crop", 1]}, "`inspect` takes 2 arguments (`image`, `fit`), not 3."),
        ("usage", {"data": [None]}, "Send a zip as a file"),
        ("decode", {"data": [[1]]}, "There are no token maps in this."),
        ("decode", {"data": [{"maps": FILE}]}, "A file in this call is no upload"),
        ("edit", {"data": [{}]}, "`scale` is missing"),
        ("generate", {"data": []}, "`label` is missing"),
        ("generate", {"data": ["sea"]}, "No next-scale generator is loaded"),
        ("complete", {"data": [{}]}, "`label` is missing"),
        ("score", {"data": []}, "`maps` is missing"),
        ("compare", {"data": []}, "`label` is missing"),
        ("compare", {"data": [FILE]}, "A file in this call is no upload"),
        ("nothing", {"data": []}, "There is no endpoint 'nothing'; docs/API.md lists them."),
        ("v2/nothing", {}, "There is no endpoint 'nothing'; docs/API.md lists them."),
        ("v2/inspect", {}, "No value provided for required argument: image; docs/API.md"),
        ("v2/inspect", {"picture": 1}, "Parameter `picture` is no argument of it; docs/API.md"),
    ],
)
def test_missing_and_wrong_arguments_are_a_sentence(address, capfd, endpoint, body, sentence):
    assert sentence in answer(address, endpoint, body)["error"]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_what_is_left_out_gets_its_default():
    def call(image, fit="crop", upto=None):
        pass

    assert completed(call, "call", [1]) == [1, "crop", None]
    assert completed(call, "call", [1, 2, 3]) == [1, 2, 3]
    with pytest.raises(ValueError, match="`image` is missing: `call` takes `image`, `fit`, `upto`, and 0"):
        completed(call, "call", [])
    with pytest.raises(ValueError, match="takes 3 arguments .* not 4"):
        completed(call, "call", [1, 2, 3, 4])
