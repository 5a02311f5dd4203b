"""The raster generator of taming-transformers: the class label is the first token of the sequence.

There is no "no class" in its vocabulary, so there is no guidance. Everything else is a raster scan with a
cache, as in raster.py. MODELS.md section 4.3.
"""

from explorer.generators.raster import RasterGenerator
from explorer.generators.sampling import Sampling


class LabelTokenGenerator(RasterGenerator):
    """Purely conditional. The default settings are those of the authors' sampling script."""

    family = "taming-transformer"
    tokenizer_family = "vqgan"
    published_sampling = Sampling(guidance=0.0, top_k=250, top_p=1.0)

    def _is_guided(self, sampling: Sampling) -> bool:
        return False

    def _check_sampling(self, sampling: Sampling) -> None:
        if sampling.guidance > 1:
            raise ValueError(
                f'{self.name} has no guidance: it never learned "no class", with which guidance compares; '
                f"set it to 0 (it is {sampling.guidance:g})"
            )
