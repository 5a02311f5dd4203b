"""Sessions and runs as the plain values that the page draws. Scales lie coarse to fine, cells row by row."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from explorer.analysis.fidelity import psnr
from explorer.analysis.preview import apply_preview
from explorer.figures.difference import difference, gradient
from explorer.figures.images import bytes_uri, data_uri, picture_uri
from explorer.samples import SAMPLES, load_sample
from explorer.token_maps import TokenMaps
from explorer.tokenizers.carried import survived
from explorer.tokenizers.images import frame
from explorer.ui.actions import FITTED, UPLOAD_MB
from explorer.ui.edit.edit_actions import as_image, why_not_regenerate
from explorer.ui.session import Scene, Session
from explorer.ui.workbench import Workbench

THUMBNAIL = 96


def model_view(bench: Workbench) -> dict:
    """What stays the same while a model is loaded."""
    tok, gen = bench.tokenizer, bench.generator
    return {
        "name": tok.name,
        "sha256": tok.sha256,
        "codes": tok.vocab_size,
        "chooses_by": tok.chooses_by,
        "grids": [list(grid) for grid in tok.grids],
        "device": str(tok.device),
        "upload_mb": UPLOAD_MB,
        "samples": [
            {
                "name": sample.name,
                "title": sample.title,
                "credit": sample.credit,
                "image": _thumbnail(sample.name),
            }
            for sample in SAMPLES
        ],
        "classes": _classes_view(bench) if gen else None,
        "generator": gen.name if gen else None,
        "order": gen.order if gen else None,
        "can_guide": gen is not None and gen.null_class is not None,
        "usage_of": bench.usage_of,
        "no_regenerate": why_not_regenerate(bench),
        "sampling": sampling_view(gen.sampling, tok.vocab_size) if gen else None,
    }


def _classes_view(bench: Workbench) -> list[dict]:
    """Every class with a picture that the loaded model made of it before, where one was shipped."""
    pictures = {}
    if bench.examples and not bench.slow:
        for label, image in zip(
            bench.examples.labels, bench.tokenizer.decode(bench.examples.examples), strict=True
        ):
            pictures.setdefault(label, data_uri(image))
    return [{"name": name, "image": pictures.get(k, "")} for k, name in enumerate(bench.generator.classes)]


def _thumbnail(name: str) -> str:
    picture = load_sample(name)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture_uri(picture.crop((left, top, left + side, top + side)).resize((THUMBNAIL, THUMBNAIL)))


def sampling_view(sampling: Mapping, codes: int) -> dict:
    """The card's settings with every slider set: off is 0 for top-k and 1 for top-p."""
    return {
        "seed": 0,
        "guidance": float(sampling.get("guidance") or 0),
        "top_k": min(int(sampling.get("top_k") or 0), codes),
        "top_p": float(sampling.get("top_p") or 1) or 1.0,
        "temperature": float(sampling.get("temperature", 1)),
    }


def session_view(
    bench: Workbench, session: Session, shown: Sequence[int] | None = None, known: object = None
) -> dict | None:
    """The picture in Inspect and Edit.

    shown: scales (from 1) whose pictures are decoded, default all; the others get linear previews where the
    workbench has any. known: the number of the picture that the page already has; what no edit changes is
    then left out.
    """
    scene = session.present
    if scene is None:
        return None
    K = len(scene.maps)
    shown = list(range(1, K + 1)) if shown is None else list(shown)
    pictures = dict(zip(shown, bench.pictures(scene.maps, shown), strict=True)) if shown else {}
    previews = _previews(bench, scene.maps) if len(pictures) < K else [None] * K
    fitted = as_image(scene.picture.fits[scene.fit]) if scene.picture else None
    whole = K in pictures
    before = bench.pictures(scene.source, [K])[0] if whole else _previews(bench, scene.source)[-1]
    scales = [_scale_view(bench, scene, k, pictures.get(k + 1), previews[k], fitted) for k in range(K)]
    if known != scene.number:
        scales = [scale | _numbers_view(scene, k) for k, scale in enumerate(scales)]
    return {
        **(_picture_view(bench, scene, before) if known != scene.number else {}),
        "picture": scene.number,
        "difference": _difference_view(before, pictures[K]) if whole else None,
        "scales": scales,
        "edit": _edit_view(session),
    }


def _previews(bench: Workbench, maps: TokenMaps) -> list[Tensor | None]:
    """What a linear map makes of f_hat after each scale, without the decoder: K pictures (3,h,w), or None."""
    if bench.preview is None:
        return [None] * len(maps)
    return list(apply_preview(bench.tokenizer.accumulate(maps)[:, 0], bench.preview))


