"""A race at equal computing time: several generators, each with a clock of its own.

A clock is the sum of its measured step times (`GenerationStep.seconds`): waiting for the device, decoding and
everything between two steps stand still for it. The one whose clock is behind always goes next, so that at
every moment all runners have had about the same computing time; they differ by one step at most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from explorer.generators import GenerationStep, Generator


@dataclass(frozen=True, eq=False)
class Move:
    """One step of one runner. seconds: its clock after the step."""

    runner: str
    step: GenerationStep
    seconds: float


def race(runners: Mapping[str, Iterator[GenerationStep]]) -> Iterator[Move]:
    """Advances the runner whose clock is behind, the first one named where clocks are equal, until all are
    done. Closing it closes all of them."""
    clocks = dict.fromkeys(runners, 0.0)
    going = dict(runners)
    try:
        while going:
            runner = min(going, key=clocks.__getitem__)
            step = next(going[runner], None)
            if step is None:
                del going[runner]
                continue
            clocks[runner] += step.seconds
            if step.index == step.total:
                del going[runner]
            yield Move(runner, step, clocks[runner])
    finally:
        for steps in runners.values():
            if hasattr(steps, "close"):
                steps.close()


def warm_up(generator: Generator, label: object, guidance: float) -> None:
    """One step outside of any clock: first calls pay for set-up that later ones do not."""
    steps = generator.generate(label, seed=0, guidance=guidance)
    next(steps)
    steps.close()


def done_at(clock: Sequence[float], seconds: float) -> int:
    """Steps that were finished at that computing time. clock: after each step, rising."""
    return sum(1 for at in clock if at <= seconds)


@dataclass(frozen=True)
class Finish:
    """Who was done first, when, and how many steps every other runner had done then."""

    first: str
    seconds: float
    others: dict[str, int]


def first_finish(clocks: Mapping[str, Sequence[float]]) -> Finish:
    """clocks: of runners that are done, after each step. ValueError when there is none."""
    if not clocks or not all(clocks.values()):
        raise ValueError("nobody has finished: every runner needs at least one step")
    first = min(clocks, key=lambda runner: clocks[runner][-1])
    seconds = clocks[first][-1]
    others = {runner: done_at(clock, seconds) for runner, clock in clocks.items() if runner != first}
    return Finish(first, seconds, others)


def step_times(clock: Sequence[float]) -> list[float]:
    """Seconds of each step, from the clock after each."""
    return [now - before for before, now in zip((0.0, *clock), clock, strict=False)]


def median_step(clock: Sequence[float]) -> float | None:
    return median(step_times(clock)) if clock else None
