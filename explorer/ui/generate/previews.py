"""The linear preview of the loaded tokenizer: shipped with bundled ones, fitted at the start for others."""

import torch
from torch import Tensor

from explorer.analysis.preview import fit_preview
from explorer.jobs.derived import TokenizerDerived
from explorer.samples import SAMPLES, load_sample
from explorer.tokenizers import Tokenizer
from explorer.ui.workbench import decodes_slowly

FITTED_ON = 4  # sample pictures: some hundred cells each, for a few dozen weights


def preview_weights(tokenizer: Tokenizer, derived: TokenizerDerived | None) -> Tensor | None:
    """Weights (C+1,3) of `analysis.preview`; None where nobody would see a preview."""
    if derived is not None:
        return derived.preview
    return fitted_weights(tokenizer) if decodes_slowly(tokenizer) else None


def fitted_weights(tokenizer: Tokenizer) -> Tensor:
    """Weights (C+1,3) fitted to some sample pictures: a few encodes."""
    images = torch.cat([tokenizer.fit(load_sample(sample.name)) for sample in SAMPLES[:FITTED_ON]])
    f_hats = torch.cat([tokenizer.accumulate(tokenizer.encode(image[None]))[-1] for image in images])
    return fit_preview(f_hats, images)
