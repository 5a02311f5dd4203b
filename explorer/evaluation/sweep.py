"""Which sampling settings suit a generator: a grid, a few samples per class each, judged."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from explorer.evaluation.generated import Judged, judge_frechet, judge_kernel, judged_samples
from explorer.evaluation.judge import Judge
from explorer.generators import Generator
from explorer.training.shipping import write_card_entries
from explorer.zoo.cards import card_path

# The sweep draws with other seeds than the evaluation, which would otherwise flatter the chosen setting.
FIRST_SEED = 1 << 32


@dataclass(frozen=True)
class SweepRow:
    """One setting and how its samples fare. accuracy: mean over classes."""

    guidance: float
    top_k: int
    top_p: float
    accuracy: float
    judge_frechet_distance: float
    judge_kernel_distance: float

    @property
    def settings(self) -> dict[str, float | int]:
        return {"guidance": self.guidance, "top_k": self.top_k, "top_p": self.top_p}


def sweep(
    generator: Generator,
    judge: Judge,
    held_out: Judged,
    grid: Sequence[Mapping[str, float | int]],
    per_class: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    drawing: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[SweepRow]:
    """One row per setting; all draw with the same seeds, so that they differ by their settings alone.

    drawing: what else `generate` is told, the same for all rows.
    """
    pictures = per_class * len(judge.classes)
    for row, settings in enumerate(grid):

        def counted(done: int, _: int, row: int = row) -> None:
            progress(row * pictures + done, len(grid) * pictures)

        samples = judged_samples(generator, judge, per_class, {**settings, **drawing}, FIRST_SEED, counted)
        yield SweepRow(
            **settings,
            accuracy=round(samples.mean_accuracy(len(judge.classes)), 4),
            judge_frechet_distance=judge_frechet(samples, held_out),
            judge_kernel_distance=judge_kernel(samples, held_out),
        )


def best(rows: Sequence[SweepRow], accuracy: float) -> SweepRow:
    """The row closest to the photos among those whose samples are recognised at least that often.

    Guidance buys recognisable pictures with variety, so neither figure alone is a choice. When no row is
    accurate enough, the most accurate one.
    """
    enough = [row for row in rows if row.accuracy >= accuracy]
    if not enough:
        return max(rows, key=lambda row: row.accuracy)
    return min(enough, key=lambda row: row.judge_frechet_distance)


def write_sampling(weights: Path, settings: dict[str, float | int]) -> Path:
    """Put settings into the "sampling" of the card beside the weights; everything else stays as it is.

    Raises ValueError when there is no card.
    """
    path = card_path(weights)
    if not path.is_file():
        raise ValueError(f"{weights} has no card {path.name} to write the sampling settings into")
    entries = json.loads(path.read_text(encoding="utf-8"))
    entries["sampling"] = {**entries.get("sampling", {}), **settings}
    write_card_entries(weights, entries)
    return path
