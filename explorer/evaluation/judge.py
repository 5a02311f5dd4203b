"""The judge: a classifier that only ever looks at results.

It is trained on the training part of the same photos, but with another architecture (a residual network with
strides) and another seed than the classifier in the tokenizers' loss, so that no model was trained to please
it. It sees every model's pictures at one size, and it is not bundled: accuracy and distances of two judges
cannot be compared, so a judge's file belongs beside the figures that it gave.

Shapes: N pictures, B batch, D features, H W pixels. Source of the blocks: He et al. 2016, Identity mappings
in deep residual networks.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from explorer.devices import autocast, training_precision
from explorer.errors import CheckpointError
from explorer.training.loop import cosine, set_lr
from explorer.training.photos import PhotoSet, augmented_batch, batch_indices, plain_batch
from explorer.training.shipping import write_card_entries
from explorer.writing import written_whole
from explorer.zoo.cards import card_path
from explorer.zoo.reading import file_sha256

LOOK_BATCH = 64


@dataclass(frozen=True)
class JudgeRecipe:
    """size: side of the pictures it sees. widths, blocks: channels and residual blocks per stage; every
    stage after the first halves the picture. epochs: passes over the training photos; the schedule counts
    steps, so the judge does not depend on how busy the machine is.
    """

    size: int = 64
    widths: tuple[int, ...] = (48, 96, 192)
    blocks: tuple[int, ...] = (1, 2, 2)
    epochs: float = 6.0
    batch: int = 64
    lr: float = 3e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    seed: int = 1


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))), the normalisation before each convolution."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        same = in_channels == out_channels and stride == 1
        self.shortcut = None if same else nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW = F.relu(self.norm1(x_BCHW))
        kept = x_BCHW if self.shortcut is None else self.shortcut(h_BCHW)
        return kept + self.conv2(F.relu(self.norm2(self.conv1(h_BCHW))))


class JudgeNet(nn.Module):
    def __init__(self, num_classes: int, widths: tuple[int, ...], blocks: tuple[int, ...]):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, 2, 1, bias=False)
        layers, channels = [], widths[0]
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for i in range(count):
                layers.append(ResidualBlock(channels, width, stride=2 if stage and i == 0 else 1))
                channels = width
        self.blocks = nn.Sequential(*layers)
        self.norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, num_classes)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """(B,D): the last stage, averaged over the picture."""
        return F.relu(self.norm(self.blocks(self.stem(x_BCHW)))).mean(dim=(2, 3))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Class logits (B,classes) of pictures in [-1,1]."""
        return self.head(self.features(x_BCHW))


@dataclass(frozen=True)
class Looks:
    """What the judge makes of N pictures, on the CPU: features_ND, and classes_N, the index it answers."""

    features_ND: Tensor
    classes_N: Tensor

    def right(self, labels_N: Tensor) -> Tensor:
        """(N,) bool."""
        return self.classes_N == labels_N


@dataclass(frozen=True, eq=False)
class Judge:
    """A trained judge. accuracy: on the held-out photos of its training."""

    net: JudgeNet
    classes: tuple[str, ...]
    size: int
    accuracy: float
    sha256: str
    device: torch.device

    @torch.no_grad()
    def look(self, pictures: Iterable[Tensor]) -> Looks:
        """At batches (B,3,H,W) in [0,1], scaled to the judge's size where they have another."""
        features, answers = [], []
        for image_BCHW in pictures:
            for part_BCHW in image_BCHW.split(LOOK_BATCH):
                found_BD = self.net.features(self._fitted(part_BCHW))
                features.append(found_BD.cpu())
                answers.append(self.net.head(found_BD).argmax(1).cpu())
        return Looks(torch.cat(features), torch.cat(answers))

    def _fitted(self, image_BCHW: Tensor) -> Tensor:
        x_BCHW = image_BCHW.to(self.device) * 2 - 1
        if x_BCHW.shape[-2:] != (self.size, self.size):
            x_BCHW = F.interpolate(x_BCHW, size=(self.size, self.size), mode="bilinear", antialias=True)
        return x_BCHW


