"""train: the recipes that made the bundled models, on any folder or zip of class folders."""

import argparse
import ast
import dataclasses
from pathlib import Path
from typing import Any

from explorer.verbs.shared import add_verb

RECIPES = {
    "tokenizer": "multi-scale VQ tokenizer, as VAR's",
    "raster-tokenizer": "single-scale VQ tokenizer, as LlamaGen's",
    "var": "next-scale transformer on the tokens of --tokenizer",
    "raster": "raster-scan transformer on the tokens of --tokenizer",
    "masked": "masked transformer, which draws in any order, on the tokens of --tokenizer",
}
PRESETS = ("mini", "large")


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "train",
        train,
        "train a tokenizer or a generator on class folders of photos",
        "python -m explorer train tokenizer --data photos.zip --out runs/tokenizer --minutes 60\n"
        "  python -m explorer train var --data photos.zip --out runs/var --minutes 60 \\\n"
        "      --tokenizer runs/tokenizer/mini-tokenizer.safetensors",
    )
    add = parser.add_argument
    recipes = "; ".join(f"{name}: {text}" for name, text in RECIPES.items())
    add("recipe", metavar="RECIPE", choices=RECIPES, help=recipes)
    add("--data", required=True, metavar="PATH", help="folder or zip: CLASS/PHOTO.jpg, .png or .webp")
    add("--out", required=True, metavar="DIR", help="weights, card, log and sample sheets go here")
    add("--minutes", type=float, metavar="M", help="how long to train; the schedule follows the clock")
    add("--steps", type=int, metavar="N", help="how many steps to train, instead of --minutes")
    add(
        "--resume",
        action="store_true",
        help="go on where the run in --out was stopped; only budget and batch may differ",
    )
    add("--tokenizer", metavar="T", help="var, raster and masked: whose tokens to learn, a name or a path")
    add("--init", metavar="FILE", type=Path, help="start from these weights instead of random ones")
    add("--features", metavar="FILE", type=Path, help="tokenizers: the loss classifier of an earlier run")
    add("--preset", choices=PRESETS, default="mini", help="mini: 64 px, for a CPU; large: 128 px, for a GPU")
    add(
        "--set",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="change numbers of the recipe (explorer/training/recipes.py), such as batch=8 lr=5e-4",
    )
    add("--name", help="of the weights file (default: PRESET-RECIPE)")
    add("--about", default="", metavar="TEXT", help="where the photos come from, for the card")
    add("--also", metavar="ZIP", type=Path, help="tokenizers: other pictures to measure on")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")


def train(arguments: argparse.Namespace) -> None:
    from explorer.training.main import run_recipe
    from explorer.training.recipes import find_recipe

    recipe = find_recipe(arguments.recipe, arguments.preset)
    run_recipe(
        dataclasses.replace(recipe, **parse_changes(recipe, arguments.set)),
        Path(arguments.data),
        Path(arguments.out),
        minutes=arguments.minutes,
        steps=arguments.steps,
        resume=arguments.resume,
        tokenizer=arguments.tokenizer,
        init=arguments.init,
        features=arguments.features,
        preset=arguments.preset,
        device=arguments.device,
        name=arguments.name,
        about=arguments.about,
        also=arguments.also,
    )


def parse_changes(recipe: Any, changes: list[str]) -> dict[str, Any]:
    """["batch=8", "scales=1,2,4"] as arguments of `dataclasses.replace`. ValueError names the fields."""
    values = {}
    fields = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in fields:
            raise ValueError(f"the recipe has no field {name!r}; it has {', '.join(fields)}")
        values[name] = parse_value(name, text, like=fields[name])
    return values


def parse_value(name: str, text: str, like: Any) -> Any:
    """`text` as a value of the type that the field has now."""
    try:
        value = text if isinstance(like, str) else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = None
    if isinstance(like, tuple) and isinstance(value, int):
        value = (value,)
    if isinstance(like, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(like):
        raise ValueError(f"{name}={text}: the recipe's {name} is like {like!r}")
    return value
