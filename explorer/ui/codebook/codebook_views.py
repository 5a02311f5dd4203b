"""The codebook, its planes and its usage as the plain values that assets/js/codebook_*.js draw.

Arrays over all codes travel as base64 of little-endian numbers: {"type": "f4" | "u4" | "u1", "data"}.
"""

import base64
import io
import math
from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explorer.analysis.overlap import scale_overlap
from explorer.analysis.plane_quality import NEIGHBOURS, neighbours_kept
from explorer.analysis.projection import principal_components
from explorer.analysis.usage import Usage, scale_preference, usage
from explorer.jobs.codebook_planes import TILE, CodebookPlanes, SwatchSheet
from explorer.jobs.zip_usage import ZipCount
from explorer.ui.workbench import Workbench

SHEET_QUALITY = 92
SKIPPED_SHOWN = 5
ZIP_MB = 256


def array_view(values: np.ndarray, kind: str) -> dict:
    return {
        "type": kind,
        "data": base64.b64encode(np.ascontiguousarray(values, f"<{kind}").tobytes()).decode(),
    }


def codebook_view(bench: Workbench, planes: CodebookPlanes) -> dict:
    """All that is known at once: colours, norms, the PCA plane, and the shipped usage when there is one."""
    colours = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in bench.colours])
    shipped = None
    if bench.usage_KV is not None:
        shipped = usage_view(bench.usage_KV, bench.usage_of)
    return {
        "codes": len(bench.codebook),
        "dimensions": bench.codebook.shape[1],
        "scales": len(bench.tokenizer.grids),
        "colours": array_view(colours, "u1"),
        "norm": array_view(torch.linalg.vector_norm(bench.codebook, dim=1).numpy(), "f4"),
        "pca": plane_view(bench.codebook, planes.pca, pca_caption(bench.codebook)),
        "shipped": shipped,
        "zip_mb": ZIP_MB,
    }


def plane_view(codebook_VC: Tensor, plane_V2: Tensor, caption: str) -> dict:
    """Places of all codes, and a sentence that says what the plane can and cannot tell."""
    n = min(NEIGHBOURS, len(codebook_VC) - 1)
    kept = neighbours_kept(codebook_VC, plane_V2)
    near = f"Of a code's {n} nearest codes, {100 * kept:.0f} % are among the {n} nearest here too."
    return {"at": array_view(plane_V2.numpy(), "f4"), "caption": f"{caption} {near}"}


def pca_caption(codebook_VC: Tensor) -> str:
    x, y = principal_components(codebook_VC, 2).variance_share.tolist()
    return (
        f"Axes: the two directions in which the codes differ most. "
        f"They carry {100 * x:.0f} and {100 * y:.0f} % of the variance; the "
        f"other {100 * max(0.0, 1 - x - y):.0f} % are flattened, so codes that touch here may be far apart."
    )


UMAP_CAPTION = (
    "UMAP keeps near codes near. Its axes have no meaning, and neither have the sizes of its clusters or the "
    "distances between them."
)


def news_view(bench: Workbench, planes: CodebookPlanes, sheet: SwatchSheet, have: Mapping) -> dict:
    """What has become ready since. have: {"umap", "sheet"} true for what the page holds already."""
    news: dict = {}
    if not have.get("umap"):
        plane_V2 = planes.umap()
        if plane_V2 is not None:
            news["umap"] = plane_view(bench.codebook, plane_V2, UMAP_CAPTION)
        else:
            news["umap"] = {"problem": planes.problem, "seconds": planes.seconds_left}
    if not have.get("sheet"):
        sheet.start()
        news["sheet"] = (
            sheet_view(sheet) if sheet.complete else {"done": sheet.done, "problem": sheet.problem}
        )
    return news


def sheet_view(sheet: SwatchSheet) -> dict:
    """All swatches as one picture of tiles, row by row, and the mean colour of each."""
    count = len(sheet.tiles)
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    tiles = np.zeros((rows * columns, TILE, TILE, 3), np.uint8)
    tiles[:count] = sheet.tiles
    pixels = (
        tiles.reshape(rows, columns, TILE, TILE, 3).swapaxes(1, 2).reshape(rows * TILE, columns * TILE, 3)
    )
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=SHEET_QUALITY, subsampling=0)
    return {
        "image": f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}",
        "columns": columns,
        "rows": rows,
        "tile": TILE,
        "means": array_view(sheet.means, "u1"),
    }


def usage_view(counts_KV: Tensor, of: str) -> dict:
    """Counts over `of` (a phrase) and what follows from them; the page says the definitions."""
    K = len(counts_KV)
    return {
        "of": of,
        "counts": array_view(counts_KV.numpy(), "u4"),
        "preference": array_view(scale_preference(counts_KV).nan_to_num(0).numpy(), "f4"),  # 0: never used
        "total": _numbers(usage(counts_KV.sum(0))),
        "scales": [_numbers(usage(counts_V)) for counts_V in counts_KV],
        "overlap": [
            [None if math.isnan(share) else share for share in row]
            for row in scale_overlap(counts_KV).tolist()
        ]
        if K > 1
        else None,
    }


def _numbers(found: Usage) -> dict:
    return {
        "tokens": found.tokens,
        "distinct": found.distinct,
        "dead": found.dead,
        "ceiling": min(found.tokens, found.vocab_size),
        "perplexity": found.perplexity,
    }


def picture_usage_view(bench: Workbench, maps: object) -> dict:
    """Usage of one picture's token maps as the browser holds them. ValueError for anything else."""
    K, V = len(bench.tokenizer.grids), bench.tokenizer.vocab_size
    if not isinstance(maps, list) or len(maps) != K:
        raise ValueError(f"token maps of {K} scales are needed")
    counts_KV = torch.zeros(K, V, dtype=torch.int64)
    for k, ((h, w), ids) in enumerate(zip(bench.tokenizer.grids, maps, strict=True)):
        if not isinstance(ids, list) or len(ids) != h * w:
            raise ValueError(f"scale {k + 1} has {h * w} tokens")
        if not all(isinstance(code, int) and -1 <= code < V for code in ids):
            raise ValueError(f"tokens are whole numbers from 0 to {V - 1}")
        known = torch.tensor([code for code in ids if code >= 0], dtype=torch.int64)
        counts_KV[k] = torch.bincount(known, minlength=V)
    return usage_view(counts_KV, "the picture in Inspect")


def zip_progress_view(name: str, counted: ZipCount) -> dict:
    return {"name": name, "done": counted.done, "total": counted.total, "status": "running"}


def zip_result_view(name: str, counted: ZipCount) -> dict:
    many = "1 picture" if counted.pictures == 1 else f"{counted.pictures:,} pictures"
    return {
        "name": name,
        "done": counted.total,
        "total": counted.total,
        "status": "done",
        "skipped": len(counted.skipped),
        "skipped_shown": [f"{file[-60:]} {why}" for file, why in counted.skipped[:SKIPPED_SHOWN]],
        "usage": usage_view(counted.counts_KV, f"{many} of {name}"),
    }
