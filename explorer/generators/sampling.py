"""From logits to tokens: guidance, filters, noise. Pure functions, shared by all generators.

A token is drawn as argmax(p / noise) with exponential noise, which is a draw from p. The noise is a function
of (seed, step) alone and is made on the CPU, so what ran before, what else is in the batch and which device
computes the logits do not change it: branches, resumed runs and galleries agree with single runs.

Shapes: B batch, N cells of a step, V codes; "..." any leading axes. Specification: MODELS.md 2.3 and 3.3.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from explorer.token_maps import whole_number

# LlamaGen's floor: dividing by less would overflow. The temperature 0 is argmax, without any division.
LOWEST_TEMPERATURE = 1e-5


@dataclass(frozen=True)
class Sampling:
    """Settings of one run.

    guidance: in the model's own meaning (see `rising_guidance`, `constant_guidance`), 0 = none.
    top_k: 0 = off. top_p: 0 or 1 = off. temperature: 0 = always the likeliest token.
    guidance_interval: n >= 0 guides the tokens 0 .. n+1 only (raster models); -1 = always.
    Raises ValueError for values out of range.
    """

    guidance: float = 0.0
    top_k: int = 0
    top_p: float = 0.0
    temperature: float = 1.0
    guidance_interval: int = -1

    def __post_init__(self) -> None:
        for name in ("guidance", "top_p", "temperature"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"{name} is a number, not {value!r}")
            if value < 0:
                raise ValueError(f"{name} is at least 0, not {value}")
        if self.top_p > 1:
            raise ValueError(f"top_p is a probability from 0 to 1, not {self.top_p}")
        if whole_number(self.top_k, "top_k") < 0:
            raise ValueError(f"top_k is at least 0 (off), not {self.top_k}")
        if whole_number(self.guidance_interval, "guidance_interval") < -1:
            raise ValueError(f"guidance_interval is at least -1 (always), not {self.guidance_interval}")

    def overridden(self, asked: Mapping[str, float | int | None]) -> "Sampling":
        """These settings, except those that `asked` gives (None = not asked)."""
        names = [field.name for field in fields(self)]
        unknown = [name for name in asked if name not in names]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no sampling setting; there are {', '.join(names)}")
        return replace(self, **{name: value for name, value in asked.items() if value is not None})


def rising_guidance(cond: Tensor, uncond: Tensor, guidance: float, ratio: float) -> Tensor:
    """VAR: (1+t) cond - t uncond, where t rises with the scale: ratio = k/(K-1), 0 at the first scale."""
    t = guidance * ratio
    return (1 + t) * cond - t * uncond


def constant_guidance(cond: Tensor, uncond: Tensor, guidance: float) -> Tensor:
    """LlamaGen: uncond + s (cond - uncond). 1 is purely conditional."""
    return uncond + guidance * (cond - uncond)


def keep_top_k(logits: Tensor, top_k: int) -> Tensor:
    """Bool like `logits`: the top_k largest and what ties with the last of them; 0, V and more keep all."""
    if top_k <= 0 or top_k >= logits.shape[-1]:
        return torch.ones_like(logits, dtype=torch.bool)
    lowest = logits.topk(top_k, dim=-1).values[..., -1:]
    return logits >= lowest


def keep_top_p_from_tail(logits: Tensor, top_p: float) -> Tensor:
    """VAR's nucleus: drops the least likely codes that sum to at most 1 - top_p; the likeliest stays."""
    ascending, order = logits.sort(dim=-1, stable=True)  # ties alike on every device
    drop = ascending.softmax(-1).cumsum(-1) <= 1 - top_p
    drop[..., -1] = False
    return ~torch.zeros_like(drop).scatter(-1, order, drop)


def keep_top_p_from_head(logits: Tensor, top_p: float) -> Tensor:
    """LlamaGen's nucleus: keeps the likeliest codes up to and with the one that takes the sum past top_p."""
    descending, order = logits.sort(dim=-1, descending=True, stable=True)
    past = descending.softmax(-1).cumsum(-1) > top_p
    drop = torch.cat((torch.zeros_like(past[..., :1]), past[..., :-1]), dim=-1)
    return ~torch.zeros_like(drop).scatter(-1, order, drop)


def distribution(logits: Tensor, sampling: Sampling, nucleus_from_tail: bool) -> tuple[Tensor, Tensor]:
    """Probabilities after temperature (before any filter), and which codes top-k and top-p keep.

    logits: (..., V) float32, after guidance. At temperature 0 all probability lies on the likeliest code.
    nucleus_from_tail: VAR's rule for top_p, else LlamaGen's; they differ where the sum meets the bound.
    """
    if sampling.temperature == 0:
        likeliest = logits.argmax(-1, keepdim=True)
        kept = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, likeliest, True)
        return kept.to(logits.dtype), kept
    scaled = logits / max(sampling.temperature, LOWEST_TEMPERATURE)
    kept = keep_top_k(scaled, sampling.top_k)
    if 0 < sampling.top_p < 1:
        rest = scaled.masked_fill(~kept, -torch.inf)
        nucleus = keep_top_p_from_tail if nucleus_from_tail else keep_top_p_from_head
        kept = kept & nucleus(rest, sampling.top_p)
    return scaled.softmax(-1), kept


def filtered(probabilities: Tensor, kept: Tensor) -> Tensor:
    """The probabilities of the kept codes, summing to 1; the others 0."""
    remaining = probabilities.masked_fill(~kept, 0)
    return remaining / remaining.sum(-1, keepdim=True)


def draw(logits: Tensor, sampling: Sampling, noise: Tensor, nucleus_from_tail: bool) -> Tensor:
    """Token ids (...,): argmax(p / noise) over the kept codes, plain argmax at temperature 0."""
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities, kept = distribution(logits, sampling, nucleus_from_tail)
    return (filtered(probabilities, kept) / noise).argmax(-1)


def entropy(logits: Tensor) -> Tensor:
    """Shannon entropy (...,) in nats of softmax(logits): 0 = certain, ln V = no idea."""
    log_p = logits.log_softmax(-1)
    return -(log_p.exp() * log_p).sum(-1)


def noise(seeds: Sequence[int], step: int, cells: int, vocab_size: int) -> Tensor:
    """Exponential noise (B,N,V) float32, row b a function of (seeds[b], step) alone; steps count from 1.

    From numpy's counter-based Philox, keyed by the two numbers: no state to carry from step to step, and
    unlike torch's CPU generator the stream does not depend on the build (MKL or not).
    """
    rows = []
    for seed in seeds:
        stream = np.random.Generator(np.random.Philox(key=np.array([seed, step], np.uint64)))
        rows.append(stream.standard_exponential((cells, vocab_size), dtype=np.float32))
    # The ziggurat can return 0, and 0/0 would win every argmax as NaN.
    smallest = np.finfo(np.float32).tiny
    return torch.from_numpy(np.maximum(np.stack(rows), smallest))