def _picture_view(bench: Workbench, scene: Scene, before: Tensor | None) -> dict:
    H, W = bench.tokenizer.image_hw
    return {
        "title": scene.title,
        "credit": scene.credit,
        "note": _note(scene, H, W),
        "sample": scene.picture.sample if scene.picture else "",
        "fit": scene.fit,
        "size": [H, W],
        "ratio": f"{W} / {H}",
        "input": bytes_uri(scene.picture.fits[scene.fit]) if scene.picture else "",
        "frame": frame(scene.picture.size, (H, W), scene.fit, bench.tokenizer.family)
        if scene.picture
        else None,
        "before": "" if before is None else data_uri(before),
        "source": [ids.flatten().tolist() for ids in scene.source],
        "carried": _carried_view(scene),
    }


def _carried_view(scene: Scene) -> dict | None:
    """Tokens that the file brought along: whether they are in use, the share that its pixels give again."""
    own = scene.picture.carried if scene.picture else None
    if own is None:
        return None
    used = own == scene.source
    if used:
        return {"used": True, "share": None, "scales": None}
    share, scales = survived(own, scene.source)
    return {"used": False, "share": share, "scales": list(scales)}


def _note(scene: Scene, H: int, W: int) -> str:
    if scene.picture is None:
        return f"{W} × {H} px."
    width, height = scene.picture.size
    return f"{width} × {height} px, {FITTED[scene.fit]} to {W} × {H} px."


def _scale_view(
    bench: Workbench,
    scene: Scene,
    k: int,
    picture: Tensor | None,
    preview: Tensor | None,
    fitted: Tensor | None,
) -> dict:
    """picture: decoded; preview: shown until it is."""
    seen = preview if picture is None else picture
    ids_hw, own_hw = scene.maps[k][0], scene.source[k][0]
    return {
        **map_view(bench, scene.maps, k),
        "image": None if seen is None else data_uri(seen),
        "stale": seen is None,
        "preview": picture is None and preview is not None,
        "psnr": None if picture is None or fitted is None else finite(psnr(picture[None], fitted)),
        "changed": (ids_hw != own_hw).int().flatten().tolist(),
    }


def map_view(bench: Workbench, maps: TokenMaps, k: int) -> dict:
    """Ids and colours of scale k (from 0), and how common its codes are; an unknown token has id -1."""
    h, w = maps.grids[k]
    ids = maps[k][0].flatten().tolist()
    return {
        "h": h,
        "w": w,
        "ids": ids,
        "colours": [bench.colours[code] if code >= 0 else None for code in ids],
        "use": bench.shares(k, ids),
    }


def _numbers_view(scene: Scene, k: int) -> dict:
    if scene.numbers is None:
        return {"distance": None, "near": None, "unexplained": None}
    numbers = scene.numbers[k]
    count = numbers.nearest_hwN.shape[-1]
    return {
        "distance": numbers.distance_hw.round(4).flatten().tolist(),
        "near": {
            "ids": numbers.nearest_hwN.reshape(-1, count).tolist(),
            "distance": numbers.nearest_distance_hwN.round(4).reshape(-1, count).tolist(),
        },
        "unexplained": numbers.unexplained,
    }


def _difference_view(before: Tensor, after: Tensor) -> dict:
    found = difference(before, after)
    return {
        "image": bytes_uri(found.pixels),
        "gradient": gradient(),
        "limit": found.limit,
        "mean": found.mean,
    }


def _edit_view(session: Session) -> dict:
    scene = session.present
    steps = [*session.past, scene, *session.future]
    changed = sum(int((a != b).sum()) for a, b in zip(scene.maps, scene.source, strict=True))
    return {
        "policy": session.policy,
        "label": session.label,
        "seed": session.seed,
        "named": [
            {"name": name, **_step_view(one), "now": _content(one) == _content(scene)}
            for name, one in session.named
        ],
        "undo": bool(session.past),
        "redo": bool(session.future),
        "changed": changed,
        "history": [_step_view(one) | {"now": index == len(session.past)} for index, one in enumerate(steps)],
        "restored": session.restored,
    }


def _step_view(scene: Scene) -> dict:
    """key: the same for the same tokens of the same picture; the page remembers the tokens under it."""
    return {"text": scene.step, "picture": scene.number, "key": content_key(scene)}


def content_key(scene: Scene) -> str:
    """Names the picture and its tokens as they stand."""
    number, digest = _content(scene)
    return f"{number}-{digest}"


def _content(scene: Scene) -> tuple[int, str]:
    return scene.number, scene.maps.digest()[:16]


def finite(value: Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
