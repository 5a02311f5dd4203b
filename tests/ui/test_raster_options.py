"""--raster-tokenizer and --raster-generator: opened when the page starts, so that a typo is told then."""

import pytest
from tiny_models import write_models

from explorer.devices import open_device
from explorer.errors import CheckpointError
from explorer.ui import options as defaults
from explorer.ui.switching.raster import open_raster_pair


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = write_models(tmp_path_factory.mktemp("models"))
    return lambda name: str(folder / f"{name}.safetensors") if name.startswith("tiny") else name


def options(models, tokenizer: str, generator: str):
    return defaults.AppOptions(raster_tokenizer=models(tokenizer), raster_generator=models(generator))


def opened(options):
    return open_raster_pair(options, open_device("cpu", "exact"))


def test_a_good_pair_is_opened_on_the_device_of_the_page(models):
    device = open_device("cpu", "exact")
    pair = open_raster_pair(options(models, "tiny-raster-tokenizer", "tiny-raster"), device)
    assert pair.order == "raster"
    assert pair.tokenizer.device is device and pair.generator.device is device


def test_no_pair_is_opened_where_none_is_asked_for():
    assert opened(defaults.AppOptions(raster_tokenizer="", raster_generator="")) is None


@pytest.mark.parametrize(
    "tokenizer, generator, told",
    [
        ("mini-raster-tokeniser", "tiny-raster", "--raster-tokenizer mini-raster-tokeniser"),
        ("tiny-raster-tokenizer", "unheard-of", "--raster-generator unheard-of"),
        ("tiny-tokenizer", "tiny-raster", "family var-tokenizer"),
        ("tiny-raster", "tiny-raster", "a tokenizer is needed"),
        ("tiny-tokenizer", "tiny-var", "does not go in raster order"),
    ],
)
def test_a_typo_or_a_wrong_pair_is_one_sentence(models, tokenizer, generator, told):
    with pytest.raises(CheckpointError, match=told) as caught:
        opened(options(models, tokenizer, generator))
    assert "\n" not in str(caught.value)


def test_the_command_line_tells_it(capsys):
    import app

    assert app.main(["--raster-generator", "unheard-of"]) == 2
    error = capsys.readouterr().err
    assert "--raster-generator unheard-of: no model is called" in error and error.count("\n") == 1
