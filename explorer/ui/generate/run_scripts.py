"""The Python program that makes a run again, with the public API alone."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict

from explorer.errors import CheckpointError
from explorer.token_maps import UNKNOWN, TokenMaps
from explorer.ui.generate.saved_run import SavedRun
from explorer.zoo import catalogue

PER_LINE = 20  # codes in a line of a script


def script(run: SavedRun, stem: str, steps: int | None) -> str:
    """A program that writes the picture as `stem`.png beside itself.

    steps: after how many steps of the run that its settings describe the tokens are these; None: never,
    because tokens were changed since. Then the tokens are listed and decoded.
    """
    tok, gen = run.tokenizer, run.pair.generator
    parts = [
        HEAD.format(
            title=_plain(run.title),
            about=CHANGED if steps is None else DRAWN,
            names="TokenMaps, load_tokenizer" if steps is None else _names(run),
            tokenizer=_constant("TOKENIZER", tok.name, tok.sha256, "tokenizer"),
            generator="" if steps is None else _constant("GENERATOR", gen.name, gen.sha256, "generator"),
            grids=_grids(tok.grids),
            device=_quoted(tok.device.torch_device.type),
            precision=_quoted(tok.device.precision),
        )
    ]
    if steps is None:
        parts.append(f"maps = TokenMaps({_listed(run.maps)}, tokenizer.meta)\n")
    else:
        parts += [GENERATOR, _drawing(run, steps)]
    return "\n".join([*parts, TAIL.format(picture=_quoted(f"{stem}.png"))])


def _names(run: SavedRun) -> str:
    return f"{'TokenMaps, ' if _keeps(run) else ''}load_generator, load_tokenizer"


def _keeps(run: SavedRun) -> bool:
    return not run.request.is_free


def _drawing(run: SavedRun, steps: int) -> str:
    request = run.request
    label = "    None,  # no class" if request.label is None else f"    {_quoted(request.label)},"
    settings = {"seed": run.seed, **asdict(request.settings)}
    lines = [label, *(f"    {name}={value!r}," for name, value in settings.items())]
    given = ""
    if _keeps(run):
        seen = [
            ids.masked_fill(~mask, UNKNOWN) for ids, mask in zip(request.given, request.keep, strict=True)
        ]
        given = KEPT.format(given=_listed(TokenMaps(seen)))
        lines += ["    given=given,", "    keep=[ids >= 0 for ids in given],"]
    stop = "" if steps == run.pair.generator.steps else STOP.format(steps=steps)
    arguments = "\n".join(lines)
    return f"{given}for step in generator.generate(\n{arguments}\n):\n    maps = step.maps\n{stop}"


def _constant(name: str, model: str, sha256: str | None, kind: str) -> str:
    try:
        known = catalogue.find(model, kind=kind).is_file()
    except (CheckpointError, OSError):
        known = False
    hint = "" if known else "  # put the path of its file here"
    sha256 = _quoted(sha256) if sha256 else "None"
    return f"{name} = {_quoted(model)}{hint}\n{name}_SHA256 = {sha256}  # of its weights\n"


def _grids(grids: Sequence[tuple[int, int]]) -> str:
    return f"({', '.join(f'({h}, {w})' for h, w in grids)},)"


def _listed(maps: TokenMaps) -> str:
    """K nested lists [1][h][w] in lines of bounded length."""
    scales = []
    for ids in maps:
        rows = []
        for row in ids[0].tolist():
            pieces = [", ".join(map(str, row[at : at + PER_LINE])) for at in range(0, len(row), PER_LINE)]
            rows.append("[" + ",\n      ".join(pieces) + "]")
        scales.append("    [[" + ",\n      ".join(rows) + "]],\n")
    return "[\n" + "".join(scales) + "]"


def _plain(text: str) -> str:
    return re.sub(r'[\\"\x00-\x1f]', " ", text)


def _quoted(text: str) -> str:
    """A Python string in double quotes."""
    return json.dumps(text, ensure_ascii=False)


DRAWN = "draws the picture again that Tokenscope drew"
CHANGED = "writes the picture again that Tokenscope showed"

HEAD = '''"""{title}: {about}.

Run it where the package `explorer` can be imported: in Tokenscope's folder, or with PYTHONPATH set to it.
Equal pictures are promised on the same kind of device, in the same precision.
"""

from pathlib import Path

from PIL import Image

from explorer import {names}

{tokenizer}{generator}GRIDS = {grids}  # rows and columns of each token map, coarse to fine


def checked(model, sha256):
    """The model, when it has the weights that the picture was made with."""
    if sha256 and model.sha256 != sha256:
        raise SystemExit(f"{{model.name}} has other weights now; the picture would be another one")
    return model


tokenizer = load_tokenizer(TOKENIZER, device={device}, precision={precision}, grids=GRIDS)
checked(tokenizer, TOKENIZER_SHA256)
'''

GENERATOR = """generator = checked(load_generator(GENERATOR, tokenizer), GENERATOR_SHA256)
"""

KEPT = """# Tokens that were kept; -1 is drawn.
given = TokenMaps({given})

"""

STOP = """    if step.index == {steps}:
        break  # here the run was stopped
"""

TAIL = """pixels = tokenizer.decode(maps)[0]  # (3, H, W) in [0, 1]
pixels = (pixels * 255).round().byte().permute(1, 2, 0).numpy()
path = Path(__file__).with_name({picture})
Image.fromarray(pixels).save(path)
print(path)
"""
