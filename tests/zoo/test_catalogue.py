"""Names: bundled sets, published models, downloads (with a stand-in for the hub)."""

import pytest
import torch
from safetensors.torch import save_file

from explorer import families
from explorer.errors import CheckpointError
from explorer.families import Released
from explorer.zoo import catalogue, open_checkpoint
from explorer.zoo.cards import Card, write_card
from explorer.zoo.catalogue import bundled, download, find
from explorer.zoo.reading import file_sha256


@pytest.fixture
def checkpoints(tmp_path):
    """A checkpoints/ folder: one complete set, a set without a generator, a file of another name."""
    names = ("mini-tokenizer", "mini-var", "mini-raster-tokenizer", "mini-raster", "sea-tokenizer", "other")
    for name in names:
        (tmp_path / f"{name}.safetensors").write_bytes(b"weights")
    (tmp_path / "mini-var.json").write_text("{}")
    return tmp_path


def test_bundled_names_and_sets(checkpoints):
    sets = {entry.name: (entry.set_name, entry.member) for entry in bundled(checkpoints)}
    assert sets == {
        "mini-tokenizer": ("mini", "-tokenizer"),
        "mini-var": ("mini", "-var"),
        "mini-raster-tokenizer": ("mini", "-raster-tokenizer"),
        "mini-raster": ("mini", "-raster"),
        "sea-tokenizer": ("sea", "-tokenizer"),
        "other": (None, None),
    }
    assert bundled(checkpoints / "nowhere") == []


@pytest.mark.parametrize(
    ("name", "kind", "file"),
    [
        ("mini", "tokenizer", "mini-tokenizer"),
        ("mini", "generator", "mini-var"),
        ("mini-var", None, "mini-var"),
        ("mini-raster-tokenizer", "tokenizer", "mini-raster-tokenizer"),
        ("mini-raster", "generator", "mini-raster"),
        ("sea", "tokenizer", "sea-tokenizer"),
        ("other", None, "other"),
    ],
)
def test_find_bundled(checkpoints, name, kind, file):
    assert find(name, kind, checkpoints) == checkpoints / f"{file}.safetensors"


def test_find_says_what_there_is(checkpoints, tmp_path):
    with pytest.raises(CheckpointError, match=r"mini is a set of models; name one of .*mini-var"):
        find("mini", None, checkpoints)
    with pytest.raises(
        CheckpointError, match=r"sea holds no next-scale generator; name one of sea-tokenizer"
    ):
        find("sea", "generator", checkpoints)
    with pytest.raises(CheckpointError, match=r"no model is called 'maxi'.*mini-tokenizer.*var_d16"):
        find("maxi", "tokenizer", checkpoints)
    with pytest.raises(CheckpointError, match=r"python -m explorer download var_d16"):
        find("var_d16", None, checkpoints, downloads=tmp_path / "downloads")


def test_find_paths_and_downloaded_files(checkpoints, tmp_path):
    assert str(find("some/where.pth")) == "some/where.pth"  # whether it is there is for reading to say
    assert str(find("where.pth")) == "where.pth"
    assert find(tmp_path) == tmp_path
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "var_d16.pth").write_bytes(b"weights")
    assert find("var_d16", None, checkpoints, downloads) == downloads / "var_d16.pth"


def test_released_entries():
    entries = families.released()
    assert len({entry.name for entry in entries}) == len(entries) >= 15
    for entry in entries:
        assert entry.filename.startswith(entry.name + ".")
        assert entry.repository.count("/") == 1 and entry.revision and entry.licence
        family = families.named(entry.family)
        assert entry.kind == family.kind and entry in family.released


# -- downloads ------------------------------


