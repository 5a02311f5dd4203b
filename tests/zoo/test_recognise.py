"""What shapes tell, who tells the rest, and what is said when nobody can."""

import pytest

from explorer import families
from explorer.errors import CheckpointError
from explorer.families.schedules import PUBLISHED_SCHEDULES, size_in_name, squares
from explorer.zoo.cards import Card
from explorer.zoo.recognise import recognise

TINY_GRIDS = squares((1, 2, 4))


def shapes(tensors) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def card(**entries) -> Card:
    return Card.from_dict(entries)


def test_tiny_files_of_every_family(var_tokenizer, llamagen_tokenizer, var, llamagen, masked):
    heads = card(config={"num_heads": 4})
    cards = {"var": card(grids=[1, 2, 4]), "llamagen": heads, "masked": heads}
    files = {
        "var-tokenizer": var_tokenizer,
        "llamagen-tokenizer": llamagen_tokenizer,
        "var": var,
        "llamagen": llamagen,
        "masked": masked,
    }
    for family, tensors in files.items():
        found = recognise(shapes(tensors), cards.get(family, card(image_size=8, grids=[4])))
        assert found.family == family and found.problem is None
        assert found.parameters == sum(tensor.numel() for tensor in tensors.values())
        assert found.vocab_size == 64


# -- grids, in the order of trust ------------------------------


def test_argument_before_card_before_name_before_default(llamagen_tokenizer):
    named = shapes(llamagen_tokenizer)
    said = card(image_size=32)
    assert recognise(named, said, "vq_384.pt", grids=[[5, 7]]).grids == ((5, 7),)
    assert recognise(named, said, "vq_384.pt", grids=[[5, 7]]).grids_source == "argument grids"
    assert recognise(named, said, "vq_384.pt", image_size=(10, 14)).grids == ((5, 7),)
    assert recognise(named, said, "vq_384.pt", image_size=(10, 14)).grids_source == "argument image_size"
    assert recognise(named, said, "vq_384.pt").grids == ((16, 16),)
    assert recognise(named, said, "vq_384.pt").grids_source == "card (image_size)"
    assert recognise(named, card(grids=[[16, 16]]), "vq_384.pt").grids_source == "card"
    assert recognise(named, None, "vq_384.pt").image_size == (384, 384)
    assert recognise(named, None, "vq.pt").image_size == (256, 256)


def test_a_file_name_that_does_not_fit_the_tables_is_not_believed(var):
    tall = shapes(var) | {"pos_1LC": (1, 680, 32), "lvl_embed.weight": (10, 32)}
    found = recognise(tall, filename="my_var_512.pth")
    assert found.grids == PUBLISHED_SCHEDULES[256]
    assert "680 tokens in 10 scales" in found.grids_source


def test_var_grids_that_nobody_told(var):
    found = recognise(shapes(var))
    assert found.config is None and found.grids is None
    assert "21 tokens in 3 scales" in found.problem and "card" in found.problem
    assert (found.depth, found.width, found.heads) == (2, 32, 4)
    assert recognise(shapes(var), fallback_grids=TINY_GRIDS).grids_source == "the tokenizer's grids"
    assert recognise(shapes(var), fallback_grids=squares((1, 2, 3))).config is None
    assert recognise(shapes(var), grids=(1, 2, 4)).config.grids == TINY_GRIDS


def test_var_grids_that_do_not_fit(var):
    with pytest.raises(ValueError, match=r"14 tokens in 3 scales.*the file has 21 tokens in 3 scales"):
        recognise(shapes(var), grids=(1, 2, 3))
    with pytest.raises(CheckpointError, match=r"14 tokens in 3 scales.*the file has 21 tokens in 3 scales"):
        recognise(shapes(var), card(grids=[1, 2, 3]))
    rectangles = ((1, 1), (2, 2), (2, 8))
    assert recognise(shapes(var), grids=rectangles).grids == rectangles


def test_a_masked_transformer_has_as_many_cells_as_places(masked):
    named, heads = shapes(masked), {"config": {"num_heads": 4}}
    found = recognise(named, card(**heads))
    assert (found.grids, found.grids_source) == (((4, 4),), "the square of 16 places")
    assert (found.depth, found.width, found.heads, found.config.length) == (2, 32, 4, 16)
    assert recognise(named, card(grids=[[2, 8]], **heads)).config.grid == (2, 8)
    with pytest.raises(CheckpointError, match="make 25 tokens in 1 maps; the file has places for 16 in one"):
        recognise(named, card(grids=[[5, 5]], **heads))
    with pytest.raises(ValueError, match="32 tokens in 2 maps"):
        recognise(named, card(**heads), grids=[[4, 4], [4, 4]])
    odd = named | {"position_embeddings.weight": (12, 32)}
    assert "12 places make no square map" in recognise(odd, card(**heads)).problem
    assert recognise(odd, card(image_size=(48, 64), **heads)).grids == ((3, 4),)
    assert "number of heads" in recognise(named).problem
    with pytest.raises(CheckpointError, match="num_heads = 5"):
        recognise(named, card(config={"num_heads": 5}))


def test_image_size_of_a_generator_comes_from_its_card(var, llamagen):
    assert recognise(shapes(var), card(grids=[1, 2, 4], image_size=32)).image_size == (32, 32)
    found = recognise(shapes(llamagen), card(grids=[[4, 4]], image_size=32, config={"num_heads": 4}))
    assert found.image_size == (32, 32) and found.config.grid == (4, 4)


