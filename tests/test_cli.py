"""The command line, as a user types it: results are right, bad input is exit code 2 and one line."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import write_masked, write_models

from explorer import cli
from explorer.samples import SAMPLES, load_sample
from explorer.verbs import shared

ROOT = Path(__file__).parent.parent
VERBS = (
    "tokenize",
    "decode",
    "generate",
    "usage",
    "project",
    "inspect",
    "models",
    "download",
    "train",
    "refresh",
    "bench",
    "evaluate",
    "orders",
    "sheet",
    "look",
    "lens",
)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder to work in: photo.jpg (451 x 300) and the bundled checkpoints, as the examples name them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    load_sample("cat").save("photo.jpg", quality=95)
    return tmp_path


def run(line: str) -> int:
    """One command line in this process: its exit code."""
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "explorer"], line
    try:
        return cli.main(words[3:])
    except SystemExit as stop:  # argparse
        return stop.code


def explorer(line: str) -> int:
    return run(f"python -m explorer {line}")


# ---- help ----


def test_help_answers_at_once():
    """In seconds of computing, which a busy machine does not change."""
    before = os.times()
    command = [sys.executable, "-m", "explorer", "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    assert seconds < 0.3
    for verb in VERBS:
        assert f"\n    {verb} " in result.stdout


@pytest.mark.parametrize(
    "door", ["import explorer.cli; explorer.cli.build_parser()", "import app; app.build_parser()"]
)
def test_parsing_imports_nothing_heavy(door):
    check = f"{door}; import sys; print(sorted({{'torch', 'numpy', 'gradio', 'PIL'}} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert explorer(f"{verb} --help") == 0
    text = capsys.readouterr().out
    assert f"example:\n  python -m explorer {verb}" in text


def test_app_options(capsys):
    import app
    from explorer.ui.options import AppOptions

    parse = app.build_parser().parse_args
    assert AppOptions(**vars(parse([]))) == AppOptions()
    chosen = AppOptions(**vars(parse(shlex.split("--host 0.0.0.0 --port 8000 --precision exact --share"))))
    assert chosen == AppOptions(host="0.0.0.0", port=8000, precision="exact", share=True)
    assert not AppOptions().share and AppOptions().host == "127.0.0.1"


def test_app_says_in_one_line_why_it_cannot_start(capsys):
    import app

    assert app.main(["--tokenizer", "unheard-of"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no model is called 'unheard-of'") and error.count("\n") == 1


def test_fits_are_those_of_the_library():
    from explorer.tokenizers.images import MODES

    assert shared.FITS == MODES


# ---- a photo to tokens and back ----


def test_round_trip(desk, capsys):
    from explorer import load_tokenizer
    from explorer.tokenizers.images import open_image, to_pil

    assert explorer("tokenize photo.jpg --tokenizer mini --out maps.npz --save-input seen.png") == 0
    assert explorer("decode maps.npz --tokenizer mini --out again.png") == 0
    assert "451 x 300" in capsys.readouterr().out
    tok = load_tokenizer("mini")
    image = tok.fit(open_image("photo.jpg"))
    maps = tok.encode(image)
    with np.load("maps.npz") as stored:
        assert sorted(stored.files) == ["meta", *[f"scale_{k:02d}" for k in range(1, len(tok.grids) + 1)]]
        for k, ids in enumerate(maps, start=1):
            assert (stored[f"scale_{k:02d}"] == ids.numpy()).all()
        assert json.loads(str(stored["meta"]))["vocab_size"] == tok.vocab_size
    assert (np.asarray(Image.open("seen.png")) == np.asarray(to_pil(image)[0])).all()
    assert (np.asarray(Image.open("again.png")) == np.asarray(to_pil(tok.decode(maps))[0])).all()


def test_a_saved_picture_brings_its_own_tokens_along(desk, capsys):
    from explorer import TokenMaps

    explorer("generate --generator mini --label tulip --seed 1 --out made")
    (picture,) = Path("made").glob("*.png")
    (made,) = Path("made").glob("*.npz")
    capsys.readouterr()
    assert explorer(f"tokenize {picture} --out pixels.npz") == 0
    told = capsys.readouterr().err
    own, pixels = TokenMaps.load(made), TokenMaps.load("pixels.npz")
    same = sum(int((a == b).sum()) for a, b in zip(own, pixels, strict=True)) / 130
    assert f"encoding its pixels gives {same:.0%} of them" in told and "give --own-tokens" in told
    assert explorer(f"tokenize {picture} --own-tokens --out own.npz") == 0
    assert TokenMaps.load("own.npz") == own != pixels
    assert explorer("tokenize photo.jpg --own-tokens --out no.npz") == 2
    assert "carries no tokens" in capsys.readouterr().err and not Path("no.npz").exists()


def test_upto_stops_early(desk):
    from explorer import load_tokenizer
    from explorer.tokenizers.images import open_image, to_pil

    explorer("tokenize photo.jpg --out maps.npz")
    assert explorer("decode maps.npz --out coarse.png --upto 2") == 0
    tok = load_tokenizer("mini")
    stages = tok.decode_progressive(tok.encode(tok.fit(open_image("photo.jpg"))))
    assert (np.asarray(Image.open("coarse.png")) == np.asarray(to_pil(stages[1])[0])).all()


@pytest.mark.parametrize("fit", shared.FITS)
def test_fit_is_the_users_choice(desk, fit):
    from explorer import load_tokenizer
    from explorer.tokenizers.images import open_image, to_pil

    assert explorer(f"tokenize photo.jpg --out maps.npz --save-input seen.png --fit {fit}") == 0
    tok = load_tokenizer("mini")
    expected = to_pil(tok.fit(open_image("photo.jpg"), mode=fit))[0]
    assert (np.asarray(Image.open("seen.png")) == np.asarray(expected)).all()


def test_rectangles(desk, capsys):
    """Another schedule for the same weights; the file carries it to decode."""
    assert explorer("tokenize photo.jpg --out wide.npz --grids 1x1,2x3,4x6,8x12 --json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["fitted"] == [96, 64] and result["tokens"] == 1 + 6 + 24 + 96
    assert explorer("decode wide.npz --out wide.png") == 0
    assert Image.open("wide.png").size == (96, 64)


# ---- generate ----


def test_generate_writes_pictures_steps_and_tokens(desk, capsys):
    from explorer import TokenMaps, load_generator, load_tokenizer

    assert explorer("generate --generator mini --label sunflower --seed 0 5 --out new --steps --json") == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert [row["seed"] for row in rows] == [0, 5]
    assert [Path(name).name for name in rows[1]["steps"]] == [
        f"sunflower_seed5_step_{k}.png" for k in range(1, 7)
    ]
    assert "6/6" in captured.err
    # The last step is the picture, and row 2 of the batch equals a run alone.
    assert Path(rows[1]["steps"][-1]).read_bytes() == Path(rows[1]["image"]).read_bytes()
    gen = load_generator("mini", load_tokenizer("mini"))
    alone = list(gen.generate("sunflower", seed=5))[-1].maps
    assert TokenMaps.load(rows[1]["maps"]) == alone


def test_generate_takes_numbers_and_no_class(desk, capsys):
    assert explorer("generate --label 14 --seed 3 --out by_number") == 0
    assert explorer("generate --label sunflower --seed 3 --out by_name") == 0
    assert explorer("generate --label none --seed 3 --out by_none") == 0
    number, name = Path("by_number/14_seed3.png"), Path("by_name/sunflower_seed3.png")
    assert number.read_bytes() == name.read_bytes() != Path("by_none/none_seed3.png").read_bytes()


def test_raster_generator_finds_its_tokenizer(desk):
    assert explorer("generate --generator mini-raster --label cat --seed 1 --out raster") == 0
    assert Image.open("raster/cat_seed1.png").size == (64, 64)


def test_a_masked_model_draws_in_the_order_that_is_asked(tmp_path, monkeypatch, capsys):
    from explorer import TokenMaps, load_generator, load_tokenizer

    monkeypatch.chdir(tmp_path)
    weights = write_masked(write_models(tmp_path))
    line = f"generate --generator {weights} --label grass --seed 4"
    assert explorer(f"{line} --out a --order spiral --per-step 4 --steps --json") == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert len(row["steps"]) == 4  # 16 tokens
    gen = load_generator(weights, load_tokenizer(tmp_path / "tiny-raster-tokenizer.safetensors"))
    *_, alone = gen.generate("grass", seed=4, order="spiral", per_step=4)
    assert TokenMaps.load(row["maps"]) == alone.maps
    cells = list(range(15, -1, -1))
    assert explorer(f"{line} --out b --order {','.join(map(str, cells))}") == 0
    *_, alone = gen.generate("grass", seed=4, order=cells)
    assert TokenMaps.load("b/grass_seed4.npz") == alone.maps
    for wrong, named in (("0,1,1", "0..15 once"), ("0,x", "0,x"), ("zigzag", "zigzag")):
        capsys.readouterr()
        assert explorer(f"{line} --out c --order {wrong}") == 2
        assert named in capsys.readouterr().err
    assert explorer(f"{line} --out c --per-step 17") == 2
    assert "17 tokens per step" in capsys.readouterr().err
    raster = line.replace("tiny-masked", "tiny-raster")
    assert explorer(f"{raster} --out c --order spiral") == 2
    assert "knows one order, raster" in capsys.readouterr().err


# ---- checkpoints ----


def test_look_names_heads_places_and_causes(desk, capsys):
    explorer("tokenize photo.jpg --out maps.npz --tokenizer mini")
    capsys.readouterr()
    assert explorer("look maps.npz --label cat --scale 3 --cell 1,2 --effects --json") == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["heads"]) == 24 and len(found["places"]) == 8
    for head in found["heads"]:
        assert head["class_share"] + sum(head["scale_shares"]) == pytest.approx(1, abs=1e-3)
    assert {place["scale"] for place in found["places"]} <= {1, 2, 3}
    bits = [effect["bits"] for effect in found["effects"]]
    assert len(bits) == 5 and bits == sorted(bits, reverse=True) and bits[0] > 0
    assert explorer("look maps.npz --label cat --scale 3 --cell 1,2") == 0
    assert "attention is a place, not a cause" in capsys.readouterr().out


def test_lens_ends_where_the_model_ends(desk, capsys):
    explorer("tokenize photo.jpg --out maps.npz --tokenizer mini")
    capsys.readouterr()
    assert explorer("lens maps.npz --label none --json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 36
    assert all(row["agreement_with_last_layer"] == 1 for row in rows if row["layer"] == 6)
    assert any(row["divergence_bits"] > 0.1 for row in rows if row["layer"] == 1)


def test_models_lists_bundled_and_released(capsys):
    assert explorer("models --json") == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert {"mini-tokenizer", "mini-var", "mini-raster-tokenizer", "mini-raster", "var_d16"} <= names
    assert explorer("models") == 0
    assert "mini-var" in capsys.readouterr().out


def test_inspect_says_what_a_file_is(desk, capsys):
    assert explorer("inspect checkpoints/mini-var.safetensors --json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["family"] == "var"
    assert explorer("inspect checkpoints/mini-tokenizer.safetensors") == 0
    assert "var-tokenizer" in capsys.readouterr().out


def test_odd_numbers_of_a_picture_are_told(desk, capsys):
    twelve = np.tile(np.linspace(0, 4095, 64).astype(np.uint16), (64, 1))
    Image.fromarray(twelve).save("ramp12_in16.png")
    assert explorer("tokenize ramp12_in16.png --out maps.npz --json") == 0
    captured = capsys.readouterr()
    assert "ramp12_in16.png: Its values end at 4095" in captured.err
    assert "12 of the 16 bits" in json.loads(captured.out)["notice"]


# ---- bad input ----


@pytest.mark.parametrize(
    "line, named",
    [
        ("tokenize nothing.jpg --out a.npz", "nothing.jpg"),
        ("tokenize words.txt --out a.npz", "not a picture"),
        ("tokenize photo.jpg --out a.npz --tokenizer words.txt", "words.txt"),
        ("tokenize photo.jpg --out a.npz --tokenizer unheard-of", "unheard-of"),
        ("tokenize photo.jpg --out a.npz --grids 1,two", "1,two"),
        ("tokenize photo.jpg --out a.npz --grids 4,2", "4x4"),
        ("tokenize photo.jpg --out a.npz --save-input seen", "seen"),
        ("tokenize photo.jpg --out a.npz --fit stretch", "stretch"),
        ("tokenize photo.jpg --out .", "folder"),
        ("tokenize photo.jpg", "--out"),
        ("decode words.txt --out a.png", "words.txt"),
        ("decode maps.npz --out a.png --upto 9", "9"),
        ("decode maps.npz --out a.png --tokenizer mini-raster-tokenizer", "mini-tokenizer"),
        ("decode maps.npz --out a.nothing", "a.nothing"),
        ("generate --label unicorn --out new", "unicorn"),
        ("generate --label 99 --out new", "99"),
        ("generate --label 1 --out new --tokenizer mini-raster-tokenizer", "needs var-tokenizer"),
        ("generate --label cat --out new --grids 1,2,3", "leave --grids"),
        ("generate --label cat --out new --seed 1.5", "1.5"),
        ("generate --label cat --out new --seed -1", "-1"),
        ("look maps.npz --label cat --scale 9 --cell 0,0", "9"),
        ("look maps.npz --label cat --scale 2 --cell 5,0", "(5, 0)"),
        ("look maps.npz --label cat --scale 2 --cell middle", "middle"),
        ("lens maps.npz --label unicorn", "unicorn"),
        ("inspect words.txt", "words.txt"),
        ("inspect nothing.pth", "nothing.pth"),
        ("download unheard-of", "unheard-of"),
        ("train tokenizer --data nowhere --out run --steps 1", "nowhere"),
        ("train nonsense --data . --out run", "nonsense"),
        ("train tokenizer --data . --out run", "minutes"),
        ("train tokenizer --data . --out run --steps 1 --set colour=red", "colour"),
        ("train tokenizer --data . --out run --steps 1 --set batch=many", "batch=many"),
        ("train var --data . --out run --steps 1", "--tokenizer"),
        ("bench nonsense", "nonsense"),
        ("bench ui --repeats 0", "--repeats"),
        ("conjure", "conjure"),
        ("tokenize photo.jpg --out a.npz --device toaster", "toaster"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(desk, capsys, line, named):
    Path("words.txt").write_text("no picture, no weights, no tokens\n" * 9)
    if "maps.npz" in line:
        assert explorer("tokenize photo.jpg --out maps.npz") == 0
    capsys.readouterr()
    assert explorer(line) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1, captured.err
    assert named in captured.err and captured.out == ""


# ---- train ----


def test_train_options_reach_the_recipe(desk, monkeypatch):
    from explorer.training import main

    asked = {}
    monkeypatch.setattr(main, "run_recipe", lambda *places, **options: asked.update(options, places=places))
    line = "train tokenizer --data photos --out run --steps 5 --set batch=4 lr=1 scales=1,2,4 --name toy"
    assert explorer(line) == 0
    recipe, data, out = asked["places"]
    assert (recipe.name, recipe.batch, recipe.lr, recipe.scales) == ("tokenizer", 4, 1.0, (1, 2, 4))
    assert (data, out) == (Path("photos"), Path("run"))
    assert (asked["steps"], asked["minutes"], asked["resume"], asked["name"]) == (5, None, False, "toy")


def test_train_choices_are_those_of_the_recipes():
    from explorer.training.recipes import PRESETS
    from explorer.verbs import train

    assert train.PRESETS == tuple(PRESETS)
    assert all(set(train.RECIPES) == set(recipes) for recipes in PRESETS.values())


# ---- bench ----


@pytest.mark.parametrize("given, repeats", [("", 30), (" --repeats 3", 3)])
def test_bench_ui_measures_the_page_and_keeps_json_apart(monkeypatch, capsys, given, repeats):
    from explorer.ui import measure

    def main(repeats, report, options):
        report("hover 1 ms")
        return {"repeats": repeats, "precision": options.precision, "tokenizer": options.tokenizer}

    monkeypatch.setattr(measure, "main", main)
    assert explorer(f"bench ui --precision exact --json{given}") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"repeats": repeats, "precision": "exact", "tokenizer": "mini"}
    assert captured.err == "hover 1 ms\n"
    assert explorer(f"bench ui{given}") == 0
    assert capsys.readouterr().out == "hover 1 ms\n"


def test_bench_ui_without_a_browser_is_one_line(monkeypatch, capsys):
    from playwright.sync_api import Error

    from explorer.ui import measure

    def main(*_):
        raise Error("Executable doesn't exist\nand a banner")

    monkeypatch.setattr(measure, "main", main)
    assert explorer("bench ui") == 2
    error = capsys.readouterr().err
    assert "Executable doesn't exist" in error and "install chromium" in error and error.count("\n") == 1


# ---- small parts ----


@pytest.mark.parametrize(
    "text, grids",
    [
        ("1,2,3", ((1, 1), (2, 2), (3, 3))),
        ("1x1,2x3", ((1, 1), (2, 3))),
        ("4", ((4, 4),)),
        ("2,3X4", ((2, 2), (3, 4))),
    ],
)
def test_parse_grids(text, grids):
    assert shared.parse_grids(text) == grids


@pytest.mark.parametrize("text", ["", "0", "1,", "1x2x3", "a", "-1"])
def test_parse_grids_refuses(text):
    with pytest.raises(shared.argparse.ArgumentTypeError):
        shared.parse_grids(text)


def test_progress_in_a_log_is_short(capsys):
    progress = shared.Progress("drawing", sys.stderr)
    for done in range(1, 257):
        progress.show(done, 256)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 11 and lines[-1].endswith("256/256 ")


def test_samples_are_installed_and_credited():
    assert [sample.name for sample in SAMPLES] == ["astronaut", "cat", "coffee", "rocket", "china", "flower"]
    for sample in SAMPLES:
        assert load_sample(sample.name).mode == "RGB" and sample.title and sample.credit
    with pytest.raises(ValueError, match="astronaut, cat"):
        load_sample("unicorn")
