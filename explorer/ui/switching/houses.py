"""The pages of this server: that of the command line at `/`, and one more for each other choice of models.

Every module of a page closes over one `Workbench`, so nothing on a page ever changes its models. Another
choice gets a page of its own, built when somebody first asks for it and served at `/m/ID/` by the same
process: visitors with different models cannot disturb each other, they only share the device and its lock. A
page that nobody looks at is closed when a new one needs its place.
"""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Container
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, RedirectResponse

from explorer.errors import CheckpointError
from explorer.ui.compare.pairs import Pair
from explorer.ui.endpoints.arguments import HANDLERS
from explorer.ui.switching.model_facts import facts, work
from explorer.ui.switching.models import Choice, Library, Listing
from explorer.ui.switching.opened_models import OpenedModels, furnish
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

MOST_OPEN = 4  # pages beside the first
GRACE = 60  # seconds after its last request in which a page is not closed: its visitor may be on the way
SETTLING = 3  # seconds until the tasks of a closed page have ended
PREFIX = "/m"
FAILED = "The model could not be opened; the reason is in the server's log. What you had is unchanged."


@dataclass(eq=False)
class House:
    """One page. guests: requests in progress; an open page always has one (Gradio's heartbeat)."""

    page: gr.Blocks
    bench: Workbench
    app: FastAPI
    running: contextlib.AsyncExitStack
    guests: int = 0
    seen: float = field(default_factory=time.monotonic)

    @property
    def idle(self) -> bool:
        return self.guests == 0 and time.monotonic() - self.seen > GRACE


