"""Devices and precisions."""

from pathlib import Path

import pytest
import torch

import explorer
from explorer.devices import autocast, has_bf16, open_device, training_precision

CPU = torch.device("cpu")


def test_precisions_on_the_cpu():
    exact, auto, fast = (open_device("cpu", precision) for precision in ("exact", "auto", "fast"))
    half = torch.bfloat16 if has_bf16(torch.device("cpu")) else torch.float32
    assert (exact.compute_dtype, exact.encoder_dtype) == (torch.float32, torch.float32)
    assert (auto.compute_dtype, auto.encoder_dtype) == (half, torch.float32)
    assert (fast.compute_dtype, fast.encoder_dtype) == (half, half)
    assert not any(device.channels_last for device in (exact, auto, fast))


def test_a_device_passes_through():
    device = open_device("cpu", "exact")
    assert open_device(device, "fast") is device
    assert open_device().torch_device.type in ("cuda", "mps", "cpu")


@pytest.mark.parametrize("device, precision", [("gpu", "auto"), ("cpu", "half"), ("cuda:99", "auto")])
def test_unknown_names(device, precision):
    with pytest.raises(ValueError):
        open_device(device, precision)


def test_forward_runs_without_gradients_under_the_lock():
    device = open_device("cpu")
    with device.forward():
        assert torch.is_inference_mode_enabled()
        with device.forward():  # re-entrant
            pass
    assert not torch.is_inference_mode_enabled()


@pytest.fixture
def bf16_processor(monkeypatch):
    """As on a processor that multiplies in bfloat16, whatever runs the tests."""
    monkeypatch.delenv("TOKENSCOPE_BF16", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    return monkeypatch


def test_the_switch_is_read_when_asked(bf16_processor):
    assert has_bf16(CPU) and open_device("cpu").compute_dtype is torch.bfloat16
    bf16_processor.setenv("TOKENSCOPE_BF16", "0")
    assert not has_bf16(CPU) and open_device("cpu", "fast").encoder_dtype is torch.float32
    bf16_processor.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert not has_bf16(torch.device("cuda"))
    bf16_processor.setenv("TOKENSCOPE_BF16", "1")
    assert has_bf16(CPU) and has_bf16(torch.device("cuda"))


def test_a_processor_without_bf16_trains_in_float32(bf16_processor):
    layer, x = torch.nn.Linear(3, 2), torch.ones(1, 3)
    with autocast(CPU):
        assert layer(x).dtype is torch.bfloat16 and training_precision(CPU) == "bf16 autocast"
    for check in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        bf16_processor.setattr(torch.cpu, check, lambda: False, raising=False)
    with autocast(CPU):
        assert layer(x).dtype is torch.float32 and training_precision(CPU) == "float32"


def test_one_place_decides_about_autocast():
    package = Path(explorer.__file__).parent
    users = [path.name for path in package.rglob("*.py") if "torch.autocast" in path.read_text()]
    assert users == ["devices.py"]


def test_a_device_says_what_auto_means_here(bf16_processor):
    assert open_device("cpu").computed_in == "bf16" and str(open_device("cpu")) == "CPU bf16"
    bf16_processor.setenv("TOKENSCOPE_BF16", "0")
    assert open_device("cpu").computed_in == "float32" and str(open_device("cpu")) == "CPU float32"
