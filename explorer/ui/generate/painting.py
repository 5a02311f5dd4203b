"""In- and out-painting in Generate: which tokens stay. In the page: assets/js/generate/painting.js.

Drawing itself is an ordinary run with a mask (run_request.py); here is only the look-up that brings the mask
to every scale, by the very function that the generator uses.
"""

import logging
from collections.abc import Mapping

from explorer.ui.components.parts import _part
from explorer.ui.generate.run_request import read_keep
from explorer.ui.wires import hidden
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

WIRE = "Tokenscope.connectPainting({server})"
FAILED = (
    "The server could not bring the mask to every scale; it has logged why. What you painted is unchanged."
)


def build() -> None:
    """The brush, the mask at every scale, and what is drawn again."""
    _part("painting")


def connect(bench: Workbench) -> None:
    def masks(data):
        try:
            return kept_tokens(bench, data if isinstance(data, Mapping) else {})
        except ValueError as error:
            return {"problem": str(error)}
        except Exception:  # the browser would get nothing; the log has the reason
            log.exception("bringing a mask to every scale failed")
            return {"problem": FAILED}

    hidden(WIRE, look_ups=[masks])


def kept_tokens(bench: Workbench, data: Mapping) -> dict:
    """{"scales": K flat 0/1 lists, 1 = the token stays, "kept", "total"}; data: {"mask": of the finest grid}.

    ValueError with one sentence for what is no mask.
    """
    if bench.generator is None:
        raise ValueError("No generator was loaded. Start the page with --generator.")
    scales = [
        mask_hw.int().flatten().tolist()
        for mask_hw in read_keep(bench.generator.grids, {"mask": data.get("mask")})
    ]
    return {"scales": scales, "kept": sum(map(sum, scales)), "total": sum(map(len, scales))}
