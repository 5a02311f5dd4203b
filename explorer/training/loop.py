"""The training loop shared by all recipes: budget, schedule, progress, saving and exact resume.

A task (tokenizer or transformer) does the steps; the loop decides when to stop, save, measure and draw.
Randomness comes from (seed, step) alone, so a run resumed from its last save continues as if it had not
been interrupted; with a budget in steps the result is the same, with one in minutes the schedule follows
the clock.
"""

import json
import math
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import torch

from explorer.errors import CheckpointError
from explorer.training.saving import Save, write_save

STATE = "state.pt"


@dataclass(frozen=True)
class Budget:
    """Stop after `steps` steps or after `minutes` of training, whichever is given (steps win)."""

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self):
        if (self.minutes or 0) <= 0 and (self.steps or 0) <= 0:
            raise ValueError("training needs a budget: give minutes or steps, greater than 0")

    def progress(self, step: int, seconds: float) -> float:
        """Share of the budget that is used up, 0 to 1."""
        used = step / self.steps if self.steps else seconds / (60 * self.minutes)
        return min(1.0, used)


class Task(Protocol):
    batch: int

    def step(self, step: int, progress: float) -> dict[str, float]:
        """One update; returns the figures to report."""

    def state(self) -> dict: ...

    def load_state(self, state: dict) -> None: ...

    def measure(self) -> dict[str, float]:
        """Quick figures on held-out photos."""

    def draw(self, path: Path) -> None:
        """A sheet of held-out reconstructions or of samples."""


def cosine(progress: float, warm_up: float = 0.02, floor: float = 0.0) -> float:
    """Factor of the learning rate: linear up over `warm_up`, then half a cosine down to `floor`."""
    if progress < warm_up:
        return max(progress / warm_up, 1e-3)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


class WeightAverage:
    """Exponential moving average of a module's parameters; what is shipped."""

    def __init__(self, module: torch.nn.Module, decay: float):
        self.decay = decay
        self.tensors = {name: t.detach().clone() for name, t in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        # Early averages would be dominated by the random start, so the decay grows with the steps.
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self.tensors[name].lerp_(tensor, weight)
            else:
                self.tensors[name].copy_(tensor)


@contextmanager
def swapped_weights(module: torch.nn.Module, tensors: dict[str, torch.Tensor]):
    """The module with other weights for a while."""
    own = {name: t.detach().clone() for name, t in module.state_dict().items()}
    module.load_state_dict(tensors)
    try:
        yield module
    finally:
        module.load_state_dict(own)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def go_on(task: Task, saved: Save, path: Path) -> None:
    """Load the task's part of a save; CheckpointError when it is of another task."""
    try:
        task.load_state(saved.task)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} does not fit this recipe ({' '.join(str(error).split())[:120]}); give the recipe "
            "that it was trained with, or another --out"
        ) from error


def run(
    task: Task,
    budget: Budget,
    out: Path,
    *,
    saved: Save | None = None,
    belongs: Mapping = MappingProxyType({}),
    precision: str = "",
    report_seconds: float = 20.0,
    save_seconds: float = 120.0,
    draw_seconds: float = 300.0,
    say: Callable[[str], None] = print,
) -> dict:
    """Train until the budget is used; returns totals (steps, seconds, images, precisions).

    saved: what the task has gone on from. belongs: what the saves will say about the run. precision: what it
    trains in.
    Writes `state.pt` (a `Save`, with `belongs`), `log.jsonl` (one line per report) and `sheet_*.png` into
    `out`. On SIGTERM or Ctrl-C the state is saved and KeyboardInterrupt raised. ValueError when a file cannot
    be written; the save before it stands.
    """
    out.mkdir(parents=True, exist_ok=True)
    save_path = out / STATE
    step, trained, images, precisions = 0, 0.0, 0, ()
    if saved is not None:
        step, trained, precisions = saved.step, saved.seconds, saved.precisions
        images = saved.images
        say(f"resumed at step {step} after {_clock(trained)} of training")
        if images is None:
            images = step * task.batch
            say(f"{save_path} does not say how many images it has seen; counted as {task.batch} per step")
    if precision not in precisions[-1:]:
        precisions = (*precisions, precision)

    def save() -> None:
        write_save(save_path, Save(task.state(), step, trained, images, dict(belongs), precisions))

    stop = []
    previous = {s: signal.signal(s, lambda *_: stop.append(True)) for s in (signal.SIGTERM, signal.SIGINT)}
    sums: dict[str, float] = {}
    count, last_report, last_save, last_draw = 0, time.monotonic(), time.monotonic(), time.monotonic()
    try:
        with open(out / "log.jsonl", "a") as log:
            while (progress := budget.progress(step, trained)) < 1 and not stop:
                began = time.monotonic()
                for name, value in task.step(step, progress).items():
                    sums[name] = sums.get(name, 0.0) + value
                now = time.monotonic()
                trained += now - began
                step, count, images = step + 1, count + 1, images + task.batch
                if now - last_report >= report_seconds or budget.progress(step, trained) >= 1:
                    rate = count * task.batch / max(now - last_report, 1e-9)
                    progress = budget.progress(step, trained)
                    figures = {name: value / count for name, value in sums.items()}
                    left = trained * (1 - progress) / max(progress, 1e-9)
                    text = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
                    head = f"{100 * progress:5.1f} %  step {step}  {rate:.1f} images/s"
                    say(f"{head}  left {_clock(left)}  {text}")
                    log.write(
                        json.dumps({"step": step, "seconds": trained, "images_per_second": rate, **figures})
                        + "\n"
                    )
                    log.flush()
                    sums, count, last_report = {}, 0, now
                if now - last_save >= save_seconds:
                    save()
                    last_save = time.monotonic()
                if now - last_draw >= draw_seconds:
                    figures = task.measure()
                    say("held out: " + "  ".join(f"{name} {value:.4g}" for name, value in figures.items()))
                    log.write(json.dumps({"step": step, "held_out": figures}) + "\n")
                    task.draw(out / f"sheet_{step:06d}.png")
                    last_draw = last_report = time.monotonic()
                    count, sums = 0, {}
    except OSError as error:
        raise ValueError(
            f"{error.filename or out} cannot be written ({error.strerror or error}), training stopped at "
            f"step {step}; make room, then continue with --resume"
        ) from error
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
    save()
    if stop:
        raise KeyboardInterrupt(f"stopped at step {step}; continue with --resume")
    task.draw(out / f"sheet_{step:06d}.png")
    return {"steps": step, "seconds": trained, "images": images, "precisions": precisions}
