"""evaluate: figures of a tokenizer and a generator on photos that they have not seen."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from explorer.verbs.shared import (
    Progress,
    add_json_option,
    add_order_options,
    add_tokenizer_options,
    add_verb,
    new_file,
    open_tokenizer,
    order_settings,
    print_json,
)
from explorer.writing import written_whole

SETTINGS = ("guidance", "top_k", "top_p")
# No guidance is 0 in VAR's convention and 1 in LlamaGen's.
SWEEP_TOP_K, SWEEP_TOP_P = (0,), (0.9, 0.95, 1.0)
SWEEP_SAMPLES, SAMPLES = 10, 50
# A judge learns little more from larger pictures, but takes much longer.
LARGEST_JUDGE = 128


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "evaluate",
        evaluate,
        "measure a tokenizer, and a generator, on held-out photos",
        "python -m explorer evaluate --data photos.zip --generator mini --judge judge.safetensors",
    )
    add = parser.add_argument
    add(
        "--data",
        required=True,
        type=Path,
        metavar="PATH",
        help="the training photos, folder or zip of CLASS/PHOTO.jpg; the 5 %% that training holds out are "
        "measured",
    )
    add("--generator", metavar="G", help="also measure this generator, a name or a path")
    add(
        "--judge",
        type=Path,
        metavar="FILE",
        help="classifier that looks at the results, .safetensors; trained on the training photos and kept "
        "there when the file does not exist. Without it, figures that need a judge are left out",
    )
    add("--judge-size", type=int, metavar="PX", help="side that a new judge sees (default: the tokenizer's)")
    add("--judge-epochs", type=float, metavar="N", help="passes of a new judge over the photos (default: 6)")
    add(
        "--samples-per-class",
        type=int,
        metavar="N",
        help=f"pictures drawn per class (default: {SAMPLES}, with --sweep {SWEEP_SAMPLES})",
    )
    add("--guidance", type=float, nargs="+", metavar="G", help="instead of the card's; several with --sweep")
    add("--top-k", type=int, nargs="+", metavar="K", help="instead of the card's; several with --sweep")
    add("--top-p", type=float, nargs="+", metavar="P", help="instead of the card's; several with --sweep")
    add(
        "--sweep",
        action="store_true",
        help="try every combination of the settings above (default: five strengths of guidance, top-p 0.9, "
        "0.95 and 1) and name the best, instead of measuring everything at one setting",
    )
    add(
        "--at-least",
        type=float,
        default=0.7,
        metavar="A",
        help="--sweep: the best is the setting closest to photos (judge Frechet distance) among those with "
        "this accuracy (default: %(default)s)",
    )
    add(
        "--write-sampling",
        action="store_true",
        help="--sweep: make the best setting the default, in the generator's card",
    )
    add_order_options(parser)
    add("--out", metavar="JSON", help="write all figures")
    add_tokenizer_options(parser, default=None)
    # Figures should depend on the weights alone, not on what this machine does faster.
    parser.set_defaults(precision="exact")
    add_json_option(parser)


def evaluate(arguments: argparse.Namespace) -> None:
    from explorer import load_generator
    from explorer.evaluation import run

    check_arguments(arguments)
    out = new_file(arguments.out) if arguments.out else None
    arguments.tokenizer = arguments.tokenizer or default_tokenizer(arguments.generator)
    tok = open_tokenizer(arguments)
    gen = load_generator(arguments.generator, tok) if arguments.generator else None
    photos = run.read_photos(arguments.data, tok)
    report = {"data": run.data_entries(photos, arguments.data)}
    if gen:
        grid, drawing = settings_grid(arguments, gen.family), order_settings(arguments)
        per_class = arguments.samples_per_class or (SWEEP_SAMPLES if arguments.sweep else SAMPLES)
        run.check_generator(gen, photos)
        if arguments.judge:  # before minutes of training and drawing, not after them
            run.check_comparison(gen, photos, per_class, [settings | drawing for settings in grid])
    judge = open_judge(arguments, photos, tok) if arguments.judge else None
    if judge:
        report["judge"] = run.judge_entries(judge, arguments.judge)
    else:
        print("no --judge FILE: accuracy and distances are left out", file=sys.stderr)

    if arguments.sweep:
        accuracy = arguments.at_least
        report["sweep"] = run.sweep_generator(gen, photos, judge, grid, per_class, accuracy, watch, drawing)
        if arguments.write_sampling:
            report["sweep"]["written_to"] = write_best(arguments.generator, report["sweep"]["best"])
    else:
        report["tokenizer"] = run.evaluate_tokenizer(tok, photos, judge, watch)
        if gen:
            settings = grid[0] | drawing
            report["generator"] = run.evaluate_generator(gen, photos, judge, per_class, settings, watch)
    if out:
        with written_whole(out) as unfinished:
            unfinished.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if arguments.json:
        print_json(report)
    else:
        print("\n".join(report_lines(report)))


def watch(label: str) -> Callable[[int, int], None]:
    return Progress(label).show


def check_arguments(arguments: argparse.Namespace) -> None:
    """ValueError for combinations that mean nothing."""
    if arguments.sweep and not (arguments.generator and arguments.judge):
        raise ValueError("--sweep looks at samples: it needs --generator and --judge")
    if arguments.write_sampling and not arguments.sweep:
        raise ValueError("--write-sampling writes what --sweep finds: give both")
    for name in SETTINGS:
        if not arguments.sweep and len(getattr(arguments, name) or ()) > 1:
            raise ValueError(f"several values of --{name.replace('_', '-')} need --sweep")


def settings_grid(arguments: argparse.Namespace, family: str) -> list[dict[str, float | int]]:
    """What to draw with: all combinations with --sweep, else one, which may leave some to the card."""
    from explorer import families

    asked = {name: getattr(arguments, name) for name in SETTINGS if getattr(arguments, name)}
    if arguments.sweep:
        guidance = families.named(family).guidance_sweep
        asked = (
            ({"guidance": guidance} if guidance else {})
            | {"top_k": SWEEP_TOP_K, "top_p": SWEEP_TOP_P}
            | asked
        )
    return [dict(zip(asked, values, strict=True)) for values in product(*asked.values())]


def default_tokenizer(generator: str | None) -> str:
    from explorer.verbs.generate import partner_tokenizer

    return partner_tokenizer(generator) if generator else "mini"


def open_judge(arguments: argparse.Namespace, photos: Any, tok: Any) -> Any:
    from explorer.evaluation import run
    from explorer.evaluation.judge import JudgeRecipe

    size = arguments.judge_size or min(tok.image_hw[0], LARGEST_JUDGE)
    recipe = replace(JudgeRecipe(), size=size, epochs=arguments.judge_epochs or JudgeRecipe.epochs)
    say = partial(print, file=sys.stderr, flush=True)
    judge = run.open_judge(arguments.judge, photos, arguments.data, recipe, tok.device.torch_device, say)
    if arguments.judge_size not in (None, judge.size):
        raise ValueError(
            f"{arguments.judge} sees {judge.size} px, not {arguments.judge_size}; "
            "name a new file to have one trained"
        )
    return judge


def write_best(generator: str, settings: dict[str, float | int]) -> str:
    from explorer.evaluation.sweep import write_sampling
    from explorer.zoo.catalogue import find

    return str(write_sampling(find(generator, kind="generator"), settings))


# What a reader sees. Figures keep their names of the JSON where a line holds one figure.


def report_lines(report: dict) -> list[str]:
    data = report["data"]
    lines = [f"{data['photos_held_out']} held-out photos of {len(data['classes'])} classes ({data['data']})"]
    if judge := report.get("judge"):
        lines.append(f"judge {judge['file']}: {judge['size']} px, {judge['accuracy']:.1%} of held-out photos")
    if tokenizer := report.get("tokenizer"):
        lines += ["", *tokenizer_lines(tokenizer)]
    if generator := report.get("generator"):
        lines += ["", *generator_lines(generator)]
    if sweep := report.get("sweep"):
        lines += ["", *sweep_lines(sweep)]
    return lines


def tokenizer_lines(found: dict) -> list[str]:
    lines = [
        f"{found['name']}, {found['images']} pictures",
        f"  PSNR {found['psnr_db']:.2f} dB   SSIM {found['ssim']:.4f}   gradient energy "
        f"{found['gradient_energy_ratio']:.3f} of the originals'",
        f"  {found['tokens_per_image']} tokens, {found['bits_per_image']} bits a picture, "
        f"{found['bits_per_pixel']:.3f} bits per pixel",
        f"  codes used: {found['codes_distinct']} of {found['codes']}, {found['codes_used']:.1%} "
        f"({found['codes_used_means']}); perplexity {found['perplexity']:.0f}",
    ]
    rows = (found["tokens_counted_by_scale"], found["distinct_by_scale"], found["perplexity_by_scale"])
    for k, (tokens, distinct, perplexity) in enumerate(zip(*rows, strict=True), start=1):
        share = perplexity / min(found["codes"], tokens)
        lines.append(
            f"  scale {k}: {distinct} codes in {tokens} tokens, perplexity {perplexity:.0f} "
            f"({share:.1%} of what is possible)"
        )
    if judged := found.get("judge"):
        lines += [
            f"  judge: {judged['accuracy_originals']:.1%} of the originals, "
            f"{judged['accuracy_reconstructions']:.1%} of the reconstructions "
            f"({judged['accuracy_relative']:.1%} of that)",
            f"  judge Frechet distance of reconstructions {judged['judge_frechet_distance']:.4g}, "
            f"kernel distance {judged['judge_kernel_distance']:.4g}",
        ]
    return lines


def generator_lines(found: dict) -> list[str]:
    lines = [
        f"{found['name']}",
        f"  bits per token {found['bits_per_token']:.3f} given the class, "
        f"{found['bits_per_token_no_class']:.3f} without ({found['tokens']} tokens)",
    ]
    if "accuracy" not in found:
        return lines
    frechet, kernel = found["judge_frechet_distance"], found["judge_kernel_distance"]
    counts, near = found["counts"], found["nearest_training_photo"]
    lines += [
        f"  drawn with {settings_text(found['sampling'])}, {found['samples_per_class']} per class",
        f"  judge: {found['accuracy']:.1%} of the samples, {found['accuracy_held_out']:.1%} of held-out "
        f"photos ({found['accuracy_relative']:.1%} of that), means over classes",
        *(
            f"    {name:<16} {one['samples']:>6.1%} of {one['held_out']:>6.1%}"
            for name, one in found["accuracy_by_class"].items()
        ),
        f"  judge Frechet distance {frechet['samples']:.4g} ({counts['samples']} samples, "
        f"{counts['held_out']} photos); {frechet['samples_to_a_half']:.4g} to half of the photos, "
        f"{frechet['held_out_half_to_half']:.4g} from half to half of the photos",
        f"  judge kernel distance {kernel['samples']:.4g}, half to half of the photos "
        f"{kernel['held_out_half_to_half']:.4g}",
        f"  distance to the nearest of {near['training_photos']} training photos: median "
        f"{near['median_samples']:.3g}, of held-out photos {near['median_held_out']:.3g}; "
        f"{near['closer_than_held_out_1_percent']:.1%} lie closer than all but 1 % of held-out photos do",
    ]
    return lines


def sweep_lines(found: dict) -> list[str]:
    lines = [
        f"{found['name']}: {found['samples_per_class']} samples per class and setting "
        f"(held-out photos: {found['accuracy_held_out']:.1%} accuracy)",
        "  guidance  top-k  top-p   accuracy   Frechet    kernel",
    ]
    for row in found["rows"]:
        chosen = all(row[name] == value for name, value in found["best"].items())
        lines.append(
            f"  {row['guidance']:>8g}  {row['top_k']:>5}  {row['top_p']:>5g}   {row['accuracy']:>8.1%}  "
            f"{row['judge_frechet_distance']:>8.4g}  {row['judge_kernel_distance']:>8.4g}"
            f"{'  best' if chosen else ''}"
        )
    lines.append(f"best ({found['best_means']}): {settings_text(found['best'])}")
    if "written_to" in found:
        lines.append(f"written to {found['written_to']}; `refresh --all` redraws the examples")
    return lines


def settings_text(settings: dict) -> str:
    shown = {
        name: value if isinstance(value, str | list) else f"{value:g}" for name, value in settings.items()
    }
    return ", ".join(f"{name.replace('_', '-')} {value}" for name, value in shown.items())
