"""Training a tokenizer (VAR's multi-scale or LlamaGen's single-scale) from photos.

Per step: features of augmented photos; codes found for every scale without gradient; the picture decoded
from f_hat with a straight-through gradient; losses of pixels, classifier features and, later in the run, a
patch discriminator. The codes follow the features by moving averages, the residual convolutions and
everything else by gradient.

Shapes: B batch, K scales, C code dimension, H W pixels, h w the feature grid, N vectors.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.devices import autocast
from explorer.nets.autoencoder import AutoencoderConfig, init_autoencoder
from explorer.nets.vqvae import VQVAEConfig, build_vqvae
from explorer.training.codebook import CodebookAverage
from explorer.training.loop import WeightAverage, cosine, set_lr, swapped_weights
from explorer.training.losses import (
    FeatureNet,
    PatchDiscriminator,
    balanced_gradient,
    discriminator_loss,
    feature_distance,
)
from explorer.training.photos import PhotoSet, augmented_batch, batch_indices, plain_batch, random_state
from explorer.training.recipes import TokenizerRecipe
from explorer.training.sheets import save_sheet


def network_config(recipe: TokenizerRecipe) -> VQVAEConfig:
    autoencoder = AutoencoderConfig(recipe.ch, recipe.ch_mult, recipe.z_channels, recipe.num_res_blocks)
    return VQVAEConfig(recipe.family, autoencoder, recipe.vocab_size, recipe.code_dim)


def check_network(recipe: TokenizerRecipe) -> None:
    """ValueError when these numbers make no network."""
    grid = recipe.image_size // network_config(recipe).autoencoder.downsample
    if recipe.scales[-1:] != (grid,):
        raise ValueError(
            f"the last scale must be the feature grid: {recipe.image_size} px give {grid}x{grid}, "
            f"the recipe ends in {recipe.scales[-1]}x{recipe.scales[-1]}"
        )


class TokenizerTask:
    """features: the classifier of the loss; it may be given later, with `use_features`."""

    def __init__(self, recipe: TokenizerRecipe, photos: PhotoSet, features: FeatureNet, device: torch.device):
        check_network(recipe)
        self.recipe, self.photos, self.device, self.batch = recipe, photos, device, recipe.batch
        self.train_N, self.held_N = photos.held_out()
        torch.manual_seed(recipe.seed)
        self.net = build_vqvae(network_config(recipe))
        init_autoencoder(self.net)
        torch.nn.init.normal_(self.net.quantize.embedding.weight, std=0.5)
        self.net.quantize.embedding.weight.requires_grad_(False)
        if recipe.decoder_only:
            for part in (self.net.encoder, self.net.quant_conv, self.net.quantize):
                part.requires_grad_(False)
        self.net.to(device)
        if device.type == "cuda":  # on a CPU this layout is slower and its group norm inaccurate
            self.net.to(memory_format=torch.channels_last)
        self.discriminator = PatchDiscriminator().to(device)
        self.use_features(features)
        self.size = recipe.image_size
        self.grids = [(side, side) for side in recipe.scales]
        self.multi_scale = recipe.family == "var-tokenizer"
        learned = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(learned, betas=(0.9, 0.99), weight_decay=1e-4)
        self.opponent = torch.optim.AdamW(
            self.discriminator.parameters(), betas=(0.5, 0.9), weight_decay=1e-4
        )
        self.average = WeightAverage(self.net, 0.998)
        tokens_K = torch.tensor([float(side * side) for side in recipe.scales])
        self.share_K = (tokens_K.cumsum(0) / tokens_K.sum()).to(device)
        self.codes = CodebookAverage(self.net.quantize.codebook(), unit=not self.multi_scale)

    def use_features(self, features: FeatureNet) -> None:
        self.features = features.to(self.device).eval().requires_grad_(False)

    # quantisation with gradients

    def quantise(self, f_BChw: Tensor, shown_B: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Straight-through f_hat, the loss that ties f and f_hat, and the (vectors, ids) that the codes
        follow.

        shown_B: how many scales each picture is decoded from.
        """
        quantizer = self.net.quantize
        if not self.multi_scale:
            unit_BChw = F.normalize(f_BChw, dim=1)
            ids_Bhw = quantizer.encode(f_BChw.detach())
            f_hat = quantizer.lookup(ids_Bhw)
            loss = self.recipe.commitment * (unit_BChw - f_hat).square().mean()
            vectors_NC = unit_BChw.detach().permute(0, 2, 3, 1).reshape(-1, unit_BChw.shape[1])
            return unit_BChw + (f_hat - unit_BChw).detach(), loss, vectors_NC, ids_Bhw.flatten()
        K, size = len(self.grids), f_BChw.shape[-2:]
        rest, vectors, ids = f_BChw.detach(), [], []
        f_hat = shown = torch.zeros_like(f_BChw)
        tie = f_BChw.new_zeros(())
        for k, grid in enumerate(self.grids):
            z_BChw = quantizer.shrink(rest, grid)
            ids_Bhw = quantizer.encode(z_BChw, [grid])[0]
            vectors.append(z_BChw.permute(0, 2, 3, 1).reshape(-1, z_BChw.shape[1]))
            ids.append(ids_Bhw.flatten())
            added = quantizer.contribution(ids_Bhw, k, K, size)
            f_hat = f_hat + added
            shown = shown + added * (k < shown_B).view(-1, 1, 1, 1)
            rest = rest - added.detach()
            tie = tie + (f_hat - f_BChw.detach()).square().mean() / K
        tie = tie + self.recipe.commitment * (f_BChw - f_hat.detach()).square().mean()
        # Larger features would drown the rounding to codes, and codes that lag behind them never catch up.
        tie = tie + self.recipe.size_weight * F.relu(f_BChw.square().mean() - 1)
        return shown.detach() + (f_BChw - f_BChw.detach()), tie, torch.cat(vectors), torch.cat(ids)

    # one update

    def step(self, step: int, progress: float) -> dict[str, float]:
        recipe, K = self.recipe, len(self.grids)
        indices_B = batch_indices(self.train_N, self.batch, recipe.seed, step)
        x_BCHW = augmented_batch(
            self.photos, indices_B, recipe.image_size, recipe.seed, step, recipe.augment
        ).to(self.device)
        random = random_state(recipe.seed, step, 2)
        dropped_B = torch.rand(self.batch, generator=random) < recipe.scale_dropout
        shown_B = torch.where(dropped_B, torch.randint(1, K + 1, (self.batch,), generator=random), K)
        set_lr(self.optimizer, recipe.lr * cosine(progress, floor=0.02))
        set_lr(self.opponent, recipe.lr * 0.5 * cosine(progress, floor=0.02))

        learns_tokens = not recipe.decoder_only
        with autocast(self.device), torch.set_grad_enabled(learns_tokens):
            f_BChw = self.net.features(x_BCHW)
        f_BChw = f_BChw.float()
        f_hat, tie, vectors_NC, ids_N = self.quantise(f_BChw, shown_B.to(self.device))
        with_codes = progress >= recipe.warm_up or not learns_tokens
        seen = f_hat if with_codes else (f_BChw if self.multi_scale else F.normalize(f_BChw, dim=1))
        with autocast(self.device):
            y_BCHW = self.net.to_pixels(seen)
        y_BCHW = y_BCHW.float()
        y_free = y_BCHW.detach().requires_grad_(True)

        error = y_free - x_BCHW
        pixels = error.abs().mean() + error.square().mean()
        features = pixels.new_zeros(())
        if recipe.feature_weight:
            with autocast(self.device):
                distance_B = feature_distance(self.features, x_BCHW, y_free)
            # Few tokens cannot tell texture; asked for it all the same, the decoder draws a grid of dots.
            features = (distance_B * self.share_K[shown_B.to(self.device) - 1]).mean()
        reconstruction = pixels + recipe.feature_weight * features
        figures = {"pixels": pixels.item(), "features": features.item(), "tie": tie.item()}
        fooling = recipe.adversarial_weight * min(1.0, max(0.0, (progress - recipe.adversarial_from) / 0.05))
        if fooling:
            full_B = (shown_B == K).to(self.device)
            with autocast(self.device):
                adversarial = -self.discriminator(y_free)[full_B].float().mean()
            gradient = balanced_gradient(y_free, reconstruction, adversarial, fooling)
        else:
            (gradient,) = torch.autograd.grad(reconstruction, y_free)
        self.optimizer.zero_grad(set_to_none=True)
        if learns_tokens:
            torch.autograd.backward([y_BCHW, tie], [gradient, torch.ones_like(tie)])
        else:
            y_BCHW.backward(gradient)
        torch.nn.utils.clip_grad_norm_([p for p in self.net.parameters() if p.grad is not None], 1.0)
        self.optimizer.step()
        if learns_tokens:
            figures["revived"] = self.codes.update(
                self.net.quantize.embedding.weight.data, vectors_NC, ids_N, random
            )
        if recipe.adversarial_weight and progress > recipe.adversarial_from - 0.05:
            figures["discriminator"] = self.update_discriminator(x_BCHW, y_BCHW.detach(), (shown_B == K))
        self.average.update(self.net, step)
        return figures

    def update_discriminator(self, x_BCHW: Tensor, y_BCHW: Tensor, full_B: Tensor) -> float:
        full_B = full_B.to(self.device)
        with autocast(self.device):
            logits = self.discriminator(torch.cat([x_BCHW, y_BCHW[full_B]]))
        loss = discriminator_loss(logits[: len(x_BCHW)].float(), logits[len(x_BCHW) :].float())
        self.opponent.zero_grad(set_to_none=True)
        loss.backward()
        self.opponent.step()
        return loss.item()

    # saving, measuring, drawing

    def state(self) -> dict:
        return {
            "net": self.net.state_dict(),
            "average": self.average.tensors,
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "opponent": self.opponent.state_dict(),
            "codes": self.codes.state(),
        }

    def load_state(self, state: dict) -> None:
        self.net.load_state_dict(state["net"])
        for name, tensor in state["average"].items():
            self.average.tensors[name].copy_(tensor)
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.opponent.load_state_dict(state["opponent"])
        self.codes.load_state(state["codes"])

    def load_weights(self, tensors: dict[str, Tensor]) -> None:
        """Start from shipped weights."""
        self.net.load_state_dict({name: t.float() for name, t in tensors.items()})
        self.average = WeightAverage(self.net, self.average.decay)
        self.codes = CodebookAverage(self.net.quantize.codebook(), unit=not self.multi_scale)

    def shipped(self) -> dict[str, Tensor]:
        """The averaged weights in half precision; codes as they are, since the moving average already
        smooths them.
        """
        tensors = dict(self.average.tensors)
        tensors["quantize.embedding.weight"] = self.net.quantize.embedding.weight.detach()
        return {name: t.half().cpu().contiguous() for name, t in tensors.items()}

    def card(self) -> dict:
        """What shapes cannot tell."""
        grids = [list(grid) for grid in self.grids]
        return {"family": self.recipe.family, "grids": grids, "image_size": self.recipe.image_size}

    @torch.no_grad()
    def reconstruct(self, x_BCHW: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Reconstructions in [-1,1] and token maps, with the weights in use."""
        f_BChw = self.net.features(x_BCHW)
        quantizer = self.net.quantize
        if self.multi_scale:
            maps = quantizer.encode(f_BChw, self.grids)
            *_, f_hat = quantizer.accumulate(maps, f_BChw.shape[-2:])
        else:
            maps = [quantizer.encode(f_BChw)]
            f_hat = quantizer.lookup(maps[0])
        return self.net.to_pixels(f_hat).clamp(-1, 1), maps

    def _held_out(self, count: int) -> Tensor:
        chosen = self.held_N[torch.linspace(0, len(self.held_N) - 1, min(count, len(self.held_N))).long()]
        return plain_batch(self.photos, chosen, self.recipe.image_size).to(self.device)

    @torch.no_grad()
    def measure(self, count: int = 128) -> dict[str, float]:
        x_BCHW = self._held_out(count)
        with swapped_weights(self.net, {k: v.float() for k, v in self.shipped().items()}):
            parts = [self.reconstruct(x) for x in x_BCHW.split(32)]
        y_BCHW = torch.cat([y for y, _ in parts])
        error_B = ((x_BCHW - y_BCHW) / 2).square().mean(dim=(1, 2, 3)).clamp_min(1e-10)
        ids = torch.cat([m.flatten() for _, maps in parts for m in maps])
        classes = self.features(y_BCHW).argmax(1) == self.features(x_BCHW).argmax(1)
        sharpness = (y_BCHW.diff(dim=-1).square().mean() / x_BCHW.diff(dim=-1).square().mean()).item()
        return {
            "psnr_db": (-10 * error_B.log10()).mean().item(),
            "gradient_energy": sharpness,
            "same_class": classes.float().mean().item(),
            "codes_used": len(ids.unique()) / self.recipe.vocab_size,
        }

    @torch.no_grad()
    def draw(self, path: Path) -> None:
        x_BCHW = self._held_out(32)
        with swapped_weights(self.net, {k: v.float() for k, v in self.shipped().items()}):
            y_BCHW, _ = self.reconstruct(x_BCHW)
        rows = [t for i in range(0, len(x_BCHW), 16) for t in (x_BCHW[i : i + 16], y_BCHW[i : i + 16])]
        save_sheet(rows, path)
