"""load_tokenizer: names, files, sizes, refusals."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file
from tiny_tokenizers import pictures, tiny_net

from explorer import CheckpointError, load_tokenizer
from explorer.tokenizers import MultiScaleTokenizer, SingleScaleTokenizer


@pytest.fixture
def multi_file(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file(dict(tiny_net("var-tokenizer").state_dict()), path)
    return path


@pytest.fixture
def single_file(tmp_path):
    path = tmp_path / "raster.pth"
    torch.save({"model": tiny_net("llamagen-tokenizer").state_dict()}, path)
    return path


def test_from_a_file_with_grids(multi_file):
    tok = load_tokenizer(multi_file, device="cpu", precision="exact", grids=[1, 2, 4])
    assert isinstance(tok, MultiScaleTokenizer) and tok.grids == ((1, 1), (2, 2), (4, 4))
    assert (tok.family, tok.name, tok.vocab_size, tok.image_size) == ("var-tokenizer", "mine", 64, 16)
    assert tok.sha256 == hashlib.sha256(multi_file.read_bytes()).hexdigest()
    maps = tok.encode(pictures(tok))
    assert maps.meta["sha256"] == tok.sha256 and maps.meta["grids"] == [[1, 1], [2, 2], [4, 4]]


def test_a_size_is_enough_for_one_scale(single_file):
    tok = load_tokenizer(single_file, device="cpu", image_size=(16, 24))
    assert isinstance(tok, SingleScaleTokenizer) and tok.grids == ((4, 6),)
    assert torch.allclose(tok.codebook.norm(dim=1), torch.ones(64), atol=1e-5), "as the decoder sees it"


def test_half_precision_files_run_in_float32(tmp_path):
    path = tmp_path / "half.safetensors"
    save_file({n: t.half() for n, t in tiny_net("var-tokenizer").state_dict().items()}, path)
    tok = load_tokenizer(path, device="cpu", precision="exact", grids=[1, 4])
    assert tok.codebook.dtype == torch.float32 and tok.encode(pictures(tok)).batch == 2


def test_maps_of_another_file_are_refused(multi_file, tmp_path):
    other = tmp_path / "other.safetensors"
    save_file(dict(tiny_net("var-tokenizer", seed=1).state_dict()), other)
    a, b = (
        load_tokenizer(path, device="cpu", precision="exact", grids=[1, 4]) for path in (multi_file, other)
    )
    maps = a.encode(pictures(a))
    with pytest.raises(ValueError, match="mine.*other"):
        b.decode(maps)
    assert b.decode(maps, force=True).shape == (2, 3, 16, 16)
    renamed = tmp_path / "renamed.safetensors"
    renamed.write_bytes(multi_file.read_bytes())
    same = load_tokenizer(renamed, device="cpu", precision="exact", grids=[1, 4])
    assert torch.equal(same.decode(maps), a.decode(maps)), "weights count, not file names"


def test_refusals(multi_file, tmp_path):
    with pytest.raises(CheckpointError):
        load_tokenizer(tmp_path / "nothing.safetensors")
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="junk"):
        load_tokenizer(junk)
    with pytest.raises(ValueError, match="precision"):
        load_tokenizer(multi_file, precision="half", grids=[1, 4])
    with pytest.raises(ValueError):
        load_tokenizer(multi_file, grids=[4, 1])
