"""Files as the authors' own trainers write them open: wrapped, prefixed, averaged, in parts."""

import argparse
import json
import os
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_models import write_models

from explorer import CheckpointError, TokenMaps, cli, load_generator, load_tokenizer
from explorer.zoo.cards import read_card
from explorer.zoo.reading import read_checkpoint
from explorer.zoo.unwrapping import unwrap

ENCODER = {"encoder.conv_in.weight": torch.ones(2), "quantize.embedding.weight": torch.ones(3)}
BLOCKS = {"blocks.0.weight": torch.zeros(2), "head.weight": torch.zeros(3)}


def test_vars_trainer_holds_a_tokenizer_and_a_generator():
    stored = {"epoch": 3, "trainer": {"vae_local": ENCODER, "var_wo_ddp": BLOCKS, "var_opt": {"state": {}}}}
    assert unwrap(stored, "tokenizer").tensors.keys() == ENCODER.keys()
    found = unwrap(stored, "generator")
    assert found.tensors.keys() == BLOCKS.keys() and found.wrapper == "trainer.var_wo_ddp"
    assert unwrap(stored).others == ("trainer.vae_local",)


def test_a_net2net_file_holds_a_tokenizer_and_a_generator():
    both = {f"first_stage_model.{name}": tensor for name, tensor in ENCODER.items()}
    both |= {f"transformer.{name}": tensor for name, tensor in BLOCKS.items()}
    for stored in ({"state_dict": both}, both):
        wrapper = "state_dict" if stored is not both else None
        found = unwrap(stored, "tokenizer")
        assert found.tensors.keys() == ENCODER.keys()
        assert (found.wrapper, found.prefix, found.others) == (
            wrapper,
            "first_stage_model.",
            ("transformer",),
        )
        for kind in ("generator", None):
            found = unwrap(stored, kind)
            assert found.tensors.keys() == BLOCKS.keys()
            assert found.prefix == "transformer." and found.others == ("first_stage_model",)
    # What conditions the generator stays with it, for its family to judge.
    found = unwrap(both | {"cond_stage_model.encoder.weight": torch.ones(1)})
    assert "cond_stage_model.encoder.weight" in found.tensors


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model."]
)
def test_prefixes_of_wrapper_modules_are_taken_off(prefix):
    found = unwrap({prefix + name: tensor for name, tensor in BLOCKS.items()})
    assert found.tensors.keys() == BLOCKS.keys() and found.prefix == prefix
    nested = unwrap({"model": {prefix + name: tensor for name, tensor in BLOCKS.items()}})
    assert nested.tensors.keys() == BLOCKS.keys() and nested.wrapper == "model"


def test_a_prefix_of_some_names_stays():
    stored = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert unwrap(stored).tensors.keys() == stored.keys()


def test_averaged_weights_come_first_for_tokenizers_only():
    plain = {name: tensor + 1 for name, tensor in ENCODER.items()}
    for average in ("ema", "model_ema"):
        found = unwrap({"model": plain, average: ENCODER})
        assert found.wrapper == average and found.others == ("model",)
        assert unwrap({"model": BLOCKS, average: BLOCKS}).wrapper == "model"
        assert unwrap({"model": plain, average: ENCODER}, weights="model").wrapper == "model"
        assert unwrap({"model": BLOCKS, average: BLOCKS}, weights="ema").wrapper == average


def test_a_choice_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no 'ema' weights; it holds model"):
        unwrap({"model": BLOCKS}, weights="ema")
    with pytest.raises(ValueError, match="one set of weights"):
        unwrap(BLOCKS, weights="ema")
    assert unwrap({"epoch": 3}) is None


# ---- files ----


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    return folder


def _tensors(folder, name):
    return dict(read_checkpoint(folder / f"{name}.safetensors").tensors)


def _card(folder, of, name):
    (folder / f"{name}.json").write_text((folder / f"{of}.json").read_text())


def test_one_trainers_file_opens_as_both(models, tmp_path):
    stored = {
        "epoch": 1,
        "iter": 20,
        "trainer": {
            "vae_local": {f"_orig_mod.{n}": t for n, t in _tensors(models, "tiny-tokenizer").items()},
            "var_wo_ddp": {f"module.{n}": t for n, t in _tensors(models, "tiny-var").items()},
            "var_opt": {"state": {0: {"step": torch.tensor(1.0)}}},
        },
        "args": {"depth": 2},
    }
    for kind in ("tokenizer", "var"):
        torch.save(stored, tmp_path / f"{kind}.pth")
        card = json.loads((models / f"tiny-{kind}.json").read_text())
        card.pop("sha256", None)
        (tmp_path / f"{kind}.json").write_text(json.dumps(card))
    tok = load_tokenizer(tmp_path / "tokenizer.pth", precision="exact")
    gen = load_generator(tmp_path / "var.pth", tok)
    own = load_tokenizer(models / "tiny-tokenizer.safetensors", precision="exact")
    assert torch.equal(tok.codebook, own.codebook) and gen.family == "var"


class Hostile:
    def __reduce__(self):
        return os.system, ("echo run",)


