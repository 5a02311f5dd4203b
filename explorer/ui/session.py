"""One visitor's state: immutable, so that undo is a step back and an error leaves everything as it was.

A `Scene` is all that the picture in Inspect and Edit needs. A `Session` is a line of scenes
with a place on it. Opening another picture or another fit is a step like an edit:
it can be undone too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np
import torch
from PIL import Image

from explorer.token_maps import TokenMaps

POLICIES = ("keep", "requantise")  # for finer scales, without a generator
REGENERATE = "regenerate"
GENERATED = "generated"  # the credit of a picture that the page's generator drew
MAX_STEPS = 200  # scenes kept for undo; they share all but their token maps
MOST_BYTES = 64 << 20  # of one session: some twenty large pictures, or all steps with a few


@dataclass(frozen=True)
class Picture:
    """A picture that was opened. fits: for every mode the fitted bytes (H,W,3), or why there are none.

    reduced: the picture itself, made smaller, for tokenizers of other sizes; None where `sample` names it.
    carried: the tokens that its file brought along, where this page's tokenizer can decode them.
    """

    title: str
    credit: str
    sample: str  # the name of the sample, "" for an upload
    size: tuple[int, int]  # width, height as opened
    fits: Mapping[str, np.ndarray | str]
    reduced: Image.Image | None = None
    carried: TokenMaps | None = None


@dataclass(frozen=True)
class ScaleNumbers:
    """How the tokenizer chose the tokens of one scale of the source. Grid h w, N nearest codes."""

    distance_hw: np.ndarray
    nearest_hwN: np.ndarray
    nearest_distance_hwN: np.ndarray
    unexplained: tuple[float, float]  # share of the feature's energy left before and after this scale


@dataclass(frozen=True)
class Scene:
    """number: which opened picture this is. picture and fit: None and "" for a generated one."""

    number: int
    title: str
    credit: str
    picture: Picture | None
    fit: str
    source: TokenMaps  # as tokenized or generated
    maps: TokenMaps  # as edited
    numbers: tuple[ScaleNumbers, ...] | None
    step: str  # what was done to get here, for the history
    place: tuple[int, int, int] | None = None  # scale from 1, row and column from 0 of the last change


@dataclass(frozen=True)
class Session:
    past: tuple[Scene, ...] = ()
    present: Scene | None = None
    future: tuple[Scene, ...] = ()
    policy: str = "keep"
    label: str = ""  # class and seed with which the policy "regenerate" draws finer scales
    seed: int = 0
    named: tuple[tuple[str, Scene], ...] = ()  # states that were given a name; undo does not touch them
    opened: int = 0  # how many pictures were opened so far
    restored: str = ""  # the browser's mark of what it had kept, where the session began with that

    def __deepcopy__(self, memo: dict) -> "Session":
        """Gradio copies the first session for every visitor; what never changes can be shared."""
        return self

    def then(self, scene: Scene) -> "Session":
        """The scene comes next; what had been undone is forgotten."""
        past = self.past if self.present is None else (*self.past, self.present)
        return replace(
            self, past=past[-MAX_STEPS:], present=scene, future=(), opened=max(self.opened, scene.number)
        ).bounded()

    def undo(self) -> "Session":
        if not self.past:
            raise ValueError("There is nothing to undo.")
        return replace(self, past=self.past[:-1], present=self.past[-1], future=(self.present, *self.future))

    def redo(self) -> "Session":
        if not self.future:
            raise ValueError("There is nothing to redo.")
        return replace(self, past=(*self.past, self.present), present=self.future[0], future=self.future[1:])

    def with_policy(self, policy: str, label: str = "", seed: int = 0) -> "Session":
        """label, seed: for "regenerate"; the caller has checked that a generator knows them."""
        if policy == REGENERATE and label:
            return replace(self, policy=policy, label=label, seed=seed)
        if policy not in POLICIES:
            raise ValueError(f"Finer scales can be treated as {' or '.join(POLICIES)}, not {policy!r}.")
        return replace(self, policy=policy)

    def with_name(self, name: str, scene: Scene) -> "Session":
        """ValueError: what has names would be too much to keep."""
        others = tuple(entry for entry in self.named if entry[0] != name)
        return replace(self, named=(*others, (name, scene))).bounded()

    def bounded(self) -> "Session":
        """Without the steps that are farthest from the present where all hold more than MOST_BYTES.

        ValueError where the picture on show and the named states alone do.
        """
        kept = self
        while held_bytes(kept) > MOST_BYTES:
            if len(kept.past) > len(kept.future):
                kept = replace(kept, past=kept.past[1:])
            elif kept.future:
                kept = replace(kept, future=kept.future[:-1])
            else:
                raise ValueError(
                    f"The named states and this picture hold {held_bytes(kept) >> 20} MB on the server; "
                    f"at most {MOST_BYTES >> 20} are kept for a visitor. Remove a named state first."
                )
        return kept

    def without_name(self, name: str) -> "Session":
        return replace(self, named=tuple(entry for entry in self.named if entry[0] != name))


def held_bytes(session: Session) -> int:
    """Of pictures, numbers and token maps; what several scenes share counts once."""
    seen: set[int] = set()

    def size(value: object) -> int:
        if id(value) in seen or isinstance(value, str | int | float | None):
            return 0
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            return value.nbytes
        if isinstance(value, torch.Tensor):
            return value.element_size() * value.nelement()
        if isinstance(value, Image.Image):
            return value.width * value.height * len(value.getbands())
        if isinstance(value, Mapping):
            return sum(size(one) for one in value.values())
        if isinstance(value, TokenMaps | tuple):
            return sum(size(one) for one in value)
        if is_dataclass(value):
            return sum(size(getattr(value, field.name)) for field in fields(value))
        return 0

    return size(session)
