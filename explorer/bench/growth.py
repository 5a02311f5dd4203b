"""What a picture costs as it grows: next-scale beside raster, counted by formula and measured.

Two families of models. "Own" is a loaded pair, "published" VAR-d16 beside LlamaGen-B. Larger maps are asked
of the same network: only its schedule changes. Weights are random when times are measured (time does not
depend on their values) and nothing is decoded. Both models run with guidance, so every step is two rows.

Raster is counted with a cache of keys and values, as it runs, and once without, for comparison.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import torch

from explorer.analysis.cost import (
    TransformerConfig,
    attention_flops,
    generation_flops,
    geometric_schedule,
    with_grid,
)
from explorer.bench.full_size import MODELS, next_scale_pair, raster_pair
from explorer.bench.measuring import threads
from explorer.devices import hardware_name, open_device
from explorer.families.schedules import PUBLISHED_SCHEDULES, Grids
from explorer.generators import Generator, NextScaleGenerator, RasterGenerator, load_generator
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.tokenizers import Tokenizer, load_tokenizer

NEXT_SCALE, RASTER = "next-scale", "raster"
PUBLISHED_CELL = 16  # pixels per token along one side
PUBLISHED_SIDES = (16, 24, 32, 48, 64)
GROWING = (1, 2, 3, 4, 6, 8)  # times the own size of a loaded pair


@dataclass(frozen=True)
class Family:
    """Two networks to grow. cell: pixels per token along one side. sides: of the finest maps, rising.

    schedules: known ones by side; other sides get a geometric one.
    """

    name: str
    names: Mapping[str, str]  # of each order's model
    configs: Mapping[str, TransformerConfig]
    cell: int
    sides: tuple[int, ...]
    schedules: Mapping[int, Grids] = field(default_factory=dict)

    def grids(self, side: int) -> Grids:
        return self.schedules.get(side) or geometric_schedule(side)

    def config(self, order: str, side: int) -> TransformerConfig:
        return with_grid(self.configs[order], self.grids(side))


@dataclass(frozen=True)
class Counted:
    """One model at one size. without_cache: raster alone. attention: share of the work, 0 to 1."""

    steps: int
    tokens: int
    flops: int
    attention: float
    without_cache: int


@dataclass(frozen=True)
class Timing:
    """Progress of a measurement. seconds: of all steps when done == total, else None.

    skipped: expected seconds of a size that would not have fitted into the time that is left.
    """

    order: str
    side: int
    done: int
    total: int
    seconds: float | None = None
    skipped: float | None = None


def published_family() -> Family:
    """VAR-d16 beside LlamaGen-B, 16 px a token."""
    grids = PUBLISHED_SCHEDULES[256]
    return Family(
        name="published",
        names={NEXT_SCALE: MODELS[0], RASTER: MODELS[1]},
        configs={
            NEXT_SCALE: VARConfig(4096, 32, grids, num_classes=1000, depth=16, width=1024, num_heads=16),
            RASTER: LlamaGenConfig(16384, grids[-1], num_classes=1000, depth=12, width=768, num_heads=12),
        },
        cell=PUBLISHED_CELL,
        sides=PUBLISHED_SIDES,
        schedules={size // PUBLISHED_CELL: grids for size, grids in PUBLISHED_SCHEDULES.items()},
    )


def own_family(generators: Mapping[str, Generator]) -> Family | None:
    """A loaded pair; None unless both write square maps with cells of one size."""
    cells = {gen.tokenizer.downsample for gen in generators.values()}
    finest = {gen.grids[-1] for gen in generators.values()}
    if len(generators) < 2 or len(cells) > 1 or len(finest) > 1:
        return None
    (h, w), grids = finest.pop(), generators[NEXT_SCALE].grids
    if h != w:
        return None
    return Family(
        name="own",
        names={order: gen.name for order, gen in generators.items()},
        configs={order: gen.config for order, gen in generators.items()},
        cell=cells.pop(),
        sides=tuple(h * times for times in GROWING if h * times <= max(64, h)),
        schedules={h: grids},
    )


def count(family: Family, order: str, side: int) -> Counted:
    config = family.config(order, side)
    made = generation_flops(config)
    without = generation_flops(config, cached=False).total
    share = attention_flops(config) / made.total
    return Counted(len(made.steps), made.tokens, made.total, share, without)


def measure(family: Family, tokenizers: Mapping[str, Tokenizer], seconds: float) -> Iterator[Timing]:
    """Times of both models, size by size, after every step; closing it stops within one step.

    tokenizers: of each order, for their codes (other grids are asked of them). seconds: in all. The
    smallest size is always measured; one that would not fit into what is left is skipped, by what the size
    before it took.
    """
    used = 0.0
    paces: dict[str, float] = {}  # seconds per unit of `_load`
    for side in family.sides:
        for order in family.configs:
            load = _load(family, order, side)
            expected = paces.get(order, 0.0) * load
            total = len(generation_flops(family.config(order, side)).steps)
            if expected and used + expected > seconds:
                yield Timing(order, side, 0, total, skipped=expected)
                continue
            yield Timing(order, side, 0, total)
            took = 0.0
            generator = _random_generator(family, order, side, tokenizers[order])
            for step in generator.generate(0, seed=0, guidance=2.0):
                took += step.seconds
                finished = step.index == step.total
                yield Timing(order, side, step.index, step.total, took if finished else None)
            used += took
            paces[order] = took / load


def _load(family: Family, order: str, side: int) -> float:
    """What time is expected to be proportional to: dependent steps of raster, work of next-scale."""
    if order == RASTER:
        return side * side
    return generation_flops(family.config(order, side)).total


def _random_generator(family: Family, order: str, side: int, tokenizer: Tokenizer) -> Generator:
    config = family.config(order, side)
    grids: Sequence = config.grids if order == NEXT_SCALE else (config.grid,)
    codes = tokenizer.with_grids(grids)
    if order == NEXT_SCALE:
        return NextScaleGenerator(VARTransformer(config), codes, name="random weights")
    return RasterGenerator(LlamaGenGPT(config), codes, name="random weights")


HEADER = f"{'model':<12} {'px':>5} {'steps':>6} {'tokens':>7} {'GFLOP':>10} {'seconds':>9}"


def run(
    device: str = "auto",
    precision: str = "auto",
    n_threads: int | None = None,
    published: bool = False,
    seconds: float = 60.0,
    report: Callable[[str], None] = lambda line: None,
) -> dict:
    """Counts and measures one family; `report` hears of each size as it is ready. Returns plain JSON."""
    opened = open_device(device, precision)
    rows = []
    with threads(n_threads):
        if published:
            family = published_family()
            tokenizers = {NEXT_SCALE: next_scale_pair(opened)[1], RASTER: raster_pair(opened)[1]}
        else:
            pair = {NEXT_SCALE: _bundled("mini", opened), RASTER: _bundled("mini-raster", opened)}
            family = own_family(pair)
            tokenizers = {order: gen.tokenizer for order, gen in pair.items()}
        for timing in measure(family, tokenizers, seconds):
            if timing.seconds is None and timing.skipped is None:
                continue
            found = count(family, timing.order, timing.side)
            row = {"model": family.names[timing.order], "image_size": timing.side * family.cell}
            rows.append({**row, **asdict(found), "seconds": timing.seconds})
            took = "left out" if timing.seconds is None else f"{timing.seconds:.3f}"
            counts = f"{found.steps:>6} {found.tokens:>7} {found.flops / 1e9:>10.2f}"
            report(f"{row['model']:<12} {row['image_size']:>5} {counts} {took:>9}")
        used = torch.get_num_threads()
    return {
        "machine": hardware_name(opened.torch_device),
        "device": str(opened),
        "threads": used,
        "torch": torch.__version__,
        "rows": rows,
    }


def _bundled(name: str, device) -> Generator:
    tokenizer = load_tokenizer("mini" if name == "mini" else f"{name}-tokenizer", device=device)
    return load_generator(name, tokenizer)
