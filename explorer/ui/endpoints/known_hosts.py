"""Which names this server answers to, and which pages may send it something.

A page of another site can make a visitor's browser send requests here: under its own name, once that name is
made to point to this machine (DNS rebinding), or as an upload across origins, which browsers send without
asking. The first is told by the Host header, the second by the Origin header.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse

from explorer.ui.listening import bracketed, is_address

LOCAL = ("localhost", "127.0.0.1", "[::1]")
ALL_ADDRESSES = ("0.0.0.0", "::", "[::]")
SHARED = "*.gradio.live"  # where --share is reached
READING = ("GET", "HEAD", "OPTIONS")
FOREIGN = "This server takes nothing from pages of other servers. Open its own page."
Scope = MutableMapping[str, Any]


def known_hosts(host: str, allowed: Sequence[str] = (), share: bool = False) -> tuple[str, ...]:
    """The names to answer to: this machine's own, the one listened on, and those allowed ("*": every one)."""
    listened = () if host in ALL_ADDRESSES else (bracketed(host),)
    return tuple(dict.fromkeys((*LOCAL, *listened, *map(bracketed, allowed), *([SHARED] if share else []))))


class KnownHosts:
    """ASGI middleware. 400 for a request to a name that is none of `hosts`; 403 for something that a page of
    another server sends.

    any_address: names that are plain IP addresses are known too; for a server that listens on all of this
    machine's. Nobody can make a browser take a foreign page for one of an IP address.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], hosts: Sequence[str], any_address: bool = False):
        self.app = app
        self.every = "*" in hosts
        self.any_address = any_address
        self._trusted = TrustedHostMiddleware(_note, allowed_hosts=list(hosts), www_redirect=False)

    async def __call__(self, scope: Scope, receive: Callable, send: Callable) -> None:
        if scope["type"] == "http" and (refusal := await self._refusal(scope)):
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not await self._knows(host):
            name = _name(host)[:80]
            return PlainTextResponse(
                f"This server does not answer to the name {name!r}. Who runs it can allow that: "
                f"python app.py --allowed-host {name}",
                status_code=400,
            )
        if origin is None or scope["method"] in READING:
            return None
        place = urlsplit(origin).netloc.lower()
        public = headers.get("x-forwarded-host", "").split(",")[0].strip()  # a proxy's; no page can set it
        if place and place in (host.lower(), public.lower()):
            return None
        if place and not self.every and await self._knows(place):
            return None
        return PlainTextResponse(FOREIGN, status_code=403)

    async def _knows(self, host: str) -> bool:
        if self.any_address and is_address(_name(host)):
            return True
        asked = {"type": "http", "headers": [(b"host", host.encode("latin-1", "replace"))]}
        await self._trusted(asked, _nothing, _nothing)
        return bool(asked.get("known"))


async def _note(scope: Scope, *_: object) -> None:
    """Where Starlette's check leads to when it is passed."""
    scope["known"] = True


async def _nothing(*_: object) -> None:
    pass


def _name(host: str) -> str:
    """The host without its port."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.split(":")[0]
