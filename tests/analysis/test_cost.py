"""Work counted by formula equals what torch's counter sees when the networks run, within 2 %."""

import pytest
import torch
from tiny_tokenizers import MULTI_GRIDS
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from explorer.analysis import cost
from explorer.bench.measuring import CPU_ATTENTION, count_flops
from explorer.devices import open_device
from explorer.generators import MaskedGenerator, NextScaleGenerator, RasterGenerator
from explorer.generators.label_token import LabelTokenGenerator
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.masked_transformer import MaskedConfig, MaskedTransformer
from explorer.nets.taming_gpt import TamingGPT, TamingGPTConfig
from explorer.nets.taming_vqgan import TamingVQGAN, TamingVQGANConfig
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.nets.vqvae import VQVAEConfig, build_vqvae
from explorer.tokenizers import MultiScaleTokenizer, SingleScaleTokenizer

WITHIN = 0.02
# The schedule and sizes of the bundled models, and tiny ones with shapes of their own.
MINI_GRIDS = tuple((n, n) for n in (1, 2, 3, 4, 6, 8))
RECTANGLES = ((1, 1), (1, 2), (2, 3), (3, 5))
VARS = {
    "tiny": VARConfig(64, 8, MULTI_GRIDS, 3, depth=2, width=16, num_heads=2),
    "rectangle": VARConfig(64, 8, RECTANGLES, 3, depth=3, width=24, num_heads=2, mlp_ratio=3.0),
    "shared": VARConfig(64, 8, MULTI_GRIDS, 3, depth=2, width=16, num_heads=2, shared_adaln=True),
    "mini": VARConfig(4096, 16, MINI_GRIDS, 16, depth=6, width=256, num_heads=4),
}
RASTERS = {
    "tiny": LlamaGenConfig(64, (4, 4), 3, depth=2, width=16, num_heads=2),
    "rectangle": LlamaGenConfig(64, (3, 5), 3, depth=1, width=24, num_heads=2, ffn_width=40),
    "mini": LlamaGenConfig(4096, (8, 8), 16, depth=7, width=256, num_heads=4),
}
LABEL_TOKENS = {
    "tiny": TamingGPTConfig(64, (4, 4), 3, depth=2, width=16, num_heads=2, block_size=16, hidden=64),
    "rectangle": TamingGPTConfig(64, (3, 5), 3, depth=1, width=24, num_heads=2, block_size=15, hidden=40),
}
MASKED = {
    "tiny": MaskedConfig(64, (4, 4), 3, depth=2, width=16, num_heads=2),
    "rectangle": MaskedConfig(64, (3, 5), 3, depth=1, width=24, num_heads=2, ffn_width=40),
    "mini": MaskedConfig(4096, (8, 8), 16, depth=7, width=256, num_heads=4),
}
TOKENIZERS = {
    "tiny-var": VQVAEConfig("var-tokenizer", AutoencoderConfig(32, (1, 1, 1), 8), 64, 8),
    "tiny-llamagen": VQVAEConfig("llamagen-tokenizer", AutoencoderConfig(32, (1, 2, 1), 6, 1), 64, 8),
    "mini-var": VQVAEConfig("var-tokenizer", AutoencoderConfig(32, (1, 1, 2, 4), 16, 1), 4096, 16),
    "tiny-vqgan": TamingVQGANConfig(AutoencoderConfig(32, (1, 2, 1), 6, 1, attention_levels=(0, 2)), 64, 8),
    "mini-llamagen": VQVAEConfig("llamagen-tokenizer", AutoencoderConfig(32, (1, 1, 2, 4), 32, 1), 4096, 8),
}
LABELS = torch.zeros(1, dtype=torch.long)


def close(counted: int, expected: int) -> bool:
    return expected > 0 and abs(counted - expected) <= WITHIN * expected


