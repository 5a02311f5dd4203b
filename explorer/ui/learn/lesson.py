"""What a page of Learn is made of, and the numbers of the loaded models that its texts take."""

from dataclasses import dataclass

WITHOUT_GENERATOR = (
    "This page needs a generator, and none is loaded: start the page with --generator mini-var, or go on."
)


@dataclass(frozen=True)
class Facts:
    """What the texts say about the loaded models. grids: coarse to fine. image: (H, W) in pixels.

    dimensions: numbers per code, None where there is no table. order: "next-scale", "raster", or "" without a
    generator. can_guide: the generator knows "no class". chooses_by: as the tokenizer's. raster_grid: the
    grid that a raster model writes here. photos: trained on, None = not known.
    """

    image: tuple[int, int]
    grids: tuple[tuple[int, int], ...]
    codes: int
    dimensions: int | None
    generator: str = ""
    order: str = ""
    classes: int = 0
    guidance: float = 0.0
    can_guide: bool = True
    chooses_by: str = "distance"
    raster_grid: tuple[int, int] = (8, 8)
    photos: int | None = None

    @property
    def tokens(self) -> int:
        return sum(h * w for h, w in self.grids)

    @property
    def several(self) -> bool:
        return len(self.grids) > 1


@dataclass(frozen=True)
class Way:
    """A button that leads to another part of the page. section: of Compare."""

    text: str
    tab: str
    section: str = ""


@dataclass(frozen=True)
class Lesson:
    """One page. needs: why it cannot be done with the loaded models, and what to do; "" when it can."""

    key: str
    title: str
    paragraphs: tuple[str, ...]
    task: str
    tick: str
    panels: tuple[str, ...]
    ways: tuple[Way, ...] = ()
    needs: str = ""


def n(value: int) -> str:
    return f"{value:,}"


def grid_text(grid: tuple[int, int]) -> str:
    return f"{grid[1]} × {grid[0]}"
