"""taming-transformers' files through the public functions: VQGAN plain and Gumbel, the GPT, net2net files."""

import json

import numpy as np
import pytest
import torch
from generator_support import fill, last
from golden_support import (
    close,
    golden_cases,
    image_of,
    load_arrays,
    load_config,
    load_weights,
    same,
    weight_file,
)
from PIL import Image
from tiny_tokenizers import tiny_vqgan_net

from explorer import CheckpointError, TokenMaps, cli, load_generator, load_tokenizer
from explorer.families import taming
from explorer.generators.label_token import LabelTokenGenerator
from explorer.generators.sampling import Sampling, distribution, filtered
from explorer.nets.taming_gpt import TamingGPT, TamingGPTConfig
from explorer.tokenizers import images, references
from explorer.zoo.cards import Card
from explorer.zoo.inspecting import describe
from explorer.zoo.outline import read_outlines
from explorer.zoo.recognise import recognise

EXACT = {"device": "cpu", "precision": "exact"}
NO_NET2NET = golden_cases("taming_cin", needs=("net2net", "gpt_golden.npz"))


def public(x: torch.Tensor) -> torch.Tensor:
    """Reference pictures in [-1,1] as ours are: clamped, in [0,1]."""
    return (x.clamp(-1, 1) + 1) / 2


def gpt_net(grid=(4, 4), vocab_size: int = 64, block_size: int | None = None) -> TamingGPT:
    config = TamingGPTConfig(
        vocab_size=vocab_size,
        grid=grid,
        num_classes=3,
        depth=2,
        width=16,
        num_heads=2,
        block_size=block_size or grid[0] * grid[1],
        hidden=64,
    )
    return fill(TamingGPT(config), 1)


def masks(tensors: dict, length: int) -> dict:
    """The causal masks that the released files keep among the weights."""
    blocks = {name.split(".")[1] for name in tensors if name.startswith("blocks.")}
    return {f"blocks.{n}.attn.mask": torch.ones(1, 1, length, length).tril() for n in blocks}


@pytest.fixture
def net2net(tmp_path):
    """A file with both models, and the card that says what no tensor shows."""
    gpt, vqgan = gpt_net().state_dict(), tiny_vqgan_net().state_dict()
    gpt |= masks(gpt, 16)
    named = {f"transformer.{name}": tensor for name, tensor in gpt.items()}
    named |= {f"first_stage_model.{name}": tensor for name, tensor in vqgan.items()}
    named["first_stage_model.loss.logvar"] = torch.zeros(1)
    path = tmp_path / "net2net.ckpt"
    torch.save({"epoch": 3, "state_dict": named}, path)
    card = {"grids": [[4, 4]], "config": {"num_heads": 2, "num_classes": 3}, "classes": ["a", "b", "c"]}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


# ---- the reference cases as a user has them ----


@pytest.mark.parametrize("case", golden_cases("taming_", needs=("vqgan", "vq_golden.npz")))
def test_reference_tokenizer(case, tmp_path):
    gold, path = load_arrays(case / "vq_golden.npz"), weight_file(case, "vqgan")
    if path.suffix == ".json":
        path = tmp_path / "vqgan.ckpt"
        torch.save({"state_dict": load_weights(case, "vqgan")}, path)
    tok = load_tokenizer(path, image_size=image_of(gold).shape[-1], **EXACT)
    assert tok.family == "vqgan" and tok.chooses_by == ("logits" if "gumbel" in case.name else "distance")
    image = public(image_of(gold))
    maps = tok.encode(image)
    same(maps[0].flatten(1), gold["indices"])
    close(tok.accumulate(maps)[0], gold["codebook_entry"], "f_hat")
    close(tok.decode(maps), public(gold["decode"]), "image")
    if "decode_u8" in gold:
        same(images.reference_uint8(gold["decode"], "vqgan"), gold["decode_u8"], "bytes")
    (trace,) = tok.trace(image, n=2)
    assert torch.equal(trace.ids, maps[0])
    swatches = tok.decode_code_swatches([0, tok.vocab_size - 1])
    assert swatches.shape == (2, 3, tok.downsample, tok.downsample) and swatches.isfinite().all()
    assert describe(path)["runs"]


def reference_pair(case, tmp_path):
    """The generator of the reference case; where its tokenizer is not stored, a random one."""
    told, path = load_config(case), weight_file(case, "net2net")
    tensors = load_weights(case, "net2net")
    copy = tmp_path / "net2net.ckpt"
    whole = any(name.startswith("first_stage_model.") for name in tensors)
    torch.save({"state_dict": tensors}, copy)
    card = {"config": {"num_heads": told["transformer"]["n_head"]}, "grids": [[8, 8]]}
    copy.with_suffix(".json").write_text(json.dumps(card))
    stand_in = tmp_path / "vq.ckpt"
    torch.save(tiny_vqgan_net(vocab_size=512).state_dict(), stand_in)
    tok = load_tokenizer(copy if whole else stand_in, grids=[[8, 8]], **EXACT)
    assert path.exists()
    return load_generator(copy, tok), whole


