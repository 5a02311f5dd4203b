"""Inside, switches: the same class and seed drawn twice, by the whole model and with parts switched off.

Beside it what the switches cost on the picture that is looked at: bits per token of its own tokens.
"""

from collections.abc import Iterator, Mapping

from explorer.analysis.information import in_bits
from explorer.figures.images import data_uri
from explorer.generators import Generator
from explorer.token_maps import TokenMaps
from explorer.ui.generate.run_request import MAX_SEED, read_label, read_whole
from explorer.ui.workbench import Workbench

MOST = 512  # switches at once


def switch_views(
    bench: Workbench, gen: Generator, maps: TokenMaps, label: str | None, data: Mapping
) -> Iterator[dict | None]:
    """One view per step of either run; the last one has the final pictures, the tokens and the bits.

    data: "seed", and "switches": {"heads": [[layer, head]], "layers": [], "hidden": [scale], "swap": [scale,
    class] or null}, all from 1. Settings are the generator's own.
    """
    other = switched(gen, data.get("switches"))
    seed = read_whole(data.get("seed"), "The seed", 0, MAX_SEED)
    said = other.switches.said(gen.classes)
    if not said:
        raise ValueError("nothing is switched off; choose a head, a layer, a scale or another class first")
    total = 2 * gen.steps
    found, done = [], 0
    for one in (gen, other):
        for step in one.generate(label, seed=seed):
            done += 1
            last = step.index == step.total
            if last:
                found.append(step.maps)
            yield (
                {"status": "running", "done": done, "total": total, "said": said}
                if last or done % 4 == 0
                else None
            )
    before, after = found
    pictures = gen.tokenizer.decode(before), gen.tokenizer.decode(after)
    changed = sum(int((a != b).sum()) for a, b in zip(before, after, strict=True))
    yield {
        "status": "done",
        "done": total,
        "total": total,
        "said": said,
        "seed": seed,
        "before": data_uri(pictures[0][0]),
        "after": data_uri(pictures[1][0]),
        "changed": changed,
        "tokens": sum(ids.numel() for ids in before),
        "maps": [ids.flatten().tolist() for ids in after],
        "bits": bits_per_token(gen, maps, label),
        "bits_off": None if other.switches.swap else bits_per_token(other, maps, label),
    }


def switched(gen: Generator, sent: object) -> Generator:
    """The view that a message asks for; ValueError for what is none."""
    if not isinstance(sent, Mapping):
        raise ValueError("what is switched off is missing; reload the page")
    lists = {name: sent.get(name) or [] for name in ("heads", "layers", "hidden")}
    if not all(isinstance(value, list) and len(value) <= MOST for value in lists.values()):
        raise ValueError("what is switched off should be lists of numbers; reload the page")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in lists["heads"]):
        raise ValueError("a head is a layer and a number; reload the page")
    swap = sent.get("swap")
    if swap is not None:
        if not isinstance(swap, list) or len(swap) != 2:
            raise ValueError("another class needs a scale and a name; reload the page")
        swap = (swap[0], read_label(gen, swap[1]))
    heads = [(layer, head) for layer, head in lists["heads"]]
    return gen.with_switches(heads, lists["layers"], lists["hidden"], swap)


def bits_per_token(gen: Generator, maps: TokenMaps, label: str | None) -> float:
    """Mean of -log2 of the probability of each token, each given the true ones before it."""
    scores = gen.score(maps, label)
    total = sum(float(-in_bits(score).sum()) for score in scores)
    return total / sum(score.numel() for score in scores)
