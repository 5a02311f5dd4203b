"""What every generator can do, whatever its family: classes to token maps, step by step.

A family's adapter (next_scale.py, raster.py) runs its network; everything else stands here: settings, what is
kept, and what users ask of logits (candidates, scores).

Shapes: B batch, K scales, V codes, h w a grid, n candidates. What comes back lies on the CPU as float32 or
int64 and carries no gradient. Scales and steps count from 1 in arguments, Python sequences from 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from explorer import families
from explorer.devices import Device
from explorer.errors import CheckpointError
from explorer.generators import inside
from explorer.generators.arguments import (
    Label,
    cell_position,
    check_seeds,
    common_batch,
    expanded,
    label_numbers,
    repeated,
)
from explorer.generators.requests import Candidates, GenerationStep, Order, Request
from explorer.generators.runtime import place_network
from explorer.generators.sampling import Sampling, distribution
from explorer.generators.switches import Switches, switched
from explorer.token_maps import Grid, TokenMaps, keep_masks, whole_number
from explorer.tokenizers import Tokenizer

# Rows of one teacher-forced forward; scoring an image under 1000 classes runs in parts of this size.
ROWS_PER_FORWARD = 16


class Generator(ABC):
    """A network that draws token maps for a class. Build one with `explorer.load_generator`.

    net: a transformer of `explorer.nets`; it is moved to the device and cast to its precision.
    tokenizer: whose codes the tokens are; kept as `tokenizer`, with this generator's grids.
    classes: names in label order (default: the numbers). sampling: default settings, over the family's.
    device: default the tokenizer's, so that both share one lock. about: what else its card says (data,
    training, metrics).
    Raises CheckpointError when the two do not belong together.
    """

    family: str
    tokenizer_family: str
    published_sampling: Sampling
    nucleus_from_tail: bool
    switches: Switches = Switches()  # what is off; see `with_switches`
    # In which order `look`, `lens` and `effects` ask for a token; None = the family's own.
    inside_order: Order = None

    def __init__(
        self,
        net: nn.Module,
        tokenizer: Tokenizer,
        *,
        name: str = "unnamed",
        sha256: str | None = None,
        classes: Sequence[str] | None = None,
        sampling: Mapping[str, float | int] | None = None,
        device: Device | None = None,
        about: Mapping[str, object] | None = None,
    ) -> None:
        config = net.config
        if (tokenizer.family, tokenizer.vocab_size) != (self.tokenizer_family, config.vocab_size):
            raise CheckpointError(
                f"{name} needs a tokenizer of family {self.tokenizer_family} with {config.vocab_size} codes; "
                f"{tokenizer.name} is of family {tokenizer.family} with {tokenizer.vocab_size}"
            )
        if classes is not None and len(classes) != config.num_classes:
            raise CheckpointError(f"{name} has {config.num_classes} classes, its card names {len(classes)}")
        self.name = name
        self.sha256 = sha256
        self.about = dict(about or {})
        self.classes = tuple(classes) if classes is not None else tuple(map(str, range(config.num_classes)))
        self.device = device or tokenizer.device
        self.tokenizer = (
            tokenizer if tokenizer.grids == self._grids(net) else tokenizer.with_grids(self._grids(net))
        )
        self._net = place_network(net, self.device)
        self._sampling = self.published_sampling.overridden(sampling or {})

    # What differs between families

    @staticmethod
    @abstractmethod
    def _grids(net: nn.Module) -> tuple[Grid, ...]:
        """The schedule of the network, coarse to fine."""

    @abstractmethod
    def _steps(self, request: Request) -> Iterator[GenerationStep]:
        """Run the network, holding the device within each step only."""

    @abstractmethod
    def _net_inputs(self, maps: list[Tensor], labels_B: Tensor, scales: int) -> Tensor:
        """What the network reads beside the labels to predict the first `scales` scales at once."""

    @abstractmethod
    def _by_scale(self, values_BL: Tensor, scales: int) -> list[Tensor]:
        """Values of the predicting positions (B,L,...) as maps (B,h,w,...) of the first `scales` scales."""

    @abstractmethod
    def _places(self, scale: int) -> list[tuple[int, int, int]]:
        """(scale, row, column) of every input position up to `scale`; (0, 0, 0) is a class token."""

    @abstractmethod
    def _asked_at(self, scale: int, row: int, column: int) -> int:
        """The input position whose output predicts that token."""

    @abstractmethod
    def _class_positions(self) -> int:
        """How many input positions, from the first on, hold the class and no token."""

    @abstractmethod
    def _comes_before(self, scale: int, row: int, column: int) -> list[Tensor]:
        """K bool maps (h,w): tokens that this prediction depends on."""

    @abstractmethod
    def _guide(self, cond: Tensor, uncond: Tensor, sampling: Sampling, k: int) -> Tensor:
        """Guided logits (B,h,w,V) of scale k (from 0)."""

    @abstractmethod
    def _is_guided(self, sampling: Sampling) -> bool:
        """Whether the unconditional half is needed at all."""

    @abstractmethod
    def _check_sampling(self, sampling: Sampling) -> None:
        """ValueError for settings that the family cannot honour."""

    @abstractmethod
    def _reachable(self, maps: TokenMaps) -> list[Tensor]:
        """K bool maps (B,h,w): all that the prediction of this token looks at is known."""

    # What it is

    @property
    def order(self) -> str:
        """How it draws: NEXT_SCALE, RASTER or ANY_ORDER of `explorer.families`."""
        return families.named(self.family).order

    @property
    def config(self):
        """The frozen architecture of its network."""
        return self._net.config

    @property
    def parameters(self) -> int:
        """Weights of its network."""
        return sum(p.numel() for p in self._net.parameters())

    @property
    def grids(self) -> tuple[Grid, ...]:
        return self.tokenizer.grids

    @property
    def vocab_size(self) -> int:
        return self._net.config.vocab_size

    @property
    def num_classes(self) -> int:
        return self._net.config.num_classes

    @property
    def null_class(self) -> int | None:
        """The label that `None` stands for. Both halves of guidance are then equal, so it has no effect.

        None: the model knows no "no class", and so no guidance either.
        """
        return self._net.config.null_class

    @property
    def sampling(self) -> dict[str, float | int]:
        """The default settings: guidance, top_k, top_p, temperature."""
        names = ("guidance", "top_k", "top_p", "temperature")
        return {name: getattr(self._sampling, name) for name in names}

    @property
    @abstractmethod
    def steps(self) -> int:
        """Forward passes of one run."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, {self.vocab_size} codes, {self.steps} steps)"

    # What users ask

    def generate(
        self,
        label: Label | Sequence[Label],
        seed: int | Sequence[int] = 0,
        guidance: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        temperature: float | None = None,
        given: TokenMaps | None = None,
        keep: int | Tensor | Sequence[Tensor] = 0,
        guidance_interval: int = -1,
        order: Order = None,
        per_step: int | str | None = None,
    ) -> Iterator[GenerationStep]:
        """Draw token maps, yielding after every step; closing the iterator cancels within one step.

        label: number, name, None for no class, or a list of B of them. seed: a number or a list of B; row b
        equals a run alone with seed[b]. Settings left None are the card's (`self.sampling`).
        keep: which tokens of `given` are taken instead of being drawn: k = scales 1..k, or a bool mask on the
        finest grid, or K bool masks (see `token_maps.keep_masks`). A raster model meets kept tokens in raster
        order, so it cannot look ahead at those that lie below or to the right.
        order, per_step: for models that draw in any order (`generators/masked.py`); others know their own.
        Bad arguments raise ValueError here, not at the first step.
        """
        asked = {"guidance": guidance, "top_k": top_k, "top_p": top_p, "temperature": temperature}
        sampling = self._sampling.overridden(asked | {"guidance_interval": guidance_interval})
        self._check_sampling(sampling)
        labels, seeds = self._labels(label), check_seeds(seed)
        if given is not None:
            given = self._check_maps(given)
        batch = common_batch(
            {"labels": len(labels), "seeds": len(seeds), "given": given.batch if given else 1}
        )
        masks = keep_masks(keep, self.grids, batch)
        request = Request(
            labels=repeated(labels, batch),
            seeds=repeated(seeds, batch),
            sampling=sampling,
            given=self._given(given, masks, batch),
            masks=tuple(masks),
            order=self._check_order(order, "generate"),
            per_step=self._check_per_step(per_step),
        )
        return self._steps(request)

    def logits(
        self,
        maps: TokenMaps,
        label: Label | Sequence[Label],
        guidance: float = 0.0,
        order: Order = None,
    ) -> list[Tensor]:
        """Teacher-forced logits: K tensors (B,h,w,V), each token given the true ones before it.

        guidance: 0 = purely conditional, else in the model's own convention. order: in which they come
        before each other, where the model knows any. NaN where something that the prediction looks at is not
        known.
        """
        maps, order = self._check_maps(maps), self._check_order(order, "logits")
        sampling = Sampling(guidance=guidance)
        self._check_sampling(sampling)
        labels = self._labels(label)
        batch = common_batch({"labels": len(labels), "maps": maps.batch})
        maps, labels = expanded(maps, batch), repeated(labels, batch)
        found = self._guided_logits(maps, labels, sampling, len(self.grids), order)
        return [
            logits.masked_fill(~reachable.unsqueeze(-1), torch.nan)
            for logits, reachable in zip(found, self._reachable(maps), strict=True)
        ]

    def candidates(
        self,
        maps: TokenMaps,
        label: Label | Sequence[Label],
        scale: int,
        cell: int | tuple[int, int],
        n: int = 10,
        order: Order = None,
        **sampling: float | int | None,
    ) -> Candidates:
        """The n likeliest codes at one cell of a scale (from 1), given what comes before it in `maps`.

        cell: (row, column) or row * width + column. order: as in `logits`. sampling: guidance, top_k, top_p,
        temperature, guidance_interval; what is not given is the card's.
        """
        maps, order = self._check_maps(maps), self._check_order(order, "candidates")
        settings = self._sampling.overridden(sampling)
        self._check_sampling(settings)
        scale = maps.check_scale(scale)
        row, column = cell_position(cell, self.grids[scale - 1])
        n = whole_number(n, "n")
        if not 1 <= n <= self.vocab_size:
            raise ValueError(f"n = {n} candidates asked, there are {self.vocab_size} codes")
        if not self._reachable(maps)[scale - 1][:, row, column].all():
            raise ValueError(
                f"cell ({row}, {column}) of scale {scale} cannot be predicted: "
                "tokens that come before it are not known"
            )
        labels = self._labels(label)
        batch = common_batch({"labels": len(labels), "maps": maps.batch})
        maps, labels = expanded(maps, batch), repeated(labels, batch)
        logits_BV = self._cell_logits(maps, labels, settings, scale, row, column, order)
        probabilities, kept = distribution(logits_BV, settings, self.nucleus_from_tail)
        best = probabilities.topk(n, dim=-1)
        return Candidates(ids=best.indices, probabilities=best.values, kept=kept.gather(-1, best.indices))

    def score(self, maps: TokenMaps, labels: Label | Sequence[Label], order: Order = None) -> list[Tensor]:
        """How likely each token is under each label: K tensors (B,h,w) of natural logarithms, unguided.

        One image is scored under many labels, or B images under B labels or one. order: as in `logits`; the
        sum over the cells is the chain rule along it. NaN where a token, or something that its prediction
        looks at, is not known.
        """
        maps, labels, order = self._check_maps(maps), self._labels(labels), self._check_order(order, "score")
        batch = common_batch({"labels": len(labels), "maps": maps.batch})
        maps, labels = expanded(maps, batch), repeated(labels, batch)
        parts: list[list[Tensor]] = [[] for _ in self.grids]
        for start in range(0, batch, ROWS_PER_FORWARD):
            rows = slice(start, start + ROWS_PER_FORWARD)
            part = TokenMaps([ids[rows] for ids in maps], maps.meta)
            found = self._guided_logits(part, labels[rows], Sampling(), len(self.grids), order)
            for k, logits in enumerate(found):
                ids = part[k].clamp_min(0).unsqueeze(-1)
                parts[k].append(logits.log_softmax(-1).gather(-1, ids).squeeze(-1))
        return [
            torch.cat(part).masked_fill(~(reachable & (ids >= 0)), torch.nan)
            for part, reachable, ids in zip(parts, self._reachable(maps), maps, strict=True)
        ]

    def look(self, maps: TokenMaps, label: Label, scale: int, cell: int | tuple[int, int]) -> inside.Look:
        """Attention of every layer and head when one token was predicted; see `generators.inside.look`."""
        return inside.look(self, maps, label, scale, cell)

    def lens(self, maps: TokenMaps, label: Label) -> inside.Lens:
        """What each layer would have predicted; see `generators.inside.lens`."""
        return inside.lens(self, maps, label)

    def with_switches(
        self,
        heads: Collection[tuple[int, int]] = (),
        layers: Collection[int] = (),
        hidden: Collection[int] = (),
        swap: tuple[int, Label] | None = None,
    ) -> "Generator":
        """A view with parts switched off, sharing the weights; see `generators.switches.switched`."""
        return switched(self, heads, layers, hidden, swap)

    def effects(
        self,
        maps: TokenMaps,
        label: Label,
        scale: int,
        cell: int | tuple[int, int],
        replacement: str = "likeliest",
        seed: int = 0,
    ) -> inside.Effects:
        """Bits by which replacing each earlier token moves a prediction; see `generators.inside.effects`."""
        return inside.effects(self, maps, label, scale, cell, replacement, seed)

    # Inner workings

    def _teacher_forced(self, maps: list[Tensor], labels_B: Tensor, scales: int) -> list[Tensor]:
        """Unguided logits (B,h,w,V) of the first `scales` scales, given what comes before each token."""
        if self.switches.swap:
            raise ValueError("a class that changes on the way is for drawing: given tokens are read with one")
        return self._by_scale(self._net(labels_B, self._net_inputs(maps, labels_B, scales)), scales)

    def _inputs_of_a_cell(
        self, maps: TokenMaps, labels_B: Tensor, scale: int, row: int, column: int
    ) -> Tensor:
        """What the network reads beside the labels when it predicts this cell, teacher-forced."""
        known = [ids.clamp_min(0).to(labels_B.device) for ids in maps]
        return self._net_inputs(known, labels_B, scale)

    def _layer_logits(self, maps: TokenMaps, labels_B: Tensor) -> Iterator[Tensor]:
        """Logits (B,L,V) of all predicting positions, had the network ended after each block."""
        known = [ids.clamp_min(0).to(labels_B.device) for ids in maps]
        return self._net.layer_logits(labels_B, self._net_inputs(known, labels_B, len(self.grids)))

    def _labels(self, label: Label | Sequence[Label]) -> tuple[int, ...]:
        return label_numbers(label, self.classes, self.null_class, self.name)

    def _check_order(self, order: Order, use: str) -> Order:
        """`order` as the family's other methods take it. use: the public method that was asked."""
        if order is not None and not (isinstance(order, str) and order == self.order):
            raise ValueError(
                f"{self.name} knows one order, {self.order}; a choice is for models that draw in any order "
                "(family masked)"
            )
        return None

    def _check_per_step(self, per_step: int | str | None) -> int | str | None:
        """`per_step` as the family's steps take it."""
        if per_step is not None and not (self.order == families.RASTER and per_step in (1, "1")):
            raise ValueError(
                f"{self.name} has its own number of tokens per step; a choice is for models that draw in any "
                "order (family masked)"
            )
        return None

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
        """Guided logits (B,V) of one cell on the CPU."""
        return self._guided_logits(maps, labels, sampling, scale, order)[scale - 1][:, row, column]

    def _guided_logits(
        self,
        maps: TokenMaps,
        labels: tuple[int, ...],
        sampling: Sampling,
        scales: int,
        order: Order = None,
    ) -> list[Tensor]:
        """Logits (B,h,w,V) of the first `scales` scales on the CPU, guided where `sampling` says so."""
        place = self.device.torch_device
        with self.device.forward():
            known = [ids.clamp_min(0).to(place) for ids in maps]
            labels_B = torch.tensor(labels, device=place)
            found = self._teacher_forced(known, labels_B, scales)
            if self._is_guided(sampling):
                null_B = torch.full_like(labels_B, self.null_class)
                unconditional = self._teacher_forced(known, null_B, scales)
                pairs = zip(found, unconditional, strict=True)
                found = [self._guide(cond, uncond, sampling, k) for k, (cond, uncond) in enumerate(pairs)]
        return [public(logits) for logits in found]

    def _maps(self, ids: Sequence[Tensor], request: Request) -> TokenMaps:
        """Token maps with a note of how they were made."""
        made = {"generator": self.name, "labels": list(request.labels), "seeds": list(request.seeds)}
        settings = {name: getattr(request.sampling, name) for name in self.sampling}
        if self.switches != Switches():
            made["switches"] = self.switches.said(self.classes)
        return TokenMaps(tuple(ids), self.tokenizer.meta | made | {"sampling": settings})

    def _check_maps(self, maps: TokenMaps) -> TokenMaps:
        return self.tokenizer.check_maps(maps)

    def _given(self, given: TokenMaps | None, masks: list[Tensor], batch: int) -> tuple[Tensor, ...]:
        """K maps of batch size B; what the masks keep is known."""
        if given is None:
            if any(mask.any() for mask in masks):
                raise ValueError("`keep` asks for given tokens, but `given` is None")
            return tuple(torch.full((batch, *grid), -1) for grid in self.grids)
        given = expanded(given, batch)
        for k, (ids, mask) in enumerate(zip(given, masks, strict=True), start=1):
            missing = int((ids[mask] < 0).sum())
            if missing:
                raise ValueError(
                    f"`keep` asks for {missing} tokens of scale {k} that are not known in `given`"
                )
        return given.maps


def public(tensor: Tensor) -> Tensor:
    """A plain CPU copy (no inference tensor), to be called outside of the device's forward."""
    return tensor.to("cpu", copy=True)
