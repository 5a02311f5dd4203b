"""Learn's three runs of one class and seed at three strengths of guidance, scale by scale in turn.
The counterpart is assets/js/learn/learn_guidance.js.
"""

import logging
from collections.abc import Container, Iterator, Mapping

from explorer.analysis.contrast import differing_tokens, mean_bits
from explorer.families import NEXT_SCALE
from explorer.figures.images import data_uri
from explorer.generators import Generator
from explorer.ui.edit.edit_actions import MAX_SEED, whole
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

FAILED = "The generator failed on the server; it has been logged there. Try again, or restart the page."
MISSING = "No generator is loaded. Start the page with --generator to compare its runs."
STRONGEST = 20.0  # the highest guidance that the page offers
SHOWN = 8  # pictures of a run that has more steps than that


def no_guidance(generator: Generator) -> float:
    """The setting at which this model is not guided, in its own convention."""
    return 0.0 if generator.order == NEXT_SCALE else 1.0


def proposed(generator: Generator) -> list[float]:
    """Three settings: none, the model's default, and three times as much."""
    none = no_guidance(generator)
    middle = max(float(generator.sampling["guidance"]), none)
    if middle == none:
        middle = none + 2
    return [none, middle, min(STRONGEST, 3 * middle)]


def stream(bench: Workbench, data: Mapping, cancelled: Container[str] = ()) -> Iterator[dict]:
    """Views of the three runs as they grow, or one with a sentence under "problem".

    data: "job", "label" (a class), "seed", "values" (three settings of guidance). Ends without a word within
    one step once its job is in `cancelled`.
    """
    job = str(data.get("job", ""))[:60]
    try:
        for view in _views(bench, **_checked(bench, data), stopped=lambda: job in cancelled):
            yield {"job": job, **view}
    except ValueError as error:
        text = str(error)
        yield {"job": job, "status": "failed", "problem": f"{text[:1].upper()}{text[1:].rstrip('.')}."}
    except Exception:  # the page must say something whatever happens; the log has the rest
        log.exception("guided runs failed")
        yield {"job": job, "status": "failed", "problem": FAILED}


def _checked(bench: Workbench, data: Mapping) -> dict:
    if bench.generator is None:
        raise ValueError(MISSING)
    label, values = data.get("label"), data.get("values")
    if not isinstance(label, str) or label not in bench.generator.classes:
        raise ValueError(f"there is no class {str(label)[:40]!r}; choose one of the list")
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError("three settings of guidance are compared")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= STRONGEST:
            raise ValueError(f"guidance is a number from 0 to {STRONGEST:g}, not {str(value)[:40]}")
    return {"label": label, "seed": whole(data.get("seed"), "the seed", 0, MAX_SEED), "values": values}


def _views(bench: Workbench, label: str, seed: int, values: list[float], stopped) -> Iterator[dict]:
    gen = bench.generator
    runs = [gen.generate(label, seed=seed, guidance=float(value)) for value in values]
    entropies: list[dict] = [{} for _ in values]
    columns = [
        {"guidance": value, "image": None, "bits": None, "seconds": 0.0, "differs": None} for value in values
    ]
    maps = [None] * len(values)
    every = max(1, gen.steps // SHOWN)
    for index in range(1, gen.steps + 1):
        for n, run in enumerate(runs):
            if stopped():
                return
            step = next(run)
            maps[n] = step.maps
            entropies[n][step.scale] = step.entropy
            columns[n]["seconds"] += step.seconds
            columns[n]["bits"] = mean_bits(entropies[n].values())
            if index % every == 0 or index == gen.steps:
                columns[n]["image"] = data_uri(gen.tokenizer.decode(step.maps)[0])
        if index == gen.steps:
            for n, column in enumerate(columns):
                column["differs"] = differing_tokens(maps[0], maps[n])
        if index % every == 0 or index == gen.steps:
            yield {
                "status": "done" if index == gen.steps else "running",
                "label": label,
                "seed": seed,
                "done": index,
                "total": gen.steps,
                "tokens": sum(h * w for h, w in gen.grids),
                "columns": [dict(column) for column in columns],
            }
