"""Which models there are to choose from, what is said about them, and the pages that open beside the first.

Models are tiny and random. One site serves all tests about pages: building it is what takes time.
"""

import asyncio
import gc
import os
import shutil
import time
import zipfile
from pathlib import Path

import gradio as gr
import pytest
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient
from safetensors.torch import save_file
from tiny_models import write_models

from explorer.devices import open_device
from explorer.tokenizers import DecodeMemo
from explorer.ui import AppOptions, open_site
from explorer.ui.switching import houses
from explorer.ui.switching import pace as pace_of
from explorer.ui.switching.houses import Houses
from explorer.ui.switching.model_facts import facts
from explorer.ui.switching.models import BUNDLED, FOLDER, GIVEN, Library
from explorer.ui.switching.opened_models import OpenedModels
from explorer.ui.switching.pace import Pace
from explorer.zoo.reading import read_checkpoint

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def shelf(tmp_path):
    """checkpoints/ of a tiny installation, and a folder of the user's own beside it."""
    shipped = write_models(_made(tmp_path / "shipped"))
    own = write_models(_made(tmp_path / "own" / "deep"))
    return shipped, own.parent


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def library(shelf, folder=True, given=("tiny-tokenizer", "tiny-var")) -> Library:
    shipped, own = shelf
    paths = tuple(name and shipped / f"{name}.safetensors" for name in given)
    return Library(paths, own if folder else None, shipped=shipped)


def ids(listing, group=None) -> list[str]:
    return [choice.id for choice in listing.choices if group in (None, choice.group)]


def test_a_file_with_both_models_is_a_pair_of_its_own(shelf):
    """VAR's trainer writes such files; other tokenizers that would fit are not offered beside its own."""
    shipped, own = shelf
    parts = {
        "vae_local": read_checkpoint(shipped / "tiny-tokenizer.safetensors").tensors,
        "var_wo_ddp": read_checkpoint(shipped / "tiny-var.safetensors").tensors,
    }
    torch.save({"epoch": 1, "trainer": {name: dict(part) for name, part in parts.items()}}, own / "last.pth")
    shutil.copy(shipped / "tiny-var.json", own / "last.json")
    listing = library(shelf).listing()
    assert listing.refused == ()
    mine = [(c.tokenizer.name, c.generator and c.generator.name) for c in listing.choices]
    assert ("last", "last") in mine and ("last", None) in mine and ("tiny-tokenizer", "last") not in mine
    alone = Library((own / "last.pth", own / "last.pth"), None, shipped=shipped).listing()
    first = alone.choices[0]
    assert (first.group, first.tokenizer.name, first.generator.name) == (GIVEN, "last", "last")


def test_every_generator_comes_with_its_tokenizer_and_every_tokenizer_alone(shelf):
    listing = library(shelf).listing()
    bundled = [(c.id, c.tokenizer.name, c.generator and c.generator.name) for c in listing.choices]
    assert bundled[:4] == [
        ("tiny-var", "tiny-tokenizer", "tiny-var"),
        ("tiny-raster", "tiny-raster-tokenizer", "tiny-raster"),
        ("tiny-raster-tokenizer", "tiny-raster-tokenizer", None),
        ("tiny-tokenizer", "tiny-tokenizer", None),
    ]
    assert ids(listing, FOLDER) == [
        "deep-tiny-var",
        "deep-tiny-raster",
        "deep-tiny-raster-tokenizer",
        "deep-tiny-tokenizer",
    ]
    assert listing.refused == () and library(shelf).current(listing).id == "tiny-var"
    for choice in listing.choices:  # the nearest partner, not one from the other place
        if choice.generator:
            assert choice.generator.path.parent == choice.tokenizer.path.parent


def test_without_a_folder_only_what_is_bundled_is_there(shelf):
    listing = library(shelf, folder=False).listing()
    assert ids(listing) == ids(listing, BUNDLED) and len(listing.choices) == 4


def test_models_of_the_command_line_from_elsewhere_are_a_choice_too(shelf, tmp_path):
    elsewhere = write_models(_made(tmp_path / "elsewhere"))
    one = Library(
        (elsewhere / "tiny-tokenizer.safetensors", elsewhere / "tiny-var.safetensors"), None, shelf[0]
    )
    listing = one.listing()
    assert one.current(listing).group == GIVEN and ids(listing)[0] == "tiny-var"
    assert len(set(ids(listing))) == len(listing.choices) == 5


