"""One evaluation from models and photos to a dict of figures: what `python -m explorer evaluate` runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from explorer.evaluation import generated, sweep
from explorer.evaluation.generated import Judged
from explorer.evaluation.judge import Judge, JudgeRecipe, Looks, load_judge, train_judge
from explorer.generators import Generator
from explorer.generators.arguments import label_numbers
from explorer.tokenizers import Tokenizer
from explorer.training.metrics import (
    BATCH,
    ReconstructionTally,
    held_out_pictures,
    likelihood_metrics,
)
from explorer.training.photos import STORED_SIDE, PhotoSet, load_photos, plain_batch

# label -> a function (done, total) that shows how far a part of the work is.
Watch = Callable[[str], Callable[[int, int], None]]


def unwatched(label: str) -> Callable[[int, int], None]:
    return lambda done, total: None


def read_photos(data: Path, tokenizer: Tokenizer) -> PhotoSet:
    """The photos at the size at which training keeps them.

    Raises ValueError when none is held out, or the tokenizer's pictures are not square.
    """
    H, W = tokenizer.image_hw
    if H != W:
        raise ValueError(
            f"photos are evaluated as squares, {tokenizer.name} has grids for {H} x {W}; give square --grids"
        )
    photos = load_photos(data, round(H * STORED_SIDE))
    photos.held_out()  # says now, not after the models are open, that there is nothing to measure on
    return photos


def open_judge(
    path: Path, photos: PhotoSet, data: Path, recipe: JudgeRecipe, device: torch.device, say: Callable
) -> Judge:
    """The judge in `path`, trained now when there is no such file."""
    if path.suffix != ".safetensors":
        raise ValueError(f"a judge is stored as .safetensors with a card beside it, not as {path.name}")
    if path.exists():
        return load_judge(path, photos.classes, device)
    stored = round(recipe.size * STORED_SIDE)
    if photos.images_NHWC.shape[1] != stored:
        photos = load_photos(data, stored)
    return train_judge(photos, path, recipe, device, say)


def evaluate_tokenizer(
    tokenizer: Tokenizer, photos: PhotoSet, judge: Judge | None, watch: Watch = unwatched
) -> dict:
    """Figures of reconstructed held-out photos, with the judge's where there is one."""
    tally, show = ReconstructionTally(tokenizer), watch(f"reconstructing with {tokenizer.name}")
    held_N = photos.held_out()[1]
    originals: list[Looks] = []
    reconstructions: list[Looks] = []
    done = 0
    for image_BCHW, indices_B in held_out_pictures(photos, tokenizer.image_hw[0]):
        maps = tokenizer.encode(image_BCHW)
        decoded_BCHW = tokenizer.decode(maps)
        tally.add(image_BCHW, maps, decoded_BCHW)
        if judge:
            originals.append(judge.look([image_BCHW]))
            reconstructions.append(judge.look([decoded_BCHW]))
        done += len(indices_B)
        show(done, len(held_N))
    figures = model_entries(tokenizer) | tally.figures()
    if judge:
        labels_N = photos.labels_N[held_N]
        figures["judge"] = _reconstructions_judged(
            Judged(_joined(originals), labels_N), Judged(_joined(reconstructions), labels_N)
        )
    return figures


def _reconstructions_judged(originals: Judged, reconstructions: Judged) -> dict:
    before, after = originals.accuracy(), reconstructions.accuracy()
    return {
        "accuracy_originals": round(before, 4),
        "accuracy_reconstructions": round(after, 4),
        "accuracy_relative": round(after / max(before, 1e-12), 4),
        "judge_frechet_distance": generated.judge_frechet(reconstructions, originals),
        "judge_kernel_distance": generated.judge_kernel(reconstructions, originals),
    }


def evaluate_generator(
    generator: Generator,
    photos: PhotoSet,
    judge: Judge | None,
    per_class: int = 50,
    settings: Mapping[str, float | int] | None = None,
    watch: Watch = unwatched,
) -> dict:
    """Likelihood of held-out photos; with a judge also how samples fare. settings: over the card's.

    ValueError: see `check_generator` and, with a judge, `check_comparison`.
    """
    check_generator(generator, photos)
    figures = model_entries(generator)
    show = watch(f"likelihood under {generator.name}")
    figures |= likelihood_metrics(generator, generator.tokenizer, photos, show)
    if judge is None:
        return figures
    settings = dict(settings or {})
    check_comparison(generator, photos, per_class, [settings])
    size = generator.tokenizer.image_hw[0]
    held_out = judged_held_out(judge, photos, size)
    show = watch(f"drawing with {generator.name}")
    samples = generated.judged_samples(generator, judge, per_class, settings, progress=show)
    show = watch("looking at the training photos")
    training = _looks(judge, photos, photos.held_out()[0], size, show)
    figures["sampling"] = generator.sampling | settings
    figures["samples_per_class"] = per_class
    figures |= generated.accuracy_figures(samples, held_out, photos.classes)
    figures |= generated.distance_figures(samples, held_out)
    figures["nearest_training_photo"] = generated.memorisation_figures(
        samples, held_out, training.features_ND
    )
    return figures