@pytest.mark.parametrize("case", NO_NET2NET)
def test_reference_generator(case, tmp_path):
    gold = load_arrays(case / "gpt_golden.npz")
    gen, whole = reference_pair(case, tmp_path)
    assert isinstance(gen, LabelTokenGenerator) and gen.num_classes == 512 and gen.null_class is None
    maps = TokenMaps([gold["tf_idx"].unflatten(1, gen.grids[0])])
    close(gen.logits(maps, gold["tf_labels"].tolist())[0].flatten(1, 2), gold["tf_logits"], "gpt_logits")
    step = last(gen.generate(gold["greedy_labels"].tolist(), temperature=0))
    same(step.maps[0].flatten(1), gold["greedy_seq"])
    if whole and "greedy_img" in gold:
        close(gen.tokenizer.decode(step.maps), public(gold["greedy_img"]), "image")


@pytest.mark.parametrize("case", NO_NET2NET)
def test_reference_sampling(case, tmp_path):
    """Of the stored tokens: logits, and probabilities after temperature, top-k and top-p."""
    gold = load_arrays(case / "gpt_golden.npz")
    gen, _ = reference_pair(case, tmp_path)
    settings = Sampling(
        top_k=gold["sampled_top_k"].item(),
        top_p=gold["sampled_top_p"].item(),
        temperature=gold["sampled_temperature"].item(),
    )
    maps = TokenMaps([gold["sampled_seq"].unflatten(1, gen.grids[0])])
    # The two sampled sequences are of the first two greedy labels.
    logits = gen.logits(maps, gold["greedy_labels"].tolist()[: maps.batch])[0].flatten(1, 2)
    if "sampled_logits_div_temp" in gold:
        close(logits / settings.temperature, gold["sampled_logits_div_temp"], "gpt_logits")
    probabilities, kept = distribution(logits, settings, gen.nucleus_from_tail)
    ours = filtered(probabilities, kept)[: len(gold["sampled_probs"])]
    close(ours, gold["sampled_probs"], "probabilities")


# ---- files ----


def test_a_net2net_file_gives_both_models(net2net):
    tok = load_tokenizer(net2net, **EXACT)
    gen = load_generator(net2net, tok)
    assert (tok.family, tok.grids, gen.classes) == ("vqgan", ((4, 4),), ("a", "b", "c"))
    net, image = tiny_vqgan_net(), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        same(tok.encode(image)[0], net.quantize.encode(net.features(image * 2 - 1)))
    step = last(gen.generate("b", seed=3))
    assert step.total == 16 and (step.maps[0] >= 0).all()
    outlines = read_outlines(net2net)
    assert [outline.found.kind for outline in outlines] == ["generator", "tokenizer"]
    assert all(outline.found.problem is None for outline in outlines)
    facts = describe(net2net)
    assert facts["kind"] == "generator" and facts["runs"]
    assert facts["other_weights"] == ["first_stage_model"]
    assert sorted(facts["ignored"]) == ["blocks.0.attn.mask", "blocks.1.attn.mask"]


def test_generate_finds_the_tokenizer_in_the_file(net2net, tmp_path, capsys):
    command = ["generate", "--generator", str(net2net), "--label", "b", "--out", str(tmp_path / "out")]
    assert cli.main([*command, "--device", "cpu"]) == 0
    assert list((tmp_path / "out").glob("*.png"))
    assert cli.main([*command, "--guidance", "3"]) == 2
    assert "has no guidance" in capsys.readouterr().err


def test_its_card_may_name_the_generators_family(net2net):
    card = json.loads(net2net.with_suffix(".json").read_text())
    for family, opens in (("taming-transformer", True), ("vqgan", False), ("llamagen", False)):
        net2net.with_suffix(".json").write_text(json.dumps(card | {"family": family}))
        if family == "llamagen":
            with pytest.raises(CheckpointError, match="the card says llamagen"):
                load_tokenizer(net2net, **EXACT)
            continue
        tok = load_tokenizer(net2net, **EXACT)
        if opens:
            assert load_generator(net2net, tok).num_classes == 3
        else:
            with pytest.raises(CheckpointError, match="the card says vqgan"):
                load_generator(net2net, tok)


