"""One recipe from data to shipped file: what `python -m explorer train` runs."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from explorer.devices import hardware_name, open_device, training_precision
from explorer.errors import CheckpointError
from explorer.training.class_folders import summary
from explorer.training.feature_net import train_feature_net
from explorer.training.loop import STATE, Budget, go_on, run
from explorer.training.losses import FeatureNet
from explorer.training.photos import STORED_SIDE, PhotoSet, load_photos
from explorer.training.recipes import TokenizerRecipe, TransformerRecipe, check_numbers, find_recipe
from explorer.training.saving import (
    Save,
    check_same,
    data_entries,
    only_run,
    read_save,
    recipe_entries,
)
from explorer.training.shipping import save_model, write_card_entries
from explorer.training.tokenizer_task import TokenizerTask, check_network
from explorer.training.transformer_task import TransformerTask
from explorer.zoo import open_checkpoint
from explorer.zoo.cards import read_card
from explorer.zoo.reading import file_sha256, read_checkpoint

# What a save says about its run, besides recipe, data and classes; the keys are read out in messages.
START, BEHIND, FEATURES = "start", "images behind its start", "feature classifier"


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
    zip of other pictures to measure the tokenizer on. Raises ValueError for bad arguments, for an `out` that
    another run is using or that cannot be written, and for a resumed run that would be another one;
    CheckpointError for bad files.
    """
    plan = find_recipe(recipe, preset) if isinstance(recipe, str) else recipe
    check_numbers(plan)
    if isinstance(plan, TokenizerRecipe):
        check_network(plan)
    budget = Budget(minutes, steps)
    name = name or f"{preset}-{plan.name}"
    state = out / STATE
    if state.exists() and not resume:
        raise ValueError(f"{out} holds an earlier run: give --resume to go on with it, or another --out")
    if getattr(plan, "decoder_only", False) and init is None and not state.exists():
        raise ValueError("decoder_only keeps the tokens of a trained tokenizer: name its weights with --init")
    where = open_device(device).torch_device
    with only_run(out):
        saved = read_save(state) if state.exists() else None
        if resume and saved is None:
            say(f"{out} holds no run to resume; it starts anew")
        belongs = recipe_entries(plan) | _start(init, saved)
        check_same(state, saved, belongs)
        if isinstance(plan, TokenizerRecipe):
            task = _tokenizer_task(plan, data, where)
        else:
            task, learned = _transformer_task(plan, data, tokenizer, where, partial(check_same, state, saved))
            belongs |= learned
        belongs |= data_entries(task.photos)
        check_same(state, saved, belongs)
        parameters = sum(p.numel() for p in task.net.parameters())
        counts = f"{len(task.train_N)} photos, {len(task.held_N)} held out"
        say(f"{name}: {parameters / 1e6:.2f} M parameters, {counts}, {where}")
        say(summary(task.photos.labels_N.tolist(), task.photos.classes))
        for skipped in task.photos.unreadable:
            say(f"skipped {skipped}: it cannot be read as a picture")
        if saved:
            go_on(task, saved, state)
        elif init is not None:
            _begin(task, init)
        if getattr(plan, "feature_weight", 0):
            path = features or out / "features.safetensors"
            belongs |= _use_features(task, path, saved, say)
            check_same(state, saved, belongs)
        totals = run(
            task,
            budget,
            out,
            saved=saved,
            belongs=belongs,
            precision=training_precision(where),
            report_seconds=report_seconds,
            say=say,
        )
        card = {**task.card(), "name": name, "parameters": parameters}
        card["data"] = _data(task, about or f"class folders in {data.name}")
        card["recipe"] = dataclasses.asdict(plan)
        card["training"] = {
            **_totals(totals),
            "started_from": belongs.get(START, "unknown").partition(" (")[0],
            **_machine(where),
            "precision": ", then ".join(totals["precisions"]),
            **_counted(task, plan, round(totals["images"]), belongs.get(BEHIND)),
        }
        weights = save_model(out / f"{name}.safetensors", task.shipped(), card)
        card["metrics"] = _metrics(task, plan, weights, also, device)
        write_card_entries(weights, {**card, "sha256": file_sha256(weights)})
    say(f"wrote {weights} ({weights.stat().st_size / 2**20:.1f} MiB): {card['metrics']}")
    return weights


