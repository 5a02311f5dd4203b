"""The page. `launch(options)` loads the models and serves it; app.py calls it."""

import os
from importlib.util import find_spec

from explorer.ui.options import AppOptions
from explorer.ui.raster import open_raster_pair

MEMO_BYTES = 256 << 20  # decoded pictures shared by all sessions


def launch(options: AppOptions) -> None:
    """Loads the models and serves the page until interrupted. CheckpointError, ValueError, OSError."""
    if options.mcp and find_spec("mcp") is None:
        raise ValueError('--mcp needs the package mcp, which is not installed; run: pip install "mcp<2"')
    page = open_page(options)
    page.launch(**settings(options), prevent_thread_lock=False)


def open_page(options: AppOptions):
    """The models and the page, not yet served."""
    os.environ.setdefault(
        "GRADIO_ANALYTICS_ENABLED", "False"
    )  # before gradio is imported: nothing calls home
    os.environ.setdefault(
        "GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000"
    )  # nor computes summaries nobody reads
    from explorer import load_generator, load_tokenizer
    from explorer.devices import open_device
    from explorer.jobs.derived import read_generator_derived, read_tokenizer_derived
    from explorer.tokenizers import DecodeMemo
    from explorer.ui.page import build_page
    from explorer.ui.previews import preview_weights
    from explorer.ui.workbench import Workbench

    device = open_device(options.device, options.precision)
    counterpart = open_raster_pair(options, device)  # first, so that a mistyped name is told at once
    tokenizer = load_tokenizer(options.tokenizer, device=device, memo=DecodeMemo(MEMO_BYTES))
    generator = load_generator(options.generator, tokenizer) if options.generator else None
    derived = read_tokenizer_derived(tokenizer.name, tokenizer.sha256)
    usage = (derived.usage_KV, derived.usage_of) if derived else (None, "")
    examples = None
    if generator:
        examples = read_generator_derived(generator.name, generator.sha256, tokenizer.sha256)
    shared = {
        "examples": examples,
        "counterpart": counterpart,
        "preview": preview_weights(tokenizer, derived),
    }
    page = build_page(Workbench(tokenizer, generator, *usage, **shared))
    page.queue(max_size=64, default_concurrency_limit=4, api_open=False)
    return page


def settings(options: AppOptions) -> dict:
    """Arguments of gradio's launch: local, quiet about errors, no monitoring, our look."""
    from explorer.ui.components.assets import FOLDER, head
    from explorer.ui.components.theme import theme

    return {
        "server_name": options.host,
        "server_port": options.port,
        "share": options.share,
        "mcp_server": options.mcp,
        "head": head(),
        "theme": theme(),
        "favicon_path": FOLDER / "favicon.svg",
        "show_error": False,
        "enable_monitoring": False,
        "footer_links": [],
        "max_file_size": "256mb",  # zips for Codebook; pictures have a limit of their own
        "state_session_capacity": 500,
    }
