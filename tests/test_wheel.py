"""The wheel works where the clone is not: installed into an empty environment, run from another folder.

Nothing is downloaded: the wheel is built without isolation and installed without its dependencies, which the
empty environment borrows from the one that runs the tests.
"""

import json
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from explorer import __version__
from explorer.samples import load_sample

ROOT = Path(__file__).parent.parent


def run(*words, cwd: Path) -> str:
    done = subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*build, "--wheel-dir", folder, ROOT, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The bin folder of an environment that holds the wheel."""
    home = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home.parent)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    run(*install, "--ignore-installed", "--no-index", wheel, cwd=home.parent)
    return python.parent


def test_it_holds_assets_weights_and_every_module(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "explorer").rglob("*.py")}
    assert modules <= names
    for folder in ("assets", "checkpoints"):
        tracked = run("git", "ls-files", folder, cwd=ROOT).splitlines() if (ROOT / ".git").exists() else []
        assert {f"explorer/_{name}" for name in tracked} <= names
    assert "explorer/_checkpoints/mini-var.safetensors" in names and "explorer/_assets/js/core.js" in names
    assert not any(name.startswith(("tests/", "docs/")) for name in names)


def test_the_script_tokenizes_and_decodes_from_another_folder(installed, tmp_path):
    load_sample("cat").save(tmp_path / "photo.png")
    run(installed / "tokenscope", "tokenize", "photo.png", "--out", "maps.npz", cwd=tmp_path)
    run(
        installed / "tokenscope",
        "decode",
        "maps.npz",
        "--tokenizer",
        "mini",
        "--out",
        "again.png",
        cwd=tmp_path,
    )
    assert (tmp_path / "again.png").stat().st_size > 0
    listed = json.loads(run(installed / "tokenscope", "models", "--json", cwd=tmp_path))
    assert listed


def test_the_package_is_the_installed_one(installed, tmp_path):
    told = run(
        installed / "python",
        "-c",
        "import explorer; from explorer.ui.components.assets import head; "
        "print(explorer.__file__, explorer.__version__, len(head()) > 10000)",
        cwd=tmp_path,
    )
    assert str(installed.parent) in told and told.split()[1:] == [__version__, "True"]


def test_the_script_alone_knows_the_options_of_the_page(installed, tmp_path):
    told = run(installed / "tokenscope", "--help", cwd=tmp_path)
    assert "--port" in told and "--models" in told and "tokenize" in told


def test_the_pins_lie_in_the_promised_ranges():
    """Every promised package is pinned, and the pin is one that the promise covers."""
    from packaging.requirements import Requirement

    pins = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            pins[name] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"] + project["optional-dependencies"]["dev"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pins[wanted.name]), text
