"""The raster generator: one token a step, row by row from the top left.

As it stands it is LlamaGen's; label_token.py changes what another family does differently.

Kept tokens are forced when their turn comes. What comes later in this order is not seen while a cell is
drawn, even where it is kept: a raster model completes a picture from its top, not from its bottom. This is a
property of the order, not of the implementation, and the comparison shows it. MODELS.md section 3.3.

A model that was trained along another order (`config.order`; none is released) goes along that one: below,
turn n is the n-th token that is drawn, at cell `path[n]`.

Shapes: B batch, V codes, N tokens of a picture, h w the grid, D width.
"""

import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from explorer.generators import sampling as sampling_rules
from explorer.generators.base import Generator
from explorer.generators.requests import GenerationStep, Request
from explorer.generators.runtime import allocate_caches, leading_rows
from explorer.generators.sampling import Sampling
from explorer.token_maps import UNKNOWN, Grid, TokenMaps


class RasterGenerator(Generator):
    """Constant guidance s: uncond + s (cond - uncond); up to 1 = none."""

    family = "llamagen"
    tokenizer_family = "llamagen-tokenizer"
    published_sampling = Sampling(guidance=4.0, top_k=2000, top_p=1.0)
    nucleus_from_tail = False

    @staticmethod
    def _grids(net: nn.Module) -> tuple[Grid, ...]:
        return (net.config.grid,)

    @property
    def steps(self) -> int:
        return self._net.config.length

    @property
    def path(self) -> Tensor:
        """(N,): the cell of every turn."""
        order = self._net.config.order
        return torch.arange(self.steps) if order is None else torch.tensor(order)

    @property
    def _turns(self) -> Tensor:
        """(N,): the turn of every cell."""
        return self.path.argsort()

    def _steps(self, request: Request) -> Iterator[GenerationStep]:
        batch, grid, total = len(request.labels), self.grids[0], self.steps
        mask_BN, given_BN = request.masks[0].flatten(1), request.given[0].flatten(1)
        # Kept tokens are known from the start, also those whose turn has not come.
        ids_BN = torch.where(mask_BN, given_BN, UNKNOWN)
        sampled_BN = torch.full((batch, total), UNKNOWN)
        entropy_BN = torch.full((batch, total), torch.nan)
        run = None
        for n, cell in enumerate(self.path.tolist()):
            with self.device.forward():
                began = time.perf_counter()
                run = run or _Run(self, request)
                sampled_B, entropy_B = run.predict(n, cell)
                ids_B = torch.where(mask_BN[:, cell], given_BN[:, cell], sampled_B)
                run.absorb(ids_B)
                seconds = time.perf_counter() - began
            ids_BN[:, cell], sampled_BN[:, cell], entropy_BN[:, cell] = ids_B, sampled_B, entropy_B
            yield GenerationStep(
                index=n + 1,
                total=total,
                scale=1,
                maps=self._maps([ids_BN.unflatten(1, grid)], request),
                entropy=entropy_BN.unflatten(1, grid).clone(),
                sampled=sampled_BN.unflatten(1, grid).clone(),
                seconds=seconds,
            )

    def _net_inputs(self, maps: list[Tensor], labels_B: Tensor, scales: int) -> Tensor:
        return maps[0].flatten(1)[:, self.path[:-1].to(labels_B.device)]

    def _by_scale(self, values_BL: Tensor, scales: int) -> list[Tensor]:
        return [values_BL[:, self._turns.to(values_BL.device)].unflatten(1, self.grids[0])]

    def _places(self, scale: int) -> list[tuple[int, int, int]]:
        cells = [(1, *divmod(cell, self.grids[0][1])) for cell in self.path.tolist()]
        return [(0, 0, 0), *cells[:-1]]  # the last token is nobody's input

    def _asked_at(self, scale: int, row: int, column: int) -> int:
        return int(self._turns[row * self.grids[0][1] + column])

    def _class_positions(self) -> int:
        return 1

    def _comes_before(self, scale: int, row: int, column: int) -> list[Tensor]:
        return [self._turns.view(self.grids[0]) < self._asked_at(scale, row, column)]

    def _guide(self, cond: Tensor, uncond: Tensor, sampling: Sampling, k: int) -> Tensor:
        guided = sampling_rules.constant_guidance(cond, uncond, sampling.guidance)
        if sampling.guidance_interval < 0:
            return guided
        turn_hw = self._turns.to(cond.device).view(self.grids[0])
        return torch.where(is_guided_token(turn_hw, sampling)[None, :, :, None], guided, cond)

    def _is_guided(self, sampling: Sampling) -> bool:
        return sampling.guidance > 1

    def _check_sampling(self, sampling: Sampling) -> None:
        pass  # raster models honour every setting

    def _reachable(self, maps: TokenMaps) -> list[Tensor]:
        known_BN = (maps[0] >= 0).flatten(1)[:, self.path]
        before_BN = torch.cat((torch.ones_like(known_BN[:, :1]), known_BN[:, :-1]), dim=1)
        reached_BN = before_BN.long().cumprod(1).bool()
        return [reached_BN[:, self._turns].unflatten(1, self.grids[0])]


