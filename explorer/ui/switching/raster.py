"""The raster pair of the command line, opened when the page starts, so that a typo is told then."""

from typing import TYPE_CHECKING

from explorer.errors import CheckpointError
from explorer.ui.options import AppOptions

if TYPE_CHECKING:  # reading the command line needs no torch
    from explorer.devices import Device
    from explorer.ui.compare.pairs import Pair


def open_raster_pair(options: AppOptions, device: "Device") -> "Pair | None":
    """The pair to compare with, on the page's device; None where none is asked for ("").

    CheckpointError: one cannot be opened, is no raster model, or they do not belong together.
    """
    if not options.raster_generator or not options.raster_tokenizer:
        return None
    from explorer.generators import RasterGenerator, load_generator
    from explorer.tokenizers import DecodeMemo, load_tokenizer
    from explorer.ui.compare.pairs import Pair

    try:
        tokenizer = load_tokenizer(options.raster_tokenizer, device=device, memo=DecodeMemo(64 << 20))
    except CheckpointError as error:
        raise CheckpointError(f"--raster-tokenizer {options.raster_tokenizer}: {error}") from error
    try:
        generator = load_generator(options.raster_generator, tokenizer)
    except CheckpointError as error:
        raise CheckpointError(f"--raster-generator {options.raster_generator}: {error}") from error
    if not isinstance(generator, RasterGenerator):
        raise CheckpointError(
            f"--raster-generator {options.raster_generator}: this generator does not go in raster order; "
            "give it with --generator, and its tokenizer with --tokenizer"
        )
    return Pair(tokenizer, generator)
