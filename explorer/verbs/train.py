"""train: the recipes that made the bundled models, on any folder or zip of class folders."""

import argparse
from pathlib import Path

from explorer.verbs.shared import add_verb

RECIPES = {
    "tokenizer": "multi-scale VQ tokenizer (VAR's)",
    "raster-tokenizer": "single-scale VQ tokenizer (LlamaGen's)",
    "var": "next-scale transformer on the tokens of --tokenizer",
    "raster": "raster-scan transformer on the tokens of --tokenizer",
}


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "train",
        train,
        "train a tokenizer or a generator from class folders of photos",
        "python -m explorer train tokenizer --data photos.zip --out runs/tokenizer --minutes 60",
    )
    parser.add_argument(
        "recipe",
        metavar="RECIPE",
        choices=RECIPES,
        help="; ".join(f"{name}: {text}" for name, text in RECIPES.items()),
    )
    parser.add_argument(
        "--data", required=True, metavar="PATH", help="folder or zip: CLASS/PHOTO.jpg, .png or .webp"
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="weights, card, log and sample sheets go here"
    )
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="how long to train; the schedule follows the clock"
    )
    parser.add_argument(
        "--steps", type=int, metavar="N", help="how many steps to train, instead of --minutes"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on exactly where a run in --out was stopped"
    )
    parser.add_argument(
        "--tokenizer", metavar="T", help="for var and raster: whose tokens to learn, a name or a path"
    )
    parser.add_argument("--init", metavar="FILE", help="start from these weights instead of random ones")
    parser.add_argument("--preset", choices=("mini", "large"), default="mini", help="(default: %(default)s)")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)"
    )


def train(arguments: argparse.Namespace) -> None:
    from explorer.training.main import run_recipe

    run_recipe(
        arguments.recipe,
        Path(arguments.data),
        Path(arguments.out),
        minutes=arguments.minutes,
        steps=arguments.steps,
        resume=arguments.resume,
        tokenizer=arguments.tokenizer,
        init=arguments.init,
        preset=arguments.preset,
        device=arguments.device,
    )
