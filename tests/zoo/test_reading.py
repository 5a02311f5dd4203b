"""Files of every kind, good and bad: what is read, and the one sentence when it is not."""

import os
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer.errors import CheckpointError
from explorer.zoo.reading import file_sha256, read_checkpoint


def refused(path) -> str:
    """The message with which a file is refused: one line that names the file."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


def test_safetensors_and_torch_hold_the_same(tmp_path, var_tokenizer):
    save_file(var_tokenizer, tmp_path / "a.safetensors")
    torch.save(var_tokenizer, tmp_path / "a.pth")
    torch.save(var_tokenizer, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    formats = {}
    for name in ("a.safetensors", "a.pth", "old.pth"):
        read = read_checkpoint(tmp_path / name)
        formats[name] = read.format
        assert read.tensors.keys() == var_tokenizer.keys()
        assert all(torch.equal(read.tensors[key], value) for key, value in var_tokenizer.items())
        assert read.wrapper is None
        assert read.sha256 == file_sha256(tmp_path / name) and len(read.sha256) == 64
    assert formats == {"a.safetensors": "safetensors", "a.pth": "torch", "old.pth": "torch (before 1.6)"}


def test_safetensors_is_known_by_content(tmp_path, var):
    save_file(var, tmp_path / "weights.bin")
    assert read_checkpoint(tmp_path / "weights.bin").format == "safetensors"


@pytest.mark.parametrize("wrapper", ["model", "module", "state_dict", "ema"])
def test_wrappers(tmp_path, llamagen, wrapper):
    torch.save({"epoch": 3, wrapper: llamagen, "optimizer": {"step": torch.ones(1)}}, tmp_path / "a.pt")
    read = read_checkpoint(tmp_path / "a.pt")
    assert read.wrapper == wrapper and read.tensors.keys() == llamagen.keys()


def test_ema_goes_first_for_tokenizers_only(tmp_path, llamagen, llamagen_tokenizer):
    torch.save({"model": llamagen_tokenizer, "ema": llamagen_tokenizer}, tmp_path / "vq.pt")
    torch.save({"model": llamagen, "ema": llamagen}, tmp_path / "gpt.pt")
    assert read_checkpoint(tmp_path / "vq.pt").wrapper == "ema"
    assert read_checkpoint(tmp_path / "gpt.pt").wrapper == "model"


def test_missing_empty_and_folder(tmp_path):
    (tmp_path / "empty.pth").touch()
    (tmp_path / "empty.safetensors").touch()
    assert "no file" in refused(tmp_path / "nowhere.pth")
    assert "empty" in refused(tmp_path / "empty.pth")
    assert "empty" in refused(tmp_path / "empty.safetensors")
    assert "folder" in refused(tmp_path)


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors", "old.pth"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_truncated(tmp_path, var, name, share):
    path = tmp_path / name
    if name == "a.safetensors":
        save_file(var, path)
    else:
        torch.save(var, path, _use_new_zipfile_serialization=name == "a.pth")
    os.truncate(path, int(path.stat().st_size * share))
    message = refused(path)
    assert "MiB on disk" in message or "supported are" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b'{"a": 1}', "text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a checkpoint"),
        (b"\x80", "supported are"),
        (b"PK\x03\x04 and then nothing", "cut off"),
    ],
)
def test_other_files(tmp_path, content, expected):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    assert expected in refused(path)


def test_other_archives(tmp_path):
    np.savez(tmp_path / "maps.npz", a=np.zeros(3))
    assert "NumPy archive" in refused(tmp_path / "maps.npz")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat.txt", "miaow")
    assert "zip archive" in refused(tmp_path / "photos.zip")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:  # what torch.jit.save writes
        archive.writestr("script/data.pkl", b"")
        archive.writestr("script/constants.pkl", b"")
    assert "TorchScript" in refused(tmp_path / "script.pt")
    (tmp_path / "junk.safetensors").write_bytes(b"junk, and more junk")
    assert "safetensors" in refused(tmp_path / "junk.safetensors")


class Malice:
    """Unpickling it creates a file, which would show that code of a checkpoint had run."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


