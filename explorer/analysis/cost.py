"""Counted work: floating-point operations by formula, from the frozen configurations of the networks.

One convention everywhere: a multiply-add is two operations; matrix products, convolutions and both products
of attention count, whatever a mask hides of them; embeddings, norms, activations, resampling and drawing do
not. Tests hold every formula against torch's own counter on the networks themselves.

    forward     one picture, all its tokens at once (teacher-forced)
    training    three forwards per picture: one forward, and a backward of twice its work
    generation  step by step; guided means that every step runs for the class and for no class

With a cache of keys and values a step computes its new positions only; without one, the whole prefix again.
The raster generator of this program looks over the whole cache under a mask at every step, so that all its
steps have one shape; that is what is counted. A masked model can keep nothing: every position sees every
other one, so each step is a forward of the whole map, with the head for the cells that it asks about.

Letters: D width, L positions, n new positions, V codes, C channels of a code, h w a grid, H W pixels.
"""

from dataclasses import dataclass, replace

from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.llamagen_gpt import LlamaGenConfig
from explorer.nets.masked_transformer import MaskedConfig
from explorer.nets.taming_gpt import TamingGPTConfig
from explorer.nets.taming_vqgan import TamingVQGANConfig
from explorer.nets.var_transformer import VARConfig
from explorer.nets.vqvae import VQVAEConfig
from explorer.orders import step_sizes

Grid = tuple[int, int]
TransformerConfig = VARConfig | LlamaGenConfig | MaskedConfig | TamingGPTConfig
ConvTokenizerConfig = VQVAEConfig | TamingVQGANConfig

CONVENTION = (
    "a multiply-add is two operations; matrix products, convolutions and attention count (attention whole, "
    "whatever a mask hides); embeddings, norms, activations, resampling and drawing do not"
)
TRAINING_CONVENTION = (
    f"3 x the forward of one picture x pictures seen: a backward is twice a forward; {CONVENTION}; "
    "the tokenizer's encoder is not included"
)
# Each side is 3/4 of the next finer one: about the pace of both schedules that VAR published.
PACE = 0.75


@dataclass(frozen=True)
class GenerationCost:
    """FLOPs of one picture. steps: of every dependent step, in order. tokens: of the picture, all scales."""

    steps: tuple[int, ...]
    tokens: int

    @property
    def total(self) -> int:
        return sum(self.steps)


# Transformers


def teacher_forced_flops(config: TransformerConfig) -> int:
    """One picture, all its tokens in one forward: what training and scoring run."""
    L = config.length
    if isinstance(config, MaskedConfig):
        return _masked_forward(config, L)
    flops = _blocks(config, L, L) + _head(config, L)
    if isinstance(config, VARConfig):
        flops += _modulation(config) + _embed(config, L - config.lengths[0])
    return flops


def training_flops(config: TransformerConfig, images: int) -> int:
    """Learning from `images` pictures, each counted as often as it was seen."""
    if images < 0:
        raise ValueError(f"pictures seen cannot be {images}")
    return 3 * teacher_forced_flops(config) * images


def generation_flops(
    config: TransformerConfig,
    guided: bool = True,
    cached: bool = True,
    per_step: int | str = 1,
    looking: bool = False,
) -> GenerationCost:
    """One picture as the generators here draw it. guided: with and without the class, two rows a step.

    per_step: of a masked model (`explorer.orders.hidden_after`). looking: its order is by confidence or by
    least entropy, which asks about every hidden cell at each step.
    """
    rows = 2 if guided else 1
    if isinstance(config, VARConfig):
        return GenerationCost(tuple(_next_scale_steps(config, rows, cached)), config.length)
    if isinstance(config, MaskedConfig):
        return GenerationCost(tuple(_masked_steps(config, rows, per_step, looking)), config.length)
    step = [_raster_step(config, n, cached) for n in range(config.length)]
    return GenerationCost(tuple(rows * flops for flops in step), config.length)


def attention_flops(config: TransformerConfig, guided: bool = True, per_step: int | str = 1) -> int:
    """The part of a generation with a cache that attention's two products are; it grows fastest."""
    if isinstance(config, VARConfig):
        pairs, known = 0, 0
        for n in config.lengths:
            known += n
            pairs += n * known
    elif isinstance(config, MaskedConfig):
        pairs = len(step_sizes(config.length, config.length, per_step)) * (1 + config.length) ** 2
    else:
        pairs = config.length**2
    return (2 if guided else 1) * config.depth * 2 * 2 * pairs * config.width


