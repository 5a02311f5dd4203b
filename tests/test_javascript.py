"""What the page's scripts do without a document, under `node --test` (tests/js)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "js").glob("*.test.mjs"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_scripts(path):
    if shutil.which("node") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("node is missing; the scripts' unit tests need it (apt-get install nodejs)")
        pytest.skip("node is not installed (apt-get install nodejs)")
    done = subprocess.run(["node", "--test", str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "# pass 0" not in done.stdout
