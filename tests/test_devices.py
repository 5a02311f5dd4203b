"""Devices and precisions."""

import pytest
import torch

from explorer.devices import has_bf16, open_device


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
