"""The pages. `launch(options)` loads the models and serves them; app.py calls it."""

import os
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from explorer.ui.listening import bracketed, check_address, taken
from explorer.ui.options import AppOptions
from explorer.ui.switching.raster import open_raster_pair

MEMO_BYTES = 256 << 20  # decoded pictures shared by all sessions
SESSIONS = 500  # visitors whose state one page keeps
SHARED_DRESS = (
    "head",
    "theme",
    "show_error",
    "enable_monitoring",
    "run_history",
    "footer_links",
    "max_file_size",
)


@dataclass(frozen=True, eq=False)
class Site:
    """The first page and the others that can be opened beside it, not yet served."""

    page: Any  # gr.Blocks
    houses: Any  # explorer.ui.switching.houses.Houses
    options: AppOptions

    def launch(self, **more: object) -> tuple:
        """Gradio's launch with our settings; `more` goes before them."""
        from starlette.middleware import Middleware

        from explorer.ui.endpoints.arguments import HANDLERS
        from explorer.ui.endpoints.known_hosts import ALL_ADDRESSES, KnownHosts, known_hosts
        from explorer.ui.endpoints.stay_local import StayLocal

        options = self.options
        hosts = known_hosts(options.host, options.allowed_hosts, options.share)
        known = Middleware(KnownHosts, hosts=hosts, any_address=options.host in ALL_ADDRESSES)

        serving = {
            "lifespan": self.houses.lifespan,
            "middleware": [known, Middleware(StayLocal)],
            "exception_handlers": dict(HANDLERS),
        }
        arguments = {**settings(options), "app_kwargs": serving, **more}
        return self.page.launch(**arguments)

    def close(self) -> None:
        self.page.close(verbose=False)


def launch(options: AppOptions) -> None:
    """Loads the models and serves the pages until interrupted. CheckpointError, ValueError, OSError."""
    if options.mcp and find_spec("mcp") is None:
        raise ValueError('--mcp needs the package mcp, which is not installed; run: pip install "mcp<2"')
    check_address(options.host, options.port)  # before the models, which take seconds
    site = open_site(options)
    try:
        site.launch(prevent_thread_lock=False)
    except OSError as error:  # somebody else was quicker
        if "empty port" not in str(error):
            raise
        raise ValueError(taken(options.host, options.port)) from error


def open_site(options: AppOptions) -> Site:
    """The models of the command line and their page, not yet served. CheckpointError, ValueError."""
    folder = _models_folder(options)
    os.environ.setdefault(
        "GRADIO_ANALYTICS_ENABLED", "False"
    )  # before gradio is imported: nothing calls home
    os.environ.setdefault(
        "GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000"
    )  # nor computes summaries nobody reads
    from explorer.devices import open_device
    from explorer.tokenizers import DecodeMemo
    from explorer.ui.page import build_page
    from explorer.ui.session_memory import SessionMemory
    from explorer.ui.switching import model_menu
    from explorer.ui.switching.houses import Houses
    from explorer.ui.switching.models import Library
    from explorer.ui.switching.opened_models import OpenedModels, furnish
    from explorer.ui.switching.pace import Pace
    from explorer.zoo.catalogue import find

    device = open_device(options.device, options.precision)
    counterpart = open_raster_pair(options, device)  # first, so that a mistyped name is told at once
    models = OpenedModels(device, DecodeMemo(MEMO_BYTES), Pace())
    if counterpart:
        raster = find(options.raster_tokenizer, "tokenizer"), find(options.raster_generator, "generator")
        models.adopt(counterpart, *raster)
    given = (
        find(options.tokenizer, "tokenizer"),
        find(options.generator, "generator") if options.generator else None,
    )
    tokenizer = models.tokenizer(given[0])
    generator = models.generator(given[1], tokenizer) if given[1] else None
    bench = furnish(
        generator.tokenizer if generator else tokenizer,  # with the generator's grids
        generator,
        {counterpart.order: counterpart} if counterpart else None,
    )

    memory = SessionMemory()

    def build(bench, choice_id: str):
        page = build_page(bench, lambda: model_menu.connect(houses, choice_id), memory)
        page.queue(max_size=64, default_concurrency_limit=4, api_open=False)
        page.state_session_capacity = SESSIONS
        return page

    dress = {key: value for key, value in settings(options).items() if key in SHARED_DRESS}
    houses = Houses(Library(given, folder), models, bench.pairs, build, dress, options.root_path)
    began = time.perf_counter()
    page = houses.first = build(bench, "")
    houses.first_seconds = time.perf_counter() - began
    return Site(page, houses, options)


def _models_folder(options: AppOptions) -> Path | None:
    if not options.models:
        return None
    folder = Path(options.models).expanduser()
    if not folder.is_dir():
        raise ValueError(f"--models {options.models}: there is no such folder")
    return folder


def settings(options: AppOptions) -> dict:
    """Arguments of gradio's launch: local, quiet about errors, no monitoring, our look."""
    from explorer.ui.components.assets import FOLDER, head
    from explorer.ui.components.theme import theme

    return {
        "server_name": bracketed(options.host),
        "root_path": options.root_path or None,
        "server_port": options.port,
        "share": options.share,
        "mcp_server": options.mcp,
        "head": head(),
        "theme": theme(),
        "favicon_path": FOLDER / "favicon.svg",
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,  # a page of Gradio's that can send runs elsewhere
        "footer_links": [],
        "max_file_size": "256mb",  # zips for Codebook; pictures have a limit of their own
        "state_session_capacity": SESSIONS,
    }
