"""What Inspect measures: closeness per scale, bits, codes used. In the page: assets/js/inspect/measures.js.

Measures are asked for beside the session's own wire, after the picture is shown, so that an edit never waits
for them. Every answer says which tokens it is about; the page greys out what is about others.
"""

import logging
import math
from collections.abc import Sequence

import gradio as gr
import torch
from torch import Tensor

from explorer.analysis.fidelity import SSIM_WINDOW, error_map, psnr, ssim
from explorer.analysis.information import RGB_BITS, rate
from explorer.analysis.residuals import unexplained_of, unexplained_share
from explorer.analysis.usage import Usage, count_tokens, usage
from explorer.figures.errors import error_pictures
from explorer.figures.images import picture_uri
from explorer.token_maps import TokenMaps
from explorer.ui.components import measure_parts as parts
from explorer.ui.edit.edit_actions import as_image
from explorer.ui.session import GENERATED, Scene, Session
from explorer.ui.wires import QUIET, hidden
from explorer.ui.workbench import Workbench

log = logging.getLogger(__name__)

FAILED = "The measures could not be computed; the server has logged why."
VISITORS = 8  # measured at once
WIRE = "Tokenscope.connectMeasures({props, watch, measure: (data) => trigger('measure', data)})"


def build() -> None:
    parts.errors()
    parts.scales()
    parts.codes_used()


def connect(bench: Workbench, state: gr.State, first: Session) -> None:
    """The wire: the page asks once the session has changed; the answer is about the session as it is then."""

    def measure(session: Session, event: gr.EventData):
        return answer(bench, session, dict(event._data or {}))

    wire = hidden(WIRE, value=answer(bench, first, {"ticket": 0}))
    wire.measure(
        measure,
        state,
        wire,
        concurrency_limit=VISITORS,
        **QUIET,
    )


def answer(bench: Workbench, session: Session, data: dict) -> dict:
    """The measures of the session's picture under its "ticket", or a sentence under "problem"."""
    ticket = data.get("ticket")
    try:
        return {"ticket": ticket, "measures": measures_view(bench, session)}
    except Exception:  # the picture stays usable; the log has the rest
        log.exception("measuring failed")
        return {"ticket": ticket, "problem": FAILED}


def measures_view(bench: Workbench, session: Session) -> dict | None:
    """None without a picture. A generated picture has no input: it is compared with itself when finished.

    Of a picture whose tokens alone were kept there is nothing to compare with: pixels are not measured.
    """
    scene = session.present
    if scene is None:
        return None
    pictures_K3HW = bench.pictures(scene.maps)
    reference = as_image(scene.picture.fits[scene.fit]) if scene.picture else pictures_K3HW[-1:]
    reference_K3HW = reference.expand_as(pictures_K3HW)
    errors = error_pictures(error_map(pictures_K3HW, reference_K3HW))
    cost = rate(scene.maps.grids, bench.tokenizer.vocab_size, bench.tokenizer.image_hw)
    left = unexplained(bench, scene)
    closeness = zip(_psnr(pictures_K3HW, reference_K3HW), _ssim(pictures_K3HW, reference_K3HW), strict=True)
    generated = scene.credit == GENERATED
    compared = scene.picture is not None or generated
    return {
        **about(scene),
        "against": "input" if scene.picture else "finished" if generated else "nothing",
        "edited": scene.maps != scene.source,
        "start": left[0] if left else None,
        "scales": [
            {
                "left": left[k + 1] if left else None,
                "psnr": decibel if compared else None,
                "ssim": similarity if compared else None,
                "error": picture_uri(errors.pictures[k]) if compared else None,
                "mean": errors.means[k] if compared else None,
                "tokens": cost.tokens[k],
                "bits": cost.bits[k],
            }
            for k, (decibel, similarity) in enumerate(closeness)
        ],
        "limit": errors.limit,
        "bits": {
            "token": cost.bits_per_token,
            "total": cost.total,
            "pixel": cost.per_pixel,
            "rgb": RGB_BITS,
            "smaller": cost.times_smaller,
            "pixels": cost.pixels,
        },
        "usage": usage_views(bench, session),
    }


def about(scene: Scene) -> dict:
    """Which tokens an answer is about."""
    return {"picture": scene.number, "maps": [ids.flatten().tolist() for ids in scene.maps]}


def unexplained(bench: Workbench, scene: Scene) -> list[float] | None:
    """The share of the feature's energy left before any scale and after each; None for a single scale.

    Edited tokens are held against the feature of the input, which is computed again. A generated picture has
    none, its finished f_hat stands in for it.
    """
    if scene.picture is not None and scene.maps != scene.source:
        image = as_image(scene.picture.fits[scene.fit])
        return unexplained_share(bench.tokenizer.trace(image, n=1, given=scene.maps))[:, 0].tolist()
    if scene.numbers is not None:
        return [scene.numbers[0].unexplained[0], *(numbers.unexplained[1] for numbers in scene.numbers)]
    if len(scene.maps) == 1:
        return None
    f_hat_K1Chw = bench.tokenizer.accumulate(scene.maps)
    return unexplained_of(f_hat_K1Chw[-1], f_hat_K1Chw)[:, 0].tolist()


def _psnr(pictures: Tensor, reference: Tensor) -> list[float | None]:
    """None where the pictures are equal."""
    return [value if math.isfinite(value) else None for value in psnr(pictures, reference).tolist()]


def _ssim(pictures: Tensor, reference: Tensor) -> list[float | None]:
    """None for pictures smaller than the window."""
    if min(pictures.shape[2:]) < SSIM_WINDOW:
        return [None] * len(pictures)
    return ssim(pictures, reference).tolist()


def usage_views(bench: Workbench, session: Session) -> dict:
    """Codes of the picture as it stands, and of the different pictures of the session before any edit."""
    V = bench.tokenizer.vocab_size
    opened = own_maps(session)
    return {
        "codes": V,
        "pictures": len(opened),
        "picture": _counts_view(count_tokens([session.present.maps], V)),
        "session": _counts_view(count_tokens(opened, V)),
    }


def own_maps(session: Session) -> list[TokenMaps]:
    """The token maps of every picture in the session's history, as tokenized or generated, each once."""
    scenes: Sequence[Scene] = [*session.past, session.present, *session.future]
    found = {scene.number: scene.source for scene in scenes}
    return list({maps.digest(): maps for maps in found.values()}.values())


def _counts_view(counts_KV: torch.Tensor) -> dict:
    return {
        "scales": [_numbers(usage(counts_V)) for counts_V in counts_KV],
        "total": _numbers(usage(counts_KV.sum(0))),
    }


def _numbers(found: Usage) -> dict:
    return {"tokens": found.tokens, "distinct": found.distinct, "perplexity": found.perplexity}
