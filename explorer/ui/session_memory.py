"""How much all sessions hold together, and who has to give way: bounded in bytes, closed pages first of all.

Gradio keeps the state of every visitor, of a closed page for an hour. Here those unused for longest are
forgotten where all of them hold too much, and those of closed pages after a while. Whoever comes back to a
page whose session was forgotten is told; the browser has kept the tokens and brings them back on a reload.
"""

import asyncio
import threading
from collections import OrderedDict, deque
from typing import Any

import gradio as gr

from explorer.ui.session import Session, held_bytes

MOST_BYTES = 512 << 20  # of all sessions; one alone: session.MOST_BYTES
GRACE = 300  # seconds after a page was closed; its connection may only have been interrupted
REMEMBERED = 4096  # forgotten sessions whose visitors would be told
FORGOTTEN = (
    "The server had to make room and has forgotten this page's pictures. Reload it: your browser has kept "
    "your tokens."
)


class SessionMemory:
    """Of all pages of a server. Visitors are told apart by Gradio's session hash."""

    def __init__(self, most_bytes: int = MOST_BYTES, grace: float = GRACE):
        self._most = most_bytes
        self._grace = grace
        self._held: OrderedDict[str, tuple[gr.Blocks, int]] = OrderedDict()  # longest unused first
        self._forgotten: deque[str] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        return sum(size for _, size in list(self._held.values()))

    def note(self, page: gr.Blocks, visitor: str, session: Session) -> None:
        """The visitor's session is this one now; others are forgotten where that is too much."""
        with self._lock:
            self._held[visitor] = page, held_bytes(session)
            self._held.move_to_end(visitor)
            while len(self._held) > 1 and self.bytes > self._most:
                self._forget(next(iter(self._held)))

    def check(self, visitor: str, kind: str) -> None:
        """ValueError where the visitor's session was forgotten and this does not bring it back."""
        if visitor not in self._forgotten:
            return
        if kind != "restore":
            raise ValueError(FORGOTTEN)
        self._forgotten.remove(visitor)

    async def close(self, page: gr.Blocks, visitor: str) -> None:
        """The visitor has left: after the grace the session is forgotten, unless it was used meanwhile."""
        left = _last_used(page, visitor)

        def forget():
            if _last_used(page, visitor) == left:
                with self._lock:
                    self._held.setdefault(visitor, (page, 0))
                    self._forget(visitor)

        asyncio.get_running_loop().call_later(self._grace, forget)

    def _forget(self, visitor: str) -> None:
        page, _ = self._held.pop(visitor)
        holder = _holder(page)
        if holder:
            with holder.lock:
                holder.session_data.pop(visitor, None)
                holder.time_last_used.pop(visitor, None)
        self._forgotten.append(visitor)


def connect(memory: SessionMemory, page: gr.Blocks) -> None:
    """Hears when a visitor of the page leaves; inside its `with gr.Blocks()`."""

    async def left(request: gr.Request):
        await memory.close(page, request.session_hash or "")

    page.unload(left)


def _holder(page: gr.Blocks) -> Any:
    """Where Gradio keeps the states of a page; None before it is served."""
    return getattr(page, "state_holder", None)


def _last_used(page: gr.Blocks, visitor: str) -> object:
    holder = _holder(page)
    return holder and holder.time_last_used.get(visitor)
