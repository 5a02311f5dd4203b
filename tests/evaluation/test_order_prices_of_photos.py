"""The price of photos along each order equals the sums of the model's own scores."""

import math

import pytest
import torch
from tiny_models import write_masked, write_models, write_photos

from explorer import load_generator, load_tokenizer
from explorer.evaluation.orders import order_prices
from explorer.orders import as_order
from explorer.training.photos import load_photos, plain_batch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prices")
    write_photos(folder / "photos")
    write_models(folder)
    write_masked(folder)
    return folder


def test_prices_are_mean_scores(folder):
    tok = load_tokenizer(folder / "tiny-raster-tokenizer.safetensors", device="cpu", precision="exact")
    gen = load_generator(folder / "tiny-masked.safetensors", tok)
    side = tok.image_hw[0]
    photos = load_photos(folder / "photos", round(side * 1.5))
    found = order_prices(gen, photos, ("hilbert", "random", "entropy"), count=18)
    held_P = photos.held_out()[1]
    assert found["photos"] == len(held_P) == 18 and list(found["orders"])[0] == "raster"
    bits = {name: [] for name in found["orders"]}
    for index in held_P.tolist():
        maps = tok.encode((plain_batch(photos, torch.tensor([index]), side) + 1) / 2)
        label = photos.classes[photos.labels_N[index]]
        for name, rows in bits.items():
            order = as_order("random", gen.grids[0], index) if name == "random" else name
            rows.append(-gen.score(maps, label, order=order)[0].flatten() / math.log(2))
    for name, rows in bits.items():
        mean = torch.stack(rows).mean().item()
        assert found["orders"][name]["bits_per_token"]["mean"] == pytest.approx(mean, abs=1e-3)
        low, high = found["orders"][name]["bits_per_token"]["interval_95"]
        assert low < mean < high
    raster, hilbert = torch.stack(bits["raster"]), torch.stack(bits["hilbert"])
    more = found["orders"]["hilbert"]["more_than_raster"]["mean"]
    assert more == pytest.approx((hilbert - raster).mean().item(), abs=1e-3)
    way = hilbert[:, as_order("hilbert", gen.grids[0])].mean(0)
    assert found["orders"]["hilbert"]["bits_along_the_way"] == pytest.approx(way.tolist(), abs=1e-3)
    assert "bits_along_the_way" not in found["orders"]["entropy"]
    assert "more_than_raster" not in found["orders"]["raster"]
