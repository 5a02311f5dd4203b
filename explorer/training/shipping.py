"""Weights and card of a trained model, as they are shipped: safetensors in half precision, JSON beside it."""

import json
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from explorer.writing import written_whole
from explorer.zoo.cards import card_path
from explorer.zoo.reading import file_sha256


def save_model(path: Path, tensors: dict[str, Tensor], card: dict) -> Path:
    """Write weights and card (with the weights' sha256); returns the path of the weights.

    Raises ValueError when half precision cannot hold a weight, or a file cannot be written.
    """
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor.float()).all():
            raise ValueError(f"{name} holds values that are not finite; the run diverged, nothing is written")
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_bytes(save(tensors))
    write_card_entries(path, {**card, "sha256": file_sha256(path)})
    return path


def write_card_entries(weights: Path, entries: dict) -> None:
    text = json.dumps(entries, indent=2, ensure_ascii=False)
    with written_whole(card_path(weights)) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
