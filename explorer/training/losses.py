"""Losses of the tokenizer recipes: pixels, features of a small classifier, and a patch discriminator.

The classifier is trained on the same photos, so nothing is downloaded. Shapes: B batch, C channels, H W
pixels. Sources: Zhang et al. 2018 (feature distance, LPIPS), Isola et al. 2017 (patch discriminator), Esser
et al. 2021 (balancing the adversarial gradient against the reconstruction's).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class FeatureNet(nn.Module):
    """A small VGG-like classifier; its four stages are the features that reconstructions should keep."""

    def __init__(self, num_classes: int, widths: tuple[int, ...] = (32, 64, 128, 192)):
        super().__init__()
        stages, previous = [], 3
        for i, width in enumerate(widths):
            stages.append(
                nn.Sequential(*self._conv(previous, width), *(self._conv(width, width) if i else ()))
            )
            previous = width
        self.stages = nn.ModuleList(stages)
        self.head = nn.Linear(previous, num_classes)

    @staticmethod
    def _conv(in_channels: int, out_channels: int) -> tuple[nn.Module, ...]:
        conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        return conv, nn.BatchNorm2d(out_channels), nn.ReLU()

    def features(self, x_BCHW: Tensor) -> list[Tensor]:
        """One map per stage, at full, half, quarter and eighth size."""
        found = []
        for i, stage in enumerate(self.stages):
            x_BCHW = stage(F.avg_pool2d(x_BCHW, 2) if i else x_BCHW)
            found.append(x_BCHW)
        return found

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Class logits (B,classes)."""
        return self.head(self.features(x_BCHW)[-1].mean(dim=(2, 3)))


def feature_distance(net: FeatureNet, x_BCHW: Tensor, y_BCHW: Tensor) -> Tensor:
    """Mean over stages of the squared distance between channel-normalised features; (B,)."""
    with torch.no_grad():
        wanted = [F.normalize(f.float(), dim=1) for f in net.features(x_BCHW)]
    found = [F.normalize(f.float(), dim=1) for f in net.features(y_BCHW)]
    return torch.stack(
        [(a - b).square().sum(1).mean(dim=(1, 2)) for a, b in zip(wanted, found, strict=True)]
    ).mean(0)


class PatchDiscriminator(nn.Module):
    """Real or reconstructed, judged per patch: logits (B,1,H/4,W/4)."""

    def __init__(self, width: int = 48):
        super().__init__()
        widths = (3, width, 2 * width, 4 * width)
        layers: list[nn.Module] = []
        for i in range(3):
            conv = nn.Conv2d(widths[i], widths[i + 1], 4 if i < 2 else 3, stride=2 if i < 2 else 1, padding=1)
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.layers(x_BCHW)


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator's logits."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def balanced_gradient(y_BCHW: Tensor, reconstruction: Tensor, adversarial: Tensor, weight: float) -> Tensor:
    """Gradient at the reconstruction y: the reconstruction's own plus `weight` of the adversarial one,
    equally long.

    Balancing at y instead of at the last layer (as VQGAN does) costs no second pass through the decoder.
    """
    (own,) = torch.autograd.grad(reconstruction, y_BCHW, retain_graph=True)
    (other,) = torch.autograd.grad(adversarial, y_BCHW)
    return own + other * (weight * own.norm() / other.norm().clamp_min(1e-12))
