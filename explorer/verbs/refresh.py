"""refresh: rebuild what is derived from weights (preview maps, usage counts, projections, examples)."""

import argparse
import sys
from pathlib import Path

from explorer.verbs.shared import add_json_option, add_verb, print_json


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "refresh",
        refresh,
        "rebuild everything derived from the weights in checkpoints/, where it is missing or stale",
        "python -m explorer refresh --data photos.zip",
    )
    parser.add_argument(
        "--data", metavar="PATH", help="the photos the models were trained on, for usage counts"
    )
    parser.add_argument("--all", action="store_true", help="rebuild also what is up to date")
    parser.add_argument(
        "--check", action="store_true", help="only say what is stale; exit code 2 when something is"
    )
    add_json_option(parser)


def refresh(arguments: argparse.Namespace) -> None:
    from explorer.jobs.refresh import refresh as rebuild
    from explorer.jobs.refresh import stale_members

    if arguments.check:
        stale = [member.name for member in stale_members()]
        if arguments.json:
            print_json({"stale": stale})
        if stale:
            raise ValueError(f"stale: {', '.join(stale)}; run python -m explorer refresh --data PHOTOS")
        return
    data = Path(arguments.data) if arguments.data else None
    written = rebuild(data, everything=arguments.all, say=lambda text: print(text, file=sys.stderr))
    if arguments.json:
        print_json({"written": [str(path) for path in written]})
