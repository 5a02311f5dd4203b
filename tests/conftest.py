"""What every test runs under: no network, no telemetry, and one rule for a missing browser."""

import os

# Before any test imports gradio or huggingface_hub, which read these once.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "0"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import socket
import sys
import tempfile
from pathlib import Path

import pytest

# Tests neither read nor fill the user's own cache.
os.environ.setdefault("TOKENSCOPE_CACHE", tempfile.mkdtemp(prefix="tokenscope-tests-"))

# Helper modules of this folder (golden_support) are imported by name.
sys.path.insert(0, str(Path(__file__).parent))

BROWSER_HELP = "the browser tests need Chromium: `apt-get install chromium` or `playwright install chromium`"


@pytest.fixture(scope="session")
def missing_browser():
    """Call it with the reason when no browser starts: fails in CI, elsewhere skips, saying how to install."""

    def report(reason: str):
        message = f"{BROWSER_HELP} ({reason})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)

    return report


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Tests may talk to this machine only; anything else fails at once and says what was asked for."""
    real_connect = socket.socket.connect

    def connect(self, address):
        host = address[0] if isinstance(address, tuple) else "localhost"  # a path is a local socket
        if host not in ("localhost", "127.0.0.1", "::1", "0.0.0.0"):
            raise OSError(f"a test tried to reach {host}; tests run without a network")
        return real_connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()
