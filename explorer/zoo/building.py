"""From a recognised checkpoint to a network that holds its weights; and whether two of them belong together.

The network is laid out on the meta device (no memory), its names and shapes are compared with the file's, and
the file's tensors become its parameters. Nothing is loaded loosely: every name must match, except those on
the family's explicit list.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from explorer import families
from explorer.errors import CheckpointError
from explorer.zoo.recognise import Recognition

FLOAT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def build(
    recognition: Recognition, tensors: Mapping[str, Tensor], dtype: torch.dtype = torch.float32
) -> nn.Module:
    """The network in eval mode with the tensors as its weights, cast to `dtype` (float32: not copied).

    CheckpointError: the model cannot be run, or a tensor is missing, unexpected, of the wrong size or type,
    or holds NaN or infinity.
    """
    net = check_weights(recognition, tensors)
    net.load_state_dict(_weights(recognition, tensors), strict=True, assign=True)
    return net.to(dtype).eval().requires_grad_(False)


def check_weights(recognition: Recognition, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Compares the tensors with the network they are for and returns that network, on the meta device.

    CheckpointError: as `build`.
    """
    net = empty_network(recognition)
    weights = _weights(recognition, tensors)
    _check_names_and_sizes(recognition, net, weights)
    _check_values(weights)
    return net


def empty_network(recognition: Recognition) -> nn.Module:
    """The network on the meta device: names and shapes, no memory."""
    if recognition.config is None:
        raise CheckpointError(recognition.problem or f"{recognition.title} cannot be built")
    with torch.device("meta"):
        return families.named(recognition.family).build(recognition.config)


def _weights(recognition: Recognition, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries that are weights, under the names of the network."""
    family = families.named(recognition.family)
    return family.rename({name: tensor for name, tensor in tensors.items() if not family.is_dropped(name)})


def check_pair(generator: Recognition, *, family: str, vocab_size: int, code_dim: int | None = None) -> None:
    """Whether a generator speaks the language of a tokenizer: family, number of codes, code dimension.

    Grids are not compared here: a tokenizer takes any. CheckpointError names both numbers.
    """
    what = f"this is {generator.title}"
    if generator.vocab_size != vocab_size:
        raise CheckpointError(
            f"{what}; the tokenizer given has {vocab_size} codes, it needs {generator.vocab_size}"
        )
    needed = families.named(generator.family).tokenizer
    if family != needed:
        raise CheckpointError(f"{what}; the tokenizer given is of family {family}, it needs {needed}")
    if None not in (code_dim, generator.code_dim) and code_dim != generator.code_dim:
        raise CheckpointError(
            f"{what}; the tokenizer given has codes of {code_dim} dimensions, it needs {generator.code_dim}"
        )


def _check_names_and_sizes(recognition: Recognition, net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    what = recognition.title
    missing = [name for name in expected if name not in weights]
    if missing:
        raise CheckpointError(
            f"the file lacks {len(missing)} of the {len(expected)} tensors of {what}, such as {missing[0]}"
        )
    unexpected = [name for name in weights if name not in expected]
    if unexpected:
        raise CheckpointError(
            f"the file has {len(weights)} tensors, {what} has {len(expected)}; {unexpected[0]} has no place "
            "in it"
        )
    wrong = [name for name, tensor in weights.items() if tuple(tensor.shape) != expected[name]]
    if wrong:
        name = wrong[0]
        others = f" ({len(wrong) - 1} other tensors are wrong too)" if len(wrong) > 1 else ""
        raise CheckpointError(
            f"tensor {name} has shape {list(weights[name].shape)}, {what} needs "
            f"{list(expected[name])}{others}"
        )


def _check_values(weights: Mapping[str, Tensor]) -> None:
    for name, tensor in weights.items():
        if tensor.dtype not in FLOAT_TYPES:
            allowed = ", ".join(_type_name(kind) for kind in FLOAT_TYPES)
            raise CheckpointError(
                f"tensor {name} is {_type_name(tensor.dtype)}; weights must be one of {allowed}"
            )
        if tensor.device.type == "meta":
            continue  # names and shapes only: there are no values to look at
        # The extremes show every NaN and infinity without a second array of the size of the weights.
        lowest, highest = torch.aminmax(tensor)
        if not (torch.isfinite(lowest) and torch.isfinite(highest)):
            bad = int((~torch.isfinite(tensor)).sum())
            raise CheckpointError(
                f"tensor {name} holds {bad} NaN or infinite values among {tensor.numel()}; the file is "
                "damaged or comes from a training run that diverged"
            )


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
