"""Where the weights lie in files that hold more than them: the savers of the authors' own trainers.

{model|module|state_dict|ema|model_ema: weights, ...}     DDP, DeepSpeed, Lightning, LlamaGen's trainer
{trainer: {vae_local, var_wo_ddp, ...}, epoch, ...}       VAR's trainer: a tokenizer and a generator
{"module.blocks...": tensor}                              names with the prefix of a wrapper module
{"first_stage_model...": ..., "transformer...": ...}      taming-transformers: a tokenizer and its generator
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from explorer.zoo.recognise import is_tokenizer

# In the order of preference of the released samplers (MODELS.md 3.1). The averaged weights come first for
# tokenizers only: LlamaGen's own sampler reads `ema` of its tokenizer and `model` of its transformer.
WRAPPERS = ("model", "module", "state_dict", "ema", "model_ema")
AVERAGED = ("ema", "model_ema")
TRAINER = "trainer"
TRAINER_PARTS = {"tokenizer": "vae_local", "generator": "var_wo_ddp"}
# What DistributedDataParallel, torch.compile and wrapper modules put before every name, and what PARTS put
# where a file holds one of the two.
PREFIXES = ("module.", "_orig_mod.", "model.", "first_stage_model.", "transformer.")
WEIGHTS = ("ema", "model")
# Two models in one set of names: the prefix of each.
PARTS = {"tokenizer": "first_stage_model.", "generator": "transformer."}
# How `others` names a tokenizer that lies beside a generator.
TOKENIZER_PARTS = (f"{TRAINER}.{TRAINER_PARTS['tokenizer']}", PARTS["tokenizer"].rstrip("."))


@dataclass(frozen=True)
class Unwrapped:
    """wrapper: the entry that held the tensors ("trainer.vae_local"), None = the file itself.

    others: further entries with weights. prefix: what was taken off every name.
    """

    tensors: dict[str, Tensor]
    wrapper: str | None = None
    others: tuple[str, ...] = ()
    prefix: str = ""


def unwrap(stored: Mapping, kind: str | None = None, weights: str | None = None) -> Unwrapped | None:
    """The weights in what a file holds; None where there are none.

    kind: "tokenizer" | "generator", where a file holds both (default: the generator). weights: "ema" or
    "model" where it holds averaged and plain ones; ValueError where the asked ones are missing.
    """
    if weights not in (None, *WEIGHTS):
        raise ValueError(f"weights are {' or '.join(WEIGHTS)}, not {weights!r}")
    found = _candidates(stored)
    if not found:
        bare = tensors_of(stored)
        if weights is not None and bare:
            raise ValueError(f"the file holds one set of weights, so there is no choice of {weights!r}")
        return _part(_without_prefix(bare), kind) if bare else None
    chosen = _choose(found, kind, weights)
    plain = _without_prefix(found[chosen])
    others = tuple(name for name in found if name != chosen)
    return _part(Unwrapped(plain.tensors, chosen, others, plain.prefix), kind)


def _part(found: Unwrapped, kind: str | None) -> Unwrapped:
    """The tokenizer or the generator (the default) where names hold both.

    What belongs to neither goes with the generator, under its own name: a part that conditions it.
    """
    here = {part: any(name.startswith(PARTS[part]) for name in found.tensors) for part in PARTS}
    if not all(here.values()):
        return found
    kind = kind or "generator"
    other = PARTS["tokenizer" if kind == "generator" else "generator"]
    if kind == "tokenizer":
        kept = {name: tensor for name, tensor in found.tensors.items() if name.startswith(PARTS[kind])}
    else:
        kept = {name: tensor for name, tensor in found.tensors.items() if not name.startswith(other)}
    tensors = {name.removeprefix(PARTS[kind]): tensor for name, tensor in kept.items()}
    others = (*found.others, other.rstrip("."))
    return Unwrapped(tensors, found.wrapper, others, found.prefix + PARTS[kind])


def _candidates(stored: Mapping) -> dict[str, dict[str, Tensor]]:
    found = {}
    trainer = stored.get(TRAINER)
    if isinstance(trainer, Mapping):
        for part in TRAINER_PARTS.values():
            if isinstance(trainer.get(part), Mapping):
                found[f"{TRAINER}.{part}"] = tensors_of(trainer[part])
    for key in WRAPPERS:
        if isinstance(stored.get(key), Mapping):
            found[key] = tensors_of(stored[key])
    return {key: tensors for key, tensors in found.items() if tensors}


def _choose(found: dict[str, dict[str, Tensor]], kind: str | None, weights: str | None) -> str:
    if weights is not None:
        wanted = AVERAGED if weights == "ema" else tuple(key for key in found if key not in AVERAGED)
        for key in wanted:
            if key in found:
                return key
        raise ValueError(f"the file holds no {weights!r} weights; it holds {', '.join(found)}")
    part = f"{TRAINER}.{TRAINER_PARTS[kind or 'generator']}"
    if part in found:
        return part
    for key in AVERAGED:
        if key in found and is_tokenizer(_without_prefix(found[key]).tensors):
            return key
    return next(iter(found))


def _without_prefix(tensors: dict[str, Tensor]) -> Unwrapped:
    """Prefixes that every name carries are taken off, one after the other ("module._orig_mod.")."""
    taken = ""
    while True:
        for prefix in PREFIXES:
            if tensors and all(name.startswith(prefix) and name != prefix for name in tensors):
                tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
                taken += prefix
                break
        else:
            return Unwrapped(tensors, prefix=taken)


def tensors_of(entries: Mapping) -> dict[str, Tensor]:
    """The entries that are tensors with a name."""
    return {
        name: value for name, value in entries.items() if isinstance(value, Tensor) and isinstance(name, str)
    }
