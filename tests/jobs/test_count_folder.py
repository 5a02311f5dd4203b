"""Counting codes over a folder or zip gives what encoding each picture alone gives."""

import zipfile

import pytest
import torch

from explorer.jobs.usage import count_folder
from explorer.picture_files import picture_names
from explorer.samples import SAMPLES, load_sample


@pytest.fixture(scope="module")
def tok():
    from explorer import load_tokenizer

    return load_tokenizer("mini", device="cpu")


@pytest.fixture
def folder(tmp_path):
    """Six pictures at two depths, one damaged file with a picture's name, and a text."""
    for n, sample in enumerate(SAMPLES):
        place = tmp_path / "photos" / ("deep" if n % 2 else ".")
        place.mkdir(parents=True, exist_ok=True)
        load_sample(sample.name).save(place / f"{sample.name}.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 not much")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    return tmp_path / "photos"


def test_counts_are_those_of_single_pictures(tok, folder):
    seen = []
    counted = count_folder(tok, folder, progress=lambda done, total: seen.append((done, total)))
    expected = torch.zeros(len(tok.grids), tok.vocab_size, dtype=torch.int64)
    for sample in SAMPLES:
        for k, ids in enumerate(tok.encode(tok.fit(load_sample(sample.name)))):
            expected[k] += torch.bincount(ids.flatten(), minlength=tok.vocab_size)
    assert torch.equal(counted.counts_KV, expected)
    assert counted.pictures == 6 and counted.unreadable == ("broken.jpg",)
    assert seen[-1] == (7, 7)


def test_a_zip_counts_like_its_folder(tok, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in folder.rglob("*.*"):
            archive.write(path, path.relative_to(folder).as_posix())
    assert picture_names(tmp_path / "photos.zip") == picture_names(folder)
    counted = count_folder(tok, tmp_path / "photos.zip")
    assert torch.equal(counted.counts_KV, count_folder(tok, folder).counts_KV)


def test_what_holds_no_pictures_is_refused(tok, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        count_folder(tok, tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        count_folder(tok, tmp_path / "notes.txt")
    with pytest.raises(ValueError, match="no pictures .* among its 1 files"):
        count_folder(tok, tmp_path)
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ValueError, match="none of the 1 files"):
        count_folder(tok, tmp_path)
