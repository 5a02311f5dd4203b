"""What `inspect` says about a file, as facts and as text."""

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from explorer import families
from explorer.errors import CheckpointError
from explorer.zoo.cards import Card, write_card
from explorer.zoo.inspecting import describe, format_description
from explorer.zoo.reading import file_sha256


def test_facts_and_text(tmp_path, var):
    path = tmp_path / "mine.pth"
    torch.save({"model": var | {"lvl_1L": torch.zeros(1, 21, dtype=torch.int64)}}, path)
    sha256 = file_sha256(path)
    write_card(path, Card.from_dict({"grids": [1, 2, 4], "image_size": 32, "sha256": sha256}))
    facts = json.loads(json.dumps(describe(path)))
    assert facts["file"] == str(path) and facts["format"] == "torch" and facts["wrapper"] == "model"
    assert facts["size_mib"] == pytest.approx(path.stat().st_size / 2**20, abs=0.01)
    assert facts["sha256"] == sha256 and facts["dtypes"] == ["float32", "int64"]
    assert (facts["family"], facts["kind"], facts["title"]) == ("var", "generator", "VAR depth 2")
    assert facts["architecture"]["num_heads"] == 4 and facts["architecture"]["vocab_size"] == 64
    assert facts["parameters"] == sum(tensor.numel() for tensor in var.values())
    assert facts["grids"] == [[1, 1], [2, 2], [4, 4]] and facts["grids_source"] == "card"
    assert facts["image_size"] == [32, 32] and facts["tokens"] == 21
    assert facts["ignored"] == ["lvl_1L"]
    assert facts["card"]["sha256_matches"] is True and facts["card"]["entries"] == [
        "grids",
        "image_size",
        "sha256",
    ]
    assert facts["pairs_with"] == "Needs a tokenizer of family var-tokenizer with 64 codes of 8 dimensions."
    assert facts["runs"] is True and facts["problem"] is None

    text = format_description(facts)
    for part in (
        "VAR depth 2",
        "1 2 4 (card)",
        sha256,
        "lvl_1L",
        "weights under 'model'",
        "32x32 px",
        "21 tokens",
    ):
        assert part in text, part


def test_a_file_that_cannot_run_is_still_described(tmp_path, llamagen):
    save_file(llamagen, tmp_path / "gpt.safetensors")
    facts = describe(tmp_path / "gpt.safetensors")
    assert facts["runs"] is False and "num_heads" in facts["problem"]
    assert facts["architecture"]["depth"] == 2 and facts["card"] is None
    assert "no: this is LlamaGen GPT depth 2" in format_description(facts)
    assert "none beside the file" in format_description(facts)


@pytest.fixture
def third_party(monkeypatch):
    stranger = families.Family(
        name="strangers",
        kind=families.TOKENIZER,
        maker="Somebody",
        marks=(r"stranger\.weight",),
        read=lambda shapes: {},
        title=lambda numbers: "a stranger",
    )
    entry = SimpleNamespace(load=lambda: stranger)
    monkeypatch.setattr(families, "entry_points", lambda group: [entry])
    families.known.cache_clear()
    yield
    monkeypatch.undo()
    families.known.cache_clear()


def test_a_family_that_cannot_run(tmp_path, third_party):
    """Somebody else's family may recognise files that nothing here runs."""
    torch.save({"state_dict": {"stranger.weight": torch.zeros(512, 8)}, "epoch": 1}, tmp_path / "a.ckpt")
    facts = describe(tmp_path / "a.ckpt")
    assert facts["family"] == "strangers" and facts["grids"] is None
    assert "not supported yet" in format_description(facts)


def test_damaged_weights_are_told(tmp_path, llamagen_tokenizer):
    llamagen_tokenizer["decoder.conv_out.bias"][0] = torch.nan
    save_file(llamagen_tokenizer, tmp_path / "vq.safetensors")
    facts = describe(tmp_path / "vq.safetensors")
    assert facts["runs"] is False and "decoder.conv_out.bias" in facts["problem"]


def test_another_files_card_is_told(tmp_path, llamagen_tokenizer):
    save_file(llamagen_tokenizer, tmp_path / "vq.safetensors")
    write_card(tmp_path / "vq.safetensors", Card(sha256="0" * 64))
    facts = describe(tmp_path / "vq.safetensors")
    assert facts["card"]["sha256_matches"] is False
    assert "ANOTHER FILE" in format_description(facts)


def test_strangers(tmp_path):
    torch.save({"fc.weight": torch.zeros(3, 3)}, tmp_path / "mlp.pth")
    with pytest.raises(CheckpointError, match=r"mlp\.pth: not a model that Tokenscope knows.*fc\.weight"):
        describe(tmp_path / "mlp.pth")