def test_settings_of_a_trainer_are_read_inertly(tmp_path):
    settings = argparse.Namespace(lr=1e-4, image_size=256, nested=argparse.Namespace(name="x"))
    torch.save({"model": BLOCKS, "ema": BLOCKS, "steps": 5, "args": settings}, tmp_path / "gpt.pt")
    found = read_checkpoint(tmp_path / "gpt.pt")
    assert found.wrapper == "model" and found.others == ("ema",)
    torch.save({"model": BLOCKS, "args": argparse.Namespace(bad=Hostile())}, tmp_path / "bad.pt")
    with pytest.raises(CheckpointError, match="asks to run code"):
        read_checkpoint(tmp_path / "bad.pt")


def test_inspect_says_what_was_unwrapped(models, tmp_path, capsys):
    tensors = _tensors(models, "tiny-tokenizer")
    torch.save({"model": tensors, "ema": {f"module.{n}": t for n, t in tensors.items()}}, tmp_path / "t.pt")
    card = json.loads((models / "tiny-tokenizer.json").read_text())
    card.pop("sha256", None)
    (tmp_path / "t.json").write_text(json.dumps(card))
    assert cli.main(["inspect", str(tmp_path / "t.pt")]) == 0
    told = capsys.readouterr().out
    assert "weights under 'ema' (also there: model)" in told and "names without 'module.'" in told
    assert cli.main(["inspect", str(tmp_path / "t.pt"), "--weights", "model", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["wrapper"] == "model" and facts["other_weights"] == ["ema"] and facts["prefix"] == ""


def test_parts_with_an_index(tmp_path):
    save_file({"blocks.0.weight": torch.zeros(2)}, tmp_path / "a-1.safetensors")
    save_file({"head.weight": torch.zeros(3)}, tmp_path / "a-2.safetensors")
    index = tmp_path / "a.safetensors.index.json"
    listed = {"blocks.0.weight": "a-1.safetensors", "head.weight": "a-2.safetensors"}
    index.write_text(json.dumps({"weight_map": listed}))
    assert read_checkpoint(index).tensors.keys() == BLOCKS.keys()
    index.write_text(json.dumps({"weight_map": listed | {"more": "a-2.safetensors"}}))
    with pytest.raises(CheckpointError, match="lists more, which none of its 2 parts holds"):
        read_checkpoint(index)
    index.write_text(json.dumps({"weight_map": {"x": "../a-1.safetensors"}}))
    with pytest.raises(CheckpointError, match="outside its own folder"):
        read_checkpoint(index)
    index.write_text("[]")
    with pytest.raises(CheckpointError, match="not a list of safetensors parts"):
        read_checkpoint(index)


# ---- one bad file costs one file ----


def test_a_card_nested_without_end_is_one_sentence(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(CheckpointError, match="nested too deeply"):
        read_card(tmp_path / "deep.pth")


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match="no regular file"):
        read_checkpoint(tmp_path / "weights.pth")
    os.mkfifo(tmp_path / "card.json")
    with pytest.raises(CheckpointError, match="no regular file"):
        read_card(tmp_path / "card.pth")


def test_a_small_file_with_a_large_pickle_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("bomb/data.pkl", "w") as member:
            for _ in range(65):
                member.write(bytes(1 << 20))
    assert (tmp_path / "bomb.pt").stat().st_size < 1 << 20
    with pytest.raises(CheckpointError, match="pickle of 65 MiB"):
        read_checkpoint(tmp_path / "bomb.pt")


def test_a_header_of_endless_names_is_not_read(tmp_path):
    path = tmp_path / "names.safetensors"
    length = 11 << 20
    path.write_bytes(length.to_bytes(8, "little") + b'{"' + bytes(length))
    with pytest.raises(CheckpointError, match="header of 11 MiB"):
        read_checkpoint(path)


def test_cells_of_no_bytes_are_not_made_room_for(tmp_path):
    header = b"{'descr': '|V0', 'fortran_order': False, 'shape': (1, 1048576, 1048576), }"
    header += b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    with zipfile.ZipFile(tmp_path / "v0.npz", "w") as archive:
        archive.writestr("scale_01.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ValueError, match=r"scale_01.npy claims to be \(1, 1048576, 1048576\)"):
        TokenMaps.load(tmp_path / "v0.npz")


def test_maps_without_a_token_are_not_decoded(tmp_path, capsys):
    grids = load_tokenizer("mini").grids
    TokenMaps([np.full((1, *grid), -1) for grid in grids]).save(tmp_path / "none.npz")
    line = ["decode", str(tmp_path / "none.npz"), "--tokenizer", "mini", "--out", str(tmp_path / "a.png")]
    assert cli.main(line) == 2 and "no known token" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()


def test_a_write_that_fails_leaves_the_old_tokens(tmp_path, monkeypatch):
    maps = TokenMaps([np.zeros((1, 2, 2), np.int64)])
    maps.save(tmp_path / "a.npz")
    before = (tmp_path / "a.npz").read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(ValueError, match="a.npz cannot be written: No space left"):
        maps.save(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_torn_derived_files_are_stale(tmp_path):
    from explorer.jobs.derived import derived_path, is_fresh, read_tokenizer_derived, write_derived

    path = write_derived("m", "abc", {"usage_KV": np.zeros((6, 64), np.int64)}, {"usage_of": "x"}, tmp_path)
    assert path == derived_path("m", tmp_path) and is_fresh("m", "abc", tmp_path)
    whole = path.read_bytes()
    for torn in (whole[: len(whole) // 2], b"", b"no archive"):
        path.write_bytes(torn)
        assert not is_fresh("m", "abc", tmp_path) and read_tokenizer_derived("m", "abc", tmp_path) is None
