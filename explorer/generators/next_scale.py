"""The next-scale generator (VAR): K steps, each drawing a whole token map.

Every map is predicted from the accumulated f_hat of the coarser ones, so a token that is kept or changed at
one scale reaches all finer scales through f_hat as well as through attention. MODELS.md section 2.3.

Shapes: B batch, K scales, V codes, C code dimension, N cells of a scale, h w its grid.
"""

import copy
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from explorer.generators import sampling as sampling_rules
from explorer.generators.base import Generator, public
from explorer.generators.requests import GenerationStep, Request
from explorer.generators.runtime import allocate_caches
from explorer.generators.sampling import Sampling
from explorer.nets.var_transformer import VARTransformer
from explorer.token_maps import UNKNOWN, Grid, TokenMaps


class NextScaleGenerator(Generator):
    """Guidance t rises with the scale from 0 to the given value: (1+t) cond - t uncond; 0 = none."""

    family = "var"
    tokenizer_family = "var-tokenizer"
    published_sampling = Sampling(guidance=4.0, top_k=900, top_p=0.96)
    nucleus_from_tail = True

    def __init__(self, net: VARTransformer, tokenizer, **options) -> None:
        super().__init__(net, tokenizer, **options)
        self._quantizer = tokenizer.quantizer
        if tokenizer.device.torch_device != self.device.torch_device:
            self._quantizer = copy.deepcopy(tokenizer.quantizer).to(self.device.torch_device)

    @staticmethod
    def _grids(net: VARTransformer) -> tuple[Grid, ...]:
        return net.config.grids

    @property
    def steps(self) -> int:
        return len(self.grids)

    def _steps(self, request: Request) -> Iterator[GenerationStep]:
        run = None
        ids = [torch.full((len(request.labels), *grid), UNKNOWN) for grid in self.grids]
        for k, grid in enumerate(self.grids):
            with self.device.forward():
                began = time.perf_counter()
                run = run or _Run(self, request)
                sampled_Bhw, entropy_Bhw = run.predict(k)
                ids_Bhw = torch.where(request.masks[k], request.given[k], sampled_Bhw)
                if k + 1 < len(self.grids):
                    run.absorb(ids_Bhw, k)
                seconds = time.perf_counter() - began
            ids[k] = ids_Bhw
            yield GenerationStep(
                index=k + 1,
                total=len(self.grids),
                scale=k + 1,
                maps=self._maps(ids, request),
                entropy=public(entropy_Bhw),
                sampled=public(sampled_Bhw.view(-1, *grid)),
                seconds=seconds,
            )

    def _net_inputs(self, maps: list[Tensor], labels_B: Tensor, scales: int) -> Tensor:
        K, size = len(self.grids), self.grids[-1]
        f_hats = self._quantizer.accumulate(maps[: scales - 1], size, K=K)
        inputs = [
            _flat(self._quantizer.next_input(f_hat, grid))
            for f_hat, grid in zip(f_hats, self.grids[1:scales], strict=True)
        ]
        empty = torch.zeros(len(labels_B), 0, self._net.config.code_dim, device=labels_B.device)
        return torch.cat([empty, *inputs], dim=1)

    def _by_scale(self, values_BL: Tensor, scales: int) -> list[Tensor]:
        parts = values_BL.split(self._net.config.lengths[:scales], dim=1)
        return [part.unflatten(1, grid) for part, grid in zip(parts, self.grids[:scales], strict=True)]

    def _places(self, scale: int) -> list[tuple[int, int, int]]:
        return [
            (k, i, j) for k, (h, w) in enumerate(self.grids[:scale], 1) for i in range(h) for j in range(w)
        ]

    def _asked_at(self, scale: int, row: int, column: int) -> int:
        return sum(self._net.config.lengths[: scale - 1]) + row * self.grids[scale - 1][1] + column

    def _class_positions(self) -> int:
        return self._net.config.lengths[0]

    def _comes_before(self, scale: int, row: int, column: int) -> list[Tensor]:
        return [torch.full(grid, k < scale) for k, grid in enumerate(self.grids, 1)]

    def _guide(self, cond: Tensor, uncond: Tensor, sampling: Sampling, k: int) -> Tensor:
        ratio = k / max(len(self.grids) - 1, 1)
        return sampling_rules.rising_guidance(cond, uncond, sampling.guidance, ratio)

    def _is_guided(self, sampling: Sampling) -> bool:
        return sampling.guidance != 0

    def _check_sampling(self, sampling: Sampling) -> None:
        if sampling.guidance_interval != -1:
            raise ValueError(
                f"guidance_interval {sampling.guidance_interval} is for raster models; "
                "here guidance rises with the scale"
            )

    def _reachable(self, maps: TokenMaps) -> list[Tensor]:
        known_B = torch.tensor(maps.known_rows())
        return [(known_B >= k).view(-1, 1, 1).expand(-1, *grid) for k, grid in enumerate(self.grids)]


