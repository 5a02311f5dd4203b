"""evaluate and sheet as typed: figures in the file, a table on the screen, one line for bad input."""

import json
import shlex

import pytest
from PIL import Image
from tiny_models import CLASSES, write_masked, write_models, write_photos

from explorer import cli
from explorer.evaluation.orders import ORDERS


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    write_photos(folder / "photos")
    write_photos(folder / "few", trained_on=1, held_out=0)
    write_photos(folder / "scarce", trained_on=6, held_out=2)
    write_photos(folder / "foreign")
    (folder / "foreign" / "grass").rename(folder / "foreign" / "unicorn")
    (folder / "words.safetensors").write_text("no weights\n")
    write_models(folder)
    write_masked(folder)
    trained = f"--judge {folder}/judge.safetensors --judge-epochs 1"
    assert (
        explorer(f"evaluate --data {folder}/photos --tokenizer {folder}/tiny-tokenizer.safetensors {trained}")
        == 0
    )
    return folder


@pytest.fixture
def desk(bench, monkeypatch):
    monkeypatch.chdir(bench)
    return bench


def explorer(line: str) -> int:
    try:
        return cli.main(shlex.split(line))
    except SystemExit as stop:  # argparse
        return stop.code


JUDGE = "--judge judge.safetensors"


@pytest.mark.parametrize("member", ["var", "raster"])
def test_evaluate_a_tokenizer_and_a_generator(desk, capsys, member):
    line = f"evaluate --data photos --generator tiny-{member}.safetensors {JUDGE} --samples-per-class 3"
    assert explorer(f"{line} --guidance 2 --out figures/{member}.json") == 0
    screen = capsys.readouterr()
    report = json.loads((desk / "figures" / f"{member}.json").read_text())
    assert report["data"]["photos_held_out"] == 18 and report["data"]["classes"] == list(CLASSES)
    tokenizer, generator = report["tokenizer"], report["generator"]
    assert tokenizer["name"] == ("tiny-tokenizer" if member == "var" else "tiny-raster-tokenizer")
    assert (tokenizer["precision"], tokenizer["computed_in"]) == ("exact", "float32")
    assert generator["sampling"] == {"guidance": 2.0, "top_k": 0, "top_p": 0.95, "temperature": 1.0}
    assert 0 < generator["bits_per_token"] < 20
    assert generator["counts"]["samples"] == 9
    assert set(generator["accuracy_by_class"]) == set(CLASSES)
    for text in ("PSNR", "judge Frechet distance", "kernel distance", "training photos", "perplexity"):
        assert text in screen.out
    assert "FID" not in screen.out + json.dumps(report)
    assert "drawing with" in screen.err


def test_a_masked_model_is_measured_in_the_order_and_at_the_pace_that_is_asked(desk, capsys):
    line = f"evaluate --data photos --generator tiny-masked.safetensors {JUDGE} --samples-per-class 2 --json"
    assert explorer(f"{line} --order spiral --per-step cosine-3") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)["generator"]
    assert found["order"] == "raster"  # of the bits per token
    assert (found["sampling"]["order"], found["sampling"]["per_step"]) == ("spiral", "cosine-3")
    assert explorer(f"{line.removesuffix(' --json')} --per-step 4") == 0
    assert "per-step 4" in capsys.readouterr().out
    assert explorer(f"{line} --sweep --top-k 0 --top-p 1 --order entropy") == 0
    sweep = json.loads(capsys.readouterr().out)["sweep"]
    assert sweep["order"] == "entropy" and set(sweep["best"]) == {"guidance", "top_k", "top_p"}
    assert explorer(f"{line} --order zigzag") == 2
    assert "zigzag" in capsys.readouterr().err


def test_what_photos_cost_along_each_order(desk, capsys):
    line = "orders --data photos --generator tiny-masked.safetensors --photos 5"
    assert explorer(f"{line} --out orders.json") == 0
    screen = capsys.readouterr().out
    found = json.loads((desk / "orders.json").read_text())
    assert found["photos"] == 5 and set(found["orders"]) == set(ORDERS)
    for name in ORDERS:
        assert name in screen
    assert found["caveat"] in screen
    assert explorer(f"{line} --orders spiral --json") == 0
    again = json.loads(capsys.readouterr().out)["orders"]
    assert list(again) == ["raster", "spiral"] and again["spiral"] == found["orders"]["spiral"]
    for wrong, named in (
        (f"{line} --orders confidence", "not 'confidence'"),
        (f"{line} --photos 1", "at least 2"),
        (line.replace("masked", "raster"), "knows one order, raster"),
    ):
        assert explorer(wrong) == 2
        assert named in capsys.readouterr().err


