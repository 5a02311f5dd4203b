"""The command line, `python -m explorer VERB`: the page's verbs for scripts.

A verb group is one file in `explorer/verbs/` with `add_verbs(verbs)`; each verb sets `run`, a function of the
parsed arguments. Those files import torch and the models inside `run`, so that help answers at once.

Exit codes: 0 done, 2 bad input (one line on stderr), 130 interrupted. Results go to stdout, progress to
stderr.
"""

import argparse
import sys

from explorer.errors import CheckpointError
from explorer.verbs import (
    bench,
    checkpoints,
    codes,
    convert,
    evaluate,
    generate,
    inside,
    orders,
    pictures,
    refresh,
    sheet,
    train,
)

GROUPS = (
    *(pictures, generate, sheet, inside, codes, checkpoints, convert, train, evaluate, orders),
    *(refresh, bench),
)

EPILOG = """\
example, a photo to tokens and back:
  python -m explorer tokenize photo.jpg --tokenizer mini --out maps.npz
  python -m explorer decode maps.npz --tokenizer mini --out photo_again.png

`python -m explorer VERB --help` explains a verb. The page is `python app.py`.
"""


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line instead of a page of usage."""

    def error(self, message: str):
        self.exit(2, f"error: {message} (see: {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m explorer",
        description="Look at, edit and generate the discrete tokens of image models.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)
    for group in GROUPS:
        group.add_verbs(verbs)
    return parser


def main(arguments: list[str] | None = None) -> int:
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except (CheckpointError, ValueError, OSError) as error:
        print(f"error: {' '.join(describe(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def describe(error: Exception) -> str:
    """The message without decoration: "[Errno 13] Permission denied: 'x'" reads "x: permission denied"."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"
    return str(error)