def train_judge(
    photos: PhotoSet,
    path: Path,
    recipe: JudgeRecipe,
    device: torch.device,
    say: Callable[[str], None] = print,
    report_seconds: float = 20.0,
) -> Judge:
    """Train on the training part of the photos and write `path` with a JSON card beside it."""
    train_N, held_N = photos.held_out()
    if not len(held_N):
        raise ValueError(
            f"none of the {len(photos)} photos is held out (5 % are, by file name): a judge needs more photos"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = JudgeNet(len(photos.classes), recipe.widths, recipe.blocks)
    net = net.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=recipe.weight_decay)
    steps = max(1, round(recipe.epochs * len(train_N) / recipe.batch))
    say(f"judge: training on {len(train_N)} photos of {len(photos.classes)} classes, {steps} steps")
    began = reported = time.monotonic()
    for step in range(steps):
        indices_B = batch_indices(train_N, recipe.batch, recipe.seed, step)
        x_BCHW = augmented_batch(photos, indices_B, recipe.size, recipe.seed, step).to(device)
        set_lr(optimizer, recipe.lr * cosine((step + 1) / steps))
        with autocast(device):
            logits = net(x_BCHW.contiguous(memory_format=torch.channels_last))
        labels_B = photos.labels_N[indices_B].to(device)
        loss = F.cross_entropy(logits.float(), labels_B, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        now = time.monotonic()
        if now - reported >= report_seconds:
            left = (now - began) * (steps - step - 1) / (step + 1)
            rate = (step + 1) * recipe.batch / (now - began)
            say(
                f"judge: step {step + 1} of {steps}  loss {loss.item():.3f}  {rate:.0f} images/s"
                f"  left {left / 60:.1f} min"
            )
            reported = now
    net = net.to(memory_format=torch.contiguous_format).eval().requires_grad_(False)
    untested = Judge(net, photos.classes, recipe.size, 0.0, "", device)
    looks = untested.look((plain_batch(photos, i, recipe.size) + 1) / 2 for i in held_N.split(LOOK_BATCH))
    accuracy = looks.right(photos.labels_N[held_N]).float().mean().item()
    _write(path, net, photos, recipe, accuracy, time.monotonic() - began, device)
    say(f"judge: {100 * accuracy:.1f} % of {len(held_N)} held-out photos; wrote {path}")
    return Judge(net, photos.classes, recipe.size, accuracy, file_sha256(path), device)


def _write(
    path: Path,
    net: JudgeNet,
    photos: PhotoSet,
    recipe: JudgeRecipe,
    accuracy: float,
    seconds: float,
    device: torch.device,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    train_N, held_N = photos.held_out()
    with written_whole(path) as temporary:
        temporary.write_bytes(save({name: t.cpu().contiguous() for name, t in net.state_dict().items()}))
    entries = {
        "about": "judge of `python -m explorer evaluate`: only ever looks at results, never part of a loss",
        "classes": list(photos.classes),
        "size": recipe.size,
        "accuracy": round(accuracy, 4),
        "photos_trained_on": len(train_N),
        "photos_held_out": len(held_N),
        "minutes": round(seconds / 60, 1),
        "precision": training_precision(device),
        "recipe": asdict(recipe),
        "sha256": file_sha256(path),
    }
    write_card_entries(path, entries)


def load_judge(path: Path, classes: tuple[str, ...], device: torch.device) -> Judge:
    """The judge of an earlier `train_judge`.

    Raises CheckpointError when the file cannot be used, ValueError when it was trained for other classes.
    """
    try:
        card = json.loads(card_path(path).read_text(encoding="utf-8"))
        recipe = card["recipe"]
        names = tuple(card["classes"])
        net = JudgeNet(len(names), tuple(recipe["widths"]), tuple(recipe["blocks"]))
        net.load_state_dict(load_file(path))
        found = Judge(
            net.to(device).eval().requires_grad_(False),
            names,
            int(card["size"]),
            float(card["accuracy"]),
            file_sha256(path),
            device,
        )
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} with {card_path(path).name} is no judge of this program "
            f"({type(error).__name__}: {error}); "
            "name a new file to have one trained"
        ) from error
    if names != classes:
        raise ValueError(
            f"{path} judges {len(names)} classes ({_short(names)}), the photos have {len(classes)} "
            f"({_short(classes)}); name a new --judge file to have one trained for them"
        )
    return found


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 20 else ", ".join(names[:20]) + ", ..."
