"""No request leaves the machine, also none that Gradio would make for a caller.

Gradio fetches a public URL in two places: `file=URL` (and `proxy=URL`) relays it, and a URL in place of an
uploaded file's path is downloaded before an endpoint sees it. Both are refused here. Files come as uploads,
or as data: URIs over MCP, which Gradio turns into files itself.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import gradio as gr
from gradio.components.api_component import Api

REFUSED = "This server fetches no web addresses. Send the file itself."
RELAY = re.compile(r"/(file[=/]|proxy=)\s*https?:", re.IGNORECASE)
ADDRESS = re.compile(r"\s*https?:", re.IGNORECASE)
Scope = MutableMapping[str, Any]


class StayLocal:
    """ASGI middleware: what would be relayed from elsewhere is answered by 403 and a sentence."""

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: Scope, receive: Callable, send: Callable) -> None:
        if scope["type"] == "http" and RELAY.search(scope["path"]):
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSED.encode()})
            return
        await self.app(scope, receive, send)


def refuse_addresses(page: gr.Blocks) -> None:
    """Endpoints of the finished page take uploaded files only; a web address is refused with a sentence."""
    for event in page.fns.values():
        for block in event.inputs:
            if isinstance(block, Api):
                block.async_move_resource_to_block_cache = _only_local(
                    block.async_move_resource_to_block_cache
                )


def _only_local(move: Callable[..., Awaitable[str | None]]) -> Callable[..., Awaitable[str | None]]:
    async def checked(path: object) -> str | None:
        if ADDRESS.match(str(path)):
            raise gr.Error(REFUSED, print_exception=False)
        return await move(path)

    return checked
