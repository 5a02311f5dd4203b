"""The masked generator: any cells from any others, in the order and at the pace that the caller chooses.

Every step sees all tokens that are known, wherever they lie: what is kept at the bottom steers the top. The
cells of one step are drawn independently of each other, which is what many tokens a step cost.

    order     a name of `explorer.orders`; "random", another one for each seed (of given pictures that of
              seed 0); the cells as a permutation; or one that looks: "confidence" draws all hidden cells and
              keeps the tokens whose log probability is highest, with MaskGIT's noise on the choice (arXiv
              2202.04200), "entropy" takes the cells about which the model is least uncertain. Default
              "raster".
    per_step  tokens a step (default 1), or "cosine-T" (`orders.hidden_after`).

With one token a step, an order that does not look at draws (all but "confidence"), no guidance and no
filters, a picture is drawn with the probability that `score` gives it along that order: the chain rule.

The noise of a cell is that of the raster generator for the same cell and seed: step n + 1 for cell n,
whatever the order and the pace. So orders can be compared under equal noise, and a branch keeps its noise.

Shapes: B pictures, N cells of a picture, M cells asked in one pass, n of one question, R rows, V codes,
D width.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.generators import sampling as sampling_rules
from explorer.generators.base import Generator
from explorer.generators.requests import GenerationStep, Order, Request
from explorer.generators.sampling import Sampling
from explorer.nets.masked_transformer import MaskedTransformer
from explorer.orders import RANDOM, SCAN_ORDERS, as_order, hidden_after, step_sizes, steps_of
from explorer.token_maps import UNKNOWN, Grid, TokenMaps

RASTER, CONFIDENCE, ENTROPY, VISIBLE = "raster", "confidence", "entropy", "visible"
LOOKING = (CONFIDENCE, ENTROPY)
# The orders that each method knows. "visible" is none: every cell given all known tokens but its own.
ALONG = (*SCAN_ORDERS, RANDOM, ENTROPY)
NAMES = {
    "generate": (*ALONG, CONFIDENCE),
    "score": ALONG,
    "logits": (*ALONG, VISIBLE),
    "candidates": (*ALONG, VISIBLE),
}
# MaskGIT's: the choice by confidence starts as good as random and ends strict.
CHOICE_NOISE = 4.5
QUESTIONS_PER_FORWARD = 64


@dataclass(frozen=True, eq=False)
class Question:
    """What are these cells of picture b, when this is to be seen? ids_N: below 0 = hidden."""

    b: int
    ids_N: Tensor
    cells_n: Tensor


class MaskedGenerator(Generator):
    """Constant guidance s: uncond + s (cond - uncond); up to 1 = none."""

    family = "masked"
    tokenizer_family = "llamagen-tokenizer"
    published_sampling = Sampling(guidance=2.0, top_k=0, top_p=0.95)
    nucleus_from_tail = False
    inside_order = VISIBLE

    @staticmethod
    def _grids(net: MaskedTransformer) -> tuple[Grid, ...]:
        return (net.config.grid,)

    @property
    def steps(self) -> int:
        """With one token a step; `orders.step_sizes` counts other paces."""
        return self._net.config.length

    def _steps(self, request: Request) -> Iterator[GenerationStep]:
        batch, grid = len(request.labels), self.grids[0]
        mask_BN, given_BN = request.masks[0].flatten(1), request.given[0].flatten(1)
        ids_BN = torch.where(mask_BN, given_BN, UNKNOWN)
        sampled_BN = torch.full((batch, self.steps), UNKNOWN)
        entropy_BN = torch.full((batch, self.steps), torch.nan)
        run = _Run(self, request, mask_BN)
        for index in range(run.total):
            with self.device.forward():
                began = time.perf_counter()
                drawn = run.draw(ids_BN, index)
                seconds = time.perf_counter() - began
            for b, cells_n, ids_n, entropy_n in drawn:
                ids_BN[b, cells_n], sampled_BN[b, cells_n], entropy_BN[b, cells_n] = ids_n, ids_n, entropy_n
            yield GenerationStep(
                index=index + 1,
                total=run.total,
                scale=1,
                maps=self._maps([ids_BN.unflatten(1, grid)], request),
                entropy=entropy_BN.unflatten(1, grid).clone(),
                sampled=sampled_BN.unflatten(1, grid).clone(),
                seconds=seconds,
            )

    def _maps(self, ids: Sequence[Tensor], request: Request) -> TokenMaps:
        maps = super()._maps(ids, request)
        order = request.order if isinstance(request.order, str) else list(request.order)
        return TokenMaps(maps.maps, maps.meta | {"order": order, "per_step": request.per_step})

    def _check_order(self, order: Order, use: str) -> Order:
        """A name, or the cells as a tuple."""
        if order is None:
            return RASTER
        if not isinstance(order, str):
            return tuple(as_order(order, self.grids[0]).tolist())
        if order in NAMES[use]:
            return order
        if order == CONFIDENCE:
            raise ValueError(
                f"the order by confidence follows tokens as they are drawn; {use} looks at given ones: take "
                f"{ENTROPY}, or another of {', '.join(NAMES[use])}"
            )
        raise ValueError(f"the orders are {', '.join(NAMES[use])}, or the cells as numbers; not {order!r}")

    def _check_per_step(self, per_step: int | str | None) -> int | str:
        per_step = 1 if per_step is None else per_step
        hidden_after(self.steps, per_step)
        return per_step

    def _guided_logits(
        self,
        maps: TokenMaps,
        labels: tuple[int, ...],
        sampling: Sampling,
        scales: int,
        order: Order = None,
    ) -> list[Tensor]:
        ids_BN = maps[0].flatten(1)
        if isinstance(order, str) and order == ENTROPY:
            return [self._least_entropy_first(ids_BN, labels, sampling).unflatten(1, self.grids[0])]
        asked = [question for b, ids_N in enumerate(ids_BN) for question in self._questions(b, ids_N, order)]
        found_BNV = torch.empty(*ids_BN.shape, self.vocab_size)
        for question, logits_nV in zip(asked, self._answers(asked, labels, sampling), strict=True):
            found_BNV[question.b, question.cells_n] = logits_nV
        return [found_BNV.unflatten(1, self.grids[0])]

    def _cell_logits(
        self,
        maps: TokenMaps,
        labels: tuple[int, ...],
        sampling: Sampling,
        scale: int,
        row: int,
        column: int,
        order: Order = None,
    ) -> Tensor:
        if isinstance(order, str) and order == ENTROPY:  # the way to this cell has to be gone
            return super()._cell_logits(maps, labels, sampling, scale, row, column, order)
        cell = row * self.grids[0][1] + column
        asked = [
            Question(b, torch.where(self._visible(order)[cell], ids_N, UNKNOWN), torch.tensor([cell]))
            for b, ids_N in enumerate(maps[0].flatten(1))
        ]
        return torch.cat(list(self._answers(asked, labels, sampling)))

    def _questions(self, b: int, ids_N: Tensor, order: Order) -> Iterator[Question]:
        """Every cell of a picture once, each with what it may see; equal views are one question."""
        visible_NN = self._visible(order) & (ids_N >= 0)
        views, view_N = visible_NN.unique(dim=0, return_inverse=True)
        for v, visible_N in enumerate(views):
            yield Question(b, torch.where(visible_N, ids_N, UNKNOWN), (view_N == v).nonzero()[:, 0])

    def _visible(self, order: Order) -> Tensor:
        """(N,N) bool: whether the cell of the row may see the cell of the column, once that is known."""
        if isinstance(order, str) and order == VISIBLE:
            return ~torch.eye(self.steps, dtype=torch.bool)
        grid = self.grids[0]
        turn_N = steps_of(as_order(RASTER if order is None else order, grid), *grid).flatten()
        return turn_N[None, :] < turn_N[:, None]

    def _least_entropy_first(self, ids_BN: Tensor, labels: tuple[int, ...], sampling: Sampling) -> Tensor:
        """Logits (B,N,V): the known tokens are shown one by one, always at the cell of least entropy.

        Cells that are not known come last and see all that are.
        """
        seen_BN = torch.full_like(ids_BN, UNKNOWN)
        found_BNV = torch.empty(*ids_BN.shape, self.vocab_size)
        for _ in range(int((ids_BN >= 0).sum(1).max())):
            hidden_BN = (ids_BN >= 0) & (seen_BN < 0)
            asked = [
                Question(b, seen_BN[b], hidden_N.nonzero()[:, 0])
                for b, hidden_N in enumerate(hidden_BN)
                if hidden_N.any()
            ]
            for question, logits_nV in zip(asked, self._answers(asked, labels, sampling), strict=True):
                slot = int(sampling_rules.entropy(logits_nV).argmin())
                b, cell = question.b, question.cells_n[slot]
                found_BNV[b, cell], seen_BN[b, cell] = logits_nV[slot], ids_BN[b, cell]
        rest = [
            Question(b, ids_N, (ids_N < 0).nonzero()[:, 0])
            for b, ids_N in enumerate(ids_BN)
            if (ids_N < 0).any()
        ]
        for question, logits_nV in zip(rest, self._answers(rest, labels, sampling), strict=True):
            found_BNV[question.b, question.cells_n] = logits_nV
        return found_BNV

    def _answers(
        self, asked: Sequence[Question], labels: Sequence[int], sampling: Sampling
    ) -> Iterator[Tensor]:
        """Guided logits (n,V) of every question, on the CPU; the device is held in parts."""
        for start in range(0, len(asked), QUESTIONS_PER_FORWARD):
            with self.device.forward():
                found = self._ask(asked[start : start + QUESTIONS_PER_FORWARD], labels, sampling)
                found = [logits_nV.to("cpu", copy=True) for logits_nV in found]
            yield from found

    def _ask(
        self, asked: Sequence[Question], labels: Sequence[int], sampling: Sampling
    ) -> tuple[Tensor, ...]:
        """Guided logits (n,V) of every question, in one pass of the network; the caller holds the device."""
        place, R = self.device.torch_device, len(asked)
        ids_RN = torch.stack([question.ids_N for question in asked]).to(place)
        labels_R = torch.tensor([labels[question.b] for question in asked], device=place)
        counts = [len(question.cells_n) for question in asked]
        rows_M = torch.arange(R).repeat_interleave(torch.tensor(counts)).to(place)
        cells_M = torch.cat([question.cells_n for question in asked]).to(place)
        guided = self._is_guided(sampling)
        if guided:
            ids_RN = ids_RN.repeat(2, 1)
            labels_R = torch.cat((labels_R, torch.full_like(labels_R, self.null_class)))
        states_RND = self._net.cells(labels_R, ids_RN)
        logits_MV = self._net.logits(states_RND[rows_M, cells_M])
        if guided:
            unconditional_MV = self._net.logits(states_RND[R + rows_M, cells_M])
            logits_MV = sampling_rules.constant_guidance(logits_MV, unconditional_MV, sampling.guidance)
        return logits_MV.split(counts)

    def _net_inputs(self, maps: list[Tensor], labels_B: Tensor, scales: int) -> Tensor:
        return maps[0].flatten(1)

    def _inputs_of_a_cell(
        self, maps: TokenMaps, labels_B: Tensor, scale: int, row: int, column: int
    ) -> Tensor:
        ids_Bhw = maps[0].clone()
        ids_Bhw[:, row, column] = UNKNOWN
        return ids_Bhw.flatten(1).to(labels_B.device)

    def _layer_logits(self, maps: TokenMaps, labels_B: Tensor) -> Iterator[Tensor]:
        """Each cell is asked while all others are seen: one row of the network for every cell."""
        B, N = len(labels_B), self.steps
        own_NN = torch.eye(N, dtype=torch.bool)
        ids_RN = maps[0].flatten(1)[:, None].masked_fill(own_NN, UNKNOWN).flatten(0, 1).to(labels_B.device)
        rows_R, cells_R = torch.arange(B * N), torch.arange(N).repeat(B)
        for n, x_RLD in enumerate(self._net.states(labels_B.repeat_interleave(N), ids_RN)):
            if n:
                yield self._net.logits(x_RLD[rows_R, 1 + cells_R]).unflatten(0, (B, N))

    def _by_scale(self, values_BL: Tensor, scales: int) -> list[Tensor]:
        return [values_BL.unflatten(1, self.grids[0])]

    def _places(self, scale: int) -> list[tuple[int, int, int]]:
        height, width = self.grids[0]
        return [(0, 0, 0), *((1, i, j) for i in range(height) for j in range(width))]

    def _asked_at(self, scale: int, row: int, column: int) -> int:
        return 1 + row * self.grids[0][1] + column

    def _class_positions(self) -> int:
        return 1

    def _comes_before(self, scale: int, row: int, column: int) -> list[Tensor]:
        others = torch.ones(self.grids[0], dtype=torch.bool)
        others[row, column] = False
        return [others]

    def _guide(self, cond: Tensor, uncond: Tensor, sampling: Sampling, k: int) -> Tensor:
        return sampling_rules.constant_guidance(cond, uncond, sampling.guidance)

    def _is_guided(self, sampling: Sampling) -> bool:
        return sampling.guidance > 1

    def _check_sampling(self, sampling: Sampling) -> None:
        if sampling.guidance_interval != -1:
            raise ValueError(
                f"guidance_interval {sampling.guidance_interval} is for raster models; here guidance is the "
                "same for every token"
            )

    def _reachable(self, maps: TokenMaps) -> list[Tensor]:
        return [torch.ones_like(maps[0], dtype=torch.bool)]  # what is not known is not looked at


class _Run:
    """The plan of one call: which cells each picture draws at each step."""

    def __init__(self, generator: MaskedGenerator, request: Request, mask_BN: Tensor) -> None:
        self.generator, self.request = generator, request
        N = generator.steps
        self.sizes = [step_sizes(int((~mask_N).sum()), N, request.per_step) for mask_N in mask_BN]
        self.total = max(1, *(len(sizes) for sizes in self.sizes))
        self.kept_noise: dict[int, Tensor] = {}  # (N,V) by picture, where every step draws again
        self.paths: list[Tensor] = []
        if request.order not in LOOKING:
            orders = [as_order(request.order, generator.grids[0], seed) for seed in request.seeds]
            self.paths = [order_N[~mask_N[order_N]] for order_N, mask_N in zip(orders, mask_BN, strict=True)]

    def draw(self, ids_BN: Tensor, index: int) -> list[tuple[int, Tensor, Tensor, Tensor]]:
        """Of every picture that still has a step: b, cells, tokens and entropies (n,), on the CPU.

        On a CPU picture by picture: a product of many rows may round differently from one of few, and a row
        has to equal a run alone.
        """
        asked = [
            Question(b, ids_BN[b], self._asked(b, ids_BN[b], index))
            for b, sizes in enumerate(self.sizes)
            if index < len(sizes)
        ]
        if not asked:
            return []
        together = self.generator.device.torch_device.type != "cpu"
        parts = [asked] if together else [[question] for question in asked]
        ask, request = self.generator._ask, self.request
        answers = [logits for part in parts for logits in ask(part, request.labels, request.sampling)]
        return [
            self._chosen(question, logits_nV, index)
            for question, logits_nV in zip(asked, answers, strict=True)
        ]

    def _asked(self, b: int, ids_N: Tensor, index: int) -> Tensor:
        if not self.paths:
            return (ids_N < 0).nonzero()[:, 0]
        start = sum(self.sizes[b][:index])
        return self.paths[b][start : start + self.sizes[b][index]]

    def _chosen(
        self, question: Question, logits_nV: Tensor, index: int
    ) -> tuple[int, Tensor, Tensor, Tensor]:
        b, cells_n, sampling = question.b, question.cells_n, self.request.sampling
        noise_nV = self._noise(b, cells_n).to(logits_nV.device)
        ids_n = sampling_rules.draw(logits_nV, sampling, noise_nV, False)
        entropy_n = sampling_rules.entropy(logits_nV)
        rank_n = None
        if self.request.order == ENTROPY:
            rank_n = -entropy_n
        elif self.request.order == CONFIDENCE:
            log_p_n = logits_nV.log_softmax(-1).gather(-1, ids_n.unsqueeze(-1))[:, 0]
            rank_n = log_p_n.cpu() + self._choice_noise(b, cells_n, index)
        ids_n, entropy_n = ids_n.cpu(), entropy_n.cpu()
        if rank_n is not None:
            best = rank_n.cpu().sort(descending=True, stable=True).indices[: self.sizes[b][index]]
            cells_n, ids_n, entropy_n = cells_n[best], ids_n[best], entropy_n[best]
        return b, cells_n, ids_n, entropy_n

    def _noise(self, b: int, cells_n: Tensor) -> Tensor:
        """(n,V): of cell c the raster generator's noise of step c + 1."""
        if self.paths:
            return self._drawn_noise(b, cells_n)
        if b not in self.kept_noise:
            self.kept_noise[b] = self._drawn_noise(b, torch.arange(self.generator.steps))
        return self.kept_noise[b][cells_n]

    def _drawn_noise(self, b: int, cells_n: Tensor) -> Tensor:
        seeds, V = [self.request.seeds[b]], self.generator.vocab_size
        return torch.cat([sampling_rules.noise(seeds, cell + 1, 1, V)[0] for cell in cells_n.tolist()])

    def _choice_noise(self, b: int, cells_n: Tensor, index: int) -> Tensor:
        """(n,): Gumbel noise that falls to nothing at the last step; none at temperature 0.

        Its steps are counted behind those of the cells, so that no two noises are the same.
        """
        left = 1 - (index + 1) / len(self.sizes[b])
        if self.request.sampling.temperature == 0 or left == 0:
            return torch.zeros(len(cells_n))
        N = self.generator.steps
        gumbel_N = -sampling_rules.noise([self.request.seeds[b]], N + 1 + index, 1, N)[0, 0].log()
        return CHOICE_NOISE * left * gumbel_N[cells_n]
