"""What several verbs share: how a verb is declared, model options, JSON on stdout, progress on stderr."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.writing import written_whole

Run = Callable[[argparse.Namespace], None]
FITS = ("crop", "letterbox", "reference")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def add_verb(verbs: Any, name: str, run: Run, summary: str, example: str) -> argparse.ArgumentParser:
    """Declares one verb; `example` holds command lines that the tests run as they stand."""
    parser = verbs.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_tokenizer_options(parser: argparse.ArgumentParser, default: str | None = "mini") -> None:
    parser.add_argument(
        "--tokenizer",
        metavar="T",
        default=default,
        help="a bundled or catalogue name, or a path to a file"
        + (" (default: %(default)s)" if default else " (default: the one the generator was trained with)"),
    )
    parser.add_argument(
        "--grids",
        type=parse_grids,
        metavar="GRIDS",
        help="another schedule, coarse to fine: 1,2,3,4 or height x width, 1x1,2x3,4x6",
    )
    add_device_options(parser)


def add_device_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)"
    )
    parser.add_argument(
        "--precision",
        choices=("exact", "auto", "fast"),
        default="auto",
        help="exact: float32 as the references; auto: bfloat16 for decoder and transformer where the "
        "hardware has it; fast: bfloat16 everywhere (default: %(default)s)",
    )


def add_order_options(parser: argparse.ArgumentParser) -> None:
    """In which order a masked model draws, and how much at a time."""
    parser.add_argument(
        "--order",
        help="masked models: raster, serpentine, spiral, spiral-outwards, z-curve, hilbert, random, "
        "confidence, entropy, or all cells as numbers, such as 3,0,1,2 (default: raster)",
    )
    parser.add_argument(
        "--per-step",
        metavar="N",
        help="masked models: tokens a step, or cosine-T for T steps that grow (default: 1)",
    )


def parse_order(text: str | None) -> str | list[int] | None:
    """An order as typed: a name, or cells with commas between them. ValueError for other numbers."""
    if text is None or not text[:1].isdigit():
        return text
    try:
        return [int(cell) for cell in text.split(",")]
    except ValueError:
        raise ValueError(f"an order is a name, or cells such as 3,0,1,2, not {text!r}") from None


def order_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was asked of order and pace, as `generate` of a generator takes it."""
    pace = arguments.per_step
    asked = {
        "order": parse_order(arguments.order),
        "per_step": int(pace) if pace is not None and pace.isdigit() else pace,
    }
    return {name: value for name, value in asked.items() if value is not None}


def add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def parse_grids(text: str) -> tuple[tuple[int, int], ...]:
    """ "1,2,3" or "1x1,2x3" (height x width) to ((1,1),(2,3))."""
    try:
        pairs = [tuple(int(n) for n in grid.lower().split("x")) for grid in text.split(",")]
        grids = tuple((pair[0], pair[-1]) for pair in pairs if len(pair) <= 2 and min(pair) > 0)
    except ValueError:
        grids = ()
    if len(grids) != text.count(",") + 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of grids; write 1,2,3,4 or 1x1,2x3,4x6")
    return grids


def open_tokenizer(arguments: argparse.Namespace) -> Any:
    from explorer import load_tokenizer

    return load_tokenizer(
        arguments.tokenizer, device=arguments.device, precision=arguments.precision, grids=arguments.grids
    )


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print()


def new_file(path: str) -> Path:
    """The path of a file to write; its folder is made. Raises ValueError for a folder."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def new_picture(path: str) -> Path:
    """`new_file` for a picture. Raises ValueError for an ending that we do not write."""
    if Path(path).suffix.lower() not in PICTURES:
        raise ValueError(f"{path}: pictures are written as {', '.join(PICTURES)}")
    return new_file(path)


def save_picture(picture: Any, path: Path, maps: Any = None) -> None:
    """Writes a PIL image by its path's ending; a write that fails leaves what was there.

    maps: the tokens that it was decoded from; PNG and WebP files carry them.
    """
    from explorer.tokenizers.carried import save_options

    kind = path.suffix.lstrip(".").upper()
    with written_whole(path) as unfinished:
        picture.save(unfinished, **(save_options(kind, maps) if maps is not None else {}))


class Progress:
    """One line on stderr: a bar that redraws itself in a terminal, at most ten plain lines in a log."""

    def __init__(self, label: str, stream: Any = None):
        self.label = label
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()

    def show(self, done: int, total: int, note: str = "") -> None:
        filled = round(24 * done / total)
        line = f"{self.label} [{'#' * filled}{'.' * (24 - filled)}] {done}/{total} {note}"
        if self.live:
            end = "\n" if done == total else ""
            print(f"\r\x1b[2K{line}", end=end, file=self.stream, flush=True)
        elif done == total or done * 10 // total > (done - 1) * 10 // total:
            print(line, file=self.stream, flush=True)
