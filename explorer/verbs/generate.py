"""generate: a class to a picture, with every step on request."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explorer.verbs.shared import (
    Progress,
    add_json_option,
    add_order_options,
    add_tokenizer_options,
    add_verb,
    open_tokenizer,
    order_settings,
    print_json,
    save_picture,
)


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "generate",
        generate,
        "let a generator draw a class, step by step",
        "python -m explorer generate --generator mini --label sunflower --seed 0 1 2 --out pictures --steps",
    )
    parser.add_argument(
        "--generator", metavar="G", default="mini", help="a name or a path (default: %(default)s)"
    )
    parser.add_argument(
        "--label", required=True, help="class number or name; none = the null class, no class at all"
    )
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one picture per seed (default: 0)")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder for LABEL_seedN.png and its tokens, .npz"
    )
    parser.add_argument("--steps", action="store_true", help="also write the picture after each step")
    card = "(default: the model's card)"
    parser.add_argument(
        "--guidance", type=float, help=f"classifier-free guidance, in the model's own meaning {card}"
    )
    parser.add_argument("--top-k", type=int, help=f"sample from the k likeliest codes; 0 = off {card}")
    parser.add_argument(
        "--top-p", type=float, help=f"sample from the likeliest codes that sum to p; 0 or 1 = off {card}"
    )
    parser.add_argument("--temperature", type=float, help=f"above 1 bolder, below 1 safer {card}")
    add_order_options(parser)
    add_tokenizer_options(parser, default=None)
    add_json_option(parser)


def generate(arguments: argparse.Namespace) -> None:
    from explorer import load_generator
    from explorer.families.schedules import show_grids

    folder = Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    arguments.tokenizer = arguments.tokenizer or partner_tokenizer(arguments.generator)
    tok = open_tokenizer(arguments)
    gen = load_generator(arguments.generator, tok)
    if arguments.grids is not None and gen.grids != tuple(arguments.grids):
        raise ValueError(
            f"{gen.name} draws on the grids {show_grids(gen.grids)}, it was trained on no others; leave "
            f"--grids {show_grids(arguments.grids)} out"
        )
    label = parse_label(arguments.label, gen.classes)
    stems = [f"{arguments.label}_seed{seed}" for seed in arguments.seed]

    progress = Progress(f"{arguments.label} x {len(stems)}")
    seconds, step_files, began = 0.0, [], time.perf_counter()
    for step in gen.generate(
        [label] * len(stems),
        seed=arguments.seed,
        guidance=arguments.guidance,
        top_k=arguments.top_k,
        top_p=arguments.top_p,
        temperature=arguments.temperature,
        **order_settings(arguments),
    ):
        seconds += step.seconds
        progress.show(step.index, step.total, f"{seconds:.2f} s")
        if arguments.steps:
            digits = len(str(step.total))
            step_files.append(
                save_pictures(gen.tokenizer, step.maps, folder, stems, f"_step_{step.index:0{digits}d}")
            )
    files = save_pictures(gen.tokenizer, step.maps, folder, stems)
    for b, stem in enumerate(stems):
        step.maps.image(b).save(folder / f"{stem}.npz")

    total_seconds = time.perf_counter() - began
    if arguments.json:
        print_json(
            [
                {
                    "label": arguments.label,
                    "seed": seed,
                    "image": files[b],
                    "maps": str(folder / f"{stem}.npz"),
                }
                | {
                    "steps": [names[b] for names in step_files],
                    "model_seconds": seconds,
                    "seconds": total_seconds,
                }
                for b, (seed, stem) in enumerate(zip(arguments.seed, stems, strict=True))
            ]
        )
    else:
        for name in files:
            print(name)


def partner_tokenizer(generator: str) -> str:
    """The tokenizer that goes with a generator: in its own file, its neighbour in a bundled set, or the
    published one.
    """
    from explorer import families
    from explorer.zoo import catalogue
    from explorer.zoo.reading import read_checkpoint

    path = catalogue.find(generator, kind="generator")
    neighbour = catalogue.bundled_partner(path)
    if neighbour is not None:
        return str(neighbour)
    published = catalogue.released(path.stem)
    if published is None and read_checkpoint(path).has_tokenizer_too:
        return str(path)
    if published is None:
        raise ValueError(f"{path} does not say which tokenizer it was trained with; name it with --tokenizer")
    partner = families.named(published.family).partner
    if partner is None:
        raise ValueError(f"{published.name} has no released tokenizer here; name one with --tokenizer")
    return partner


def parse_label(text: str, classes: Sequence[str] = ()) -> str | None:
    """A class as typed: a name first, else a number (`generators.arguments`). Says which if both fit."""
    if text.isdigit() and text in classes and classes.index(text) != int(text) < len(classes):
        number = classes.index(text)
        note = f"label {text}: taken as the class called {text!r}, number {number}"
        print(f"{note}; class number {text} is called {classes[int(text)]!r}", file=sys.stderr)
    return None if text == "none" else text


def save_pictures(tok: Any, maps: Any, folder: Path, stems: list[str], suffix: str = "") -> list[str]:
    from explorer.tokenizers.images import to_pil

    paths = [folder / f"{stem}{suffix}.png" for stem in stems]
    for b, (picture, path) in enumerate(zip(to_pil(tok.decode(maps)), paths, strict=True)):
        save_picture(picture, path, maps.image(b))
    return [str(path) for path in paths]
