"""refresh: rebuild what is derived from the bundled weights (usage counts, previews, finished examples)."""

import argparse
import sys
from functools import partial
from pathlib import Path

from explorer.verbs.shared import add_json_option, add_verb, print_json


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "refresh",
        refresh,
        "rebuild what is derived from the weights in checkpoints/ and no longer matches them",
        "python -m explorer refresh --data photos.zip",
    )
    parser.add_argument(
        "--data", type=Path, metavar="PATH", help="the training photos, whose held-out part is counted"
    )
    parser.add_argument("--all", action="store_true", help="rebuild what still matches, too")
    parser.add_argument(
        "--check", action="store_true", help="only say what is stale; exit code 2 if anything is"
    )
    add_json_option(parser)


def refresh(arguments: argparse.Namespace) -> None:
    from explorer.jobs import refresh as job

    if arguments.check:
        stale = [member.name for member in job.stale_members()]
        if stale:
            raise ValueError(f"stale: {', '.join(stale)}; run `python -m explorer refresh --data PHOTOS`")
        written = []
    else:
        say = partial(print, file=sys.stderr, flush=True)
        written = job.refresh(arguments.data, everything=arguments.all, say=say)
    if arguments.json:
        print_json({"written": [str(path) for path in written]})
    elif arguments.check:
        print("nothing is stale")
