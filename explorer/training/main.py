"""One recipe from data to shipped file: what `python -m explorer train` runs."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

from explorer.devices import hardware_name, open_device, training_precision
from explorer.training.feature_net import train_feature_net
from explorer.training.loop import Budget, run
from explorer.training.losses import FeatureNet
from explorer.training.photos import STORED_SIDE, PhotoSet, load_photos
from explorer.training.recipes import TokenizerRecipe, TransformerRecipe, find_recipe
from explorer.training.shipping import save_model, write_card_entries
from explorer.training.tokenizer_task import TokenizerTask
from explorer.training.transformer_task import TransformerTask
from explorer.zoo import open_checkpoint
from explorer.zoo.cards import read_card
from explorer.zoo.reading import file_sha256, read_checkpoint


def run_recipe(
    recipe: str | TokenizerRecipe | TransformerRecipe,
    data: Path,
    out: Path,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    resume: bool = False,
    tokenizer: str | Path | None = None,
    init: Path | None = None,
    features: Path | None = None,
    preset: str = "mini",
    device: str = "auto",
    name: str | None = None,
    about: str = "",
    also: Path | None = None,
    report_seconds: float = 20.0,
    say: Callable[[str], None] = lambda text: print(text, flush=True),
) -> Path:
    """Train, export and measure; returns the path of the weights, `out/NAME.safetensors` with its card.

    tokenizer: for "var" and "raster", whose tokens are learned. init: weights to start from. features: the
    loss classifier of an earlier run. about: where the photos come from, in words, for the card. also: a
    zip of other pictures to measure the tokenizer on. Raises ValueError for bad arguments, CheckpointError
    for bad files.
    """
    plan = find_recipe(recipe, preset) if isinstance(recipe, str) else recipe
    budget = Budget(minutes, steps)
    name = name or f"{preset}-{plan.name}"
    if (out / "state.pt").exists() and not resume:
        raise ValueError(f"{out} holds an earlier run: give --resume to go on with it, or another --out")
    if getattr(plan, "decoder_only", False) and init is None:
        raise ValueError("decoder_only keeps the tokens of a trained tokenizer: name its weights with --init")
    where = open_device(device).torch_device
    out.mkdir(parents=True, exist_ok=True)
    if isinstance(plan, TokenizerRecipe):
        task, size = _tokenizer_task(plan, data, out, features, where, say)
    else:
        task, size = _transformer_task(plan, data, tokenizer, where)
    parameters = sum(p.numel() for p in task.net.parameters())
    counts = f"{len(task.train_N)} photos, {len(task.held_N)} held out"
    say(f"{name}: {parameters / 1e6:.2f} M parameters, {counts}, {where}")
    if init is not None and not (resume and (out / "state.pt").exists()):
        task.load_weights(read_checkpoint(init).tensors)
    totals = run(task, budget, out, resume=resume, report_seconds=report_seconds, say=say)

    card = {**task.card(), "name": name, "parameters": parameters}
    card["data"] = {
        "about": about or f"class folders in {data.name}",
        "classes": len(task.photos.classes),
        "photos_trained_on": len(task.train_N),
        "photos_held_out": len(task.held_N),
    }
    card["recipe"] = dataclasses.asdict(plan)
    card["training"] = {
        **_totals(totals),
        "started_from": Path(init).name if init else "random weights",
        **_machine(where),
        **_counted(task, plan, round(totals["images"]), init),
    }
    weights = save_model(out / f"{name}.safetensors", task.shipped(), card)
    card["metrics"] = _metrics(task, plan, weights, also, device)
    write_card_entries(weights, {**card, "sha256": file_sha256(weights)})
    say(f"wrote {weights} ({weights.stat().st_size / 2**20:.1f} MiB): {card['metrics']}")
    return weights


def _tokenizer_task(plan, data, out, features, device, say) -> tuple[TokenizerTask, int]:
    photos = load_photos(data, round(plan.image_size * STORED_SIDE))
    if plan.feature_weight:
        path = features or out / "features.safetensors"
        net = train_feature_net(
            photos, path, size=plan.image_size, minutes=plan.feature_minutes, device=device, say=say
        )
    else:
        net = FeatureNet(len(photos.classes))
    return TokenizerTask(plan, photos, net, device), plan.image_size


def _transformer_task(plan, data, tokenizer, device) -> tuple[TransformerTask, int]:
    if tokenizer is None:
        raise ValueError(
            f"the {plan.name} recipe learns the tokens of a tokenizer: name one with --tokenizer"
        )
    opened = open_checkpoint(tokenizer, kind="tokenizer")
    grids = opened.recognition.grids
    size = grids[-1][0] * opened.net.config.downsample
    photos: PhotoSet = load_photos(data, round(size * STORED_SIDE))
    return TransformerTask(plan, photos, opened.net, grids, device, opened.path), size


def _totals(totals: dict[str, float]) -> dict:
    return {
        "steps": totals["steps"],
        "images_seen": totals["images"],
        "minutes": round(totals["seconds"] / 60, 1),
        "images_per_second": round(totals["images"] / max(totals["seconds"], 1e-9), 1),
    }


def _counted(task, plan, images: int, init: Path | None) -> dict:
    """Work of a transformer's run by formula, and of the runs that `init` had behind it (read from its card).

    Pictures in all are left out when the weights that were started from do not say what they have seen.
    """
    if not isinstance(plan, TransformerRecipe):
        return {}
    from explorer.analysis.cost import TRAINING_CONVENTION, training_flops

    config = task.net.config
    found = {"flops_counted": training_flops(config, images), "flops_convention": TRAINING_CONVENTION}
    before = _images_behind(init) if init else 0
    if before is None:
        return found
    in_all = images + before
    return {
        **found,
        "images_seen_in_all": in_all,
        "flops_counted_in_all": training_flops(config, in_all),
    }


def _images_behind(init: Path) -> int | None:
    card = read_card(init)
    training = card.extra.get("training", {}) if card else {}
    seen = training.get("images_seen_in_all", training.get("images_seen"))
    return None if seen is None else round(seen)


def _machine(device: torch.device) -> dict:
    used = "" if device.type == "cuda" else f", {torch.get_num_threads()} in use"
    return {
        "hardware": hardware_name(device) + used,
        "precision": training_precision(device),
        "torch": torch.__version__,
    }


def _metrics(task, plan, weights: Path, also: Path | None, device: str) -> dict:
    from explorer.generators import load_generator
    from explorer.tokenizers import load_tokenizer
    from explorer.training import metrics

    if isinstance(plan, TransformerRecipe):
        tokenizer = load_tokenizer(task.tokenizer_path, device=device, precision="exact")
        generator = load_generator(weights, tokenizer, device=device, precision="exact")
        return {"held_out": metrics.likelihood_metrics(generator, tokenizer, task.photos)}
    tokenizer = load_tokenizer(weights, device=device, precision="exact")
    pictures = (image for image, _ in metrics.held_out_pictures(task.photos, plan.image_size))
    found = {"held_out": metrics.reconstruction_metrics(tokenizer, pictures)}
    if plan.feature_weight:
        found["feature_classifier"] = metrics.kept_classes(tokenizer, task.features.cpu(), task.photos)
    if also is not None:
        found["other_photos"] = {
            "about": also.name,
            **metrics.reconstruction_metrics(tokenizer, metrics.pictures_in(also, tokenizer)),
        }
    return found
