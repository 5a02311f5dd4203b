"""usage and project: which codes a set of pictures uses, and a map of the codebook."""

import argparse
import json
from pathlib import Path

from explorer.verbs.shared import (
    FITS,
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
        "usage",
        usage,
        "count which codes the pictures of a folder or zip use, per scale",
        "python -m explorer usage photos --tokenizer mini --out usage.json",
    )
    parser.add_argument("folder", metavar="FOLDER", help="a folder or zip with pictures, at any depth")
    parser.add_argument(
        "--out", required=True, metavar="JSON", help="counts per scale and code, with a summary"
    )
    parser.add_argument("--fit", choices=FITS, default="crop", help="as for tokenize (default: %(default)s)")
    add_tokenizer_options(parser)
    add_json_option(parser)

    parser = add_verb(
        verbs,
        "project",
        project,
        "place the codes of a tokenizer on a plane, similar ones close together",
        "python -m explorer project --tokenizer mini --out codes.json --method pca",
    )
    parser.add_argument("--out", required=True, metavar="JSON", help="place and colour of each code")
    parser.add_argument("--method", choices=("pca", "umap"), default="pca", help="(default: %(default)s)")
    add_tokenizer_options(parser)
    add_json_option(parser)


def usage(arguments: argparse.Namespace) -> None:
    from explorer.analysis import usage as analysis
    from explorer.jobs.usage import count_folder

    out = new_file(arguments.out)
    tok = open_tokenizer(arguments)
    progress = Progress("encoding")
    counted = count_folder(tok, Path(arguments.folder), arguments.fit, progress.show)
    scales = analysis.usage_by_scale(counted.counts_KV)
    total = analysis.usage(counted.counts_KV.sum(0))
    summary = tok.meta | {
        "folder": arguments.folder,
        "pictures": counted.pictures,
        "unreadable": counted.unreadable,
        "definition": "distinct = codes that occur at least once among the counted tokens",
        "total": summarise(total),
        "scales": [summarise(scale) for scale in scales],
    }
    with written_whole(out) as unfinished:
        unfinished.write_text(
            json.dumps(summary | {"counts": counted.counts_KV.tolist()}) + "\n", encoding="utf-8"
        )
    if arguments.json:
        print_json(summary | {"out": str(out)})
        return
    print(f"{counted.pictures} pictures, {len(counted.unreadable)} files could not be read")
    for k, scale in enumerate(scales, start=1):
        print(f"scale {k}: {scale}")
    print(f"all scales: {total}")


def summarise(usage) -> dict[str, float]:
    return {"tokens": usage.tokens, "distinct": usage.distinct, "perplexity": round(usage.perplexity, 1)}


def project(arguments: argparse.Namespace) -> None:
    from explorer.analysis.colours import codebook_colours
    from explorer.analysis.projection import pca_plane, umap_plane

    out = new_file(arguments.out)
    tok = open_tokenizer(arguments)
    place_V2 = (pca_plane if arguments.method == "pca" else umap_plane)(tok.codebook)
    colours = ["#" + bytes(rgb).hex() for rgb in codebook_colours(tok.codebook).tolist()]
    codes = [
        {"id": v, "x": x, "y": y, "colour": colour}
        for v, ((x, y), colour) in enumerate(zip(place_V2.tolist(), colours, strict=True))
    ]
    described = tok.meta | {"method": arguments.method, "out": str(out)}
    with written_whole(out) as unfinished:
        unfinished.write_text(json.dumps(described | {"codes": codes}) + "\n", encoding="utf-8")
    if arguments.json:
        print_json(described)
    else:
        print(f"{out}: {len(codes)} codes of {tok.name} by {arguments.method}")
