"""Coroutines in tests: run in a thread, since this one has a loop already when browser tests ran before."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_beside(work: Coroutine) -> Any:
    """The result of `work`, or its exception."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