@pytest.mark.parametrize("form", ["zip", "legacy", "plain"])
def test_code_in_a_pickle_never_runs(tmp_path, form):
    path, proof = tmp_path / "evil.pth", tmp_path / "code-ran"
    contents = {"model": {"weight": torch.ones(2)}, "extra": Malice(proof)}
    if form == "plain":
        path.write_bytes(pickle.dumps(contents, protocol=2))
    else:
        torch.save(contents, path, _use_new_zipfile_serialization=form == "zip")
    message = refused(path)
    assert not proof.exists()
    if form == "zip":
        assert "open" in message and "not opened" in message and "explorer convert" in message


@pytest.fixture
def lightning(monkeypatch):
    """Classes of a `pytorch_lightning` that is there while a file is written and gone when it is read."""

    class ModelCheckpoint:
        pass

    class AttributeDict(dict):
        pass

    module = types.ModuleType("pytorch_lightning.utilities")
    for kind in (ModelCheckpoint, AttributeDict):
        kind.__module__, kind.__qualname__ = module.__name__, kind.__name__
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", types.ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_lightning_files_are_read_without_lightning(tmp_path, monkeypatch, lightning, var, form):
    ours = lightning.AttributeDict(rate=0.1, callback=lightning.ModelCheckpoint())
    ours["callback"].best = 0.3
    stored = {
        "epoch": 3,
        "callbacks": {lightning.ModelCheckpoint: {"best_model_score": torch.tensor(0.5)}},
        "hyper_parameters": ours,
        "state_dict": var,
    }
    path = tmp_path / "last.ckpt"
    torch.save(stored, path, _use_new_zipfile_serialization=form == "zip")
    monkeypatch.undo()
    read = read_checkpoint(path)
    assert read.wrapper == "state_dict" and read.tensors.keys() == var.keys()
    assert all(torch.equal(read.tensors[name], tensor) for name, tensor in var.items())
    assert "pytorch_lightning" not in sys.modules


def test_lightning_beside_code_is_refused(tmp_path, monkeypatch, lightning):
    path, proof = tmp_path / "last.ckpt", tmp_path / "code-ran"
    torch.save({"callbacks": {lightning.ModelCheckpoint: 1}, "extra": Malice(proof)}, path)
    monkeypatch.undo()
    message = refused(path)
    assert not proof.exists() and "open" in message and "pytorch_lightning" not in message


def test_pickled_module_names_its_classes_and_the_conversion(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pkl")
    message = refused(tmp_path / "module.pkl")
    assert "torch.nn.modules.linear.Linear" in message
    target = tmp_path / "module.safetensors"
    assert f"explorer convert {tmp_path / 'module.pkl'} --out {target}" in message


def test_no_tensors_inside(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    assert "'epoch'" in refused(tmp_path / "a.pth")
    assert "holds a list" in refused(tmp_path / "list.pth")


@pytest.mark.parametrize("name", ["a.pth", "old.pth", "a.safetensors"])
def test_random_damage_never_surprises(tmp_path, var, name):
    """Whatever bytes are overwritten, a file is read or refused with a sentence."""
    path = tmp_path / name
    if name == "a.safetensors":
        save_file(var, path)
    else:
        torch.save(var, path, _use_new_zipfile_serialization=name == "a.pth")
    intact = path.read_bytes()
    random = np.random.RandomState(0)
    refusals = 0
    for _ in range(60):
        damaged = bytearray(intact)
        # The head and the tail hold what is parsed; the middle is weights.
        for _ in range(5):
            place = random.randint(3000)
            damaged[place if random.rand() < 0.5 else -1 - place] = random.randint(256)
        path.write_bytes(damaged)
        try:
            read_checkpoint(path)
        except CheckpointError as error:
            refusals += 1
            assert "\n" not in str(error)
    assert refusals > 10
