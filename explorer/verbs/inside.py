"""look, lens: what happens inside a generator when it predicts the tokens of a file."""

import argparse
from typing import Any

from explorer.verbs.shared import add_json_option, add_tokenizer_options, add_verb, print_json

STRONGEST = 8  # places or tokens that are listed


def add_verbs(verbs) -> None:
    look_parser = add_verb(
        verbs,
        "look",
        look,
        "what a generator looked at when it predicted one token of a file, and which earlier tokens matter",
        "python -m explorer look maps.npz --generator mini --label cat --scale 4 --cell 1,2",
    )
    _add_shared(look_parser)
    look_parser.add_argument("--scale", type=int, required=True, help="scale of the token, from 1")
    look_parser.add_argument("--cell", type=parse_cell, required=True, metavar="ROW,COLUMN", help="from 0,0")
    look_parser.add_argument(
        "--effects", action="store_true", help="also replace each earlier token once and measure the change"
    )
    lens_parser = add_verb(
        verbs,
        "lens",
        lens,
        "what each layer of a generator would have predicted for the tokens of a file",
        "python -m explorer lens maps.npz --generator mini --label cat",
    )
    _add_shared(lens_parser)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("maps", metavar="MAPS", help="a token file of one picture, as `tokenize` writes it")
    parser.add_argument("--generator", metavar="G", default="mini", help="a name or a path (default: mini)")
    parser.add_argument("--label", required=True, help="class number or name; none = no class at all")
    add_tokenizer_options(parser, default=None)
    add_json_option(parser)


def parse_cell(text: str) -> tuple[int, int]:
    """ "1,2" to (1, 2)."""
    try:
        row, column = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no cell; write ROW,COLUMN such as 1,2") from None
    return row, column


def _opened(arguments: argparse.Namespace) -> tuple[Any, Any, str | None]:
    from explorer import TokenMaps, load_generator
    from explorer.verbs.generate import parse_label, partner_tokenizer
    from explorer.verbs.shared import open_tokenizer

    maps = TokenMaps.load(arguments.maps)
    arguments.tokenizer = arguments.tokenizer or partner_tokenizer(arguments.generator)
    gen = load_generator(arguments.generator, open_tokenizer(arguments))
    return gen, maps, parse_label(arguments.label, gen.classes)


def look(arguments: argparse.Namespace) -> None:
    from explorer.analysis.attention import head_name, mean_distance, scale_shares, spread_bits

    gen, maps, label = _opened(arguments)
    found = gen.look(maps, label, arguments.scale, arguments.cell)
    asked = (arguments.scale, *arguments.cell)
    shares = scale_shares(found.attention, found.places, found.class_positions, len(found.grids))
    distances = mean_distance(found.attention, found.places, found.grids, asked, found.class_positions)
    spreads = spread_bits(found.attention)
    heads = [
        {
            "layer": layer + 1,
            "head": head + 1,
            "class_share": float(shares[layer, head, 0]),
            "scale_shares": shares[layer, head, 1:].tolist(),
            "distance_picture_sides": float(distances[layer, head]),
            "spread_bits": float(spreads[layer, head]),
            "does": head_name(
                shares[layer, head],
                float(distances[layer, head]),
                float(spreads[layer, head]),
                int((found.attention[layer, head] > 0).sum()),
                arguments.scale,
            ),
        }
        for layer in range(shares.shape[0])
        for head in range(shares.shape[1])
    ]
    best = found.rollout.topk(min(STRONGEST, len(found.places)))
    places = [
        {
            "holds": "class" if n < found.class_positions else _held(gen),
            **dict(zip(("scale", "row", "column"), found.places[n], strict=True)),
            "rollout_share": float(share),
        }
        for share, n in zip(best.values, best.indices.tolist(), strict=True)
    ]
    effects = _effects(gen, maps, label, arguments) if arguments.effects else None
    if arguments.json:
        print_json({"heads": heads, "places": places} | ({"effects": effects} if effects else {}))
        return
    for head in heads:
        print(
            f"layer {head['layer']:2} head {head['head']:2}  class {head['class_share']:6.1%}  "
            f"spread {head['spread_bits']:4.1f} bits  {head['does']}"
        )
    print("through all layers (rollout; attention is a place, not a cause):")
    for place in places:
        print(f"  {_name(place)}  {place['rollout_share']:.1%}")
    if effects is not None:
        print("replacing an earlier token by the likeliest other code moves the prediction most at:")
        for effect in effects:
            print(f"  {_name(effect)}  {effect['bits']:.3f} bits (code {effect['replaced_by']} instead)")


def _name(place: dict) -> str:
    if place.get("holds") == "class":
        return "the class"
    return f"scale {place['scale']}, row {place['row']}, column {place['column']}"


def _held(gen: Any) -> str:
    """What an input position holds that is not the class."""
    return "token" if len(gen.grids) == 1 else "picture so far"


def _effects(gen: Any, maps: Any, label: Any, arguments: argparse.Namespace) -> list[dict]:
    found = gen.effects(maps, label, arguments.scale, arguments.cell)
    rows = [
        {"scale": k, "row": i, "column": j, "bits": float(bits[i, j]), "replaced_by": int(other[i, j])}
        for k, (bits, other) in enumerate(zip(found.bits, found.replaced_by, strict=True), start=1)
        for i, j in (~bits.isnan()).nonzero().tolist()
    ]
    return sorted(rows, key=lambda row: -row["bits"])[:STRONGEST]


def lens(arguments: argparse.Namespace) -> None:
    from explorer.analysis.information import in_bits

    gen, maps, label = _opened(arguments)
    found = gen.lens(maps, label)
    rows = [
        {
            "layer": layer + 1,
            "scale": k + 1,
            "agreement_with_last_layer": float(found.agreement[layer, k]),
            "entropy_bits": float(in_bits(found.entropy[k][layer]).mean()),
            "divergence_bits": float(in_bits(found.divergence[k][layer]).mean()),
        }
        for layer in range(found.layers)
        for k in range(len(gen.grids))
    ]
    if arguments.json:
        print_json(rows)
        return
    print("layer  scale  same code as the last layer  entropy, bits  divergence from the last layer, bits")
    for row in rows:
        print(
            f"{row['layer']:5}  {row['scale']:5}  {row['agreement_with_last_layer']:27.1%}  "
            f"{row['entropy_bits']:13.2f}  {row['divergence_bits']:36.2f}"
        )