def test_generation_agrees_with_teacher_forcing(net2net):
    """With a cache and step by step, or all at once: the same distributions; kept tokens are met in turn."""
    gen = load_generator(net2net, load_tokenizer(net2net, **EXACT))
    maps = last(gen.generate(["a", "c"], seed=[1, 2], top_k=0)).maps
    logits = gen.logits(maps, ["a", "c"])[0]
    greedy = last(gen.generate("a", temperature=0, given=maps.image(0), keep=_first_row())).maps
    same(greedy[0][0, 0], maps[0][0, 0])
    same(greedy[0][0, 1, 0], logits[0, 1, 0].argmax())
    found = gen.candidates(maps.image(0), "a", scale=1, cell=(1, 0), n=5, top_k=0)
    close(found.probabilities, logits[:1, 1, 0].softmax(-1).topk(5).values, "probabilities")
    scores = gen.score(maps, ["a", "c"])[0]
    own = logits.log_softmax(-1).gather(-1, maps[0].unsqueeze(-1)).squeeze(-1)
    assert torch.allclose(scores, own, atol=1e-4)
    look = gen.look(maps.image(0), "a", 1, (2, 1))
    assert torch.allclose(look.attention.sum(-1), torch.ones(2, 2), atol=1e-5)
    assert gen.lens(maps.image(0), "a").layers == 2
    moved = gen.effects(maps.image(0), "a", 1, (1, 1)).bits[0]
    assert moved[0].isfinite().all() and moved[1, 1:].isnan().all()


def _first_row() -> torch.Tensor:
    keep = torch.zeros(4, 4, dtype=torch.bool)
    keep[0] = True
    return keep


def test_there_is_no_class_less_picture_and_no_guidance(net2net):
    gen = load_generator(net2net, load_tokenizer(net2net, **EXACT))
    assert gen.sampling == {"guidance": 0.0, "top_k": 250, "top_p": 1.0, "temperature": 1.0}
    with pytest.raises(ValueError, match="knows no .no class.*3 classes"):
        gen.generate(None)
    maps = last(gen.generate("a")).maps
    for asked in (
        lambda: gen.generate("a", guidance=2.0),
        lambda: gen.logits(maps, "a", guidance=2.0),
        lambda: gen.candidates(maps, "a", 1, 0, guidance=2.0),
    ):
        with pytest.raises(ValueError, match="no guidance.*it is 2"):
            asked()


def shapes(net: torch.nn.Module) -> dict:
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def test_what_the_files_cannot_tell():
    named = shapes(gpt_net())
    found = recognise(named)
    assert "number of heads cannot be read" in found.problem and found.grids == ((4, 4),)

    def told(**config):
        return recognise(named, Card.from_dict({"config": config}))

    assert told(num_heads=4).config.num_heads == 4
    assert told(num_heads=4).num_classes == 64, "any code can be a label"
    assert told(num_heads=4, num_classes=7).num_classes == 7
    with pytest.raises(CheckpointError, match="num_heads = 3, which does not divide the width 16"):
        told(num_heads=3)
    with pytest.raises(CheckpointError, match="num_classes = 'many'"):
        told(num_heads=2, num_classes="many")
    assert "1000 classes cannot be labels" in told(num_heads=2, num_classes=1000).problem


def test_what_is_conditioned_on_something_else():
    """More positions than tokens, or a second tokenizer: not a class alone."""
    long = shapes(gpt_net(block_size=30))
    heads = Card.from_dict({"config": {"num_heads": 2}})
    assert "30 learned positions make no square" in recognise(long, heads).problem
    with pytest.raises(ValueError, match="4 x 4 = 16 tokens; this model was made for 30"):
        recognise(long, grids=[[4, 4]])
    with pytest.raises(CheckpointError, match="conditioned on pictures"):
        recognise(shapes(gpt_net()) | {"cond_stage_model.encoder.conv_in.weight": (2, 3, 3, 3)})


def test_numbers_of_a_tokenizer():
    numbers = taming.read_tokenizer(shapes(tiny_vqgan_net(gumbel=True)))
    assert numbers == {
        "ch": 32,
        "ch_mult": (1, 1, 1),
        "z_channels": 8,
        "num_res_blocks": 1,
        "downsample": 4,
        "vocab_size": 64,
        "code_dim": 6,
        "gumbel": True,
        "attention_levels": (1, 2),
    }


# ---- the authors' preprocessing ----


def test_preprocessing_is_bilinear_without_antialiasing():
    """Shrunk to a third, every pixel is the middle one of nine; the crop is centred, odd rests go right."""
    noise = np.random.RandomState(0).randint(0, 256, (30, 45, 3), dtype=np.uint8)
    fitted = images.fit(Image.fromarray(noise), (10, 10), "reference", "vqgan")
    middle = noise[1::3, 1::3][:, 2:12]
    assert np.array_equal(images.to_uint8(fitted)[0].numpy(), middle)
    same_size = Image.fromarray(noise[:30, :30])
    assert np.array_equal(np.asarray(references.covering_bilinear(same_size, (30, 30))), noise[:30, :30])
