"""orders: what held-out photos cost along each order, by a masked model."""

import argparse
import json
from pathlib import Path

from explorer.verbs.shared import (
    Progress,
    add_json_option,
    add_tokenizer_options,
    add_verb,
    new_file,
    open_tokenizer,
    print_json,
)
from explorer.writing import written_whole


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "orders",
        orders,
        "measure what photos cost along each order, by a masked model",
        "python -m explorer orders --data photos.zip --generator mini-masked --photos 100",
    )
    add = parser.add_argument
    add(
        "--data",
        required=True,
        type=Path,
        metavar="PATH",
        help="the training photos, folder or zip of CLASS/PHOTO.jpg; the 5 %% held out are measured",
    )
    add("--generator", required=True, metavar="G", help="a masked model, a name or a path")
    add("--photos", type=int, default=200, metavar="P", help="how many photos (default: %(default)s)")
    add("--orders", nargs="+", metavar="ORDER", help="which orders, beside raster (default: all)")
    add("--out", metavar="JSON", help="write all figures, with the bits at every turn")
    add_tokenizer_options(parser, default=None)
    add_json_option(parser)


def orders(arguments: argparse.Namespace) -> None:
    from explorer import load_generator
    from explorer.evaluation.orders import ORDERS, order_prices
    from explorer.evaluation.run import read_photos
    from explorer.verbs.generate import partner_tokenizer

    out = new_file(arguments.out) if arguments.out else None
    arguments.tokenizer = arguments.tokenizer or partner_tokenizer(arguments.generator)
    tok = open_tokenizer(arguments)
    gen = load_generator(arguments.generator, tok)
    photos = read_photos(arguments.data, tok)
    show = Progress(f"{gen.name} along {len(arguments.orders or ORDERS)} orders").show
    found = order_prices(gen, photos, arguments.orders or ORDERS, arguments.photos, show)
    if out:
        with written_whole(out) as unfinished:
            unfinished.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if arguments.json:
        print_json(found)
    else:
        print("\n".join(lines(found)))


def lines(found: dict) -> list[str]:
    """A table for a reader, cheapest order first."""
    rows = sorted(found["orders"].items(), key=lambda row: row[1]["bits_per_token"]["mean"])
    text = [
        f"{found['name']}, {found['photos']} held-out photos of {found['tokens_per_photo']} tokens, given "
        "their class; in brackets 95 % intervals over photos",
        f"{'order':<16}  {'bits per token':<26}  more than raster, photo by photo",
    ]
    for name, row in rows:
        more = interval(row["more_than_raster"], "+.4f") if "more_than_raster" in row else "-"
        text.append(f"{name:<16}  {interval(row['bits_per_token'], '.4f'):<26}  {more}")
    return [*text, f"note: {found['caveat']}"]


def interval(entry: dict, form: str) -> str:
    low, high = entry["interval_95"]
    return f"{entry['mean']:{form}} [{low:{form}}, {high:{form}}]"
