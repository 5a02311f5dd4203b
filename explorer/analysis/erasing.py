"""Which code stands in for an erased token. Shapes: V codes, C code dimension."""

import torch
from torch import Tensor


def least_code(contributions_VC: Tensor, beside_others: bool) -> int:
    """The code that says least, from what each code adds to the picture's features (see
    `Tokenizer.contributions`).

    beside_others: the token's map is added to other maps (several scales), so the code closest to zero adds
    least. Alone it must say something: then it is the code closest to the mean of all, which tells nothing
    apart. Equal codes: the one with the smallest number.
    """
    if contributions_VC.ndim != 2 or not len(contributions_VC):
        raise ValueError(f"contributions (V,C) are needed, not of shape {tuple(contributions_VC.shape)}")
    centre_C = torch.zeros_like(contributions_VC[0]) if beside_others else contributions_VC.mean(0)
    return int((contributions_VC - centre_C).square().sum(1).argmin())
