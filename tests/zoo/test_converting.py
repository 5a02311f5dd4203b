"""Pickled modules and TorchScript programs become safetensors files, and nothing of them runs."""

import io
import json
import pickle
import subprocess
import sys
import types

import pytest
import torch
from golden_support import golden_cases, load_weights
from torch import nn

from explorer import cli
from explorer.errors import CheckpointError
from explorer.zoo import conversion_process
from explorer.zoo.converting import convert
from explorer.zoo.reading import file_sha256, read_checkpoint


@pytest.fixture
def dall_e(monkeypatch):
    """A package `dall_e` with a convolution and a block, there only while the files are written."""

    class Conv2d(nn.Module):
        def __init__(self, inputs, outputs, kernel):
            super().__init__()
            self.w = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * 0.1)
            self.b = nn.Parameter(torch.randn(outputs))

    class Block(nn.Module):
        def __init__(self, inputs, outputs, kernels):
            super().__init__()
            self.id_path = Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
            sizes = (inputs, *[outputs // 4] * 3, outputs)
            self.res_path = nn.Sequential()
            for n, kernel in enumerate(kernels):
                self.res_path.add_module(f"relu_{n + 1}", nn.ReLU())
                self.res_path.add_module(f"conv_{n + 1}", Conv2d(sizes[n], sizes[n + 1], kernel))

    class Half(nn.Module):
        def __init__(self, first, widths, kernels, outputs):
            super().__init__()
            self.blocks = nn.Sequential()
            self.blocks.add_module("input", first)
            for g in range(4):
                group = nn.Sequential()
                group.add_module("block_1", Block(widths[g], widths[g + 1], kernels))
                group.add_module("pool", nn.MaxPool2d(2))
                self.blocks.add_module(f"group_{g + 1}", group)
            output = nn.Sequential()
            output.add_module("conv", Conv2d(widths[-1], outputs, 1))
            self.blocks.add_module("output", output)

    module = types.ModuleType("dall_e")
    for kind in (Conv2d, Block, Half):
        kind.__module__, kind.__qualname__ = "dall_e", kind.__name__
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "dall_e", module)
    return module


@pytest.fixture
def halves(tmp_path, monkeypatch, dall_e):
    """encoder.pkl and decoder.pkl as DALL-E's are, and their tensors; `dall_e` is gone again."""
    torch.manual_seed(0)
    encoder = dall_e.Half(dall_e.Conv2d(3, 8, 7), (8, 8, 16, 32, 64), (3, 3, 3, 1), 20)
    decoder = dall_e.Half(dall_e.Conv2d(20, 5, 1), (5, 64, 32, 16, 8), (1, 3, 3, 3), 6)
    paths = [tmp_path / "encoder.pkl", tmp_path / "decoder.pkl"]
    tensors = {}
    for path, module in zip(paths, (encoder, decoder), strict=True):
        torch.save(module, path)
        tensors |= {f"{path.stem}.{name}": tensor for name, tensor in module.state_dict().items()}
    monkeypatch.undo()
    return paths, tensors


def test_the_halves_of_a_dvae_become_one_file(tmp_path, halves):
    paths, tensors = halves
    made = convert(paths, tmp_path / "dalle.safetensors", [file_sha256(path) for path in paths])
    read = read_checkpoint(made.path)
    assert read.tensors.keys() == tensors.keys() and made.tensors == len(tensors)
    assert all(torch.equal(read.tensors[name], tensor) for name, tensor in tensors.items())
    assert made.found.problem is None and made.found.title == "a DALL-E dVAE with 20 codes"
    assert made.sources == {str(path): file_sha256(path) for path in paths}
    assert "dall_e" not in sys.modules


def test_one_half_alone_says_what_is_missing(tmp_path, halves):
    (encoder, _), _ = halves
    made = convert([encoder], tmp_path / "half.safetensors", [file_sha256(encoder)])
    assert "the encoder of a DALL-E dVAE: the other half is missing" in made.found.problem
    with pytest.raises(ValueError, match="not the different parts of one model"):
        convert([encoder, encoder], tmp_path / "two.safetensors", [file_sha256(encoder)])
    assert not (tmp_path / "two.safetensors").exists()


def test_nothing_is_read_before_it_is_confirmed(tmp_path, halves, monkeypatch):
    (encoder, decoder), _ = halves
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("a process was started"))
    with pytest.raises(ValueError, match=f"add --sha256 {file_sha256(encoder)}"):
        convert([encoder, decoder], tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=f"{file_sha256(decoder)}, which is none of those confirmed"):
        convert([encoder, decoder], tmp_path / "a.safetensors", [file_sha256(encoder)])
    with pytest.raises(CheckpointError, match="no file"):
        convert([tmp_path / "nowhere.pkl"], tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="must end in .safetensors"):
        convert([encoder], tmp_path / "a.pth", [file_sha256(encoder)])
    same = tmp_path / "same.safetensors"
    same.write_bytes(encoder.read_bytes())
    with pytest.raises(ValueError, match="read and cannot be written"):
        convert([same], same, [file_sha256(same)])
    assert not (tmp_path / "a.safetensors").exists()


