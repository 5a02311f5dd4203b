"""What the endpoints for programs have in common: values that callers send, checked, and answers in JSON.

What is wrong with a value raises a ValueError; `sentences` tells it to the caller.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from torch import Tensor

from explorer.token_maps import TokenMaps, whole_number
from explorer.tokenizers import Tokenizer
from explorer.tokenizers.images import to_pil

log = logging.getLogger(__name__)

CALLS = 2  # at once, over all callers and endpoints that run models: visitors of the page keep their turn
FAILED = "Something went wrong on the server; it has been logged there."
OWN_TOKENS = "Send what inspect, edit or generate gave, or an object with `maps`: one map of rows per scale."


@contextmanager
def sentences() -> Iterator[None]:
    """What was wrong with the call, for the caller; a bug is logged, and the caller told that much."""
    try:
        yield
    except gr.Error:  # a sentence already
        raise
    except ValueError as error:
        text = str(error)
        text = f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
        raise gr.Error(text, print_exception=False) from error
    except Exception as error:
        log.exception("a call failed")
        raise gr.Error(FAILED, print_exception=False) from error


def maps_sent(tok: Tokenizer, sent: object) -> TokenMaps:
    """Token maps of one picture that this tokenizer can decode."""
    maps = sent.get("maps") if isinstance(sent, dict) else None
    if not isinstance(maps, list):
        raise ValueError(f"There are no token maps in this. {OWN_TOKENS}")
    if len(maps) != len(tok.grids):
        raise ValueError(f"There are {len(maps)} maps, {tok.name} has {len(tok.grids)} scales. {OWN_TOKENS}")
    try:
        found = TokenMaps.from_json(json.dumps({"maps": maps, "meta": sent.get("meta")}))
    except TypeError as error:  # texts or other objects among the ids
        raise ValueError("Token ids are whole numbers; there is something else in these maps") from error
    if found.batch != 1:
        raise ValueError(f"These are the tokens of {found.batch} pictures; send one picture at a time")
    return tok.check_maps(found)


def as_json(tok: Tokenizer, maps: TokenMaps) -> dict:
    """As `TokenMaps.to_json`, not yet a text."""
    return {"maps": [ids.tolist() for ids in maps], "meta": tok.meta}


def png_file(image_1CHW: Tensor) -> gr.FileData:
    """In Gradio's folder, where it is served from and removed after a while."""
    path = save_pil_to_cache(to_pil(image_1CHW)[0], get_upload_folder(), name="picture", format="png")
    return gr.FileData(path=path, orig_name="picture.png", mime_type="image/png")


def whole(value: object, what: str, low: int, high: int) -> int:
    number = whole_number(value, what)
    if not low <= number <= high:
        raise ValueError(f"{what} is a whole number from {low} to {high}, not {number}")
    return number


def one_of(value: object, choices: tuple[str, ...], what: str) -> str:
    if value not in choices:
        raise ValueError(f"`{what}` is {', '.join(choices[:-1])} or {choices[-1]}, not {str(value)[:40]!r}")
    return value
