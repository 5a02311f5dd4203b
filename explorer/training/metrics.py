"""Figures for the cards, computed from the shipped files through the public API.

Shapes: B batch, K scales, V codes, H W pixels. PSNR and SSIM compare with the fitted input, the picture
that the tokenizer was given, after cropping and scaling.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.analysis.fidelity import psnr, ssim
from explorer.analysis.usage import count_tokens, usage, usage_by_scale
from explorer.generators.base import Generator
from explorer.picture_files import picture_names, read_pictures
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import open_image
from explorer.training.losses import FeatureNet
from explorer.training.photos import PhotoSet, plain_batch

BATCH = 32


def held_out_pictures(photos: PhotoSet, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of held-out photos (B,3,H,W) in [0,1] and their indices."""
    for indices_B in photos.held_out()[1].split(BATCH):
        yield (plain_batch(photos, indices_B, size) + 1) / 2, indices_B


def pictures_in(path: Path, tokenizer: Tokenizer) -> Iterator[Tensor]:
    """Every picture of a folder or zip, centre-cropped to the tokenizer's size, (1,3,H,W) in [0,1]."""
    for _, content in read_pictures(path, picture_names(path)):
        yield tokenizer.fit(open_image(content), mode="crop")


def gradient_energy(image_BCHW: Tensor) -> float:
    """Mean squared difference of neighbouring pixels, both directions: how sharp pictures are."""
    return (image_BCHW.diff(dim=-1).square().mean() + image_BCHW.diff(dim=-2).square().mean()).item()


def reconstruction_metrics(tokenizer: Tokenizer, batches: Iterator[Tensor]) -> dict:
    """PSNR, SSIM, sharpness, bits and codebook usage over the given pictures."""
    psnr_B, ssim_B, maps, sharp, sharp_input = [], [], [], 0.0, 0.0
    for image_BCHW in batches:
        found = tokenizer.encode(image_BCHW)
        decoded = tokenizer.decode(found)
        psnr_B.append(psnr(decoded, image_BCHW))
        ssim_B.append(ssim(decoded, image_BCHW))
        maps.append(found)
        sharp += gradient_energy(decoded) * len(image_BCHW)
        sharp_input += gradient_energy(image_BCHW) * len(image_BCHW)
    counts_KV = count_tokens(maps, tokenizer.vocab_size)
    tokens = sum(h * w for h, w in tokenizer.grids)
    bits = tokens * math.log2(tokenizer.vocab_size)
    H, W = tokenizer.image_hw
    images = len(torch.cat(psnr_B))
    return {
        "images": images,
        "psnr_db": round(torch.cat(psnr_B).mean().item(), 2),
        "ssim": round(torch.cat(ssim_B).mean().item(), 4),
        "gradient_energy_ratio": round(sharp / sharp_input, 3),
        "tokens_per_image": tokens,
        "bits_per_image": round(bits),
        "bits_per_pixel": round(bits / (H * W), 4),
        "codes_used": round(usage(counts_KV.sum(0)).distinct / tokenizer.vocab_size, 4),
        "perplexity_by_scale": [round(u.perplexity, 1) for u in usage_by_scale(counts_KV)],
        "tokens_counted_by_scale": counts_KV.sum(1).tolist(),
    }


@torch.no_grad()
def kept_classes(tokenizer: Tokenizer, net: FeatureNet, photos: PhotoSet) -> dict:
    """Accuracy of the recipe's feature classifier on held-out photos and on their reconstructions."""
    right = right_reconstructed = count = 0
    for image_BCHW, indices_B in held_out_pictures(photos, tokenizer.image_hw[0]):
        labels_B = photos.labels_N[indices_B]
        decoded = tokenizer.decode(tokenizer.encode(image_BCHW))
        right += (net(image_BCHW * 2 - 1).argmax(1) == labels_B).sum().item()
        right_reconstructed += (net(decoded * 2 - 1).argmax(1) == labels_B).sum().item()
        count += len(indices_B)
    return {
        "images": count,
        "accuracy_originals": round(right / count, 4),
        "accuracy_reconstructions": round(right_reconstructed / count, 4),
        "note": "the classifier whose features were a training loss, so no independent judge",
    }


@torch.no_grad()
def likelihood_metrics(generator: Generator, tokenizer: Tokenizer, photos: PhotoSet) -> dict:
    """Teacher-forced bits per token on held-out photos, given their class and given none."""
    nats = {"bits_per_token": 0.0, "bits_per_token_no_class": 0.0}
    tokens = 0
    for image_BCHW, indices_B in held_out_pictures(photos, tokenizer.image_hw[0]):
        maps = tokenizer.encode(image_BCHW)
        for name, labels in zip(nats, (photos.labels_N[indices_B].tolist(), None), strict=True):
            for logits_BhwV, ids_Bhw in zip(generator.logits(maps, labels), maps.maps, strict=True):
                nats[name] += F.cross_entropy(
                    logits_BhwV.flatten(0, 2), ids_Bhw.flatten(), reduction="sum"
                ).item()
        tokens += sum(m.numel() for m in maps.maps)
    return {
        "tokens": tokens,
        **{name: round(value / tokens / math.log(2), 4) for name, value in nats.items()},
    }
