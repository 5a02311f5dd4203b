"""The Codebook tab without a browser: its numbers, its look-ups, and zips of every kind."""

import base64
import io
import struct
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_tokenizers import tiny_multi, tiny_single

from explorer.analysis.overlap import scale_overlap
from explorer.analysis.plane_quality import neighbours_kept
from explorer.analysis.usage import count_tokens
from explorer.jobs.codebook_planes import CodebookPlanes, SwatchSheet, codebook_key
from explorer.jobs.zip_usage import ZipLimits, count_zip
from explorer.tokenizers.images import open_image
from explorer.ui.codebook.codebook_tab import count_upload, look_ups
from explorer.ui.codebook.codebook_views import codebook_view, sheet_view, usage_view
from explorer.ui.wires import StoppedJobs
from explorer.ui.workbench import Workbench


@pytest.fixture(scope="module")
def bench():
    counts_KV = torch.randint(0, 3, (4, 64), generator=torch.Generator().manual_seed(0))
    return Workbench(tiny_multi(), usage_KV=counts_KV, usage_of="9 made-up photos")


@pytest.fixture
def planes(bench, tmp_path):
    return CodebookPlanes(bench.codebook, folder=tmp_path)


def numbers(packed: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), f"<{packed['type']}")


def photo(seed: int, size=(40, 30), kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def zipped(path, files: dict[str, bytes], compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


# Numbers


def test_overlap_weighs_tokens_not_codes():
    counts_KV = torch.tensor([[3, 1, 0], [0, 2, 2], [0, 0, 0]])
    shares = scale_overlap(counts_KV)
    assert shares[:2, :2].tolist() == [[1.0, 0.25], [0.5, 1.0]]
    assert shares[:2, 2].tolist() == [0.0, 0.0] and shares[2].isnan().all()


def test_neighbours_kept_is_one_for_a_flat_codebook_and_low_for_a_shuffled_one():
    plane = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    flat = torch.cat([plane, torch.zeros(200, 3)], 1)
    assert neighbours_kept(flat, plane) == 1.0
    assert neighbours_kept(flat, plane.flip(0)) < 0.2
    with pytest.raises(ValueError, match="200 codes, the plane 3 points"):
        neighbours_kept(flat, plane[:3])


def test_usage_view_counts_and_defines(bench):
    counts_KV = torch.zeros(4, 64, dtype=torch.int64)
    counts_KV[0, 5], counts_KV[1, 5], counts_KV[1, 6] = 1, 2, 2
    view = usage_view(counts_KV, "one picture")
    assert view["total"] == pytest.approx(
        {
            "tokens": 5,
            "distinct": 2,
            "dead": 62,
            "ceiling": 5,
            "perplexity": float(np.exp(-0.6 * np.log(0.6) - 0.4 * np.log(0.4))),
        }
    )
    assert numbers(view["counts"]).reshape(4, 64)[1, 6] == 2
    assert numbers(view["preference"])[[5, 6, 7]].tolist() == pytest.approx([4 / 3, 2.0, 0.0])
    assert view["overlap"][0][:2] == [1.0, 1.0] and view["overlap"][2] == [None] * 4


def test_the_codebook_goes_to_the_page_as_arrays(bench, planes):
    view = codebook_view(bench, planes)
    assert numbers(view["colours"]).shape == (64 * 3,)
    assert numbers(view["norm"]) == pytest.approx(bench.codebook.norm(dim=1).numpy(), rel=1e-5)
    assert np.allclose(numbers(view["pca"]["at"]).reshape(64, 2), planes.pca.numpy())
    assert "of the variance" in view["pca"]["caption"] and "10 nearest" in view["pca"]["caption"]
    assert view["shipped"]["of"] == "9 made-up photos"


def test_a_single_scale_has_no_overlap(tmp_path):
    tok = tiny_single()
    view = codebook_view(Workbench(tok), CodebookPlanes(tok.codebook, folder=tmp_path))
    assert view["shipped"] is None and view["scales"] == 1
    assert usage_view(torch.ones(1, 64, dtype=torch.int64), "x")["overlap"] is None


# Look-ups


def test_the_picture_is_counted_as_the_browser_holds_it(bench, planes):
    *_, picture_usage, _ = look_ups(bench, planes, SwatchSheet(bench.tokenizer), StoppedJobs())
    maps = [[7] * (k * k) for k in (1, 2, 3, 4)]
    assert picture_usage(maps)["total"]["distinct"] == 1
    assert picture_usage([[-1], *maps[1:]])["total"]["tokens"] == 29


@pytest.mark.parametrize(
    "maps",
    [None, 5, [], [[1]], [[64], [1] * 4, [1] * 9, [1] * 16], [["x"], [1] * 4, [1] * 9, [1] * 16]],
)
def test_what_is_no_picture_gets_no_answer(bench, planes, maps):
    *_, picture_usage, _ = look_ups(bench, planes, SwatchSheet(bench.tokenizer), StoppedJobs())
    assert picture_usage(maps) is None


def test_swatches_come_as_one_sheet_and_are_kept(bench, tmp_path):
    sheet = SwatchSheet(bench.tokenizer, tmp_path)
    sheet.start()
    sheet._thread.join(60)
    assert sheet.complete and not sheet.problem
    view = sheet_view(sheet)
    assert (view["columns"], view["rows"]) == (8, 8)
    swatch = bench.tokenizer.decode_code_swatches([9])[0]
    assert numbers(view["means"]).reshape(-1, 3)[9] == pytest.approx(255 * swatch.mean((1, 2)).numpy(), abs=3)


def test_umap_is_read_from_the_cache_and_a_damaged_file_is_not(bench, tmp_path, monkeypatch):
    planes = CodebookPlanes(bench.codebook, folder=tmp_path)
    started = []
    monkeypatch.setattr(planes, "_start", lambda: started.append(1))
    planes._path.write_bytes(b"no array")
    assert planes.umap() is None and started == [1]
    np.save(planes._path, np.ones((64, 2), np.float32))
    assert planes.umap().tolist() == [[1.0, 1.0]] * 64
    other = bench.codebook + 1
    assert codebook_key(other, "umap") != codebook_key(bench.codebook, "umap")


def test_shipped_planes_are_used_as_they_are(bench, tmp_path):
    shipped = (torch.zeros(64, 2), torch.ones(64, 2))
    planes = CodebookPlanes(bench.codebook, shipped, tmp_path / "never made")
    assert planes.umap() is shipped[1] and not (tmp_path / "never made").exists()


@pytest.mark.slow
def test_umap_runs_beside_the_page_and_says_why_not(tmp_path):
    planes = CodebookPlanes(torch.randn(5, 3), folder=tmp_path)  # too few codes
    assert planes.umap() is None and planes.seconds_left > 0
    planes._process.wait(60)
    assert planes.umap() is None
    assert "5 codes" in planes.problem and "ValueError" not in planes.problem


# Zips


def test_a_zip_is_counted_like_its_pictures(bench, tmp_path):
    tok = bench.tokenizer
    files = {f"folder/{n}.png": photo(n) for n in range(5)}
    noise = {"notes.txt": b"x", "__MACOSX/folder/._0.png": b"x", "folder/.hidden.png": b"x"}
    path = zipped(tmp_path / "photos.zip", files | noise | {"bad.jpg": b"not a picture"})
    *_, last = count_zip(tok, path)
    images = [tok.fit(Image.open(io.BytesIO(content)).convert("RGB")) for content in files.values()]
    expected = count_tokens([tok.encode(torch.cat(images))], tok.vocab_size)
    assert torch.equal(last.counts_KV, expected)
    assert (last.pictures, last.total, last.done) == (5, 6, 6)
    assert [name for name, _ in last.skipped] == ["bad.jpg"]


def test_counting_yields_after_large_files_so_that_it_can_be_cancelled(bench, tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.jobs.zip_usage.FILES_AT_ONCE", 3)
    path = zipped(tmp_path / "photos.zip", {f"{n}.png": photo(n) for n in range(5)})
    assert [counted.done for counted in count_zip(bench.tokenizer, path)] == [0, 3, 5]
    monkeypatch.setattr("explorer.jobs.zip_usage.READ_AT_ONCE", 1000)
    found = list(count_zip(bench.tokenizer, path))
    assert [counted.done for counted in found] == [0, 1, 2, 3, 4, 5]
    assert [counted.pictures for counted in found] == [0, 0, 0, 3, 3, 5]


def test_all_pixels_together_are_bounded_damaged_pictures_too(bench, tmp_path):
    whole = {f"{n}.png": photo(n, (40, 30)) for n in range(5)}
    limits = ZipLimits(total_pixels=4 * 40 * 30)
    path = zipped(tmp_path / "photos.zip", whole)
    with pytest.raises(ValueError, match=r"first 5 of 5 pictures have 0.0 megapixels; at most 0.0 are"):
        list(count_zip(bench.tokenizer, path, limits))
    torn = {f"torn {n}.png": content[: len(content) // 2] for n, content in enumerate(whole.values())}
    path = zipped(tmp_path / "torn.zip", torn)
    with pytest.raises(ValueError, match="first 5 of 5 pictures have"):
        list(count_zip(bench.tokenizer, path, limits))
    *_, last = count_zip(
        bench.tokenizer, zipped(tmp_path / "four.zip", dict(list(whole.items())[:4])), limits
    )
    assert last.pictures == 4


def locked(path):
    """The same zip with every entry marked as encrypted."""
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        content[at + offset] |= 1
    path.write_bytes(content)
    return path


def bomb(path):
    """One entry that says it is small and unpacks to 40 MB."""
    zipped(path, {"big.png": b"\0" * (40 << 20)})
    content = path.read_bytes().replace(struct.pack("<L", 40 << 20), struct.pack("<L", 1000))
    path.write_bytes(content)
    return path


BAD = {
    "no zip": (lambda p: p.write_bytes(b"hello") and p, "not a zip file"),
    "empty": (lambda p: p.write_bytes(b"") or p, "not a zip file"),
    "cut off": (
        lambda p: (p.write_bytes(zipped(p, {"a.png": photo(0)}).read_bytes()[:-30]), p)[1],
        "not a zip file",
    ),
    "no pictures": (lambda p: zipped(p, {"a.txt": b"x", "b.md": b"y"}), "no pictures .* among its 2 files"),
    "a bad picture": (lambda p: zipped(p, {"a.png": b"x"}), "Its only picture, a.png, is not a picture"),
    "only bad pictures": (lambda p: zipped(p, {"a.png": b"x", "b.png": b"y"}), "None of its 2 pictures"),
    "password": (lambda p: locked(zipped(p, {"a.png": photo(0)})), "password"),
    "many": (lambda p: zipped(p, {f"{n}.png": b"" for n in range(60)}), "60 pictures; at most 50"),
    "unpacks too far": (lambda p: zipped(p, {"a.png": b"\0" * (9 << 20)}), "unpacks to .* times its size"),
    "one too large": (lambda p: zipped(p, {"a.png": bytes(21 << 20)}), "unpacks to 21 MB, at most 20 MB"),
    "all too large": (
        lambda p: zipped(p, {f"{n}.png": bytes(11 << 20) for n in range(4)}),
        "unpacks to 44 MB; at most 40 MB",
    ),
    "lies about its size": (bomb, "damaged"),
    "too many pixels": (
        lambda p: zipped(p, {"a.png": photo(0, (300, 300))}),
        "0.1 megapixels|0.09",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_zip_is_one_sentence(bench, tmp_path, kind):
    make, says = BAD[kind]
    path = make(tmp_path / "photos.zip")
    limits = ZipLimits(pictures=50, picture_bytes=20 << 20, total_bytes=40 << 20, pixels=50_000)
    with pytest.raises(ValueError, match=says) as caught:
        list(count_zip(bench.tokenizer, path, limits))
    assert str(caught.value).endswith(".") and "Traceback" not in str(caught.value)


def test_a_large_archive_is_refused_by_its_size_alone(bench, tmp_path):
    path = zipped(tmp_path / "photos.zip", {"a.png": photo(0)})
    with pytest.raises(ValueError, match="at most 0 MB"):
        list(count_zip(bench.tokenizer, path, ZipLimits(archive_bytes=10)))


def test_a_directory_of_an_unlikely_size_is_not_opened(bench, tmp_path):
    path = zipped(tmp_path / "photos.zip", {f"{n}.png": b"" for n in range(2000)})
    with pytest.raises(ValueError, match="list of files"):
        list(count_zip(bench.tokenizer, path, ZipLimits(directory_bytes=50_000)))


def test_an_upload_is_counted_and_stays_for_others(bench, tmp_path, monkeypatch):
    """Two visitors who send the same zip share one path, whichever of them counts first."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = zipped(tmp_path / "photos.zip", {f"{n}.png": photo(n) for n in range(3)})
    for job in ("1", "2"):
        views = list(count_upload(bench, {"job": job, "path": str(path), "name": "photos.zip"}))
        assert [view["status"] for view in views] == ["running", "running", "done"]
        assert views[-1]["usage"]["of"] == "3 pictures of photos.zip"
        assert views[-1]["usage"]["total"]["tokens"] == 3 * 30


def test_a_count_that_is_left_or_fails_takes_nothing_from_the_next(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = zipped(tmp_path / "photos.zip", {"a.png": photo(0)})
    data = {"job": "1", "path": str(path), "name": "photos.zip"}
    going = count_upload(bench, data)
    next(going)
    going.close()
    with monkeypatch.context() as broken:
        broken.setattr(type(bench.tokenizer), "encode", lambda *_, **__: 1 / 0)
        assert list(count_upload(bench, data))[-1]["status"] == "failed"
    assert list(count_upload(bench, data))[-1]["status"] == "done"


def test_a_count_ends_before_the_next_file_once_it_is_cancelled(bench, planes, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = zipped(tmp_path / "photos.zip", {f"{n}.png": photo(n) for n in range(9)})
    cancelled = StoppedJobs()
    *_, cancel_count = look_ups(bench, planes, SwatchSheet(bench.tokenizer), cancelled)
    read = []

    def reading(content, *rest):
        read.append(content)
        cancel_count("7" if len(read) == 3 else "another")
        return open_image(content, *rest)

    monkeypatch.setattr("explorer.jobs.zip_usage.open_image", reading)
    views = list(count_upload(bench, {"job": "7", "path": str(path), "name": "photos.zip"}, cancelled))
    assert [view["status"] for view in views] == ["running"] and len(read) == 3


def test_only_uploads_are_read(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    path = zipped(tmp_path / "private.zip", {"a.png": photo(0)})
    (view,) = count_upload(bench, {"path": str(path), "name": "private.zip"})
    assert view["status"] == "failed" and "did not arrive" in view["problem"] and path.exists()