def test_the_verb(tmp_path, halves, capsys):
    """Exit code 2 and the sha256 to compare; with it the file, and what it is."""
    paths, _ = halves
    out = tmp_path / "new" / "dalle.safetensors"
    command = ["convert", *map(str, paths), "--out", str(out)]
    assert cli.main(command) == 2
    said = capsys.readouterr()
    assert not said.out and f"add --sha256 {file_sha256(paths[0])}" in said.err and not out.exists()
    command += ["--sha256", *(file_sha256(path).upper() for path in paths)]
    assert cli.main([*command, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["family"] == "dalle-dvae" and facts["problem"] is None and out.exists()
    assert cli.main(command) == 0
    assert "a DALL-E dVAE with 20 codes" in capsys.readouterr().out


@pytest.mark.parametrize("case", golden_cases("dalle_", needs=("encoder.pkl", "decoder.pkl")))
def test_reference_pickles(case, tmp_path):
    """Written by the authors' own classes, which are not here."""
    paths = [case / "encoder.pkl", case / "decoder.pkl"]
    made = convert(paths, tmp_path / "dalle.safetensors", [file_sha256(path) for path in paths])
    assert made.found.problem is None
    tensors = read_checkpoint(made.path).tensors
    for half in ("encoder", "decoder"):
        for name, tensor in load_weights(case, f"{half}_state").items():
            assert torch.equal(tensors[f"{half}.{name}"], tensor)


def test_a_file_that_changes_after_it_was_confirmed(tmp_path, halves):
    (encoder, decoder), _ = halves
    with pytest.raises(ValueError, match="changed after"):
        conversion_process.main(encoder, file_sha256(decoder), tmp_path / "out.safetensors")


def test_torchscript(tmp_path, llamagen_tokenizer):
    """A traced program gives its tensors under their names."""

    class Program(nn.Module):
        def forward(self, x):
            return x

    program = Program()
    for name, tensor in llamagen_tokenizer.items():
        *path, last = name.split(".")
        place = program
        for part in path:
            if part not in dict(place.named_children()):
                place.add_module(part, Program())
            place = getattr(place, part)
        place.register_parameter(last, nn.Parameter(tensor))
    path = tmp_path / "program.pt"
    torch.jit.script(program).save(str(path))
    with pytest.raises(CheckpointError, match="TorchScript program.*explorer convert"):
        read_checkpoint(path)
    made = convert([path], tmp_path / "vq.safetensors", [file_sha256(path)])
    assert made.found.family == "llamagen-tokenizer" and made.found.problem is None
    tensors = read_checkpoint(made.path).tensors
    assert all(torch.equal(tensors[name], tensor) for name, tensor in llamagen_tokenizer.items())


class Malice:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_pickle_never_runs(tmp_path, llamagen_tokenizer, legacy):
    """It stands in the file beside the weights; the weights come out, the code does not run."""
    path, proof = tmp_path / "evil.pth", tmp_path / "code-ran"
    contents = {"model": llamagen_tokenizer, "extra": Malice(proof), "classes": {Malice: 1}}
    torch.save(contents, path, _use_new_zipfile_serialization=not legacy)
    made = convert([path], tmp_path / "out.safetensors", [file_sha256(path)])
    assert made.tensors == len(llamagen_tokenizer) and not proof.exists()


class Calls:
    """An opcode sequence that calls what it likes: eval, by way of builtins."""

    def __reduce__(self):
        return (eval, ("__import__('os').abort()",))


def test_builtins_are_records_too():
    found = conversion_process._load(io.BytesIO(pickle.dumps([Calls(), print, {"a": 1}])))
    assert isinstance(found[0], conversion_process.Record)
    assert issubclass(found[1], conversion_process.Record) and found[2] == {"a": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"epoch": 3}, "no named tensors"),
        ([torch.ones(2)], "no named tensors"),
        ({"fc.weight": torch.ones(2, 2)}, "not a model that Tokenscope knows"),
    ],
)
def test_files_without_a_model(tmp_path, content, reason):
    path, out = tmp_path / "a.pth", tmp_path / "a.safetensors"
    torch.save(content, path)
    out.write_text("what was here before")
    with pytest.raises(CheckpointError, match=reason) as caught:
        convert([path], out, [file_sha256(path)])
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert out.read_text() == "what was here before"


def test_a_damaged_file_is_one_sentence(tmp_path, halves):
    (encoder, _), _ = halves
    path = tmp_path / "cut.pkl"
    path.write_bytes(encoder.read_bytes()[:3000])
    with pytest.raises(CheckpointError, match="cut.pkl cannot be converted: ") as caught:
        convert([path], tmp_path / "a.safetensors", [file_sha256(path)])
    assert "\n" not in str(caught.value)


def test_modules_without_end():
    module = conversion_process.Record()
    module.state = {"_modules": {"again": module}}
    with pytest.raises(ValueError, match="more than 100 deep"):
        list(conversion_process.module_tensors(module))
