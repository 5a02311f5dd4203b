"""The 256 px models at full size, next-scale beside raster: what does this machine need for a picture?

Random weights (time does not depend on their values), so nothing is downloaded:

    VAR       tokenizer ch160, 4096 codes of 32 dimensions, ten scales (680 tokens); VAR-d16, 310 M parameters
    LlamaGen  tokenizer VQ-16, 16384 codes of 8 dimensions, one map (256 tokens); GPT-B, 111 M parameters

The work is one picture: encode, decode, generate with guidance. The first call of each kind counts its
operations and warms up; the fastest of the following ones is reported. Building the pairs in turn keeps
memory below 3 GB.
"""

import gc
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from explorer.bench.measuring import count_flops, measure_seconds, threads
from explorer.devices import Device, hardware_name, open_device
from explorer.families.schedules import PUBLISHED_SCHEDULES
from explorer.generators.next_scale import NextScaleGenerator
from explorer.generators.raster import RasterGenerator
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.nets.vqvae import VQVAEConfig, build_vqvae
from explorer.tokenizers.multiscale import MultiScaleTokenizer
from explorer.tokenizers.singlescale import SingleScaleTokenizer

LABEL = 207
CH_MULT = (1, 1, 2, 2, 4)


@dataclass(frozen=True)
class Row:
    """One measurement. steps: dependent forward passes; seconds: the fastest repeat."""

    model: str
    work: str
    steps: int
    tokens: int
    gflop: float
    seconds: float


def next_scale_pair(device: Device) -> tuple[str, Any, Any]:
    grids = PUBLISHED_SCHEDULES[256]
    autoencoder = AutoencoderConfig(ch=160, ch_mult=CH_MULT, z_channels=32)
    config = VQVAEConfig("var-tokenizer", autoencoder, vocab_size=4096, code_dim=32)
    tok = MultiScaleTokenizer(build_vqvae(config), grids, device, name="vae_ch160v4096z32")
    net = VARTransformer(VARConfig(4096, 32, grids, num_classes=1000, depth=16, width=1024, num_heads=16))
    return MODELS[0], tok, NextScaleGenerator(net, tok, name="var_d16")


def raster_pair(device: Device) -> tuple[str, Any, Any]:
    autoencoder = AutoencoderConfig(ch=128, ch_mult=CH_MULT, z_channels=256)
    config = VQVAEConfig("llamagen-tokenizer", autoencoder, vocab_size=16384, code_dim=8)
    tok = SingleScaleTokenizer(build_vqvae(config), ((16, 16),), device, name="vq_ds16_c2i")
    net = LlamaGenGPT(LlamaGenConfig(16384, (16, 16), num_classes=1000, depth=12, width=768, num_heads=12))
    return MODELS[1], tok, RasterGenerator(net, tok, name="c2i_B_256")


MODELS = ("VAR-d16", "LlamaGen-B")
PAIRS = (
    (next_scale_pair, 1.5),
    (raster_pair, 4.0),
)  # with a usual guidance: both run with and without the class


def run(
    device: str = "auto",
    precision: str = "auto",
    n_threads: int | None = None,
    repeats: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measures both pairs; `report` hears of each row as it is ready. The result is plain JSON."""
    opened = open_device(device, precision)
    rows: list[Row] = []
    with threads(n_threads):
        for build, guidance in PAIRS:
            name, tok, gen = build(opened)
            for row in measure_pair(name, tok, gen, guidance, repeats):
                report(show_row(row))
                rows.append(row)
            del tok, gen
            gc.collect()
        used_threads = torch.get_num_threads()
    return {
        "machine": hardware_name(opened.torch_device),
        "device": str(opened),
        "precision": opened.precision,
        "threads": used_threads,
        "torch": torch.__version__,
        "batch": 1,
        "image_size": 256,
        "rows": [asdict(row) for row in rows],
        "ratios": ratios(rows),
    }


def measure_pair(name: str, tok: Any, gen: Any, guidance: float, repeats: int) -> Iterator[Row]:
    """One row each for encode, decode and generate."""
    H, W = tok.image_hw
    image = torch.rand(1, 3, H, W, generator=torch.Generator().manual_seed(0))
    tokens = sum(h * w for h, w in tok.grids)

    def measure(work: str, call: Callable[[], Any]) -> tuple[Row, Any]:
        flops, result = count_flops(call)
        seconds = min(measure_seconds(call, tok.device.torch_device) for _ in range(repeats))
        steps = len(result) if work == "generate" else 1
        return Row(name, work, steps, tokens, flops / 1e9, seconds), result

    encoded, maps = measure("encode", lambda: tok.encode(image))
    yield encoded
    yield measure("decode", lambda: tok.decode(maps))[0]
    yield measure("generate", lambda: list(gen.generate(LABEL, seed=0, guidance=guidance)))[0]


def ratios(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Next-scale divided by raster, per kind of work."""
    next_scale, raster = ({row.work: row for row in rows if row.model == name} for name in MODELS)
    return {
        work: {
            "gflop": next_scale[work].gflop / raster[work].gflop,
            "seconds": next_scale[work].seconds / raster[work].seconds,
        }
        for work in next_scale
    }


HEADER = f"{'model':<12} {'work':<9} {'steps':>6} {'tokens':>7} {'GFLOP':>8} {'seconds':>9} {'GFLOP/s':>9}"


def show_row(row: Row) -> str:
    rate = row.gflop / row.seconds
    counts = f"{row.model:<12} {row.work:<9} {row.steps:>6} {row.tokens:>7}"
    return f"{counts} {row.gflop:>8.1f} {row.seconds:>9.3f} {rate:>9.1f}"


def show_ratios(result: dict[str, Any]) -> str:
    lines = [
        f"{work}: {ratio['gflop']:.1f} times the work in {ratio['seconds']:.1f} times the seconds"
        for work, ratio in result["ratios"].items()
    ]
    return "\n".join([f"{MODELS[0]} compared with {MODELS[1]}:", *lines])


def show_machine(result: dict[str, Any]) -> str:
    return (
        f"{result['machine']}; {result['device']}, {result['threads']} threads, batch {result['batch']}, "
        f"{result['image_size']} px, torch {result['torch']}"
    )
