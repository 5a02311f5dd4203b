"""inspect, models and download: which checkpoint is this, which are known, fetch one."""

import argparse
from typing import Any

from explorer.verbs.shared import add_json_option, add_verb, print_json


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "inspect",
        inspect,
        "say what a checkpoint file is: family, size, grids, what is missing",
        "python -m explorer inspect checkpoints/mini-tokenizer.safetensors",
    )
    parser.add_argument(
        "file", metavar="FILE", help="a .safetensors, .pth, .pt or .ckpt file, or a known name"
    )
    parser.add_argument(
        "--weights",
        choices=("ema", "model"),
        help="which ones, where a trainer's file holds averaged and plain weights",
    )
    add_json_option(parser)

    parser = add_verb(
        verbs,
        "models",
        models,
        "list the bundled models and the released ones that can be downloaded",
        "python -m explorer models --json",
    )
    add_json_option(parser)

    parser = add_verb(
        verbs,
        "download",
        download,
        "fetch a released checkpoint from the Hugging Face Hub and check that it is the named model",
        "python -m explorer download var_d16",
    )
    parser.add_argument("name", metavar="NAME", help="a name from `python -m explorer models`")
    add_json_option(parser)


def inspect(arguments: argparse.Namespace) -> None:
    from explorer.zoo import catalogue, inspecting

    facts = inspecting.describe(catalogue.find(arguments.file), arguments.weights)
    if arguments.json:
        print_json(facts)
    else:
        print(inspecting.format_description(facts))


def models(arguments: argparse.Namespace) -> None:
    rows = known_models()
    if arguments.json:
        print_json(rows)
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        print(f"{row['name']:<{width}}  {show_size(row['bytes']):>9}  {row['state']:<10}  {row['about']}")


def known_models() -> list[dict[str, Any]]:
    """name, about, bytes (expected, for what is not here), state (bundled, downloaded, on the hub), path."""
    from explorer import families
    from explorer.zoo import catalogue

    rows = [
        {"name": entry.name, "about": entry.about, "bytes": entry.path.stat().st_size, "state": "bundled"}
        | {"path": str(entry.path)}
        for entry in catalogue.bundled()
    ]
    for entry in families.released():
        path = catalogue.downloads_folder() / entry.filename
        here = path.is_file()
        rows.append(
            {"name": entry.name, "about": entry.about}
            | {"bytes": path.stat().st_size if here else entry.parameters * 4}
            | {"state": "downloaded" if here else "on the hub", "path": str(path) if here else None}
        )
    return rows


def show_size(n_bytes: int) -> str:
    """In MiB below 1 GiB, in GiB above."""
    return f"{n_bytes / 2**20:.1f} MiB" if n_bytes < 2**30 else f"{n_bytes / 2**30:.1f} GiB"


def download(arguments: argparse.Namespace) -> None:
    from explorer.zoo import catalogue

    path = catalogue.download(arguments.name)
    if arguments.json:
        print_json({"name": arguments.name, "path": str(path)})
    else:
        print(path)
