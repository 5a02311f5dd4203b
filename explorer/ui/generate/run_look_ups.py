"""What Generate looks up beside its stream: candidates of a cell, the pictures of another row or step.

Each function takes what the browser sent and gives plain values; what does not hold raises ValueError. They
take the models' lock themselves, forward by forward.
"""

from collections.abc import Mapping
from dataclasses import asdict

from explorer.analysis.preview import apply_preview
from explorer.figures.images import data_uri
from explorer.generators import RasterGenerator
from explorer.token_maps import UNKNOWN, TokenMaps
from explorer.ui.generate.run_request import read_label, read_maps, read_place, read_settings, read_whole
from explorer.ui.views import map_view
from explorer.ui.workbench import Workbench

CANDIDATES = 12  # codes of the list


def candidates(bench: Workbench, data: Mapping) -> dict:
    """The likeliest codes at a cell, and where the one that stands there ranks among all.

    data: maps, label, guidance, top_k, top_p, temperature, scale, row, column, and `plain` (True = as if
    there were no guidance). Gives codes (likeliest first): {id, swatch, colour, probability (after guidance
    and temperature), kept (by top-k and top-p), rank (from 1)}; chosen: the same, or None for a cell that is
    not known; kept_count; shown, the sum of the probabilities of `codes`.
    """
    gen = bench.generator
    maps, place, settings = _maps(bench, data), read_place(gen, data), asdict(read_settings(gen, data))
    if data.get("plain"):
        settings["guidance"] = 0.0  # no guidance in either convention
    label = read_label(gen, data.get("label"))
    found = gen.candidates(maps, label, place.scale, (place.row, place.column), n=gen.vocab_size, **settings)
    ids, probabilities, kept = (part[0].tolist() for part in (found.ids, found.probabilities, found.kept))
    here = int(maps[place.scale - 1][0, place.row, place.column])
    shown = ids[:CANDIDATES]
    wanted = [*shown, here] if here >= 0 and here not in shown else shown
    pictures = bench.swatches(wanted, place.scale)
    swatches = {one["id"]: one for one in pictures}

    def entry(rank: int) -> dict:
        return {
            **swatches[ids[rank]],
            "probability": probabilities[rank],
            "kept": kept[rank],
            "rank": rank + 1,
        }

    return {
        "codes": [entry(rank) for rank in range(len(shown))],
        "chosen": entry(ids.index(here)) if here >= 0 else None,
        "kept_count": sum(kept),
        "shown": sum(probabilities[:CANDIDATES]),
    }


def row_view(bench: Workbench, data: Mapping) -> dict:
    """Another row of a gallery as scales: maps and pictures, previews where decoding is slow."""
    maps = _maps(bench, data)
    known = maps.known if not isinstance(bench.generator, RasterGenerator) else 1
    images = dict(enumerate(_images(bench, maps, known)))
    previews = bench.slow and known > 1
    return {
        "scales": [
            {
                **map_view(bench, maps, k),
                "image": images.get(k),
                "preview": previews and k + 1 < known and k in images,
            }
            for k in range(len(maps))
        ]
    }


def _images(bench: Workbench, maps: TokenMaps, known: int) -> list[str]:
    """One for each known scale; where decoding is slow only the last is the decoder's."""
    if known == 0:
        return []
    if not bench.slow:
        return [data_uri(image) for image in bench.pictures(maps, list(range(1, known + 1)))]
    (last,) = bench.pictures(maps, [known])
    if bench.preview is None:
        return [*[None] * (known - 1), data_uri(last)]
    f_hats_KChw = bench.tokenizer.accumulate(maps)[: known - 1, 0]
    return [*(data_uri(image) for image in apply_preview(f_hats_KChw, bench.preview)), data_uri(last)]


def picture(bench: Workbench, data: Mapping) -> dict:
    """The decoder's picture after one step (from 1) of a finished or stopped run: {image}."""
    maps, gen = _maps(bench, data), bench.generator
    step = read_whole(data.get("step"), "The step", 1, gen.steps)
    if isinstance(gen, RasterGenerator):
        ids = maps[0].clone()
        ids.view(-1)[step:] = UNKNOWN
        return {"image": data_uri(bench.tokenizer.decode(TokenMaps([ids]))[0])}
    if maps.known < step:
        raise ValueError(f"Scale {step} is not known yet.")
    return {"image": data_uri(bench.pictures(maps, [step])[0])}


def _maps(bench: Workbench, data: Mapping) -> TokenMaps:
    if bench.generator is None:
        raise ValueError("No generator was loaded. Start the page with --generator.")
    maps = read_maps(bench.generator, data.get("maps"), "The tokens")
    if maps is None:
        raise ValueError("There is no run to look at. Make a picture first.")
    return maps
