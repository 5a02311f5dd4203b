"""What a visitor takes along: tokens, the picture, and a script that makes the picture again.

What is promised of the script, on the same kind of device in the same precision: its tokens are the page's,
and no pixel is further from the page's than `GREY_LEVELS` says. The page decodes several scales as one batch,
whose convolutions may round otherwise than those of one picture alone.
"""

import base64
import io
import json
import re
import tempfile
from pathlib import Path

import torch

from explorer.errors import CheckpointError
from explorer.tokenizers.carried import save_options
from explorer.tokenizers.images import to_pil
from explorer.ui.edit.edit_actions import current
from explorer.ui.session import Scene, Session
from explorer.ui.workbench import Workbench
from explorer.zoo import catalogue

MIME = {
    "npz": "application/octet-stream",
    "json": "application/json",
    "png": "image/png",
    "py": "text/x-python",
}
# How far a script's pixels may be from the page's, in steps of 1/255.
GREY_LEVELS = {torch.float32: 1, torch.bfloat16: 4}
MAX_CHANGES = 400  # listed in a script; with more it reads the exported tokens


def download(bench: Workbench, session: Session, kind: object) -> dict:
    """One file for the browser to save: {"name", "mime", "data"}, the data in base64.

    kind: "npz" or "json" (tokens), "png" (the picture), "py" (the script). ValueError for anything else.
    """
    if not isinstance(kind, str) or kind not in MIME:
        raise ValueError(f"Tokens, picture or script can be exported, not {str(kind)[:40]!r}.")
    scene = current(session)
    if kind == "npz":
        content = npz_bytes(scene)
    elif kind == "json":
        content = scene.maps.to_json().encode()
    elif kind == "png":
        content = png_bytes(bench, scene)
    else:
        content = script(bench, scene).encode()
    return {
        "name": f"{stem(scene)}.{kind}",
        "mime": MIME[kind],
        "data": base64.b64encode(content).decode(),
    }


def stem(scene: Scene) -> str:
    """A file name without ending, of plain letters, after the picture's title."""
    plain = re.sub(r"[^a-z0-9]+", "-", scene.title.lower()).strip("-")[:40].strip("-")
    return f"tokenscope-{plain or 'picture'}"


def npz_bytes(scene: Scene) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "maps.npz")
        scene.maps.save(path)
        return path.read_bytes()


def png_bytes(bench: Workbench, scene: Scene) -> bytes:
    """The final picture exactly as the page shows it; the file carries its tokens."""
    (picture,) = to_pil(bench.pictures(scene.maps, [len(scene.maps)]))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **save_options("PNG", scene.maps))
    return buffer.getvalue()


def script(bench: Workbench, scene: Scene) -> str:
    """A Python program that writes the picture as a PNG, with the public API alone.

    A sample picture is tokenized again and changed token by token; anything else is read from the exported
    .npz beside the script.
    """
    tok = bench.tokenizer
    changes = [
        (k, *divmod(cell, ids.shape[2]), int(ids.flatten()[cell]))
        for k, (ids, own) in enumerate(zip(scene.maps, scene.source, strict=True), start=1)
        for cell in torch.nonzero((ids != own).flatten()).flatten().tolist()
    ]
    rebuilds = scene.picture is not None and bool(scene.picture.sample) and len(changes) <= MAX_CHANGES
    return TEMPLATE.format(
        title=re.sub(r'[\\"\x00-\x1f]', " ", scene.title),
        first="from explorer.samples import load_sample\n" if rebuilds else "",
        imports="load_tokenizer" if rebuilds else "TokenMaps, load_tokenizer",
        named="" if _has_name(tok.name) else "  # put the path of its file here",
        tokenizer=_quoted(tok.name),
        sha256=_quoted(tok.sha256) if tok.sha256 else "None",
        grids=f"({', '.join(f'({h}, {w})' for h, w in tok.grids)},)",
        device=_quoted(tok.device.torch_device.type),
        precision=_quoted(tok.device.precision),
        maps=_from_sample(scene, changes) if rebuilds else _from_file(scene),
        picture=_quoted(f"{stem(scene)}.png"),
        levels=GREY_LEVELS[tok.device.compute_dtype],
    )


def _from_sample(scene: Scene, changes: list[tuple[int, int, int, int]]) -> str:
    lines = [
        f"image = tokenizer.fit(load_sample({_quoted(scene.picture.sample)}), {_quoted(scene.fit)})",
        "maps = tokenizer.encode(image)",
    ]
    if not changes:
        return "\n".join(lines)
    listed = "".join(f"    ({scale}, {row}, {column}, {code}),\n" for scale, row, column, code in changes)
    return CHANGING.format(tokenized="\n".join(lines), listed=listed)


def _from_file(scene: Scene) -> str:
    return (
        "# The tokens as exported; the file lies beside this script.\n"
        f"maps = TokenMaps.load(Path(__file__).with_name({_quoted(f'{stem(scene)}.npz')}))"
    )


def _has_name(name: str) -> bool:
    try:
        return catalogue.find(name).is_file()
    except (CheckpointError, OSError):
        return False


def _quoted(text: str) -> str:
    """A Python string in double quotes."""
    return json.dumps(text, ensure_ascii=False)


CHANGING = """{tokenized}

# What was changed: scale (from 1), row and column (from 0), new code.
CHANGES = [
{listed}]
edited = [ids.clone() for ids in maps]
for scale, row, column, code in CHANGES:
    edited[scale - 1][0, row, column] = code
for scale, ids in enumerate(edited, start=1):
    maps = maps.with_map(scale, ids)"""

TEMPLATE = '''"""{title}: makes the picture again that Tokenscope showed.

Run it where the package `explorer` can be imported: in Tokenscope's folder, or with PYTHONPATH set to it.
On the same kind of device the tokens are the same, and no pixel differs by more than {levels}/255: the page
decodes several scales at once, which may round differently.
"""

from pathlib import Path

from PIL import Image

from explorer import {imports}
{first}
TOKENIZER = {tokenizer}{named}
SHA256 = {sha256}  # of its weights
GRIDS = {grids}  # rows and columns of each token map, coarse to fine

tokenizer = load_tokenizer(TOKENIZER, device={device}, precision={precision}, grids=GRIDS)
if SHA256 and tokenizer.sha256 != SHA256:
    raise SystemExit(f"{{TOKENIZER}} has other weights now; the picture would be another one")

{maps}

pixels = tokenizer.decode(maps)[0]  # (3, H, W) in [0, 1]
pixels = (pixels * 255).round().byte().permute(1, 2, 0).numpy()
path = Path(__file__).with_name({picture})
Image.fromarray(pixels).save(path)
print(path)
'''
