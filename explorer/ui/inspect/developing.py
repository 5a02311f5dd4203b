"""Where decoding is slow: the pictures of coarser scales, one after another, while the visitor goes on.

An action answers with tokens, the last picture and linear previews of the others; the page then asks here for
the decoder's pictures. The counterpart is assets/js/inspect/developing.js.
"""

import time
from collections.abc import Iterator, Mapping

import gradio as gr

from explorer.analysis.fidelity import psnr
from explorer.figures.images import data_uri
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.session import Session
from explorer.ui.views import content_key, finite
from explorer.ui.wires import QUIET, StoppedJobs, hidden, streamed
from explorer.ui.workbench import Workbench

DEVELOPING = 4  # visitors at once; the device's lock makes them take turns within it
FAILED = "A picture could not be decoded; the server has logged why. Its preview stays."
WIRE = "Tokenscope.connectDeveloping({props, watch, server, develop: (data) => trigger('develop', data)})"


def connect(bench: Workbench, state: gr.State) -> None:
    """The wire: "develop" streams, `stop_developing` is heard between two pictures."""
    stopped = StoppedJobs()

    def develop(session: Session, event: gr.EventData):
        data = dict(event._data or {})
        yield from streamed(data, views(bench, session, data), stopped, FAILED)

    wire = hidden(WIRE, look_ups=[stopped.look_up("stop_developing")])
    wire.develop(develop, state, wire, concurrency_limit=DEVELOPING, **QUIET)


def views(bench: Workbench, session: Session, data: Mapping) -> Iterator[dict | None]:
    """One view for each scale, finest first: {"key", "k" (from 0), "image", "psnr", "done", "of", "left"}.

    data: "key" of the tokens on show, "scales" (from 1) that are wanted. left: expected seconds until the
    last one, from those of this run. The last view has status "done", or "outdated" where
    the session shows other tokens.
    """
    scene = session.present
    if scene is None or data.get("key") != content_key(scene):
        yield {"status": "outdated"}
        return
    K = len(scene.maps)
    sent = data.get("scales")
    if not isinstance(sent, list) or not all(type(k) is int and 1 <= k <= K for k in sent):
        raise ValueError(f"the scales to decode are whole numbers from 1 to {K}")
    wanted = sorted(set(sent), reverse=True)
    fitted = as_image(scene.picture.fits[scene.fit]) if scene.picture else None
    began = time.perf_counter()
    for done, k in enumerate(wanted, start=1):
        (picture,) = bench.pictures(scene.maps, [k])
        each = (time.perf_counter() - began) / done
        yield {
            "key": content_key(scene),
            "k": k - 1,
            "image": data_uri(picture),
            "psnr": None if fitted is None else finite(psnr(picture[None], fitted)),
            "done": done,
            "of": len(wanted),
            "left": each * (len(wanted) - done),
        }
    yield {"status": "done"}
