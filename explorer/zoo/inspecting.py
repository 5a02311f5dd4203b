"""What is this file? Everything that can be said about a checkpoint, for `python -m explorer inspect`."""

import os
from pathlib import Path
from typing import Any

from explorer import families
from explorer.errors import CheckpointError
from explorer.families.schedules import show_grids, token_count
from explorer.zoo.building import check_weights
from explorer.zoo.cards import Card, card_path, read_card
from explorer.zoo.reading import Checkpoint, read_checkpoint
from explorer.zoo.recognise import Recognition, recognise


def describe(path: str | os.PathLike, weights: str | None = None) -> dict[str, Any]:
    """A checkpoint file in plain JSON types.

    weights: "ema" | "model", where a file holds both.
    Keys: file, format, wrapper, other_weights, prefix, size_mib, sha256, dtypes, family, kind, title,
    architecture, parameters, grids, grids_source, image_size (height, width), tokens (per image), ignored
    (entries that are no weights), card, pairs_with, runs, problem (why it does not run, else None).
    CheckpointError: not readable or of no known family.
    """
    path = Path(path)
    checkpoint = read_checkpoint(path, weights=weights)
    card = read_card(path)
    try:
        found = recognise(checkpoint.shapes, card, path.name)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    problem = _problem(found, checkpoint)
    return {
        "file": str(path),
        "format": checkpoint.format,
        "wrapper": checkpoint.wrapper,
        "other_weights": list(checkpoint.others),
        "prefix": checkpoint.prefix,
        "size_mib": round(path.stat().st_size / 2**20, 2),
        "sha256": checkpoint.sha256,
        "dtypes": sorted(
            {str(tensor.dtype).removeprefix("torch.") for tensor in checkpoint.tensors.values()}
        ),
        "family": found.family,
        "kind": found.kind,
        "title": found.title,
        "architecture": {key: _plain(value) for key, value in found.architecture.items()},
        "parameters": found.parameters,
        "grids": found.grids and [list(grid) for grid in found.grids],
        "grids_source": found.grids_source,
        "image_size": found.image_size and list(found.image_size),
        "tokens": found.grids and token_count(found.grids),
        "ignored": list(found.ignored),
        "card": _card_entry(path, card, checkpoint),
        "pairs_with": pairs_with(found),
        "runs": problem is None,
        "problem": problem,
    }


def pairs_with(found: Recognition) -> str:
    """One sentence: what else is needed to use it."""
    codes = f"{found.vocab_size} codes" if found.vocab_size else "its codes"
    dims = f" of {found.code_dim} dimensions" if found.code_dim else ""
    return families.named(found.family).pairs.format(codes=codes, dims=dims, code_dim=found.code_dim)


def format_description(facts: dict[str, Any]) -> str:
    """`describe`'s facts as lines of text."""
    grids = facts["grids"] and show_grids(tuple(tuple(grid) for grid in facts["grids"]))
    size = facts["image_size"]
    rows = [
        ("file", facts["file"]),
        ("format", _format_line(facts)),
        ("sha256", facts["sha256"]),
        ("model", f"{facts['title']} ({facts['family']}, a {facts['kind']})"),
        ("parameters", f"{facts['parameters']:,}"),
        ("numbers", ", ".join(f"{key} {_show(value)}" for key, value in facts["architecture"].items())),
        ("grids", f"{grids or 'unknown'} ({facts['grids_source']})"),
        ("image", size and f"{size[0]}x{size[1]} px (height x width), {facts['tokens']} tokens"),
        ("ignored", _ignored_line(facts["ignored"])),
        ("card", _card_line(facts["card"])),
        ("pairing", facts["pairs_with"]),
        ("runs", "yes" if facts["runs"] else f"no: {facts['problem']}"),
    ]
    return "\n".join(f"{label:<11} {text}" for label, text in rows if text)


def _problem(found: Recognition, checkpoint: Checkpoint) -> str | None:
    if found.problem:
        return found.problem
    try:
        check_weights(found, checkpoint.tensors)
    except CheckpointError as error:
        return str(error)
    return None


def _card_entry(path: Path, card: Card | None, checkpoint: Checkpoint) -> dict[str, Any] | None:
    """sha256_matches: None where the card states none."""
    if card is None:
        return None
    matches = None if card.sha256 is None else card.sha256 == checkpoint.sha256
    return {"file": str(card_path(path)), "entries": sorted(card.to_dict()), "sha256_matches": matches}


def _format_line(facts: dict[str, Any]) -> str:
    wrapper = f", weights under '{facts['wrapper']}'" if facts["wrapper"] else ""
    if facts["other_weights"]:
        wrapper += f" (also there: {', '.join(facts['other_weights'])})"
    if facts["prefix"]:
        wrapper += f", names without '{facts['prefix']}'"
    return f"{facts['format']}, {facts['size_mib']} MiB, {' and '.join(facts['dtypes'])}{wrapper}"


def _ignored_line(names: list[str]) -> str:
    if not names:
        return ""
    some = ", ".join(names[:3])
    return f"{some} and {len(names) - 3} more" if len(names) > 3 else some


def _card_line(card: dict[str, Any] | None) -> str:
    if card is None:
        return "none beside the file"
    verdict = {None: "", True: "; its sha256 matches", False: "; ITS SHA256 IS THAT OF ANOTHER FILE"}
    return f"{card['file']} ({', '.join(card['entries'])}){verdict[card['sha256_matches']]}"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _show(value: object) -> str:
    if isinstance(value, list):
        return "-".join(str(entry) for entry in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