def test_without_a_judge_the_rest_is_measured(desk, capsys):
    assert explorer("evaluate --data photos --generator tiny-var.safetensors --json") == 0
    screen = capsys.readouterr()
    report = json.loads(screen.out)
    assert "judge" not in report and "accuracy" not in report["generator"]
    assert report["tokenizer"]["psnr_db"] > 0 and "no --judge" in screen.err


def test_sweep_names_the_best_and_writes_it(desk, capsys):
    card = desk / "tiny-raster.json"
    before = json.loads(card.read_text())
    line = f"evaluate --data photos --generator tiny-raster.safetensors {JUDGE} --samples-per-class 2 --sweep"
    assert explorer(f"{line} --guidance 1 3 --top-p 0.5 --write-sampling --out sweep.json") == 0
    table = capsys.readouterr().out
    best = json.loads((desk / "sweep.json").read_text())["sweep"]["best"]
    assert table.count("  best\n") == 1 and "guidance  top-k  top-p" in table
    after = json.loads(card.read_text())
    assert after["sampling"] == {**before["sampling"], **best} and best["top_p"] == 0.5
    assert {**after, "sampling": 0} == {**before, "sampling": 0}
    card.write_text(json.dumps(before))


@pytest.mark.parametrize("member", ["var", "raster"])
def test_sheet_has_a_row_per_class(desk, capsys, member):
    assert explorer(f"sheet --generator tiny-{member}.safetensors --seeds 3 --out docs/{member}.png") == 0
    assert capsys.readouterr().out == f"docs/{member}.png\n"
    width, height = Image.open(f"docs/{member}.png").size
    assert height == 3 * 36 - 4 and width > 3 * 36
    assert explorer(f"sheet --generator tiny-{member}.safetensors --classes night none --out two.webp") == 0
    assert Image.open("two.webp").height == 2 * 36 - 4


@pytest.mark.parametrize(
    "line, named",
    [
        ("evaluate --tokenizer tiny-tokenizer.safetensors", "--data"),
        ("evaluate --data nowhere --tokenizer tiny-tokenizer.safetensors", "nowhere"),
        ("evaluate --data . --tokenizer unheard-of", "unheard-of"),
        ("evaluate --data few --tokenizer tiny-tokenizer.safetensors", "held out"),
        ("evaluate --data scarce --generator tiny-var.safetensors --judge scarce.safetensors", "grass has 2"),
        ("evaluate --data foreign --generator tiny-var.safetensors", "unicorn"),
        ("evaluate --data photos --tokenizer tiny-tokenizer.safetensors --judge words.safetensors", "words"),
        ("evaluate --data photos --tokenizer tiny-tokenizer.safetensors --judge judge.pt", "judge.pt"),
        ("evaluate --data photos --tokenizer tiny-tokenizer.safetensors --grids 1x1,2x3", "8 x 12"),
        (f"evaluate --data photos --generator tiny-var.safetensors {JUDGE} --judge-size 32", "32"),
        (f"evaluate --data photos --generator tiny-var.safetensors {JUDGE} --samples-per-class 1", "2"),
        (f"evaluate --data photos --generator tiny-var.safetensors {JUDGE} --top-p 3", "top_p"),
        ("evaluate --data photos --generator tiny-var.safetensors --guidance 1 2", "--sweep"),
        ("evaluate --data photos --generator tiny-var.safetensors --sweep", "--judge"),
        ("evaluate --data photos --generator tiny-var.safetensors --write-sampling", "--sweep"),
        ("sheet --generator tiny-var.safetensors --out sheet.txt", "sheet.txt"),
        ("sheet --generator tiny-var.safetensors --out sheet.png --seeds 0", "--seeds"),
        ("sheet --generator tiny-var.safetensors --out sheet.png --classes unicorn", "unicorn"),
    ],
)
def test_bad_input_is_one_sentence(desk, capsys, line, named):
    assert explorer(line) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and named in error, error