class _Run:
    """The state of one call on the device: caches, positions, and the sequence's next input."""

    def __init__(self, generator: RasterGenerator, request: Request) -> None:
        self.generator, self.request = generator, request
        net, device = generator._net, generator.device
        config = net.config
        self.batch = len(request.labels)
        self.guided = generator._is_guided(request.sampling)
        labels = torch.tensor(request.labels, device=device.torch_device)
        if self.guided:
            labels = torch.cat((labels, torch.full_like(labels, generator.null_class)))
        # The class and all tokens but the last, which nobody looks at.
        self.caches = allocate_caches(
            device, config.depth, len(labels), config.num_heads, config.length, config.head_dim
        )
        self.rows = net.position_rows()
        self.positions = torch.arange(config.length, device=device.torch_device)
        self.x_B1D = net.embed_class(labels)

    def predict(self, n: int, cell: int) -> tuple[Tensor, Tensor]:
        """Token n (from 0) drawn for each row and the entropy of its distribution, both (B,) on the CPU.

        Its noise is that of its cell, so that models of different orders can be compared.
        """
        net, request = self.generator._net, self.request
        if self.guided and not is_guided_token(n, request.sampling):
            # From here on the unconditional half has no say and need not run.
            self.guided = False
            self.x_B1D = self.x_B1D[: self.batch]
            self.caches = leading_rows(self.caches, self.batch)
        visible_1L = (self.positions <= n).unsqueeze(0)
        logits_B1V = net.advance(
            self.x_B1D, self.rows[n : n + 1], self.caches, self.positions[n : n + 1], visible_1L
        )
        if self.guided:
            cond, uncond = logits_B1V.split(self.batch)
            logits_B1V = sampling_rules.constant_guidance(cond, uncond, request.sampling.guidance)
        noise = sampling_rules.noise(request.seeds, cell + 1, 1, net.config.vocab_size)
        ids_B1 = sampling_rules.draw(logits_B1V, request.sampling, noise.to(logits_B1V.device), False)
        return ids_B1[:, 0].cpu(), sampling_rules.entropy(logits_B1V)[:, 0].cpu()

    def absorb(self, ids_B: Tensor) -> None:
        """The chosen token is the next input, of both halves of the batch."""
        ids_B1 = ids_B.to(self.generator.device.torch_device).unsqueeze(1)
        x_B1D = self.generator._net.embed_tokens(ids_B1)
        self.x_B1D = x_B1D.repeat(2, 1, 1) if self.guided else x_B1D


def is_guided_token(n: int | Tensor, sampling: Sampling) -> bool | Tensor:
    """Whether guidance acts on token n (from 0): LlamaGen's interval i covers tokens 0 .. i+1; -1 = all."""
    return (n <= sampling.guidance_interval + 1) | (sampling.guidance_interval < 0)
