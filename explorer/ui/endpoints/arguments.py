"""Whatever is wrong with a call is told in a sentence, also what Gradio finds before an endpoint is asked.

Left alone it answers `{"error": null}` or 500 and writes a traceback: for arguments that are missing, unknown
or too many, for a file that was not uploaded, and for an endpoint that does not exist.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import gradio as gr
from fastapi import Request
from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError

from explorer.ui.endpoints.api_values import sentences

NOT_UPLOADED = (
    "A file in this call is no upload of this server. Send it with gradio_client's `handle_file(path)`, "
    "else upload it first"
)
UNREADABLE = (TypeError, ValueError, OSError, RecursionError)  # what Gradio raises on values it cannot take


def tell_what_is_wrong(page: gr.Blocks) -> None:
    """Calls of the finished page: missing arguments get their defaults, all else is refused in a sentence."""
    prepare = page.preprocess_data

    async def prepared(block_fn: Any, inputs: list, *rest: Any, **more: Any) -> list:
        with sentences():
            if block_fn.api_visibility == "public":
                inputs = completed(block_fn.fn, block_fn.api_name, inputs)
            try:
                return await prepare(block_fn, inputs, *rest, **more)
            except gr.Error:  # a ValueError too, and a sentence already
                raise
            except UNREADABLE as error:
                raise ValueError(NOT_UPLOADED) from error

    page.preprocess_data = prepared


def completed(call: Callable, name: str, given: list) -> list:
    """The arguments of a call in order, with the defaults of those left out. ValueError."""
    wanted = list(inspect.signature(call).parameters.values())
    names = ", ".join(f"`{one.name}`" for one in wanted)
    if len(given) > len(wanted):
        raise ValueError(f"`{name}` takes {len(wanted)} arguments ({names}), not {len(given)}")
    left_out = wanted[len(given) :]
    missing = [one.name for one in left_out if one.default is one.empty]
    if missing:
        raise ValueError(f"`{missing[0]}` is missing: `{name}` takes {names}, and {len(given)} were given")
    return [*given, *(one.default for one in left_out)]


async def _no_such_endpoint(request: Request, error: Exception) -> JSONResponse:
    """Of `/call/NAME` and `/call/v2/NAME`; what went wrong elsewhere is a bug and stays one."""
    if "/call/" not in request.url.path:
        raise error
    name = request.path_params.get("api_name", "")[:60]
    return JSONResponse({"error": f"There is no endpoint {name!r}; docs/API.md lists them."}, 404)


async def _wrong_name(request: Request, error: Exception) -> JSONResponse:
    """Of `/call/v2/NAME`, which takes arguments by name."""
    if "/call/v2/" not in request.url.path:
        raise error
    text = str(error).split(". Please")[0].replace("is not a valid key-word argument", "is no argument of it")
    return JSONResponse({"error": f"{text}; docs/API.md lists the arguments."}, 422)


# For FastAPI: exceptions of Gradio's routes for programs, which come before any endpoint is asked.
HANDLERS: Mapping[type[Exception], Callable[..., Awaitable[JSONResponse]]] = {
    FnIndexInferError: _no_such_endpoint,
    KeyError: _no_such_endpoint,
    TypeError: _wrong_name,
}