def test_sizes_that_contradict_each_other(var_tokenizer, llamagen_tokenizer):
    with pytest.raises(CheckpointError, match=r"64x64 .* 4x4 .* 8x8"):
        recognise(shapes(var_tokenizer), card(grids=[1, 2, 4], image_size=64))
    with pytest.raises(ValueError, match=r"64x64 .* 4x4 .* 8x8"):
        recognise(shapes(var_tokenizer), grids=(1, 2, 4), image_size=64)
    with pytest.raises(ValueError, match=r"image_size 33x33"):
        recognise(shapes(llamagen_tokenizer), image_size=33)
    with pytest.raises(ValueError, match=r"2 scales; a LlamaGen model has 1"):
        recognise(shapes(llamagen_tokenizer), grids=(1, 2))
    with pytest.raises(ValueError, match="grids must be"):
        recognise(shapes(llamagen_tokenizer), grids=7)


def test_a_multi_scale_tokenizer_without_a_published_schedule(var_tokenizer):
    assert "2 pixels a cell" in recognise(shapes(var_tokenizer)).problem
    with pytest.raises(ValueError, match="give grids as well"):
        recognise(shapes(var_tokenizer), image_size=256)
    said = card(grids=[1, 2, 4], image_size=8)
    assert recognise(shapes(var_tokenizer), said, image_size=8).grids == TINY_GRIDS


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("c2i_L_384.pt", 384),
        ("c2i_B_256.pt", 256),
        ("var_d36_512.pth", 512),
        ("vq_512px-new.pt", 512),
        ("vae_ch160v4096z32.pth", None),
        ("var_d16.pth", None),
        ("model_100.pt", None),
        ("model384.pt", None),
    ],
)
def test_size_in_name(name, size):
    assert size_in_name(name) == size


# -- heads ------------------------------


def test_heads_of_an_unreleased_llamagen_size(llamagen):
    found = recognise(shapes(llamagen))
    assert found.heads is None and found.config is None
    assert "depth 2, width 32" in found.problem and "num_heads" in found.problem
    assert recognise(shapes(llamagen), card(config={"num_heads": 2})).config.num_heads == 2
    for heads in (5, 0, "4", True):
        with pytest.raises(CheckpointError, match="num_heads"):
            recognise(shapes(llamagen), card(config={"num_heads": heads}))
    odd = recognise(shapes(llamagen), card(config={"num_heads": 16}))
    assert odd.config is None and "multiple of 4" in odd.problem


# -- contradictions and strangers ------------------------------


def test_a_card_that_contradicts_the_tensors(var, llamagen):
    with pytest.raises(CheckpointError, match=r"card says llamagen, but the tensors are those of var"):
        recognise(shapes(var), card(family="llamagen"))
    with pytest.raises(CheckpointError, match=r"depth = 12, the tensors show 2"):
        recognise(shapes(llamagen), card(config={"depth": 12}))


def test_strangers():
    with pytest.raises(CheckpointError, match=r"not a model that Tokenscope knows: 2 tensors.*conv1\.weight"):
        recognise({"conv1.weight": (64, 3, 7, 7), "fc.bias": (1000,)})
    with pytest.raises(CheckpointError, match="holds no weights"):
        recognise({"quantize.codebook_used": (65536,)})


def test_unsupported_variants(var_tokenizer, var, llamagen):
    phis = {name: shape for name, shape in shapes(var_tokenizer).items() if "qresi_ls.3" not in name}
    with pytest.raises(CheckpointError, match="3 residual convolutions"):
        recognise(phis)
    plain = {name: shape for name, shape in shapes(var).items() if "scale_mul" not in name}
    with pytest.raises(CheckpointError, match="l2-normalised"):
        recognise(plain)
    text = shapes(llamagen) | {"cls_embedding.cap_proj.fc1.weight": (32, 2048)}
    with pytest.raises(CheckpointError, match="text-conditional"):
        recognise(text)
    grouped = shapes(llamagen) | {"layers.0.attention.wqkv.weight": (64, 32)}
    with pytest.raises(CheckpointError, match=r"64 rows, 3 x 32 = 96"):
        recognise(grouped)


def test_a_tensor_that_must_be_there_or_has_a_strange_shape(var_tokenizer):
    incomplete = shapes(var_tokenizer)
    del incomplete["encoder.conv_in.weight"]
    with pytest.raises(CheckpointError, match=r"no tensor encoder\.conv_in\.weight"):
        recognise(incomplete)
    with pytest.raises(CheckpointError, match=r"quantize\.embedding\.weight has shape \[64\]"):
        recognise(shapes(var_tokenizer) | {"quantize.embedding.weight": (64,)})
    with pytest.raises(CheckpointError, match="no multiples"):
        recognise(shapes(var_tokenizer) | {"encoder.conv_in.weight": (48, 3, 3, 3)})


def is_dropped(name: str) -> bool:
    return any(family.is_dropped(name) for family in families.known())


def test_the_explicit_list():
    for name in (
        "quantize.ema_vocab_hit_SV",
        "lvl_1L",
        "attn_bias_for_masking",
        "blocks.7.attn.zero_k_bias",
        "quantize.codebook_used",
        "freqs_cis",
        "transformer.blocks.3.attn.mask",
        "loss.discriminator.main.0.weight",
    ):
        assert is_dropped(name), name
    for name in (
        "blocks.0.attn.q_bias",
        "loss_scale",
        "my_lvl_1L",
        "attn.mask.weight",
        "encoder.conv_in.weight",
    ):
        assert not is_dropped(name), name


def test_files_of_one_family_are_not_taken_for_another(var_tokenizer, llamagen_tokenizer, var, llamagen):
    for name, tensors in {
        "var-tokenizer": var_tokenizer,
        "llamagen-tokenizer": llamagen_tokenizer,
        "var": var,
        "llamagen": llamagen,
    }.items():
        assert [one.name for one in families.known() if one.recognises(tensors)] == [name]
        assert families.of_names(tensors).name == name
