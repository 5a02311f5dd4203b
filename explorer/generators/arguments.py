"""What callers may write: labels, seeds, cells, boxes, batches. Bad values raise ValueError."""

import difflib
from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.token_maps import Grid, TokenMaps, whole_number

Label = int | str | None


def label_numbers(
    label: Label | Sequence[Label], classes: Sequence[str], null_class: int | None, who: str
) -> tuple[int, ...]:
    """A number, a name, None (no class), or a list of them, as numbers.

    A text is a name first, also where it looks like a number; where no class is called so, it is one.
    null_class: what None stands for; None = nothing, the model always needs a class.
    """
    labels = label if isinstance(label, list | tuple | range) else [label]
    if not labels:
        raise ValueError("the list of labels is empty, one per image is needed")
    if null_class is None and any(one is None for one in labels):
        raise ValueError(f'{who} knows no "no class": it was always given one of its {len(classes)} classes')
    return tuple(null_class if one is None else _label_number(one, classes, who) for one in labels)


def _label_number(label: int | str, classes: Sequence[str], who: str) -> int:
    if isinstance(label, str):
        plain = [_plain(name) for name in classes]
        if _plain(label) in plain:
            return plain.index(_plain(label))
        if label.strip().lstrip("-").isdigit():
            return _label_number(int(label), classes, who)
        near = difflib.get_close_matches(_plain(label), plain, n=3) or plain[:3]
        meant = ", ".join(classes[plain.index(name)] for name in near)
        raise ValueError(f"{who} has no class {label!r} among its {len(classes)}; it has {meant}, ...")
    number = whole_number(label, "a label")
    if not 0 <= number < len(classes):
        raise ValueError(
            f"label {number} does not exist: {who} has {len(classes)} classes, 0..{len(classes) - 1} "
            "(None = no class)"
        )
    return number


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ").replace("-", " ")


def check_seeds(seed: int | Sequence[int]) -> tuple[int, ...]:
    """One seed or a list of them as a tuple; each lies in 0 .. 2^64 - 1."""
    seeds = tuple(seed) if isinstance(seed, list | tuple | range) else (seed,)
    if not seeds:
        raise ValueError("the list of seeds is empty, one per image is needed")
    seeds = tuple(whole_number(value, "a seed") for value in seeds)
    for value in seeds:
        if not 0 <= value < 2**64:
            raise ValueError(f"a seed lies in 0 .. 2^64 - 1, not {value}")
    return seeds


def cell_position(cell: int | tuple[int, int], grid: Grid) -> tuple[int, int]:
    """(row, column) of a cell given so, or as row * width + column."""
    height, width = grid
    if isinstance(cell, tuple | list) and len(cell) == 2:
        row, column = (whole_number(value, "a cell's row or column") for value in cell)
    else:
        row, column = divmod(whole_number(cell, "a cell"), width)
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"cell {cell} lies outside the grid of {height} x {width}")
    return row, column


def box_mask(box: tuple[float, float, float, float], grid: Grid, inside: bool = True) -> Tensor:
    """A mask (h,w) for `keep` from a box (top, left, bottom, right) in fractions of the picture.

    inside=True keeps the box and draws around it (out-painting); False keeps what surrounds it (in-painting,
    class edit). Edges are rounded to cells, halves to the even one, as VAR's demo does.
    """
    top, left, bottom, right = box
    if not (0 <= top <= bottom <= 1 and 0 <= left <= right <= 1):
        raise ValueError(f"a box is (top, left, bottom, right) in fractions from 0 to 1, not {box}")
    height, width = grid
    mask = torch.zeros(grid, dtype=torch.bool)
    mask[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = True
    return mask if inside else ~mask


def common_batch(sizes: dict[str, int]) -> int:
    """The batch size on which arguments agree; a single entry serves all rows."""
    batch = max(sizes.values())
    for what, size in sizes.items():
        if size not in (1, batch):
            other = next(name for name, count in sizes.items() if count == batch)
            raise ValueError(
                f"{size} {what} and {batch} {other} do not go together; give equally many, or one"
            )
    return batch


def repeated(values: tuple[int, ...], batch: int) -> tuple[int, ...]:
    """One value for all rows, or one for each."""
    return values if len(values) == batch else values * batch


def expanded(maps: TokenMaps, batch: int) -> TokenMaps:
    """One image for all rows, or one for each."""
    if maps.batch == batch:
        return maps
    return TokenMaps([ids.expand(batch, -1, -1) for ids in maps], maps.meta)
