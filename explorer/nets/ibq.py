"""IBQ (Shi et al. 2024, arXiv 2412.02692): a VQGAN whose tokens are the largest dot product with the codes.

Encoder and decoder are VQGAN's; what differs is the choice: no distance and no norm, a logit <f, e> for every
code, so that in training all codes learn from every feature. Parameter names are VQGAN's.

Shapes: B batch, C code dimension, V codes, h w the feature grid. Specification: SEEDVOKEN.md section 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.nets.quantizers import look_up, trace_logits
from explorer.nets.taming_vqgan import TamingVQGAN, TamingVQGANConfig


@dataclass(frozen=True)
class IBQConfig(TamingVQGANConfig):
    """As VQGAN's."""

    family: str = "ibq"


class DotProductQuantizer(nn.Module):
    """One logit a code, its dot product with the feature; the token is the largest."""

    chooses_by = "logits"

    def __init__(self, vocab_size: int, code_dim: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, code_dim)

    def codebook(self) -> Tensor:
        """(V,C) as the decoder sees it."""
        return self.embedding.weight

    def logits(self, f_BChw: Tensor) -> Tensor:
        """(B,V,h,w)"""
        return torch.einsum("bchw,vc->bvhw", f_BChw, self.embedding.weight)

    def encode(self, f_BChw: Tensor) -> Tensor:
        """Ids (B,h,w)."""
        return self.logits(f_BChw).argmax(1)

    def lookup(self, ids_Bhw: Tensor) -> Tensor:
        """(B,C,h,w) codes; unknown tokens (-1) become zero vectors."""
        return look_up(ids_Bhw, self.codebook())

    def trace(self, f_BChw: Tensor, n: int, given: Sequence[Tensor] | None = None) -> list[dict[str, Tensor]]:
        """As `quantizers.trace_logits`: a token's "distance" is its logit margin."""
        return trace_logits(self.logits(f_BChw), self.codebook(), n, given)


class IBQ(TamingVQGAN):
    """111.0 M parameters with 16384 codes, 173.9 M with 262144."""

    def __init__(self, config: IBQConfig):
        super().__init__(config)
        self.quantize = DotProductQuantizer(config.vocab_size, config.code_dim)
