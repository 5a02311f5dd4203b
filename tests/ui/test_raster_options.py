"""--raster-tokenizer and --raster-generator: a typo is told at start, the untouched pair is not looked at."""

import pytest
from tiny_models import write_models

from explorer.errors import CheckpointError
from explorer.ui import options as defaults
from explorer.ui.raster import check_raster_pair


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = write_models(tmp_path_factory.mktemp("models"))
    return lambda name: str(folder / f"{name}.safetensors") if name.startswith("tiny") else name


def options(models, tokenizer: str, generator: str):
    return defaults.AppOptions(raster_tokenizer=models(tokenizer), raster_generator=models(generator))


def test_the_untouched_pair_is_not_opened(monkeypatch):
    monkeypatch.setattr("explorer.tokenizers.load_tokenizer", lambda *_, **__: pytest.fail("opened"))
    check_raster_pair(defaults.AppOptions())


def test_a_good_pair_passes(models):
    check_raster_pair(options(models, "tiny-raster-tokenizer", "tiny-raster"))


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
        check_raster_pair(options(models, tokenizer, generator))
    assert "\n" not in str(caught.value)


def test_the_command_line_tells_it(capsys):
    import app

    assert app.main(["--raster-generator", "unheard-of"]) == 2
    error = capsys.readouterr().err
    assert "--raster-generator unheard-of: no model is called" in error and error.count("\n") == 1
