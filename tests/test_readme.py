"""README.md keeps its word: every example runs, every verb, option and path it names exists.

Fenced blocks run in reading order in one folder that holds `photo.jpg`: `python` blocks share one namespace,
lines of `bash` blocks go to the command line. A block that cannot run follows `<!-- not run: reason -->`.
"""

import re
import shlex
from pathlib import Path

import pytest

from explorer import cli
from explorer.samples import load_sample

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL
)
BLOCKS = [match.groupdict() for match in BLOCK.finditer(README)]


def commands(text: str) -> list[list[str]]:
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def test_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    load_sample("cat").save("photo.jpg", quality=95)
    namespace: dict = {}
    ran = {"python": 0, "bash": 0}
    for block in BLOCKS:
        if block["reason"]:
            continue
        if block["language"] == "python":
            exec(compile(block["text"], "README.md", "exec"), namespace)
        else:
            for words in commands(block["text"]):
                assert words[:3] == ["python", "-m", "explorer"], words
                assert cli.main(words[3:]) == 0, " ".join(words)
        ran[block["language"]] += 1
    assert ran["python"] >= 3 and ran["bash"] >= 1
    capsys.readouterr()
    for picture in ("again.png", "coarse.png", "cat.png", "edited.png", "sunflower.png", "tulip.png"):
        assert (tmp_path / picture).stat().st_size > 0


def test_examples_that_are_not_run_still_parse():
    """Their verbs and options exist, and so do the requirements and modules they name."""
    import app

    seen = 0
    for block in BLOCKS:
        if not block["reason"] or block["language"] != "bash":
            continue
        for words in commands(block["text"].replace("&&", "\n")):
            if words[:3] == ["python", "-m", "explorer"]:
                cli.build_parser().parse_args(words[3:])
            elif words[:2] == ["python", "app.py"]:
                app.build_parser().parse_args(words[2:])
            else:
                assert words in (["pip", "install", "-r", "requirements.txt"], ["python", "-m", "pytest"]), (
                    words
                )
            seen += 1
    assert seen


def test_blocks_have_a_known_language():
    assert {block["language"] for block in BLOCKS} <= {"python", "bash"}
    assert README.count("```") == 2 * len(BLOCKS), "a fenced block without a language would not be checked"


@pytest.mark.parametrize("document", ["README.md", "docs/ARCHITECTURE.md", "checkpoints/README.md"])
def test_links_lead_somewhere(document):
    path = ROOT / document
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    for link in links:
        if not link.startswith("http"):
            assert (path.parent / link).exists(), f"{document} links to {link}"


def test_torch_version_is_the_pinned_one():
    pinned = re.search(r"^torch==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[0]
    assert set(re.findall(r"torch==[\d.]+\d", README)) == {pinned}
