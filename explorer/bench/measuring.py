"""Counts floating-point operations and measures seconds."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def _attention_flops(query: tuple, key: tuple, value: tuple, *_: Any, **__: Any) -> int:
    B, H, rows, d = query
    columns, d_value = value[-2:]
    return 2 * B * H * rows * columns * (d + d_value)


# torch 2.13 counts the attention kernels of GPUs but not the one of CPUs.
CPU_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}


def count_flops(work: Callable[[], Any]) -> tuple[int, Any]:
    """(operations of `work`, its result). A multiply-add is two; convolutions and matrix products count."""
    with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
        result = work()
    return counter.get_total_flops(), result


def measure_seconds(work: Callable[[], Any], device: torch.device) -> float:
    """Wall time of one call, until the device is idle again."""
    _finish(device)
    began = time.perf_counter()
    work()
    _finish(device)
    return time.perf_counter() - began


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextlib.contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Runs the body with n CPU threads (None: as they are)."""
    before = torch.get_num_threads()
    torch.set_num_threads(n or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