@pytest.fixture
def published(monkeypatch, llamagen_tokenizer):
    """A catalogue with one small entry, and a hub that serves what `serve` says."""
    parameters = sum(tensor.numel() for tensor in llamagen_tokenizer.values())
    entry = Released(
        "tiny", "tiny.pt", "someone/tiny", "llamagen-tokenizer", parameters, "", revision="abc123"
    )
    monkeypatch.setattr(families, "released", lambda: (entry,))
    asked = []

    def serve(contents):
        def fetch(repo_id, filename, revision, local_dir):
            asked.append((repo_id, filename, revision))
            local_dir.mkdir(parents=True, exist_ok=True)
            torch.save(contents, local_dir / filename)
            return str(local_dir / filename)

        return fetch

    return entry, serve, asked


def test_download(published, tmp_path, llamagen_tokenizer):
    _, serve, asked = published
    path = download("tiny", tmp_path / "new", serve(llamagen_tokenizer))
    assert path == tmp_path / "new" / "tiny.pt" and path.is_file()
    assert asked == [("someone/tiny", "tiny.pt", "abc123")]


def test_download_of_something_else_is_removed(published, tmp_path, llamagen):
    _, serve, _ = published
    with pytest.raises(CheckpointError, match=r"removed again.*GPT depth 2"):
        download("tiny", tmp_path, serve(llamagen))
    assert not (tmp_path / "tiny.pt").exists()


def test_download_with_a_known_sha256(published, tmp_path, monkeypatch, llamagen_tokenizer):
    entry, serve, _ = published
    path = download("tiny", tmp_path, serve(llamagen_tokenizer))
    right, wrong = file_sha256(path), "0" * 64
    fields = {
        key: getattr(entry, key)
        for key in ("name", "filename", "repository", "family", "parameters", "about")
    }
    monkeypatch.setattr(families, "released", lambda: (Released(**fields, sha256=right),))
    assert download("tiny", tmp_path, serve(llamagen_tokenizer)).is_file()
    monkeypatch.setattr(families, "released", lambda: (Released(**fields, sha256=wrong),))
    with pytest.raises(CheckpointError, match=right):
        download("tiny", tmp_path, serve(llamagen_tokenizer))
    assert not path.exists()


def test_offline(published, tmp_path):
    def unreachable(**_):
        raise ConnectionError("Name or service not known\nand a long trace")

    with pytest.raises(CheckpointError) as caught:
        download("tiny", tmp_path, unreachable)
    message = str(caught.value)
    assert "Name or service not known" in message and "\n" not in message
    assert "someone/tiny" in message and str(tmp_path) in message


def test_offline_with_the_real_hub_library(tmp_path):
    with pytest.raises(
        CheckpointError, match=r"could not be fetched from huggingface\.co/FoundationVision/var"
    ):
        download("var_d16", tmp_path)


def test_download_unknown_name(tmp_path):
    with pytest.raises(CheckpointError, match=r"'mini' is not a published model"):
        download("mini", tmp_path)


# -- opening by name ------------------------------


def test_open_by_set_name(tmp_path, monkeypatch, var, var_tokenizer, llamagen):
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", tmp_path)
    files = {"mini-tokenizer": var_tokenizer, "mini-var": var, "mini-raster": llamagen}
    for name, tensors in files.items():
        save_file({key: value.half() for key, value in tensors.items()}, tmp_path / f"{name}.safetensors")
        grids = [[4, 4]] if name == "mini-raster" else [1, 2, 4]
        write_card(
            tmp_path / f"{name}.safetensors", Card.from_dict({"grids": grids, "config": {"num_heads": 4}})
        )
    opened = open_checkpoint("mini", kind="tokenizer")
    assert opened.name == "mini-tokenizer" and opened.recognition.family == "var-tokenizer"
    assert opened.sha256 == file_sha256(tmp_path / "mini-tokenizer.safetensors")
    assert next(opened.net.parameters()).dtype == torch.float32
    assert open_checkpoint("mini", kind="generator").recognition.family == "var"
    assert open_checkpoint("mini-raster", kind="generator").card.config["num_heads"] == 4
    with pytest.raises(CheckpointError, match=r"GPT depth 2, a generator; a tokenizer is needed"):
        open_checkpoint("mini-raster", kind="tokenizer")
