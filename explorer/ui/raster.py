"""The raster pair of the command line: looked at when the page starts, so that a typo is told then."""

from explorer.errors import CheckpointError
from explorer.ui.options import AppOptions


def check_raster_pair(options: AppOptions) -> None:
    """Opens both members where one was chosen, and lets them go again; the bundled pair is not looked at.

    CheckpointError: one cannot be opened, is no raster model, or they do not belong together.
    """
    chosen = (options.raster_tokenizer, options.raster_generator)
    if chosen == (AppOptions.raster_tokenizer, AppOptions.raster_generator):
        return
    from explorer.generators import RasterGenerator, load_generator
    from explorer.tokenizers import load_tokenizer

    try:
        tokenizer = load_tokenizer(options.raster_tokenizer, device="cpu", precision="exact")
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
