"""The named endpoints, called by gradio_client and curl on a real server with the bundled tokenizer.

What they give equals the Python interface, and what they refuse is a sentence.
"""

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_function_description
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from tiny_tokenizers import tiny_multi

import app
from explorer import TokenMaps, load_tokenizer, ui
from explorer.analysis.fidelity import psnr, ssim
from explorer.analysis.residuals import unexplained_share
from explorer.analysis.usage import count_tokens, usage_by_scale
from explorer.samples import SAMPLES, load_sample
from explorer.tokenizers.images import to_pil
from explorer.ui.endpoints.api import Endpoints
from explorer.ui.endpoints.api_generate import GenerateEndpoints
from explorer.ui.endpoints.api_values import FAILED
from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving
from explorer.ui.workbench import Workbench

DOCUMENT = (Path(__file__).parents[2] / "docs" / "API.md").read_text(encoding="utf-8")
CHANGE = [{"row": 1, "column": 2, "code": 7}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """photo.jpg, text.txt, and photos.zip with three pictures and a broken one."""
    folder = tmp_path_factory.mktemp("files")
    load_sample("cat").save(folder / "photo.jpg", quality=95)
    (folder / "text.txt").write_text("no picture")
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for sample in SAMPLES[:3]:
            load_sample(sample.name).save(folder / f"{sample.name}.png")
            archive.write(folder / f"{sample.name}.png", f"some/{sample.name}.png")
        archive.writestr("broken.png", b"no picture")
        archive.writestr("notes.txt", b"not looked at")
    return folder


@pytest.fixture(scope="module")
def address():
    with serving(AppOptions(device="cpu", precision="exact")) as url:
        yield url


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
    return Client(address, verbose=False, download_files=tmp_path_factory.mktemp("answers"))


@pytest.fixture(scope="module")
def tok():
    return load_tokenizer("mini", device="cpu", precision="exact")


@pytest.fixture(scope="module")
def photo(tok, folder):
    return tok.fit(Image.open(folder / "photo.jpg"))


@pytest.fixture(scope="module")
def seen(client, folder):
    return client.predict(handle_file(folder / "photo.jpg"), api_name="/inspect")


def as_maps(answer: dict) -> TokenMaps:
    return TokenMaps.from_json(json.dumps(answer))


def assert_shows(path: str, image_1CHW) -> None:
    assert path.endswith(".png")
    shown, expected = np.array(Image.open(path)).astype(int), np.array(to_pil(image_1CHW)[0]).astype(int)
    assert shown.shape == expected.shape
    assert abs(shown - expected).max() <= 1  # pictures decoded in batches of other sizes differ by rounding


def test_every_endpoint_is_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    own = {"/inspect", "/decode", "/edit", "/usage", "/generate", "/complete", "/score"}
    assert own <= endpoints.keys()
    for name in endpoints:
        assert f"`{name}`" in DOCUMENT
    for name in own:
        endpoint = endpoints[name]
        call = getattr(Endpoints, name[1:], None) or getattr(GenerateEndpoints, name[1:])
        description, parameters, returns = get_function_description(call)
        assert description == endpoint["description"] and returns
        for parameter in (one["parameter_name"] for one in endpoint["parameters"]):
            assert parameters[parameter] and f"`{parameter}`" in DOCUMENT


def test_inspect_equals_the_python_interface(tok, photo, seen):
    maps = tok.encode(photo)
    assert as_maps(seen) == maps and seen["meta"] == tok.meta
    assert (seen["tokens"], seen["fit"], seen["size"]) == (130, "crop", list(load_sample("cat").size))
    assert seen["bits"] == 130 * 12 and seen["bits_per_pixel"] == pytest.approx(1560 / 64**2, abs=1e-4)
    pictures, trace = tok.decode_progressive(maps)[:, 0], tok.trace(photo, n=1)
    assert [scale["scale"] for scale in seen["scales"]] == [1, 2, 3, 4, 5, 6]
    assert [tuple(scale["grid"]) for scale in seen["scales"]] == list(tok.grids)
    for key, expected in {
        "psnr_db": psnr(pictures, photo.expand_as(pictures)),
        "ssim": ssim(pictures, photo.expand_as(pictures)),
        "unexplained": unexplained_share(trace)[1:, 0],
    }.items():
        assert [scale[key] for scale in seen["scales"]] == pytest.approx(expected.tolist(), abs=1e-3), key
    for scale, traced in zip(seen["scales"], trace, strict=True):
        assert np.allclose(scale["distance"], traced.distance[0], atol=1e-3)


def test_the_fit_is_the_tokenizer_s(client, tok, folder):
    answer = client.predict(handle_file(folder / "photo.jpg"), "letterbox", api_name="/inspect")
    assert as_maps(answer) == tok.encode(tok.fit(Image.open(folder / "photo.jpg"), "letterbox"))


def test_decode_equals_the_python_interface(client, tok, seen):
    maps = as_maps(seen)
    assert_shows(client.predict(seen, api_name="/decode"), tok.decode(maps))
    assert_shows(client.predict(seen, 2, api_name="/decode"), tok.decode_progressive(maps, [2])[0])
    bare = {"maps": [*seen["maps"][:-1], [[[-1] * 8] * 8]]}  # without meta, the last scale unknown
    assert_shows(client.predict(bare, api_name="/decode"), tok.decode_progressive(maps, [5])[0])


def test_maps_without_a_known_token_are_not_decoded(client, seen):
    nothing = {"maps": [[[[-1] * len(row) for row in ids] for ids in one] for one in seen["maps"]]}
    with pytest.raises(AppError, match="holds no known token"):
        client.predict(nothing, api_name="/decode")


@pytest.mark.parametrize("policy", ["keep", "requantise"])
def test_edit_equals_the_python_interface_and_can_be_chained(client, tok, seen, policy):
    before = as_maps(seen)
    ids = before[2].clone()
    ids[0, 1, 2] = 7
    expected = before.with_map(3, ids)
    if policy == "requantise":
        expected = tok.requantise(before, expected, 3)
    answer, picture = client.predict(seen, 3, CHANGE, policy, api_name="/edit")
    assert as_maps(answer) == expected and answer["meta"] == tok.meta
    assert answer["changed"][:3] == [0, 0, 1] and (sum(answer["changed"]) > 1) == (policy == "requantise")
    assert_shows(picture, tok.decode(expected))
    back = [{**CHANGE[0], "code": int(before[2][0, 1, 2])}]
    again, _ = client.predict(answer, 3, back, api_name="/edit")
    assert (as_maps(again) == before) == (policy == "keep")


def test_usage_grows_to_the_count_of_every_picture(client, tok, folder):
    job = client.submit(handle_file(folder / "photos.zip"), api_name="/usage")
    counts = list(job)
    assert (counts[0]["done"], counts[0]["total"], counts[-1]["done"]) == (0, 4, 4)
    last = counts[-1]
    assert (last["pictures"], last["skipped"], last["meta"]) == (3, 1, tok.meta)
    assert last["skipped_files"][0]["name"] == "broken.png"
    maps = [tok.encode(tok.fit(load_sample(sample.name))) for sample in SAMPLES[:3]]
    for scale, expected in zip(
        last["scales"], usage_by_scale(count_tokens(maps, tok.vocab_size)), strict=True
    ):
        assert (scale["tokens"], scale["distinct"]) == (expected.tokens, expected.distinct)
        assert scale["perplexity"] == pytest.approx(expected.perplexity, abs=0.1)
    assert last["all_scales"]["tokens"] == 3 * 130


@pytest.mark.parametrize(
    "endpoint, arguments, sentence",
    [
        ("/inspect", lambda folder, seen: [handle_file(folder / "text.txt")], "“text.txt” is not a picture"),
        ("/decode", lambda folder, seen: [seen, 7], "`upto` is a whole number from 1 to 6, not 7."),
        (
            "/edit",
            lambda folder, seen: [seen, 1, CHANGE],
            "The row of change 1 is a whole number from 0 to 0",
        ),
        (
            "/usage",
            lambda folder, seen: [handle_file(folder / "text.txt")],
            "“text.txt” cannot be counted. It",
        ),
    ],
)
def test_a_bad_call_is_a_sentence(client, folder, seen, endpoint, arguments, sentence):
    with pytest.raises(AppError, match=re.escape(sentence)) as caught:
        client.predict(*arguments(folder, seen), api_name=endpoint)
    assert str(caught.value).endswith(".") and "Traceback" not in str(caught.value)


# Without a server: what else is refused


@pytest.fixture(scope="module")
def endpoints():
    return Endpoints(Workbench(tiny_multi()))  # 16 px, grids 1 to 4, 64 codes


def tiny_maps(code: object = 3) -> dict:
    return {"maps": [[[[code] * side for _ in range(side)]] for side in (1, 2, 3, 4)]}


@pytest.mark.parametrize(
    "maps, sentence",
    [
        (None, "no token maps"),
        ([1, 2], "no token maps"),
        ({"maps": "all"}, "no token maps"),
        ({"maps": tiny_maps()["maps"][:3]}, "3 maps, tiny-multi-0 has 4 scales"),
        ({"maps": [[[[1]]]] * 4}, "grids"),
        ({"maps": [[1], [[2]], [[[3, [4]]]], 5]}, "."),
        ({"maps": [one * 2 for one in tiny_maps()["maps"]]}, "2 pictures"),
        (tiny_maps(64), "64"),
        (tiny_maps(-2), "-2"),
        (tiny_maps(1.5), "whole numbers"),
        (tiny_maps("3"), "whole numbers"),
        (tiny_maps(None), "whole numbers"),
        (tiny_maps(True), "whole numbers"),
        (tiny_maps(2**70), "whole numbers"),
        ({**tiny_maps(), "meta": {"tokenizer": "other", "sha256": "0" * 64}}, "other"),
        ({**tiny_maps(), "meta": "mine"}, "describe a tokenizer"),
    ],
)
def test_maps_that_are_none_are_refused(endpoints, maps, sentence):
    for call in (lambda: endpoints.decode(maps), lambda: endpoints.edit(maps, 3, CHANGE)):
        with pytest.raises(gr.Error, match=re.escape(sentence)) as caught:
            call()
        assert FAILED not in str(caught.value)


@pytest.mark.parametrize(
    "scale, changes, policy, sentence",
    [
        (0, CHANGE, "keep", "`scale` is a whole number from 1 to 4, not 0."),
        ("2", CHANGE, "keep", "`scale` is a whole number"),
        (3, [], "keep", "1 to 9 tokens"),
        (3, CHANGE * 10, "keep", "1 to 9 tokens"),
        (3, "all", "keep", "1 to 9 tokens"),
        (3, [7], "keep", "Change 1 is no object"),
        (3, [*CHANGE, {"row": 0, "column": 0}], "keep", "The code of change 2 is a whole number, not None."),
        (3, [{"row": 0, "column": 3, "code": 1}], "keep", "from 0 to 2, not 3."),
        (3, [{"row": 0, "column": 0, "code": 64}], "keep", "from 0 to 63, not 64."),
        (3, CHANGE, "forget", "`policy` is keep or requantise, not 'forget'."),
    ],
)
def test_edits_that_cannot_be_are_refused(endpoints, scale, changes, policy, sentence):
    with pytest.raises(gr.Error, match=re.escape(sentence)):
        endpoints.edit(tiny_maps(), scale, changes, policy)


@pytest.mark.parametrize(
    "file", [None, "photo.jpg", {}, *({"path": p} for p in ("/etc/passwd", "", "\0", 7))]
)
def test_only_uploads_are_read(endpoints, file):
    with pytest.raises(gr.Error, match="Send a picture as a file"):
        endpoints.inspect(file)
    with pytest.raises(gr.Error, match="Send a zip as a file"):
        list(endpoints.usage(file))


@pytest.fixture
def upload(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    def write(content: bytes) -> dict:
        (tmp_path / "x").write_bytes(content)
        return {"path": str(tmp_path / "x"), "orig_name": "../mine.png"}

    return write


def test_the_page_s_limits_hold(endpoints, upload, tmp_path):
    Image.new("1", (4001, 4000)).save(tmp_path / "large.png")
    with pytest.raises(gr.Error, match=re.escape("“mine.png” has 16.0 megapixels (4001 x 4000); at most")):
        endpoints.inspect(upload((tmp_path / "large.png").read_bytes()))
    with pytest.raises(gr.Error, match=re.escape("“mine.png” has 21.0 MB; at most 20 MB")):
        endpoints.inspect(upload(bytes(21 << 20)))
    with pytest.raises(gr.Error, match="`fit` is crop, letterbox or reference, not 'stretch'"):
        endpoints.inspect(upload(b""), "stretch")


def test_a_bug_says_so_without_details(endpoints, monkeypatch, caplog):
    monkeypatch.setattr(type(endpoints.bench.tokenizer), "decode", lambda *_, **__: 1 / 0)
    with pytest.raises(gr.Error, match=re.escape(FAILED)):
        endpoints.decode(tiny_maps())
    assert "ZeroDivisionError" in caplog.text


# The documentation and the command line


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_documented_python_example_runs(address, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (example,) = blocks("python")
    exec(example.replace("http://127.0.0.1:7860", address.rstrip("/")), {})
    printed = capsys.readouterr().out
    assert "4 of 4 files" in printed and "step 6 of 6" in printed and "of 130 tokens kept" in printed


def test_the_documented_curl_example_runs(address, folder):
    if not shutil.which("curl") or not shutil.which("bash"):
        pytest.skip("curl or bash is not installed")
    (example,) = blocks("bash")
    script = example.replace("http://127.0.0.1:7860", address.rstrip("/"))
    answer = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60
    ).stdout
    assert answer.count("event: complete") == 2 and '"tokenizer": "mini-tokenizer"' in answer
    assert '"step": 6' in answer


def test_an_mcp_server_is_an_option_and_its_package_is_named(monkeypatch, capsys):
    assert not AppOptions().mcp and not ui.settings(AppOptions())["mcp_server"]
    assert ui.settings(AppOptions(mcp=True))["mcp_server"]
    monkeypatch.setattr(ui, "find_spec", lambda name: None)
    assert app.main(["--mcp"]) == 2
    assert (
        capsys.readouterr().err
        == 'error: --mcp needs the package mcp, which is not installed; run: pip install "mcp<2"\n'
    )