def parameter_count(config: TransformerConfig) -> int:
    """Weights of such a network, without building it."""
    D, V, classes = config.width, config.vocab_size, config.num_classes + 1
    if isinstance(config, TamingGPTConfig):
        layer = 4 * (D * D + D) + 2 * D * config.hidden + config.hidden + D + 4 * D
        return (2 * V + config.block_size + 2) * D + config.depth * layer
    if isinstance(config, LlamaGenConfig | MaskedConfig):
        layer = 4 * D * D + 3 * D * config.hidden + 2 * D
        # Places of the cells and the hidden token.
        more = config.length + 1 if isinstance(config, MaskedConfig) else 0
        return (classes + 2 * V + 1 + more) * D + config.depth * layer
    hidden = round(D * config.mlp_ratio)
    six = 6 * D * D + 6 * D
    block = 4 * D * D + 3 * D + config.num_heads + 2 * D * hidden + hidden + D
    block += 6 * D if config.shared_adaln else six
    embeddings = (config.lengths[0] + config.length + classes + len(config.grids) + config.code_dim + 1) * D
    head = 2 * D * D + 2 * D + D * V + V
    return embeddings + config.depth * block + head + (six if config.shared_adaln else 0)


def with_grid(config: TransformerConfig, grids: tuple[Grid, ...]) -> TransformerConfig:
    """The same network for another schedule of token maps (a raster one has a single map, the last)."""
    if isinstance(config, VARConfig):
        return replace(config, grids=tuple(grids))
    h, w = grids[-1]
    if isinstance(config, TamingGPTConfig):
        return replace(config, grid=(h, w), block_size=h * w)
    return replace(config, grid=(h, w), order=None)


def geometric_schedule(side: int) -> tuple[Grid, ...]:
    """Square maps from 1x1 to side x side, each side about 3/4 of the next."""
    if side < 1:
        raise ValueError(f"a map has at least one cell a side, not {side}")
    sides = [side]
    while sides[-1] > 1:
        sides.append(min(max(1, round(sides[-1] * PACE)), sides[-1] - 1))
    return tuple((s, s) for s in reversed(sides))


def _next_scale_steps(config: VARConfig, rows: int, cached: bool) -> list[int]:
    """Modulation lies in the first step, refining a scale and embedding the next one in the step before."""
    h, w = config.grids[-1]
    refine = 2 * 9 * config.code_dim**2 * h * w  # one 3x3 convolution, once for both rows
    steps, known = [], 0
    for k, n in enumerate(config.lengths):
        known += n
        flops = rows * (_blocks(config, n if cached else known, known) + _head(config, n))
        if k == 0 or not cached:
            flops += rows * _modulation(config)
        if k + 1 < len(config.lengths):
            following = config.lengths[k + 1]
            flops += refine + rows * _embed(config, following if cached else known + following)
        steps.append(flops)
    return steps


def _raster_step(config: LlamaGenConfig | TamingGPTConfig, n: int, cached: bool) -> int:
    new, seen = (1, config.length) if cached else (n + 1, n + 1)
    return _blocks(config, new, seen) + _head(config, 1)


def _masked_forward(config: MaskedConfig, asked: int) -> int:
    """The class and all cells, hidden or not; the head for the cells that are asked about."""
    L = 1 + config.length
    return _blocks(config, L, L) + _head(config, asked)


def _masked_steps(config: MaskedConfig, rows: int, per_step: int | str, looking: bool) -> list[int]:
    hidden, steps = config.length, []
    for size in step_sizes(config.length, config.length, per_step):
        steps.append(rows * _masked_forward(config, hidden if looking else size))
        hidden -= size
    return steps


def _blocks(config: TransformerConfig, new: int, seen: int) -> int:
    """All blocks for `new` positions that look at `seen`."""
    D = config.width
    if isinstance(config, VARConfig):
        hidden, matrices = round(D * config.mlp_ratio), 2
    else:
        hidden, matrices = config.hidden, 3 if isinstance(config, LlamaGenConfig) else 2  # gated or plain
    projections = 2 * new * 4 * D * D
    attention = 2 * 2 * new * seen * D
    feed_forward = 2 * new * matrices * D * hidden
    return config.depth * (projections + attention + feed_forward)


def _head(config: TransformerConfig, new: int) -> int:
    return 2 * new * config.width * config.vocab_size


