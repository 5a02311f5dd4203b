"""Training a generator on the tokens of a tokenizer: VAR's next-scale transformer, LlamaGen's raster GPT, or
the masked transformer.

Each photo is seen in a fixed number of augmented copies. Their token maps are found when first needed and
kept, so a long run pays the encoder once per copy; a copy depends on (seed, photo, copy) alone, so nothing
need be saved.

Shapes: B batch, L tokens, V codes, D width, C code dimension.
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer import families
from explorer.devices import autocast
from explorer.nets.llamagen_gpt import LlamaGenConfig, LlamaGenGPT
from explorer.nets.masked_transformer import MaskedConfig, MaskedTransformer
from explorer.nets.var_transformer import VARConfig, VARTransformer
from explorer.nets.vqvae import VQVAEConfig
from explorer.orders import as_order
from explorer.token_maps import UNKNOWN
from explorer.training.loop import WeightAverage, cosine, set_lr, swapped_weights
from explorer.training.masking import hidden_by_cosine, hidden_evenly
from explorer.training.photos import AUGMENTATIONS, PhotoSet, batch_indices, plain_batch, random_state
from explorer.training.recipes import TransformerRecipe
from explorer.training.sheets import save_sheet
from explorer.training.shipping import save_model

Grid = tuple[int, int]
ENCODE_BATCH = 64


def network(
    recipe: TransformerRecipe, codes: VQVAEConfig, grids: tuple[Grid, ...], classes: int
) -> nn.Module:
    """The recipe's network for a tokenizer's codes and grids, with fresh weights."""
    order = families.named(recipe.family).order
    sizes = (classes, recipe.depth, recipe.width, recipe.heads)
    if order == families.NEXT_SCALE:
        net = VARTransformer(VARConfig(codes.vocab_size, codes.code_dim, grids, *sizes))
    elif order == families.ANY_ORDER:
        net = MaskedTransformer(MaskedConfig(codes.vocab_size, grids[-1], *sizes))
    else:
        path = None if recipe.order == families.RASTER else tuple(as_order(recipe.order, grids[-1]).tolist())
        net = LlamaGenGPT(LlamaGenConfig(codes.vocab_size, grids[-1], *sizes, order=path))
    net.init_weights()
    return net


class TransformerTask:
    def __init__(
        self,
        recipe: TransformerRecipe,
        photos: PhotoSet,
        tokenizer: nn.Module,
        grids: tuple[Grid, ...],
        device: torch.device,
        tokenizer_path: Path,
    ):
        needed = families.named(recipe.family).tokenizer
        if tokenizer.config.family != needed:
            raise ValueError(
                f"the {recipe.name} recipe needs a {needed}; this is a {tokenizer.config.family}"
            )
        if recipe.order != families.RASTER and families.named(recipe.family).order != families.RASTER:
            raise ValueError(
                f"order={recipe.order} is for the raster recipe; {recipe.name} has no such choice"
            )
        self.recipe, self.photos, self.device, self.batch = recipe, photos, device, recipe.batch
        self.train_N, self.held_N = photos.held_out()
        self.grids, self.tokenizer = grids, tokenizer.to(device).eval().requires_grad_(False)
        self.tokenizer_path = tokenizer_path
        self.size = grids[-1][0] * tokenizer.config.downsample
        order = families.named(recipe.family).order
        self.multi_scale, self.any_order = order == families.NEXT_SCALE, order == families.ANY_ORDER
        torch.manual_seed(recipe.seed)
        self.net = network(recipe, tokenizer.config, grids, len(photos.classes)).to(device)
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        vectors = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": recipe.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            betas=(0.9, 0.95),
        )
        self.average = WeightAverage(self.net, recipe.ema)
        length = sum(h * w for h, w in grids)
        counts_K = torch.tensor([h * w for h, w in grids])
        weights_L = (counts_K.float() ** -recipe.coarse_first).repeat_interleave(counts_K)
        self.weights_L = (weights_L / weights_L.mean()).to(device)
        # Codes beyond 32767 would wrap around in two bytes.
        kind = torch.int16 if tokenizer.config.vocab_size <= 1 << 15 else torch.int32
        self.tokens = torch.full((recipe.copies, len(photos), length), -1, dtype=kind)

    # tokens

    @torch.no_grad()
    def encode(self, x_BCHW: Tensor) -> Tensor:
        """Ids (B,L) of pictures in [-1,1], scales one after the other, on the CPU."""
        f_BChw = self.tokenizer.features(x_BCHW.to(self.device))
        quantizer = self.tokenizer.quantize
        maps = quantizer.encode(f_BChw, self.grids) if self.multi_scale else [quantizer.encode(f_BChw)]
        return torch.cat([m.flatten(1) for m in maps], dim=1).cpu()

    def cached_tokens(self, indices_B: Tensor, copies_B: Tensor) -> Tensor:
        """Ids (B,L) of augmented copies, encoded when first asked for."""
        missing = self.tokens[copies_B, indices_B, 0] < 0
        if missing.any():
            wanted = list(zip(indices_B[missing].tolist(), copies_B[missing].tolist(), strict=True))
            augmented = AUGMENTATIONS[self.recipe.augment]
            x_BCHW = torch.stack(
                [
                    augmented(self.photos, i, self.size, random_state(self.recipe.seed, i, c, 3))
                    for i, c in wanted
                ]
            )
            ids_BL = torch.cat([self.encode(x) for x in x_BCHW.split(ENCODE_BATCH)])
            self.tokens[copies_B[missing], indices_B[missing]] = ids_BL.to(self.tokens.dtype)
        return self.tokens[copies_B, indices_B].long()

    def maps_of(self, ids_BL: Tensor) -> list[Tensor]:
        parts = ids_BL.split([h * w for h, w in self.grids], dim=1)
        return [ids.view(len(ids), h, w) for ids, (h, w) in zip(parts, self.grids, strict=True)]

    @torch.no_grad()
    def next_scale_inputs(self, ids_BL: Tensor) -> Tensor:
        """What the next-scale transformer sees for scales 2, 3, ...: (B,L',C)."""
        quantizer, maps = self.tokenizer.quantize, self.maps_of(ids_BL)
        f_hats = quantizer.accumulate(maps[:-1], self.grids[-1], K=len(self.grids))
        inputs = [quantizer.next_input(f, grid) for f, grid in zip(f_hats, self.grids[1:], strict=True)]
        return torch.cat([x.flatten(2).transpose(1, 2) for x in inputs], dim=1)

    def nats(self, ids_BL: Tensor, labels_B: Tensor, asked_BL: Tensor) -> Tensor:
        """(B,L) -log p of each token given the ones before it (raster; in the order of prediction), the
        coarser scales (next-scale) or the tokens that are not asked (any order; there, what is not asked has
        no meaning)."""
        if self.multi_scale:
            logits_BLV = self.net(labels_B, self.next_scale_inputs(ids_BL))
        elif self.any_order:
            logits_BLV = self.net(labels_B, ids_BL.masked_fill(asked_BL, UNKNOWN))
        else:
            ids_BL = ids_BL if self.net.config.order is None else ids_BL[:, list(self.net.config.order)]
            logits_BLV = self.net(labels_B, ids_BL[:, :-1])
        nats = F.cross_entropy(logits_BLV.float().flatten(0, 1), ids_BL.flatten(), reduction="none")
        return nats.view_as(ids_BL)

    def asked(self, batch: int, random: torch.Generator, evenly: bool = False) -> Tensor:
        """(B,L) bool: the tokens that are to be predicted; all of them, except where any order is learned."""
        length = self.tokens.shape[-1]
        if not self.any_order:
            return torch.ones(batch, length, dtype=torch.bool, device=self.device)
        return (hidden_evenly if evenly else hidden_by_cosine)(batch, length, random).to(self.device)

    # one update

    def step(self, step: int, progress: float) -> dict[str, float]:
        recipe = self.recipe
        indices_B = batch_indices(self.train_N, self.batch, recipe.seed, step)
        random = random_state(recipe.seed, step, 4)
        copies_B = torch.randint(recipe.copies, (self.batch,), generator=random)
        ids_BL = self.cached_tokens(indices_B, copies_B).to(self.device)
        dropped_B = torch.rand(self.batch, generator=random) < recipe.class_dropout
        labels_B = torch.where(dropped_B, len(self.photos.classes), self.photos.labels_N[indices_B]).to(
            self.device
        )
        set_lr(self.optimizer, recipe.lr * cosine(progress, warm_up=0.03, floor=0.01))
        asked_BL = self.asked(self.batch, random)
        with autocast(self.device):
            nats_BL = self.nats(ids_BL, labels_B, asked_BL)
        loss = (nats_BL * self.weights_L)[asked_BL].mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.net, step)
        return {"bits_per_token": nats_BL[asked_BL].mean().item() / math.log(2)}

    # saving, measuring, drawing

    def state(self) -> dict:
        return {
            "net": self.net.state_dict(),
            "average": self.average.tensors,
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state(self, state: dict) -> None:
        self.net.load_state_dict(state["net"])
        for name, tensor in state["average"].items():
            self.average.tensors[name].copy_(tensor)
        self.optimizer.load_state_dict(state["optimizer"])

    def load_weights(self, tensors: dict[str, Tensor]) -> None:
        """Start from shipped weights."""
        self.net.load_state_dict({name: t.float() for name, t in tensors.items()})
        self.average = WeightAverage(self.net, self.average.decay)

    def shipped(self) -> dict[str, Tensor]:
        """The averaged weights in half precision."""
        return {name: t.half().cpu().contiguous() for name, t in self.average.tensors.items()}

    def card(self) -> dict:
        """What shapes cannot tell, and settings that sample well."""
        return {
            "family": self.recipe.family,
            "grids": [list(grid) for grid in self.grids],
            "image_size": self.size,
            "config": {"num_heads": self.recipe.heads} | self._order_entry(),
            "classes": list(self.photos.classes),
            "sampling": dict(self.recipe.sampling),
        }

    def _order_entry(self) -> dict:
        return {} if self.recipe.order == families.RASTER else {"order": self.recipe.order}

    @torch.no_grad()
    def measure(self, count: int = 256) -> dict[str, float]:
        """Teacher-forced bits per token on held-out photos, with their class and without.

        Where any order is learned: about the mean over all orders (see `masking.hidden_evenly`).
        """
        chosen = self.held_N[torch.linspace(0, len(self.held_N) - 1, min(count, len(self.held_N))).long()]
        bits = {"held_out_bits": 0.0, "held_out_bits_no_class": 0.0}
        random = random_state(self.recipe.seed, 5)
        with swapped_weights(self.net, {name: t.float() for name, t in self.shipped().items()}):
            for indices_B in chosen.split(32):
                ids_BL = self.encode(plain_batch(self.photos, indices_B, self.size)).to(self.device)
                labels_B = self.photos.labels_N[indices_B].to(self.device)
                null_B = torch.full_like(labels_B, len(self.photos.classes))
                asked_BL = self.asked(len(indices_B), random, evenly=True)
                share_BL = asked_BL / asked_BL.sum(1, keepdim=True)
                for name, labels in zip(bits, (labels_B, null_B), strict=True):
                    nats = (self.nats(ids_BL, labels, asked_BL) * share_BL).sum().item()
                    bits[name] += nats / math.log(2) / len(chosen)
        return bits

    def draw(self, path: Path) -> None:
        """One sample per class and row, from the weights as they would be shipped."""
        from explorer.generators import load_generator
        from explorer.tokenizers import load_tokenizer

        weights = save_model(path.parent / "current.safetensors", self.shipped(), self.card())
        tokenizer = load_tokenizer(self.tokenizer_path, device=str(self.device))
        generator = load_generator(weights, tokenizer, device=str(self.device))
        labels, rows = list(range(len(self.photos.classes))), []
        quickly = {"order": "random", "per_step": "cosine"} if self.any_order else {}
        for row in range(4):
            seeds = [100 * row + label for label in labels]
            *_, last = generator.generate(labels, seed=seeds, **quickly)
            rows.append(tokenizer.decode(last.maps) * 2 - 1)
        save_sheet(rows, path)
