"""The small classifier whose features the tokenizer recipes use as a loss, trained on the same photos."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from explorer.devices import autocast
from explorer.training.loop import cosine, set_lr
from explorer.training.losses import FeatureNet
from explorer.training.photos import PhotoSet, augmented_batch, batch_indices, plain_batch


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
    """Train for `minutes` and write `path`, or read it when it is there; reports held-out accuracy."""
    net = FeatureNet(len(photos.classes)).to(device)
    if path.exists():
        net.load_state_dict(load_file(path))
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
    save_file({name: t.cpu().contiguous() for name, t in net.state_dict().items()}, path)
    return net