def _embed(config: VARConfig, new: int) -> int:
    return 2 * new * config.code_dim * config.width


def _modulation(config: VARConfig) -> int:
    """Six vectors for each block (or for all), two for the head; once per class and picture."""
    layers = 1 if config.shared_adaln else config.depth
    return 2 * config.width**2 * (6 * layers + 2)


# Tokenizers


def decode_flops(config: ConvTokenizerConfig, size: int | Grid, scales: int | None = None) -> int:
    """Token maps to one picture of `size` pixels. scales: maps that are summed (VAR's tokenizer)."""
    h, w = _cells(config, size)
    flops = _post_quant(config, h * w) + _decoder(config.autoencoder, h, w)
    if config.family == "var-tokenizer":
        flops += (scales or 1) * _refine(config, h * w)
    return flops


def encode_flops(config: ConvTokenizerConfig, size: int | Grid, grids: tuple[Grid, ...] | None = None) -> int:
    """One picture of `size` pixels to token maps; grids: all scales of a multi-scale tokenizer."""
    h, w = _cells(config, size)
    grids = grids or ((h, w),)
    quant_conv = _post_quant(config, h * w)  # the mirror image, with as many operations
    nearest = sum(2 * a * b * config.code_dim * config.vocab_size for a, b in grids)
    flops = _encoder(config.autoencoder, h, w) + quant_conv + nearest
    if config.family == "var-tokenizer":
        flops += (len(grids) - 1) * _refine(config, h * w)
    return flops


def _cells(config: ConvTokenizerConfig, size: int | Grid) -> Grid:
    H, W = (size, size) if isinstance(size, int) else size
    side = config.downsample
    if H < side or W < side or H % side or W % side:
        raise ValueError(f"{H} x {W} px is no multiple of {side} px, one cell of this tokenizer")
    return H // side, W // side


def _conv(cells: int, inputs: int, outputs: int, side: int = 3) -> int:
    return 2 * cells * inputs * outputs * side * side


def _refine(config: VQVAEConfig, cells: int) -> int:
    return _conv(cells, config.code_dim, config.code_dim)


def _post_quant(config: ConvTokenizerConfig, cells: int) -> int:
    if config.family == "var-tokenizer":
        return _conv(cells, config.code_dim, config.code_dim)
    return _conv(cells, config.code_dim, config.autoencoder.z_channels, side=1)


def _residual(cells: int, inputs: int, outputs: int) -> int:
    shortcut = _conv(cells, inputs, outputs, side=1) if inputs != outputs else 0
    return _conv(cells, inputs, outputs) + _conv(cells, outputs, outputs) + shortcut


def _attention(cells: int, channels: int) -> int:
    return 4 * _conv(cells, channels, channels, side=1) + 4 * cells**2 * channels


def _middle(cells: int, channels: int) -> int:
    return 2 * _residual(cells, channels, channels) + _attention(cells, channels)


def _decoder(config: AutoencoderConfig, h: int, w: int) -> int:
    levels = config.level_channels
    last, cells = len(levels) - 1, h * w
    flops = _conv(cells, config.z_channels, levels[-1]) + _middle(cells, levels[-1])
    for i in range(last, -1, -1):
        widths = [levels[min(i + 1, last)]] + [levels[i]] * (config.num_res_blocks + 1)
        flops += sum(_residual(cells, a, b) for a, b in zip(widths, widths[1:], strict=False))
        if config.attends(i):
            flops += (config.num_res_blocks + 1) * _attention(cells, levels[i])
        if i:
            cells *= 4
            flops += _conv(cells, levels[i], levels[i])
    return flops + _conv(cells, levels[0], 3)


def _encoder(config: AutoencoderConfig, h: int, w: int) -> int:
    levels = config.level_channels
    last = len(levels) - 1
    cells = h * w * config.downsample**2
    flops = _conv(cells, 3, config.ch)
    for i, channels in enumerate(levels):
        widths = [levels[i - 1] if i else config.ch] + [channels] * config.num_res_blocks
        flops += sum(_residual(cells, a, b) for a, b in zip(widths, widths[1:], strict=False))
        if config.attends(i):
            flops += config.num_res_blocks * _attention(cells, channels)
        if i < last:
            cells //= 4
            flops += _conv(cells, channels, channels)
    return flops + _middle(cells, levels[-1]) + _conv(cells, levels[-1], config.z_channels)
