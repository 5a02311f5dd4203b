"""Figures for the cards, computed from the shipped files through the public API.

Shapes: B batch, K scales, V codes, H W pixels. PSNR and SSIM compare with the fitted input, the picture
that the tokenizer was given, after cropping and scaling.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.analysis.fidelity import psnr, ssim
from explorer.analysis.usage import count_tokens, usage, usage_by_scale
from explorer.families import ANY_ORDER
from explorer.generators.base import Generator
from explorer.picture_files import picture_names, read_pictures
from explorer.token_maps import TokenMaps
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


class ReconstructionTally:
    """Sums over pictures and their reconstructions, batch by batch."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self.psnr, self.ssim = [], []
        self.sharp = self.sharp_input = 0.0
        self.counts_KV = torch.zeros(len(tokenizer.grids), tokenizer.vocab_size, dtype=torch.int64)

    def add(self, image_BCHW: Tensor, maps: TokenMaps, decoded_BCHW: Tensor) -> None:
        self.psnr.append(psnr(decoded_BCHW, image_BCHW))
        self.ssim.append(ssim(decoded_BCHW, image_BCHW))
        self.sharp += gradient_energy(decoded_BCHW) * len(image_BCHW)
        self.sharp_input += gradient_energy(image_BCHW) * len(image_BCHW)
        self.counts_KV += count_tokens([maps], self.tokenizer.vocab_size)

    def figures(self) -> dict:
        """PSNR, SSIM, sharpness, bits and codebook usage. ValueError when nothing was added."""
        if not self.psnr:
            raise ValueError(f"no pictures to measure {self.tokenizer.name} on")
        tokens = sum(h * w for h, w in self.tokenizer.grids)
        bits = tokens * math.log2(self.tokenizer.vocab_size)
        H, W = self.tokenizer.image_hw
        total, by_scale = usage(self.counts_KV.sum(0)), usage_by_scale(self.counts_KV)
        return {
            "images": len(torch.cat(self.psnr)),
            "psnr_db": round(torch.cat(self.psnr).mean().item(), 2),
            "ssim": round(torch.cat(self.ssim).mean().item(), 4),
            "gradient_energy_ratio": round(self.sharp / max(self.sharp_input, 1e-12), 3),
            "tokens_per_image": tokens,
            "bits_per_image": round(bits),
            "bits_per_pixel": round(bits / (H * W), 4),
            "codes": self.tokenizer.vocab_size,
            "codes_distinct": total.distinct,
            "codes_used": round(total.share, 4),
            "codes_used_means": f"share of the codes that occur at least once in {total.tokens} tokens",
            "perplexity": round(total.perplexity, 1),
            "distinct_by_scale": [one.distinct for one in by_scale],
            "perplexity_by_scale": [round(one.perplexity, 1) for one in by_scale],
            "tokens_counted_by_scale": [one.tokens for one in by_scale],
        }


def reconstruction_metrics(tokenizer: Tokenizer, batches: Iterable[Tensor]) -> dict:
    """The figures of `ReconstructionTally` over pictures (B,3,H,W) in [0,1]."""
    tally = ReconstructionTally(tokenizer)
    for image_BCHW in batches:
        maps = tokenizer.encode(image_BCHW)
        tally.add(image_BCHW, maps, tokenizer.decode(maps))
    return tally.figures()


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
def likelihood_metrics(
    generator: Generator,
    tokenizer: Tokenizer,
    photos: PhotoSet,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Teacher-forced bits per token on held-out photos, given their class and given none.

    Of a model that draws in any order: along the raster scan, and the figures say so.
    """
    nats = {"bits_per_token": 0.0, "bits_per_token_no_class": 0.0}
    tokens = done = 0
    for image_BCHW, indices_B in held_out_pictures(photos, tokenizer.image_hw[0]):
        maps = tokenizer.encode(image_BCHW)
        # By name: the generator may number its classes otherwise.
        names = [photos.classes[label] for label in photos.labels_N[indices_B]]
        for name, labels in zip(nats, (names, None), strict=True):
            for logits_BhwV, ids_Bhw in zip(generator.logits(maps, labels), maps.maps, strict=True):
                nats[name] += F.cross_entropy(
                    logits_BhwV.flatten(0, 2), ids_Bhw.flatten(), reduction="sum"
                ).item()
        tokens += sum(m.numel() for m in maps.maps)
        done += len(indices_B)
        progress(done, len(photos.held_out()[1]))
    along = {"order": "raster"} if generator.order == ANY_ORDER else {}
    return {
        "tokens": tokens,
        **along,
        **{name: round(value / tokens / math.log(2), 4) for name, value in nats.items()},
    }
