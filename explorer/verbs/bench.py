"""bench: how fast is this machine? Counted work and measured seconds side by side."""

import argparse
import sys

from explorer.verbs.shared import add_device_options, add_json_option, add_verb, print_json


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "bench",
        bench,
        "time encode, decode and generate of the 256 px models, next-scale beside raster",
        "python -m explorer bench full-size --threads 1",
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        choices=("full-size",),
        help="full-size: VAR's tokenizer with VAR-d16 beside LlamaGen's with GPT-B, random weights",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's choice)")
    parser.add_argument(
        "--repeats", type=int, default=1, metavar="N", help="the fastest of N counts (default: 1)"
    )
    add_device_options(parser)
    add_json_option(parser)


def bench(arguments: argparse.Namespace) -> None:
    for name, value in (("--threads", arguments.threads), ("--repeats", arguments.repeats)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1; it is {value}")
    from explorer.bench import full_size

    table = sys.stderr if arguments.json else sys.stdout
    print(full_size.HEADER, file=table, flush=True)
    result = full_size.run(
        arguments.device,
        arguments.precision,
        arguments.threads,
        arguments.repeats,
        report=lambda line: print(line, file=table, flush=True),
    )
    if arguments.json:
        print_json(result)
        return
    print(full_size.show_ratios(result))
    print(full_size.show_machine(result))
