"""Shared test set-up: makes `explorer` and the helper modules of this folder importable."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent

for folder in (TESTS, TESTS.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
