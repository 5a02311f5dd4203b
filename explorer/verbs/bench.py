"""bench: how fast is this machine? The full-size models, growing pictures, or the page in a real browser."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

from explorer.verbs.shared import add_device_options, add_json_option, add_verb, print_json

REPEATS = {"full-size": 1, "growth": 1, "ui": 30}
GROWTH_SECONDS = 60.0
BROWSER = "the package playwright and Chromium: `apt-get install chromium` or `playwright install chromium`"


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "bench",
        bench,
        "time the 256 px models on this machine, or what a visitor of the page waits for",
        "python -m explorer bench full-size --threads 1\n  python -m explorer bench growth --seconds 20\n"
        "  python -m explorer bench ui --repeats 5 --json",
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        choices=tuple(REPEATS),
        help="full-size: encode, decode and generate with VAR's tokenizer and VAR-d16, beside LlamaGen's "
        "tokenizer and GPT-B, random weights; growth: counted work and measured seconds of the mini "
        "generators as pictures grow; ui: hover, code card, edit and generation with the bundled "
        "models, in Chromium (needs playwright)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's choice)")
    parser.add_argument(
        "--repeats",
        type=int,
        metavar="N",
        help="full-size: the fastest of N counts (default: 1); "
        "ui: median and 95th percentile of N tries (default: 30)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=GROWTH_SECONDS,
        metavar="N",
        help="growth: computing time in all; sizes that would not fit are left out (default: %(default)g)",
    )
    parser.add_argument(
        "--published", action="store_true", help="growth: VAR-d16 and GPT-B instead of the mini generators"
    )
    add_device_options(parser)
    add_json_option(parser)


def bench(arguments: argparse.Namespace) -> None:
    for name, value in (("--threads", arguments.threads), ("--repeats", arguments.repeats)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1; it is {value}")
    if not arguments.seconds > 0:
        raise ValueError(f"--seconds must be more than 0; it is {arguments.seconds:g}")
    repeats = REPEATS[arguments.name] if arguments.repeats is None else arguments.repeats
    table = sys.stderr if arguments.json else sys.stdout
    measure = {"ui": _page, "growth": _growth, "full-size": _full_size}[arguments.name]
    result = measure(arguments, repeats, lambda line: print(line, file=table, flush=True))
    if arguments.json:
        print_json(result)


def _full_size(arguments: argparse.Namespace, repeats: int, report: Callable[[str], None]) -> dict:
    from explorer.bench import full_size

    report(full_size.HEADER)
    result = full_size.run(arguments.device, arguments.precision, arguments.threads, repeats, report=report)
    report(full_size.show_ratios(result))
    report(full_size.show_machine(result))
    return result


def _growth(arguments: argparse.Namespace, repeats: int, report: Callable[[str], None]) -> dict:
    from explorer.bench import growth

    report(growth.HEADER)
    found = growth.run(
        arguments.device,
        arguments.precision,
        arguments.threads,
        arguments.published,
        arguments.seconds,
        report=report,
    )
    report(
        f"{found['machine']}; {found['device']}, {found['threads']} threads, random weights, with guidance"
    )
    return found


def _page(arguments: argparse.Namespace, repeats: int, report: Callable[[str], None]) -> dict:
    try:
        from playwright.sync_api import Error
    except ImportError as error:
        raise ValueError(f"bench ui needs {BROWSER}") from error
    from explorer.bench.measuring import threads
    from explorer.ui import measure
    from explorer.ui.options import AppOptions

    options = replace(AppOptions(), device=arguments.device, precision=arguments.precision)
    try:
        with threads(arguments.threads):
            return measure.main(repeats, report, options)
    except Error as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the page cannot be measured: {reason} (bench ui needs {BROWSER})") from error