def _start(init: Path | None, saved: Save | None) -> dict:
    """Where a run starts from, and how many pictures were seen on the way there where that is known.

    A resumed run knows it from its save.
    """
    known = saved.belongs if saved else {START: "random weights", BEHIND: 0}
    if init is not None:
        read_checkpoint(init)  # says what is wrong with the file
        start = f"{Path(init).name} (sha256 {file_sha256(init)[:12]})"
        if known.get(START) != start:
            behind = _images_behind(init)
            known = {START: start} | ({} if behind is None else {BEHIND: behind})
    return {name: known[name] for name in (START, BEHIND) if name in known}


def _begin(task, init: Path) -> None:
    try:
        task.load_weights(read_checkpoint(init).tensors)
    except (RuntimeError, KeyError) as error:
        raise CheckpointError(
            f"{init} does not fit this recipe ({' '.join(str(error).split())[:160]}); start from weights "
            "that the same recipe made"
        ) from error


def _tokenizer_task(plan, data, device) -> TokenizerTask:
    photos = load_photos(data, round(plan.image_size * STORED_SIDE))
    return TokenizerTask(plan, photos, FeatureNet(len(photos.classes)), device)


def _transformer_task(plan, data, tokenizer, device, check: Callable) -> tuple[TransformerTask, dict]:
    """The task, and whose tokens it learns; `check` compares this with the save before photos are read."""
    if tokenizer is None:
        raise ValueError(
            f"the {plan.name} recipe learns the tokens of a tokenizer: name one with --tokenizer"
        )
    opened = open_checkpoint(tokenizer, kind="tokenizer")
    learned = {"tokenizer": f"{opened.path.name} (sha256 {file_sha256(opened.path)[:12]})"}
    check(learned)
    grids = opened.recognition.grids
    size = grids[-1][0] * opened.net.config.downsample
    photos: PhotoSet = load_photos(data, round(size * STORED_SIDE))
    return TransformerTask(plan, photos, opened.net, grids, device, opened.path), learned


def _use_features(task: TokenizerTask, path: Path, saved: Save | None, say: Callable) -> dict:
    """Give the task its classifier, trained or read; a resumed run goes on with the one it had."""
    if saved and FEATURES in saved.belongs and not path.exists():
        raise ValueError(
            f"{path} is gone, the loss of this run compares features of {saved.belongs[FEATURES]}; name a "
            "copy with --features"
        )
    minutes = task.recipe.feature_minutes
    net = train_feature_net(task.photos, path, size=task.size, minutes=minutes, device=task.device, say=say)
    task.use_features(net)
    return {FEATURES: f"sha256 {file_sha256(path)[:12]}"}


def _data(task, about: str) -> dict:
    return {
        "about": about,
        "classes": len(task.photos.classes),
        "photos_trained_on": len(task.train_N),
        "photos_held_out": len(task.held_N),
    }


def _totals(totals: dict[str, float]) -> dict:
    return {
        "steps": totals["steps"],
        "images_seen": totals["images"],
        "minutes": round(totals["seconds"] / 60, 1),
        "images_per_second": round(totals["images"] / max(totals["seconds"], 1e-9), 1),
    }


def _counted(task, plan, images: int, before: int | None) -> dict:
    """Work of a transformer's run by formula, and with the `before` pictures that its start had behind it.

    Pictures in all are left out when the weights that were started from do not say what they have seen.
    """
    if not isinstance(plan, TransformerRecipe):
        return {}
    from explorer.analysis.cost import TRAINING_CONVENTION, training_flops

    config = task.net.config
    found = {"flops_counted": training_flops(config, images), "flops_convention": TRAINING_CONVENTION}
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