class Houses:
    """Opens, serves and closes the pages of other models. An ASGI app for everything below PREFIX.

    library: what there is to choose. models: opens files. pairs: those of the command line, by order, to
    compare with. build: makes a page (bench, id of its choice) not yet served. dress: arguments of
    `gr.mount_gradio_app` that give it the look of the first one. root_path: where a proxy shows the first
    page.
    """

    def __init__(
        self,
        library: Library,
        models: OpenedModels,
        pairs: dict[str, Pair],
        build: Callable[[Workbench, str], gr.Blocks],
        dress: dict[str, Any],
        root_path: str = "",
    ):
        self.library = library
        self.models = models
        self._pairs = pairs
        self._build = build
        self._dress = dress
        self._root = root_path
        self._open: dict[str, House] = {}
        self.first: gr.Blocks | None = None  # the first page, set by who built it
        self.first_seconds: float | None = None  # what building the first page took, set by who built it
        self._opening = asyncio.Lock()  # one at a time: two would only slow each other down

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """For the first page's server: pages can be opened while it runs, and are closed with it."""
        app.mount(PREFIX, self)
        try:
            yield
        finally:
            for choice_id in list(self._open):
                await self._close(choice_id)

    # Serving

    async def __call__(self, scope, receive, send) -> None:
        scope = _under(self._root, scope)
        place = scope["path"].removeprefix(scope.get("root_path", ""))
        choice_id = place.strip("/").split("/")[0]
        house = self._open.get(choice_id)
        if scope["type"] != "http":
            return
        if house is None:
            await _away(place, choice_id, scope)(scope, receive, send)
            return
        house.guests += 1
        try:
            await house.app(scope, receive, send)
        finally:
            house.guests -= 1
            house.seen = time.monotonic()

    # What there is

    def view(self, here: str) -> dict:
        """All choices with what is known before they are opened. here: the id of the page that asks."""
        listing = self.library.listing()
        current = self.library.current(listing)
        if self.first_seconds is not None:
            self.models.pace.built(work(current, self.models.device), self.first_seconds)
        first = current.id
        here = here or first
        choices = []
        for choice in listing.choices:
            is_open = choice.id in self._open or choice.id == first
            choices.append(
                {
                    **facts(choice, self.library, self.models.device),
                    "here": choice.id == here,
                    "open": is_open,
                    "seconds": 0.0 if is_open else self._expected(choice),
                    "address": "" if choice.id == first else f"m/{choice.id}/",
                }
            )
        return {
            "choices": choices,
            "folder": self.library.folder.name if self.library.folder else None,
            "refused": [{"file": one.file, "reason": one.reason} for one in listing.refused],
            "left_out": listing.left_out,
            "device": str(self.models.device),
        }

    def _expected(self, choice: Choice) -> float | None:
        files = [one.path for one in (choice.tokenizer, choice.generator) if one]
        unread = [path for path in files if not self.models.holds(path)]
        return self.models.pace.expected(unread, work(choice, self.models.device))

    # Opening and closing

    async def open(self, choice_id: object, job: str, cancelled: Container[str]) -> AsyncIterator[dict]:
        """Views of a growing page; the last one has status "done" or "failed".

        Ends without a word between two steps once `job` is in `cancelled`.
        """
        try:
            listing = await _aside(self.library.listing)
            choice = listing.find(choice_id)
            steps = self._steps(choice, listing)
            async with contextlib.aclosing(steps):
                async for view in steps:
                    if job in cancelled:
                        return
                    yield {"job": job, "status": "running", **view}
            yield {"job": job, "status": "done"}
        except (CheckpointError, ValueError, OSError) as error:
            yield {"job": job, "status": "failed", "problem": _sentence(str(error), self.library)}
        except Exception:  # the page must say something whatever happens; the log has the rest
            log.exception("opening a model failed")
            yield {"job": job, "status": "failed", "problem": FAILED}

    async def _steps(self, choice: Choice, listing: Listing) -> AsyncIterator[dict]:
        if choice.id in self._open or choice is self.library.current(listing):
            return
        if self._opening.locked():
            yield {"text": "Waiting until another model has been opened", "step": 0, "of": 0}
        async with self._opening:
            if choice.id in self._open:
                return
            total = 3 if choice.generator else 2
            await self._make_room()
            tok, gen = choice.tokenizer, choice.generator
            told = tok.found.grids if tok.found.grids_source.startswith("argument") else None
            yield {"text": _reading(tok), "step": 1, "of": total}
            tokenizer = await _aside(self.models.tokenizer, tok.path, told)
            generator = None
            if gen:
                yield {"text": _reading(gen), "step": 2, "of": total}
                generator = await _aside(self.models.generator, gen.path, tokenizer)
            yield {"text": "Building the page", "step": total, "of": total}
            made = await _aside(self._furnished, choice, generator.tokenizer if gen else tokenizer, generator)
            await self._serve(choice.id, *made)

    def _furnished(self, choice: Choice, tokenizer, generator) -> tuple[gr.Blocks, Workbench]:
        began = time.perf_counter()
        bench = furnish(tokenizer, generator, self._pairs)
        page = self._build(bench, choice.id)
        self.models.pace.built(work(choice, self.models.device), time.perf_counter() - began)
        return page, bench

    async def _serve(self, choice_id: str, page: gr.Blocks, bench: Workbench) -> None:
        bare = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        serving = {"exception_handlers": dict(HANDLERS)}
        app = gr.mount_gradio_app(
            bare,
            page,
            path=f"/{choice_id}",
            root_path=f"{self._root}{PREFIX}/{choice_id}",  # as the browser sees it
            app_kwargs=serving,
            **self._dress,
        )
        running = contextlib.AsyncExitStack()
        await running.enter_async_context(app.router.lifespan_context(app))
        self._open[choice_id] = House(page, bench, app, running)

    async def _make_room(self) -> None:
        """Closes the page that has been unused for longest, if there are too many. ValueError: all in use."""
        while len(self._open) >= MOST_OPEN:
            idle = [choice_id for choice_id, house in self._open.items() if house.idle]
            if not idle:
                raise ValueError(
                    f"This server keeps {MOST_OPEN} further models open, and all of them are in use. "
                    "Choose one that is open, or try again when a visitor has left."
                )
            await self._close(min(idle, key=lambda one: self._open[one].seen))

    async def _close(self, choice_id: str) -> None:
        house = self._open.pop(choice_id)
        self._hand_over_files(house.page)
        house.page.close(verbose=False)
        await house.running.aclose()
        # Gradio goes on holding functions of a closed page, and they its bench: that lets go of its models.
        vars(house.bench).clear()
        del house
        asyncio.get_running_loop().call_later(SETTLING, gc.collect)  # pages are full of cycles

    def _hand_over_files(self, page: gr.Blocks) -> None:
        """Gradio removes the files of a page that is closed; under the same paths may lie what visitors of
        other pages have sent. So the first page takes them over and removes them when they are old."""
        for files in page.temp_file_sets:
            if self.first:
                self.first.upload_file_set.update(files)
            files.clear()


def _under(root: str, scope: dict) -> dict:
    """The request with the whole path, as the browser sees it: a proxy may have taken the root away."""
    if not root or scope["path"].startswith(f"{root}/"):
        return scope
    return {**scope, "path": root + scope["path"], "raw_path": root.encode() + scope.get("raw_path", b"")}


def _away(place: str, choice_id: str, scope: dict):
    """The answer where no page is open: the first page opens it, if this is a visit."""
    if scope["method"] not in ("GET", "HEAD") or place.strip("/") != choice_id or not choice_id:
        return PlainTextResponse("This model is not open any more. Reload the page.", status_code=410)
    query = scope["query_string"].decode("latin-1")
    home = "../../" if place.endswith("/") else "../"
    wish = urlencode({"model": choice_id})
    return RedirectResponse(f"{home}?{wish}{'&' if query else ''}{query}", status_code=307)


async def _aside(function: Callable, *arguments):
    """In a thread with a context of its own: Gradio must not take what is built for a part of this page."""
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


def _reading(outline) -> str:
    return f"Reading {outline.name} ({outline.size / 2**20:,.1f} MiB)"


def _sentence(text: str, library: Library) -> str:
    """A library's message without folders of this machine."""
    if library.folder:
        text = text.replace(f"{library.folder}/", "")
    if text.split()[0].isalpha():  # not the name of a file
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", '"')) else f"{text}."
