"""How much the scales of a tokenizer share their codes. Shapes: K scales, V codes."""

import torch
from torch import Tensor


def scale_overlap(counts_KV: Tensor) -> Tensor:
    """(K,K) float64: the share of row scale's tokens whose code also occurs at column's scale.

    Tokens are weighed, not codes: a code used twice as often counts twice. 1 on the diagonal, not symmetric,
    NaN in the row of a scale without tokens. Depends on how many tokens were counted: more pictures make
    codes meet at more scales, so compare only values counted over the same pictures.
    """
    if counts_KV.ndim != 2:
        raise ValueError(f"counts are a (K,V) tensor, these are {tuple(counts_KV.shape)}")
    counts_KV = counts_KV.double()
    tokens_K = counts_KV.sum(1)
    shared_KK = counts_KV @ (counts_KV > 0).double().T
    return torch.where(tokens_K[:, None] > 0, shared_KK / tokens_K[:, None].clamp_min(1), torch.nan)
