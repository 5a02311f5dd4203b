"""Keep a part of a picture; both models complete it where they can.
The counterpart is assets/js/compare/completion.js."""

from collections.abc import Iterator, Mapping

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from explorer.analysis.completion import (
    StepView,
    kept_change,
    mean_view,
    next_scale_views,
    on_grid,
    raster_views,
    seam,
)
from explorer.figures.images import data_uri
from explorer.samples import SAMPLES, load_sample
from explorer.token_maps import TokenMaps, keep_masks
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import to_uint8
from explorer.ui import components
from explorer.ui.compare import comparing
from explorer.ui.compare.pairs import RASTER, Pair
from explorer.ui.components import completion_parts as parts
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.generate.blends import blend_view
from explorer.ui.inspect import surprise
from explorer.ui.session import Session
from explorer.ui.workbench import Workbench

GUESS = "guess"  # the class that the first generator finds likeliest
SESSION = "session"  # the picture in Inspect and Edit, else the name of a sample
MOST_SAMPLES = 4
RASTER_VIEWS = 16  # pictures shown while a raster model writes: decoding each token would take longer
WIRE = "Tokenscope.connectCompletion({props, watch, server, ask: (data) => trigger('ask', data)})"


def build() -> None:
    with gr.Row(elem_classes="ts-frame ts-completion-frame"):
        with gr.Column(elem_classes="ts-left"):
            parts.source()
            parts.settings()
        with gr.Column(elem_classes="ts-stage"):
            parts.results()
            parts.views()
        with gr.Column(elem_classes="ts-right"):
            parts.numbers()
            components.compare_exports("completion")
            parts.fairness()


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire between the parts and Python."""
    comparing.wire(WIRE, state, introduction(bench), lambda session, data: views(bench, session, data))


def introduction(bench: Workbench) -> dict:
    """What the page knows before it asks."""
    pairs = list(bench.pairs.values())
    return {
        "introduction": True,
        "models": [comparing.model_facts(pair) for pair in pairs],
        "absent": comparing.absent(bench),
        "classes": comparing.common_classes(bench),
        "grid": list(pairs[0].generator.grids[-1]) if pairs else None,
        "most": MOST_SAMPLES,
    }


def views(bench: Workbench, session: Session, data: Mapping) -> Iterator[dict | None]:
    """Views of the growing comparison, each complete in itself; None after steps with nothing to show.

    data: "source", "mask" (flat 0/1 of the finest grid of the first model, 1 = keep), "region" (a word for
    it), "label", "seed", "samples" (1..4), "anchor" (keep scales of up to 3 cells whole, as VAR's editing).
    """
    pairs = comparing.need_pairs(bench)
    mask_hw = checked_mask(data.get("mask"), next(iter(pairs.values())).generator.grids[-1])
    label = comparing.checked_class(bench, data.get("label"), GUESS)
    seed = comparing.checked_number(data.get("seed"), "the seed", 0, comparing.LARGEST_SEED)
    count = comparing.checked_number(data.get("samples"), "the number of samples", 1, MOST_SAMPLES)
    anchor = data.get("anchor", True)
    if not isinstance(anchor, bool):
        raise ValueError("the coarsest token is either kept or drawn; reload the page")
    image_1CHW, title = source(bench, session, data.get("source"))

    works = [Work(pair, image_1CHW, mask_hw, anchor, bench) for pair in pairs.values()]
    of = {
        "title": title,
        "seeds": [seed + n for n in range(count)],
        "region": str(data.get("region", ""))[:20],
        "input": data_uri(image_1CHW[0]),
        "anchor": anchor,
        "total": sum(work.gen.steps for work in works),
    }
    guess = None
    if label == GUESS:
        yield {**of, "status": "running", "phase": "guessing", "done": 0, "models": []}
        for ranking in guessed(works[0], comparing.common_classes(bench)):
            guess = {"by": works[0].gen.name, "ranking": ranking[:3], "tokens": works[0].tokens}
            yield None
        label = guess["ranking"][0][0]
    of |= {"label": label, "guess": guess}
    done = 0
    for number, work in enumerate(works):
        for shown in work.run(comparing.as_label(label), of["seeds"]):
            done += 1
            last = number + 1 == len(works) and work.done == work.gen.steps
            yield (
                {
                    **of,
                    "status": "done" if last else "running",
                    "phase": work.pair.order,
                    "done": done,
                    "models": [one.view() for one in works],
                }
                if shown or last
                else None
            )


def source(bench: Workbench, session: Session, name: object) -> tuple[Tensor, str]:
    """A picture (1,3,H,W) in [0,1] of the page's model size, and its title."""
    if name != SESSION:
        for sample in SAMPLES:
            if sample.name == name:
                return bench.tokenizer.fit(load_sample(sample.name)), sample.title
        raise ValueError("there is no such sample picture; reload the page")
    scene = session.present
    if scene is None:
        raise ValueError("open a picture first, or choose a sample")
    if scene.picture is None:  # a generated one has no other source than its tokens
        return bench.tokenizer.decode(scene.source), scene.title
    return as_image(scene.picture.fits[scene.fit]), scene.title


def checked_mask(sent: object, grid: tuple[int, int]) -> Tensor:
    """bool (h,w), True = kept, of which some is kept and some is not."""
    h, w = grid
    if not isinstance(sent, list) or len(sent) != h * w or any(value not in (0, 1) for value in sent):
        raise ValueError(f"the kept part is a list of {h * w} zeros and ones; reload the page")
    mask_hw = torch.tensor([bool(value) for value in sent]).view(h, w)
    if not mask_hw.any():
        raise ValueError("nothing is kept, so there is nothing to complete; keep a part, or use Generate")
    if mask_hw.all():
        raise ValueError("all of the picture is kept, so nothing is left to draw; hide a part of it")
    return mask_hw


def fitted_to(tok: Tokenizer, image_1CHW: Tensor) -> Tensor:
    """The same picture in another tokenizer's size."""
    if tuple(image_1CHW.shape[2:]) == tok.image_hw:
        return image_1CHW
    return tok.fit(Image.fromarray(to_uint8(image_1CHW)[0].numpy()))


def guessed(work: "Work", classes: list[str]) -> Iterator[list[tuple[str, float]]]:
    """Classes by the bits that the generator needs for the whole picture, fewest first; grows by parts."""
    rows = surprise.ROWS.get(work.gen.device.torch_device.type, 16)
    found: dict[str, float] = {}
    for at in range(0, len(classes), rows):
        scored = surprise.score(work.gen, work.maps, classes[at : at + rows])
        found |= {name: bits for name, (bits, _) in scored.items()}
        yield sorted(found.items(), key=lambda item: item[1])


class Work:
    """One model's part of one run. Belongs to the job that made it."""

    def __init__(
        self, pair: Pair, image_1CHW: Tensor, mask_hw: Tensor, anchor: bool, bench: Workbench
    ) -> None:
        self.pair, self.gen = pair, pair.generator
        self.tok = pair.generator.tokenizer
        self.adoptable = pair.generator is bench.generator  # Inspect reads the tokens of this model only
        self.maps: TokenMaps = self.tok.encode(fitted_to(self.tok, image_1CHW))
        self.own_3HW = self.tok.decode(self.maps)[0]
        self.mask_hw = on_grid(mask_hw, self.gen.grids[-1])
        if self.mask_hw.all() or not self.mask_hw.any():
            raise ValueError(
                f"on the {'×'.join(map(str, self.gen.grids[-1]))} grid of {self.gen.name} this keeps all or "
                "nothing; keep a larger part"
            )
        self.masks = kept_tokens(self.mask_hw, self.gen.grids, anchor)
        self.views: list[StepView] = (
            raster_views(self.masks[0]) if pair.order == RASTER else next_scale_views(self.masks)
        )
        self.tokens = self.maps.tokens_per_image
        self.kept = sum(int(mask_hw.sum()) for mask_hw in self.masks)
        self.seen, self.area = mean_view(self.views, self.kept)
        self.done = 0
        self.images: list[Tensor] = []
        self.now: TokenMaps | None = None

    def run(self, label: str | None, seeds: list[int]) -> Iterator[bool]:
        """Draws; True after steps whose picture is worth a look."""
        total = self.gen.steps
        every = 1 if self.pair.order != RASTER else max(1, total // RASTER_VIEWS)
        for step in self.gen.generate(label, seed=seeds, given=self.maps, keep=self.masks):
            self.done, self.now = step.index, step.maps
            shown = step.index % every == 0 or step.index == total
            if shown:
                self.images = list(self.tok.decode(step.maps))
            yield shown

    def view(self) -> dict:
        finished = self.done == self.gen.steps
        seams = [seam(image, self.own_3HW, self.mask_hw) for image in self.images] if finished else []
        return {
            "order": self.pair.order,
            "name": self.gen.name,
            "done": self.done,
            "steps": self.gen.steps,
            "tokens": self.tokens,
            "kept": self.kept,
            "seen": self.seen,
            "area": self.area,
            "views": [vars(view) for view in self.views],
            "scales": [
                {"h": h, "w": w, "kept": mask_hw.int().flatten().tolist()}
                for (h, w), mask_hw in zip(self.gen.grids, self.masks, strict=True)
            ],
            "size": list(self.tok.image_hw),
            "own": data_uri(self.own_3HW),
            "images": [data_uri(image) for image in self.images],
            "seams": [vars(one) for one in seams],
            "blends": [blend_view(self.own_3HW, image, self.mask_hw) for image in self.images]
            if finished
            else [],
            "changed": [kept_change(image, self.own_3HW, self.mask_hw) for image in self.images]
            if finished
            else [],
            "ids": [comparing.one_image(self.now, row) for row in range(self.now.batch)] if finished else [],
            "adoptable": self.adoptable,
        }


def kept_tokens(mask_hw: Tensor, grids: tuple, anchor: bool) -> list[Tensor]:
    """K bool maps (h,w). anchor: scales of at most three cells are kept whole, else drawn whole."""
    masks = [mask_1hw[0] for mask_1hw in keep_masks(mask_hw, grids, 1)]
    if anchor or len(grids) == 1:
        return masks
    return [
        torch.zeros(grid, dtype=torch.bool) if grid[0] * grid[1] <= 3 else mask
        for grid, mask in zip(grids, masks, strict=True)
    ]