def test_what_cannot_be_used_is_listed_with_the_reason_and_without_folders_above(shelf):
    _, own = shelf
    whole = (own / "deep" / "tiny-var.safetensors").read_bytes()
    (own / "torn.safetensors").write_bytes(whole[: len(whole) // 2])
    (own / "page.pth").write_text("<html>not found</html>")
    lone = _made(own / "lone")
    save_file({"blocks.0.thing": torch.zeros(2)}, lone / "other.safetensors")
    refused = {one.file: one.reason for one in library(shelf).listing().refused}
    assert set(refused) == {"torn.safetensors", "page.pth", "lone/other.safetensors"}
    assert "not a complete safetensors file" in refused["torn.safetensors"]
    assert "a web page" in refused["page.pth"]
    assert "Not a model that Tokenscope knows" in refused["lone/other.safetensors"]
    assert not any(str(own) in reason for reason in refused.values())


def test_one_hostile_file_costs_that_file_and_no_other(shelf):
    """A card nested without end, pipes in place of weights and cards, an endless header, a swollen pickle."""
    _, own = shelf
    good = (own / "deep" / "tiny-var.safetensors").read_bytes()
    for name in ("nested", "piped", "large"):
        (own / f"{name}.safetensors").write_bytes(good)
    (own / "nested.json").write_text("[" * 100_000 + "]" * 100_000)
    os.mkfifo(own / "piped.json")
    os.mkfifo(own / "pipe.pth")
    (own / "large.json").write_bytes(b" " * (9 << 20))
    (own / "names.safetensors").write_bytes((11 << 20).to_bytes(8, "little") + b'{"' + bytes(11 << 20))
    with zipfile.ZipFile(own / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(65 << 20))
    listing = library(shelf).listing()
    refused = {one.file: one.reason for one in listing.refused}
    assert len(listing.choices) == 8, "all good ones are still there"
    assert "nested too deeply" in refused["nested.safetensors"]
    assert "no regular file" in refused["piped.safetensors"]
    assert "9 MiB" in refused["large.safetensors"]
    assert "header of 11 MiB" in refused["names.safetensors"] and "pickle of 65 MiB" in refused["bomb.pt"]


def test_a_generator_takes_a_bundled_tokenizer_and_says_so_when_there_is_none(shelf):
    _, own = shelf
    for path in own.rglob("*tokenizer*"):
        path.unlink()
    listing = library(shelf).listing()
    found = listing.find("deep-tiny-var")
    assert found.tokenizer.path == shelf[0] / "tiny-tokenizer.safetensors"
    for path in shelf[0].glob("tiny-raster-tokenizer*"):
        path.unlink()
    reasons = {one.file: one.reason for one in library(shelf).listing().refused}
    assert list(reasons) == ["deep/tiny-raster.safetensors"]  # only what lies in the folder is reported
    assert "no tokenizer with its 64 codes" in reasons["deep/tiny-raster.safetensors"]


def test_released_files_are_paired_and_say_what_they_lack(shelf, tmp_path):
    _, own = shelf
    shutil.rmtree(own / "deep")
    for case in ("var_a", "llamagen_a"):
        shutil.copytree(GOLDEN / case, own / case)
    listing = library(shelf).listing()
    reasons = {one.file: one.reason for one in listing.refused}
    assert "card beside" in reasons["var_a/var.pth"] and "num_heads" in reasons["llamagen_a/gpt.pth"]
    (own / "var_a" / "var.json").write_text('{"grids": [[1, 1], [2, 2], [3, 3], [4, 4]]}')
    listing = library(shelf).listing()
    pair = listing.find("var-a-var")
    assert (pair.tokenizer.name, pair.generator.found.grids[-1]) == ("vae", (4, 4))
    assert facts(pair, library(shelf), open_device("cpu", "exact"))["size"] == [64, 64]


def test_a_list_reads_no_weights_and_remembers_what_has_not_changed(shelf, monkeypatch):
    from explorer.ui.switching import models as module

    read = []
    real = module.read_outlines
    monkeypatch.setattr(module, "read_outlines", lambda path: read.append(path) or real(path))
    one = library(shelf)
    one.listing()
    assert len(read) == 8
    one.listing()
    assert len(read) == 8
    changed = shelf[1] / "deep" / "tiny-var.json"
    changed.write_text(changed.read_text() + " ")
    one.listing()
    assert len(read) == 9
    monkeypatch.setattr(torch.Tensor, "isfinite", lambda *_: pytest.fail("a value was looked at"))
    one._outlines.clear()
    assert len(one.listing().choices) == 8


def test_only_so_many_files_are_looked_at(shelf, monkeypatch):
    monkeypatch.setattr("explorer.ui.switching.models.MOST_FILES", 3)
    listing = library(shelf).listing()
    assert listing.left_out == 1 and len(ids(listing, FOLDER)) <= 3


@pytest.mark.parametrize("wish", ["../../etc/passwd", "", None, 3, {"a": 1}, "tiny-var/../tiny-raster"])
def test_only_ids_of_the_list_open_anything(shelf, wish):
    with pytest.raises(ValueError, match="no model"):
        library(shelf).listing().find(wish)


def test_facts_are_counted_and_a_card_of_any_shape_is_survived(shelf):
    one = library(shelf)
    card = shelf[1] / "deep" / "tiny-var.json"
    card.write_text(
        card.read_text().rstrip().rstrip("}")
        + ', "metrics": {"held_out": {"bits_per_token": 5.25}, "evaluation": [1]}, "limits": 7}'
    )
    listing = one.listing()
    told = facts(listing.find("deep-tiny-var"), one, open_device("cpu", "exact"))
    from explorer import load_generator, load_tokenizer

    tok = load_tokenizer(shelf[0] / "tiny-tokenizer.safetensors", device="cpu", precision="exact")
    gen = load_generator(shelf[0] / "tiny-var.safetensors", tok)
    counted = {
        "tokenizer": sum(p.numel() for p in tok._net.parameters()),
        "generator": sum(p.numel() for p in gen._net.parameters()),
    }
    assert told["parameters"] == counted
    assert (told["kind"], told["codes"], told["scales"], told["tokens"]) == ("next-scale", 64, 4, 30)
    assert (told["name"], told["tokenizer"], told["size"]) == (
        "deep/tiny-var",
        "deep/tiny-tokenizer",
        [16, 16],
    )
    assert told["figures"] == ["5.25 bits per held-out token"] and told["limits"] == ""
    assert told["memory"] > 4 * sum(counted.values())


def test_expected_seconds_follow_from_what_was_measured(tmp_path, monkeypatch):
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(1000))
    with open(large, "wb") as file:
        file.truncate(100 << 20)
    monkeypatch.setattr(pace_of, "try_part", lambda path: 1e-8)
    pace = Pace()
    assert pace.expected([large], 10) is None
    pace.built(100, 0.5)
    pace.built(100, 9.0)  # the first page has warmed everything up
    assert pace.expected([], 100) == pytest.approx(0.5)
    assert pace.expected([], 400) == pytest.approx(2.0)
    assert pace.expected([], 0) == pytest.approx(0.5)
    bytes_read = (100 << 20) * 1e-8
    assert pace.expected([large], 0) == pytest.approx(2.5 * bytes_read + 0.5)
    pace.read(small, 5.0)  # too small to tell
    pace.read(large, 4 * bytes_read)
    assert pace.expected([large], 0) == pytest.approx(4 * bytes_read + 0.5)
    pace.read(large, 1000)  # somebody else had the machine
    assert pace.expected([large], 0) == pytest.approx(10 * bytes_read + 0.5)


def test_a_part_of_a_file_is_tried(tmp_path):
    for size in (0, 3, 1000):
        (tmp_path / "file").write_bytes(bytes(size))
        assert 0 < pace_of.try_part(tmp_path / "file") < 1


# Pages


@pytest.fixture(scope="module")
def one_site(tmp_path_factory):
    """The first page and its houses in a test client that runs their lifespans; and the user's folder."""
    root = tmp_path_factory.mktemp("site")
    shipped, own = write_models(_made(root / "shipped")), write_models(_made(root / "own" / "deep")).parent
    file = lambda name: str(shipped / f"{name}.safetensors")  # noqa: E731
    patch = pytest.MonkeyPatch()
    patch.setattr("explorer.ui.switching.models.bundled", _bundled_in(shipped))
    site = open_site(
        AppOptions(
            device="cpu",
            precision="exact",
            tokenizer=file("tiny-tokenizer"),
            generator=file("tiny-var"),
            raster_tokenizer=file("tiny-raster-tokenizer"),
            raster_generator=file("tiny-raster"),
            models=str(own),
        )
    )
    app = gr.mount_gradio_app(FastAPI(lifespan=site.houses.lifespan), site.page, path="/first")
    with TestClient(app) as client:
        yield site.houses, client, own
    patch.undo()


@pytest.fixture
def site(one_site):
    """(houses, client), with no page open beside the first."""
    one, client, _ = one_site
    build = one._build
    yield one, client
    one._build = build
    for choice_id in list(one._open):
        client.portal.call(one._close, choice_id)


def _bundled_in(folder: Path):
    from explorer.zoo.catalogue import bundled

    return lambda _=None: bundled(folder)


def opened(client, one: Houses, choice_id: object, job="job", cancelled=()) -> list[dict]:
    async def run():
        return [view async for view in one.open(choice_id, job, cancelled)]

    return client.portal.call(run)


def test_another_choice_gets_a_page_of_its_own_on_the_same_device(site):
    one, client = site
    before = {entry["id"]: entry for entry in one.view("")["choices"]}
    assert before["tiny-var"]["here"] and before["tiny-var"]["address"] == "" and before["tiny-var"]["open"]
    assert not before["tiny-raster"]["open"]
    views = opened(client, one, "tiny-raster")
    assert [view["status"] for view in views] == ["running"] * 3 + ["done"]
    assert [view["step"] for view in views[:-1]] == [1, 2, 3]
    assert "Reading tiny-raster-tokenizer" in views[0]["text"]
    page = client.get("/m/tiny-raster/")
    assert page.status_code == 200 and "tiny-raster-tokenizer" in page.text
    assert client.get("/m/tiny-raster/gradio_api/info").status_code == 200
    after = {entry["id"]: entry for entry in one.view("tiny-raster")["choices"]}
    assert after["tiny-raster"]["here"] and after["tiny-raster"]["open"] and not after["tiny-var"]["here"]
    assert after["tiny-raster"]["address"] == "m/tiny-raster/" and after["tiny-raster"]["seconds"] == 0
    assert [view["status"] for view in opened(client, one, "tiny-raster")] == ["done"]  # it is kept


def test_pages_share_device_and_tokenizer_but_nothing_a_visitor_changes(site):
    one, client = site
    made = []
    real = one._build
    one._build = lambda bench, choice_id: made.append(bench) or real(bench, choice_id)
    opened(client, one, "tiny-raster")
    opened(client, one, "tiny-raster-tokenizer")
    pair, alone = made
    assert pair.tokenizer is alone.tokenizer and pair is not alone
    assert pair.generator is one._pairs["raster"].generator  # open since the start, not read again
    assert pair.tokenizer.device is one.models.device and alone.generator is None
    assert set(pair.pairs) == {"next-scale", "raster"}
    assert pair.pairs["raster"].generator is pair.generator


def test_a_file_that_breaks_after_it_was_listed_is_one_sentence(site, one_site):
    one, client = site
    folder = one_site[2]
    path = folder / "deep" / "tiny-var.safetensors"
    one.library.listing()
    good, stamp = path.read_bytes(), path.stat()
    path.write_bytes(good[:-100] + b"\xff" * 100)  # NaN in half precision: only opening it shows that
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # looks as it did when it was listed
    *_, last = opened(client, one, "deep-tiny-var")
    path.write_bytes(good)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert last["status"] == "failed" and last["job"] == "job" and "NaN" in last["problem"]
    assert str(folder) not in last["problem"] and "deep/tiny-var.safetensors" in last["problem"]
    assert "deep-tiny-var" not in one._open and client.get("/first/").status_code == 200
    assert opened(client, one, "deep-tiny-var")[-1]["status"] == "done"


def test_what_the_browser_sends_is_checked(site):
    one, client = site
    for wish in (None, 7, "/etc/passwd", "deep-tiny"):
        (view,) = opened(client, one, wish)
        assert view["status"] == "failed" and "There is no model" in view["problem"]


def test_a_cancelled_job_stops_between_two_steps(site):
    one, client = site
    assert opened(client, one, "deep-tiny-var", "job", {"job"}) == []
    assert "deep-tiny-var" not in one._open
    assert opened(client, one, "deep-tiny-var", "other", {"job"})[-1]["status"] == "done"


def test_a_link_to_a_closed_page_leads_to_the_first_one_with_its_wish(site):
    one, client = site
    answer = client.get("/m/tiny-raster/?tab=edit", follow_redirects=False)
    assert answer.status_code == 307 and answer.headers["location"] == "../../?model=tiny-raster&tab=edit"
    answer = client.get("/m/tiny-raster", follow_redirects=False)
    assert answer.headers["location"] == "../?model=tiny-raster"
    assert client.post("/m/tiny-raster/gradio_api/queue/join").status_code == 410
    assert client.get("/m/tiny-raster/gradio_api/info").status_code == 410
    odd = client.get("/m/%0d%0aX-Bad:%20x/", follow_redirects=False)
    assert "x-bad" not in odd.headers


def test_the_page_unused_for_longest_makes_room_and_those_in_use_stay(site, monkeypatch):
    one, client = site
    monkeypatch.setattr(houses, "MOST_OPEN", 2)
    monkeypatch.setattr(houses, "GRACE", -1)
    for choice_id in ("tiny-raster", "tiny-tokenizer"):
        opened(client, one, choice_id)
    one._open["tiny-raster"].guests = 1  # somebody looks at it
    assert opened(client, one, "tiny-raster-tokenizer")[-1]["status"] == "done"
    assert set(one._open) == {"tiny-raster", "tiny-raster-tokenizer"}
    assert client.get("/m/tiny-tokenizer/", follow_redirects=False).status_code == 307
    one._open["tiny-raster-tokenizer"].guests = 1
    *_, last = opened(client, one, "tiny-tokenizer")
    assert last["status"] == "failed" and "all of them are in use" in last["problem"]
    for house in one._open.values():
        house.guests = 0


def test_two_visitors_who_ask_for_one_model_get_one_page(site):
    one, client = site
    built = []
    real = one._build
    one._build = lambda bench, choice_id: built.append(choice_id) or real(bench, choice_id)

    async def both():
        async def ask(job):
            return [view async for view in one.open("deep-tiny-var", job, ())]

        return await asyncio.gather(ask("a"), ask("b"))

    first, second = client.portal.call(both)
    assert first[-1]["status"] == second[-1]["status"] == "done" and built == ["deep-tiny-var"]
    assert any("Waiting" in view.get("text", "") for view in [*first, *second])


def test_models_are_let_go_with_their_page(site):
    one, client = site
    opened(client, one, "deep-tiny-raster")
    path = one.library.listing().find("deep-tiny-raster").generator.path
    assert one.models.holds(path)
    client.portal.call(one._close, "deep-tiny-raster")
    for _ in range(100):  # its tasks end a little later
        gc.collect()
        if not one.models.holds(path):
            break
        time.sleep(0.2)
    assert not one.models.holds(path)


def test_a_closed_page_takes_no_file_from_the_others(site):
    one, client = site
    opened(client, one, "tiny-raster")
    files = {"files": ("photos.zip", b"the same zip")}
    (path,) = client.post("/m/tiny-raster/gradio_api/upload", files=files).json()
    assert client.post("/first/gradio_api/upload", files=files).json() == [path]
    client.portal.call(one._close, "tiny-raster")
    assert Path(path).read_bytes() == b"the same zip"
    assert path in one.first.upload_file_set  # which removes it after an hour


def test_one_file_is_opened_once(shelf):
    models = OpenedModels(open_device("cpu", "exact"), DecodeMemo(1 << 20), Pace())
    path = shelf[0] / "tiny-tokenizer.safetensors"
    tokenizer = models.tokenizer(path)
    assert models.tokenizer(path) is tokenizer and models.holds(path)
    assert tokenizer.device is models.device and tokenizer.memo is models.memo
    generator = models.generator(shelf[0] / "tiny-var.safetensors", tokenizer)
    assert models.generator(shelf[0] / "tiny-var.safetensors", tokenizer) is generator


def test_a_folder_that_is_not_there_is_told_at_the_start(capsys):
    import app

    assert app.main(["--models", "/no/such/folder"]) == 2
    assert "--models /no/such/folder: there is no such folder" in capsys.readouterr().err