class _Run:
    """The state of one call on the device: caches, f_hat, and the modulation that the class alone decides."""

    def __init__(self, generator: NextScaleGenerator, request: Request) -> None:
        self.generator, self.request = generator, request
        net, device = generator._net, generator.device
        config = net.config
        self.batch = len(request.labels)
        self.guided = generator._is_guided(request.sampling)
        labels = torch.tensor(request.labels, device=device.torch_device)
        if self.guided:
            labels = torch.cat((labels, torch.full_like(labels, generator.null_class)))
        self.modulation = net.modulation(labels)
        self.caches = allocate_caches(
            device,
            config.depth,
            len(labels),
            config.num_heads,
            config.length,
            config.width // config.num_heads,
        )
        self.start = 0
        self.f_hat_BCHW = 0
        self._swap(1)
        self.x_BND = net.embed_start(self.modulation)

    def predict(self, k: int) -> tuple[Tensor, Tensor]:
        """Tokens drawn for scale k and the entropy of their distributions, both (B,h,w) on the CPU."""
        net, request = self.generator._net, self.request
        grid = self.generator.grids[k]
        if k:
            self._swap(k + 1)
        logits_BNV = self._advance()
        self.start += grid[0] * grid[1]
        if self.guided:
            cond, uncond = logits_BNV.split(self.batch)
            logits_BNV = self.generator._guide(cond, uncond, request.sampling, k)
        noise = sampling_rules.noise(request.seeds, k + 1, grid[0] * grid[1], net.config.vocab_size)
        ids_BN = sampling_rules.draw(logits_BNV, request.sampling, noise.to(logits_BNV.device), True)
        entropy_BN = sampling_rules.entropy(logits_BNV)
        return ids_BN.cpu().unflatten(1, grid), entropy_BN.cpu().unflatten(1, grid)

    def _swap(self, scale: int) -> None:
        """The class that a switched generator is told from this scale (from 1) on."""
        swap = self.generator.switches.swap
        if swap is None or swap[0] != scale:
            return
        labels = torch.full((self.batch,), swap[1], device=self.generator.device.torch_device)
        if self.guided:
            labels = torch.cat((labels, torch.full_like(labels, self.generator.null_class)))
        self.modulation = self.generator._net.modulation(labels)

    def _advance(self) -> Tensor:
        """Logits (B,N,V) of the next scale, the unconditional half behind the conditional one.

        On a CPU picture by picture: a product of many rows may round differently from one of few (seen with
        AMX), and a row has to equal a run alone. With both halves of guidance a picture fills the cores.
        """
        net = self.generator._net
        if self.batch == 1 or self.generator.device.torch_device.type != "cpu":
            return net.advance(self.x_BND, self.modulation, self.caches, self.start)
        found = []
        for b in range(self.batch):
            rows = slice(b, None, self.batch)  # a picture's two halves, or its only row
            caches = [(keys[rows], values[rows]) for keys, values in self.caches]
            found.append(net.advance(self.x_BND[rows], self.modulation.rows(rows), caches, self.start))
        return torch.stack(found, dim=1).flatten(0, 1)

    def absorb(self, ids_Bhw: Tensor, k: int) -> None:
        """Add scale k to f_hat and make the next scale's input, the same for both halves of the batch."""
        quantizer, grids = self.generator._quantizer, self.generator.grids
        ids_Bhw = ids_Bhw.to(self.generator.device.torch_device)
        # Row by row: a convolution of one picture rounds differently from that of a batch, and a bf16
        # transformer would turn such a last digit into another token now and then. A row equals a run alone.
        rows = [quantizer.contribution(ids_1hw, k, len(grids), grids[-1]) for ids_1hw in ids_Bhw.split(1)]
        self.f_hat_BCHW = self.f_hat_BCHW + torch.cat(rows)
        inputs_BNC = _flat(quantizer.next_input(self.f_hat_BCHW, grids[k + 1]))
        if self.guided:
            inputs_BNC = inputs_BNC.repeat(2, 1, 1)
        self.x_BND = self.generator._net.embed(inputs_BNC, k + 1, k + 2)


def _flat(x_BChw: Tensor) -> Tensor:
    """(B,C,h,w) to (B,h*w,C), row by row."""
    return x_BChw.flatten(2).transpose(1, 2)
