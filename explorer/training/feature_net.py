"""The small classifier whose features the tokenizer recipes use as a loss, trained on the same photos."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from explorer.devices import autocast
from explorer.errors import CheckpointError
from explorer.training.loop import cosine, set_lr
from explorer.training.losses import FeatureNet
from explorer.training.photos import PhotoSet, augmented_batch, batch_indices, plain_batch
from explorer.writing import written_whole


def train_feature_net(
    photos: PhotoSet,
    path: Path,
    *,
    size: int,
    minutes: float,
    device: torch.device,
    batch: int = 64,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> FeatureNet:
    """Train for `minutes` and write `path`, or read it when it is there; reports held-out accuracy.

    CheckpointError when what is there is torn, or a classifier of other classes.
    """
    net = FeatureNet(len(photos.classes)).to(device)
    if path.exists():
        _read(path, net, photos.classes)
        return net.eval()
    train_N, held_N = photos.held_out()
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
    began, step = time.monotonic(), 0
    while (progress := (time.monotonic() - began) / (60 * minutes)) < 1:
        indices_B = batch_indices(train_N, batch, seed, step)
        x_BCHW = augmented_batch(photos, indices_B, size, seed, step).to(device)
        set_lr(optimizer, 3e-3 * cosine(progress))
        with autocast(device):
            loss = F.cross_entropy(
                net(x_BCHW).float(), photos.labels_N[indices_B].to(device), label_smoothing=0.05
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        if step % 100 == 0:
            say(f"feature classifier: {100 * progress:.0f} %  step {step}  loss {loss.item():.3f}")
    net.eval()
    with torch.no_grad():
        logits = torch.cat([net(plain_batch(photos, i, size).to(device)).cpu() for i in held_N.split(64)])
    accuracy = (logits.argmax(1) == photos.labels_N[held_N]).float().mean().item()
    say(f"feature classifier: {step} steps, {100 * accuracy:.1f} % of {len(held_N)} held-out photos")
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.cpu().contiguous() for name, t in net.state_dict().items()}
    with written_whole(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={"classes": json.dumps(photos.classes)}))
    return net


def _read(path: Path, net: FeatureNet, classes: tuple[str, ...]) -> None:
    """Fill the network from `path`."""
    try:
        with safe_open(path, "pt") as file:
            named = json.loads((file.metadata() or {}).get("classes", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        outputs = len(tensors["head.bias"])
        if outputs == len(classes):
            net.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} is torn or no feature classifier ({' '.join(str(error).split())[:120]}); delete it to "
            "have one trained, or name another with --features"
        ) from error
    if outputs != len(classes) or named not in (None, list(classes)):
        raise CheckpointError(
            f"{path} is a feature classifier of {outputs} classes ({_short(named or ())}), the photos have "
            f"{len(classes)} ({_short(classes)}); name another file with --features"
        )


def _short(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "it does not say which"
