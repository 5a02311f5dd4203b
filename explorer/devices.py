"""Where models run and in which precision.

A `Device` is shared by all models on one piece of hardware. Its lock is taken for the length of one forward
pass or decode, never across a yield, so that several generators and users' edits interleave.

Precision (tokens are the subject, so they are computed in float32 unless "fast" is asked for):

    exact   float32 everywhere; reproduces the reference implementations
    auto    decoder and transformer in bfloat16 where the hardware computes in it, else float32 (the default)
    fast    the encoder in bfloat16 too: a few tokens differ from the exact ones

TF32 is off in "exact" and "auto".

Training, the judge and the feature classifier ask `autocast`: bfloat16 where the hardware computes in it,
else float32. TOKENSCOPE_BF16=0 in the environment says that nothing here computes in bfloat16, so that one
processor can be tested as another.

Layout. On a CPU all tensors stay contiguous: torch 2.13's CPU GroupNorm loses precision on channels_last
input (errors of 8e-2 instead of 7e-6 on a map with mean 3 and deviation 0.05), and the layout saves only a
quarter of the decoder's time. On CUDA, where GroupNorm makes its input contiguous itself, convolutions run
channels_last in "auto" and "fast".
"""

import contextlib
import os
import platform
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

PRECISIONS = ("exact", "auto", "fast")


@dataclass(frozen=True)
class Device:
    """One piece of hardware, the precision of what runs there, and the lock that its models share."""

    torch_device: torch.device
    precision: str
    compute_dtype: torch.dtype  # decoder and transformer
    encoder_dtype: torch.dtype  # encoder; the quantizer is always float32
    channels_last: bool
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @contextlib.contextmanager
    def forward(self) -> Iterator[None]:
        """The surroundings of every forward pass: the lock, no gradients, and TF32 off unless "fast"."""
        with self.lock, torch.inference_mode(), self._float32_convolutions():
            yield

    @contextlib.contextmanager
    def _float32_convolutions(self) -> Iterator[None]:
        if self.torch_device.type != "cuda" or self.precision == "fast":
            yield
            return
        # cuDNN's default is TF32: ten bits of mantissa, enough to flip tokens.
        settings = torch.backends.cudnn.conv
        before, settings.fp32_precision = settings.fp32_precision, "ieee"
        try:
            yield
        finally:
            settings.fp32_precision = before

    @property
    def computed_in(self) -> str:
        """What decoder and transformer run in here: "float32" or "bf16"; "auto" alone would not say."""
        return {torch.float32: "float32", torch.bfloat16: "bf16"}[self.compute_dtype]

    def __str__(self) -> str:
        return f"{self.torch_device.type.upper()} {self.computed_in}"


def open_device(device: str | torch.device | Device = "auto", precision: str = "auto") -> Device:
    """The device of that name ("auto": cuda, else mps, else cpu). A `Device` passes through unchanged.

    Raises ValueError for an unknown precision, or a device that this machine or this torch does not have.
    """
    if isinstance(device, Device):
        return device
    if precision not in PRECISIONS:
        raise ValueError(f"precision is one of {', '.join(PRECISIONS)}, not {precision!r}")
    torch_device = _find(device)
    bf16 = torch.bfloat16 if precision != "exact" and has_bf16(torch_device) else torch.float32
    return Device(
        torch_device=torch_device,
        precision=precision,
        compute_dtype=bf16,
        encoder_dtype=bf16 if precision == "fast" else torch.float32,
        channels_last=torch_device.type == "cuda" and precision != "exact",
    )


def has_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies in bfloat16 itself; emulation is up to 25 times slower than float32.

    Looked up when asked, so that TOKENSCOPE_BF16=0 also holds for what is opened later.
    """
    if os.environ.get("TOKENSCOPE_BF16") == "0":
        return False
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        # torch has no public name for these two yet.
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, check, lambda: False)() for check in checks)
    return False


def autocast(device: torch.device) -> contextlib.AbstractContextManager:
    """The surroundings of a forward pass with gradients: bf16 autocast where `has_bf16`, else float32."""
    return torch.autocast(device.type, torch.bfloat16) if has_bf16(device) else contextlib.nullcontext()


def training_precision(device: torch.device) -> str:
    """What `autocast` does there, as cards record it."""
    return "bf16 autocast" if has_bf16(device) else "float32"


def _find(device: str | torch.device) -> torch.device:
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"unknown device {device!r}; use auto, cpu, cuda, cuda:N or mps") from error
    if not available.get(found.type):
        there = ", ".join(kind for kind, yes in available.items() if yes)
        raise ValueError(f"device {device!r} is not available to this torch; available: {there}")
    if found.type == "cuda" and found.index is not None and found.index >= torch.cuda.device_count():
        raise ValueError(
            f"device {device!r} does not exist: this machine has {torch.cuda.device_count()} CUDA devices"
        )
    return found


def hardware_name(device: torch.device) -> str:
    """The hardware that a figure belongs to, for example "AMD EPYC, 2 cores"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor_name()}, {os.cpu_count()} cores"


def _processor_name() -> str:
    with contextlib.suppress(OSError):  # Linux only; elsewhere platform knows
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()
