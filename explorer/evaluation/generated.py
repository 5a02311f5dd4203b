"""What a generator's pictures are worth, seen by the judge: can it name them, are they spread like photos,
are they copies?

Shapes: N pictures, D features. Sets are compared as if every class were equally large, because every class is
drawn equally often, while photos of some classes are rarer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.analysis.distances import frechet_distance, kernel_distance, moments, nearest_neighbours
from explorer.evaluation.judge import Judge, Looks
from explorer.generators import Generator
from explorer.generators.arguments import Label

# Drawn together: 64 pictures of 64 px, 4 of 256 px. More would fill the memory with keys and values.
PIXELS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Judged:
    """Pictures that the judge has looked at, with the classes they should be of."""

    looks: Looks
    labels_N: Tensor

    def __len__(self) -> int:
        return len(self.labels_N)

    @property
    def features_ND(self) -> Tensor:
        return self.looks.features_ND

    @property
    def weights_N(self) -> Tensor:
        """Every class counts the same."""
        return 1.0 / torch.bincount(self.labels_N)[self.labels_N]

    def some(self, chosen_N: Tensor) -> "Judged":
        looks = Looks(self.looks.features_ND[chosen_N], self.looks.classes_N[chosen_N])
        return Judged(looks, self.labels_N[chosen_N])

    def first_of_each_class(self, count: int) -> "Judged":
        """At most `count` pictures of each class, in their order."""
        return self.some(_rank_in_class(self.labels_N) < count)

    def halves(self) -> tuple["Judged", "Judged"]:
        """Each class split by turns."""
        odd_N = _rank_in_class(self.labels_N) % 2 == 1
        return self.some(~odd_N), self.some(odd_N)

    def accuracy(self) -> float:
        """Share of all pictures that the judge names rightly."""
        return self.looks.right(self.labels_N).float().mean().item()

    def accuracy_by_class(self, classes: int) -> list[float]:
        right_N = self.looks.right(self.labels_N).float()
        return [right_N[self.labels_N == label].mean().item() for label in range(classes)]

    def mean_accuracy(self, classes: int) -> float:
        """Mean over classes."""
        return sum(self.accuracy_by_class(classes)) / classes


def _rank_in_class(labels_N: Tensor) -> Tensor:
    """The how-manieth of its class each entry is, from 0."""
    rank_N = torch.empty_like(labels_N)
    for label in labels_N.unique():
        mine_N = labels_N == label
        rank_N[mine_N] = torch.arange(int(mine_N.sum()))
    return rank_N


def drawn_pictures(
    generator: Generator,
    labels: Sequence[Label],
    seeds: Sequence[int],
    settings: Mapping[str, float | int | None],
) -> Iterator[Tensor]:
    """Finished pictures in batches (B,3,H,W) in [0,1], one per label and seed."""
    H, W = generator.tokenizer.image_hw
    batch = max(1, PIXELS_AT_ONCE // (H * W))
    for start in range(0, len(labels), batch):
        rows = slice(start, start + batch)
        *_, last = generator.generate(list(labels[rows]), seed=list(seeds[rows]), **settings)
        yield generator.tokenizer.decode(last.maps)


def judged_samples(
    generator: Generator,
    judge: Judge,
    per_class: int,
    settings: Mapping[str, float | int | None],
    first_seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Judged:
    """`per_class` pictures of each of the judge's classes, every one with a seed of its own."""
    labels_N = torch.arange(len(judge.classes)).repeat_interleave(per_class)
    names = [judge.classes[label] for label in labels_N]
    seeds = range(first_seed, first_seed + len(names))

    def watched() -> Iterator[Tensor]:
        done = 0
        for image_BCHW in drawn_pictures(generator, names, seeds, settings):
            yield image_BCHW
            done += len(image_BCHW)
            progress(done, len(names))

    return Judged(judge.look(watched()), labels_N)


def accuracy_figures(samples: Judged, held_out: Judged, classes: Sequence[str]) -> dict:
    """Share of samples that the judge names rightly, absolute and relative to held-out photos.

    Both are means over classes, so that the different numbers of photos do not matter.
    """
    C = len(classes)
    accuracy, reference = samples.mean_accuracy(C), held_out.mean_accuracy(C)
    pairs = zip(samples.accuracy_by_class(C), held_out.accuracy_by_class(C), strict=True)
    return {
        "accuracy": round(accuracy, 4),
        "accuracy_held_out": round(reference, 4),
        "accuracy_relative": round(accuracy / max(reference, 1e-12), 4),
        "accuracy_by_class": {
            name: {"samples": round(a, 4), "held_out": round(b, 4)}
            for name, (a, b) in zip(classes, pairs, strict=True)
        },
    }


def judge_frechet(a: Judged, b: Judged) -> float:
    distance = frechet_distance(moments(a.features_ND, a.weights_N), moments(b.features_ND, b.weights_N))
    return round(distance, 4)


def judge_kernel(a: Judged, b: Judged) -> float:
    return round(kernel_distance(a.features_ND, b.features_ND, a.weights_N, b.weights_N), 6)


def distance_figures(samples: Judged, held_out: Judged) -> dict:
    """Samples against held-out photos, and one half of the held-out photos against the other as yardstick.

    The Frechet distance grows when fewer pictures are compared, so it is also given for as many samples as
    there are photos in one half, against one half.
    """
    one, other = held_out.halves()
    classes = len(held_out.labels_N.unique())
    fewer = samples.first_of_each_class(max(2, round(len(one) / classes)))
    return {
        "judge_frechet_distance": {
            "samples": judge_frechet(samples, held_out),
            "samples_to_a_half": judge_frechet(fewer, other),
            "held_out_half_to_half": judge_frechet(one, other),
        },
        "judge_kernel_distance": {
            "samples": judge_kernel(samples, held_out),
            "held_out_half_to_half": judge_kernel(one, other),
        },
        "counts": {
            "samples": len(samples),
            "held_out": len(held_out),
            "samples_to_a_half": [len(fewer), len(other)],
            "held_out_half_to_half": [len(one), len(other)],
            "features": samples.features_ND.shape[1],
        },
    }


def memorisation_figures(samples: Judged, held_out: Judged, training_ND: Tensor) -> dict:
    """Distance to the nearest training photo, of samples and of held-out photos.

    Copies would lie closer than new photos do: `closer_than_held_out_1_percent` is the share of samples that
    lie closer to a training photo than all but 1 % of the held-out photos; 0.01 is what new photos give.
    Typical pictures of a class also lie closer than photos do, so a larger share is a reason to look, no
    proof.
    """
    of_samples, _ = nearest_neighbours(samples.features_ND, training_ND)
    of_photos, _ = nearest_neighbours(held_out.features_ND, training_ND)
    closest = of_photos.quantile(0.01)
    return {
        "training_photos": len(training_ND),
        "median_samples": round(of_samples.median().item(), 4),
        "median_held_out": round(of_photos.median().item(), 4),
        "closest_1_percent_samples": round(of_samples.quantile(0.01).item(), 4),
        "closest_1_percent_held_out": round(closest.item(), 4),
        "closer_than_held_out_1_percent": round((of_samples < closest).float().mean().item(), 4),
    }