def sweep_generator(
    generator: Generator,
    photos: PhotoSet,
    judge: Judge,
    grid: Sequence[Mapping[str, float | int]],
    per_class: int = 10,
    accuracy: float = 0.7,
    watch: Watch = unwatched,
    drawing: Mapping[str, object] | None = None,
) -> dict:
    """Every setting of the grid, judged, and the best of them (see `sweep.best`).

    drawing: order and pace of a model that draws in any, the same for all settings.
    ValueError: see `check_generator` and `check_comparison`.
    """
    drawing = dict(drawing or {})
    check_generator(generator, photos)
    check_comparison(generator, photos, per_class, [{**settings, **drawing} for settings in grid])
    held_out = judged_held_out(judge, photos, generator.tokenizer.image_hw[0])
    show = watch(f"sweeping {generator.name}")
    rows = list(sweep.sweep(generator, judge, held_out, grid, per_class, show, drawing))
    return {**model_entries(generator), **drawing} | {
        "samples_per_class": per_class,
        "accuracy_held_out": round(held_out.mean_accuracy(len(photos.classes)), 4),
        "rows": [asdict(row) for row in rows],
        "best": sweep.best(rows, accuracy).settings,
        "best_means": f"smallest judge Frechet distance with an accuracy of at least {accuracy:g}, "
        "else the highest accuracy",
    }


def judged_held_out(judge: Judge, photos: PhotoSet, size: int) -> Judged:
    looks = judge.look(image_BCHW for image_BCHW, _ in held_out_pictures(photos, size))
    return Judged(looks, photos.labels_N[photos.held_out()[1]])


def _looks(
    judge: Judge, photos: PhotoSet, indices_N: Tensor, size: int, show: Callable[[int, int], None]
) -> Looks:
    def pictures() -> Iterator[Tensor]:
        done = 0
        for indices_B in indices_N.split(BATCH):
            yield (plain_batch(photos, indices_B, size) + 1) / 2
            done += len(indices_B)
            show(done, len(indices_N))

    return judge.look(pictures())


def _joined(looks: list[Looks]) -> Looks:
    return Looks(torch.cat([one.features_ND for one in looks]), torch.cat([one.classes_N for one in looks]))


def check_generator(generator: Generator, photos: PhotoSet) -> None:
    """ValueError when the photos have a class that the generator does not."""
    label_numbers(list(photos.classes), generator.classes, generator.null_class, generator.name)


def check_comparison(
    generator: Generator, photos: PhotoSet, per_class: int, grid: Sequence[Mapping[str, float | int]]
) -> None:
    """What can be wrong with a comparison of samples and photos, before any work is done for it.

    ValueError for fewer than 2 samples per class, fewer than 4 held-out photos of a class (halves need 2
    each), or settings out of range.
    """
    if per_class < 2:
        raise ValueError(f"{per_class} samples per class cannot be compared with photos; draw at least 2")
    counts = torch.bincount(photos.labels_N[photos.held_out()[1]], minlength=len(photos.classes))
    if counts.min() < 4:
        scarce = photos.classes[int(counts.argmin())]
        raise ValueError(
            f"samples are compared with at least 4 held-out photos of each class, {scarce} has "
            f"{int(counts.min())}; 5 % are held out, so about 100 photos a class are needed"
        )
    for settings in grid:
        generator.generate(0, **settings)  # checks its arguments; nothing runs before the first step is asked


def model_entries(model: Tokenizer | Generator) -> dict:
    """Which weights were measured, and in which precision they ran."""
    return {
        "name": model.name,
        "sha256": model.sha256,
        "precision": model.device.precision,
        "computed_in": model.device.computed_in,
        "device": str(model.device.torch_device),
    }


def judge_entries(judge: Judge, path: Path) -> dict:
    return {
        "file": path.name,
        "sha256": judge.sha256,
        "size": judge.size,
        "accuracy": round(judge.accuracy, 4),
    }


def data_entries(photos: PhotoSet, data: Path) -> dict:
    train_N, held_N = photos.held_out()
    return {
        "data": data.name,
        "classes": list(photos.classes),
        "photos_trained_on": len(train_N),
        "photos_held_out": len(held_N),
        "split": "5 % held out, chosen by a hash of each file name",
    }