def single(config: LlamaGenConfig) -> RasterGenerator | MaskedGenerator:
    codes = VQVAEConfig(
        "llamagen-tokenizer", AutoencoderConfig(32, (1, 1, 1), config.vocab_size // 8), config.vocab_size, 8
    )
    tok = SingleScaleTokenizer(build_vqvae(codes), (config.grid,), open_device("cpu", "exact"))
    if isinstance(config, MaskedConfig):
        return MaskedGenerator(MaskedTransformer(config), tok)
    return RasterGenerator(LlamaGenGPT(config), tok)


def multi(config: VARConfig) -> NextScaleGenerator:
    codes = VQVAEConfig(
        "var-tokenizer",
        AutoencoderConfig(32, (1, 1, 1), config.code_dim),
        config.vocab_size,
        config.code_dim,
    )
    tok = MultiScaleTokenizer(build_vqvae(codes), config.grids, open_device("cpu", "exact"))
    return NextScaleGenerator(VARTransformer(config), tok)


def counted_steps(generator, guidance: float) -> list[int]:
    steps = generator.generate(0, seed=0, guidance=guidance)
    return [count_flops(lambda: next(steps))[0] for _ in range(generator.steps)]


@pytest.mark.parametrize("config", VARS.values(), ids=VARS)
def test_one_forward_of_a_next_scale_transformer(config):
    inputs = torch.zeros(1, config.length - config.lengths[0], config.code_dim)
    with torch.inference_mode():
        expected, _ = count_flops(lambda: VARTransformer(config)(LABELS, inputs))
    assert close(cost.teacher_forced_flops(config), expected)


@pytest.mark.parametrize("config", RASTERS.values(), ids=RASTERS)
def test_one_forward_of_a_raster_transformer(config):
    ids = torch.zeros(1, config.length - 1, dtype=torch.long)
    with torch.inference_mode():
        expected, _ = count_flops(lambda: LlamaGenGPT(config)(LABELS, ids))
    assert close(cost.teacher_forced_flops(config), expected)


@pytest.mark.parametrize("config", LABEL_TOKENS.values(), ids=LABEL_TOKENS)
def test_one_forward_of_a_label_token_transformer(config):
    ids = torch.zeros(1, config.length - 1, dtype=torch.long)
    with torch.inference_mode():
        expected, _ = count_flops(lambda: TamingGPT(config)(LABELS, ids))
    assert close(cost.teacher_forced_flops(config), expected)


@pytest.mark.parametrize("config", MASKED.values(), ids=MASKED)
def test_one_forward_of_a_masked_transformer(config):
    ids = torch.full((1, config.length), -1)
    with torch.inference_mode():
        expected, _ = count_flops(lambda: MaskedTransformer(config)(LABELS, ids))
    assert close(cost.teacher_forced_flops(config), expected)


ALL = [*VARS.values(), *RASTERS.values(), *LABEL_TOKENS.values(), *MASKED.values()]
NETS = {
    VARConfig: VARTransformer,
    LlamaGenConfig: LlamaGenGPT,
    TamingGPTConfig: TamingGPT,
    MaskedConfig: MaskedTransformer,
}


@pytest.mark.parametrize("config", ALL, ids=str)
def test_parameters_are_those_of_the_network(config):
    net = NETS[type(config)](config)
    assert cost.parameter_count(config) == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("config", VARS.values(), ids=VARS)
def test_every_step_of_next_scale_generation(config, guided):
    expected = counted_steps(multi(config), 2.0 if guided else 0.0)
    counted = cost.generation_flops(config, guided)
    assert len(counted.steps) == len(expected) == len(config.grids)
    for one, other in zip(counted.steps, expected, strict=True):
        assert close(one, other)
    assert close(counted.total, sum(expected))


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("config", RASTERS.values(), ids=RASTERS)
def test_every_step_of_raster_generation(config, guided):
    expected = counted_steps(single(config), 4.0 if guided else 1.0)
    counted = cost.generation_flops(config, guided)
    assert len(counted.steps) == len(expected) == config.length
    assert all(close(one, other) for one, other in zip(counted.steps, expected, strict=True))


@pytest.mark.parametrize("config", LABEL_TOKENS.values(), ids=LABEL_TOKENS)
def test_every_step_of_label_token_generation(config):
    """It has no guidance."""
    codes = TamingVQGANConfig(AutoencoderConfig(32, (1, 1), 8, 1), config.vocab_size, 8)
    tok = SingleScaleTokenizer(TamingVQGAN(codes), (config.grid,), open_device("cpu", "exact"))
    expected = counted_steps(LabelTokenGenerator(TamingGPT(config), tok), 0.0)
    counted = cost.generation_flops(config, guided=False)
    assert len(counted.steps) == len(expected) == config.length
    assert all(close(one, other) for one, other in zip(counted.steps, expected, strict=True))
    larger = cost.with_grid(config, ((6, 6),))
    assert larger.length == larger.block_size == 36


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("pace", [1, 5, "cosine-4", "all"])
@pytest.mark.parametrize("order", ["spiral", "entropy", "confidence"])
@pytest.mark.parametrize("config", [MASKED["tiny"], MASKED["rectangle"]], ids=["tiny", "rectangle"])
def test_every_step_of_masked_generation(config, order, pace, guided):
    per_step = config.length if pace == "all" else pace
    steps = single(config).generate(0, guidance=3.0 if guided else 1.0, order=order, per_step=per_step)
    counted = cost.generation_flops(config, guided, per_step=per_step, looking=order != "spiral")
    expected = [count_flops(lambda: next(steps))[0] for _ in counted.steps]
    assert next(steps, None) is None
    assert all(close(one, other) for one, other in zip(counted.steps, expected, strict=True))


def test_a_masked_model_is_the_raster_models_twin():
    """Weights, and work of learning from one picture, within 10 %, at the sizes that are shipped."""
    masked, raster = MASKED["mini"], RASTERS["mini"]
    for figure in (cost.parameter_count, cost.teacher_forced_flops):
        assert abs(figure(masked) / figure(raster) - 1) < 0.1


@pytest.mark.parametrize(
    "config", [VARS["mini"], RASTERS["mini"], MASKED["mini"]], ids=["next-scale", "raster", "masked"]
)
def test_training_counts_forward_and_backward(config):
    """torch counts neither attention kernel of CPUs backward, so attention runs as plain products here."""
    if isinstance(config, VARConfig):
        net = VARTransformer(config)
        inputs = torch.zeros(1, config.length - 1, config.code_dim)
    elif isinstance(config, MaskedConfig):
        net, inputs = MaskedTransformer(config), torch.zeros(1, config.length, dtype=torch.long)
    else:
        net, inputs = LlamaGenGPT(config), torch.zeros(1, config.length - 1, dtype=torch.long)
    with sdpa_kernel(SDPBackend.MATH):
        expected, _ = count_flops(lambda: net(LABELS, inputs).sum().backward())
    assert close(cost.training_flops(config, 1), expected)
    assert cost.training_flops(config, 7) == 7 * cost.training_flops(config, 1)
    assert cost.training_flops(config, 0) == 0
    with pytest.raises(ValueError, match="-1"):
        cost.training_flops(config, -1)


@pytest.mark.parametrize("config", [VARS["mini"], RASTERS["mini"]], ids=["next-scale", "raster"])
def test_a_cache_saves_work_and_the_last_step_without_one_is_a_forward(config):
    with_cache, without = (cost.generation_flops(config, False, cached) for cached in (True, False))
    assert without.total > with_cache.total
    assert len(without.steps) == len(with_cache.steps)
    # the last step sees what a forward sees; only the head covers fewer positions
    head = 2 * config.width * config.vocab_size
    last = len(with_cache.steps) - 1
    new = config.lengths[last] if isinstance(config, VARConfig) else 1
    assert close(without.steps[-1] + head * (config.length - new), cost.teacher_forced_flops(config))


@pytest.mark.parametrize(
    "make, config",
    [(multi, VARS["tiny"]), (single, RASTERS["rectangle"]), (single, MASKED["rectangle"])],
    ids=["next-scale", "raster", "masked"],
)
def test_attention_is_what_the_counter_calls_attention(make, config):
    generator = make(config)
    with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
        list(generator.generate(0, seed=0, guidance=2.0))
    counts = counter.get_flop_counts()["Global"]
    expected = sum(flops for op, flops in counts.items() if "attention" in str(op))
    assert close(cost.attention_flops(config), expected)
    assert cost.attention_flops(config) == 2 * cost.attention_flops(config, guided=False)


@pytest.mark.parametrize("config", TOKENIZERS.values(), ids=TOKENIZERS)
@pytest.mark.parametrize("size", [32, (32, 64)])
def test_decoding_and_encoding(config, size):
    H, W = (size, size) if isinstance(size, int) else size
    h, w = H // config.downsample, W // config.downsample
    device = open_device("cpu", "exact")
    net = TamingVQGAN(config) if config.family == "vqgan" else build_vqvae(config)
    if config.family == "var-tokenizer":
        grids = tuple((min(h, n), min(w, 2 * n)) for n in (1, 2, 3) if n < h) + ((h, w),)
        tok = MultiScaleTokenizer(net, grids, device)
    else:
        grids = ((h, w),)
        tok = SingleScaleTokenizer(net, grids, device)
    expected, maps = count_flops(lambda: tok.encode(torch.rand(1, 3, H, W)))
    assert close(cost.encode_flops(config, size, grids), expected)
    expected, _ = count_flops(lambda: tok.decode(maps))
    assert close(cost.decode_flops(config, size, len(grids)), expected)


def test_a_size_that_is_no_multiple_of_a_cell_is_refused():
    with pytest.raises(ValueError, match="33 x 33"):
        cost.decode_flops(TOKENIZERS["tiny-var"], 33)


@pytest.mark.parametrize("side", [1, 2, 3, 8, 16, 33, 64])
def test_a_schedule_starts_with_one_token_and_grows_to_the_side(side):
    sides = [h for h, w in cost.geometric_schedule(side) if h == w]
    assert (sides[0], sides[-1]) == (1, side)
    assert sides == sorted(set(sides))
    with pytest.raises(ValueError, match="0"):
        cost.geometric_schedule(0)


def test_the_same_network_on_a_larger_map():
    larger = cost.with_grid(VARS["mini"], cost.geometric_schedule(16))
    assert larger.grids[-1] == (16, 16) and larger.width == VARS["mini"].width
    assert cost.with_grid(RASTERS["mini"], ((2, 2), (16, 16))).grid == (16, 16)
    # a raster model has one step a token; with a cache its work per token hardly grows
    assert len(cost.generation_flops(cost.with_grid(RASTERS["mini"], ((16, 16),))).steps) == 256
