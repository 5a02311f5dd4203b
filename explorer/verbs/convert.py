"""convert: one safetensors file of files that cannot be read safely, once."""

import argparse
from pathlib import Path

from explorer.verbs.shared import add_json_option, add_verb, new_file, print_json


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "convert",
        convert,
        "make a safetensors file of a pickled module or a TorchScript program whose source you trust",
        "python -m explorer convert encoder.pkl decoder.pkl --out dalle.safetensors --sha256 HEX HEX",
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="the file, or the files in which one model is published"
    )
    parser.add_argument("--out", metavar="F.safetensors", required=True, help="the file to write")
    parser.add_argument(
        "--sha256",
        metavar="HEX",
        nargs="+",
        default=[],
        help="of every FILE: says that you trust exactly this content. Without it nothing is read, and the "
        "message tells the sha256 to compare with the publisher's",
    )
    add_json_option(parser)


def convert(arguments: argparse.Namespace) -> None:
    from explorer.zoo import converting

    made = converting.convert(
        [Path(file) for file in arguments.files], new_file(arguments.out), arguments.sha256
    )
    facts = {
        "file": str(made.path),
        "sources": made.sources,
        "tensors": made.tensors,
        "family": made.found.family,
        "title": made.found.title,
        "parameters": made.found.parameters,
        "problem": made.found.problem,
    }
    if arguments.json:
        print_json(facts)
        return
    print(f"{made.path}: {made.tensors} tensors, {made.found.parameters:,} parameters, {made.found.title}")
    if made.found.problem:
        print(f"it does not run yet: {made.found.problem}")
