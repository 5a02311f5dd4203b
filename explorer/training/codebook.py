"""How codes learn: exponential moving averages of the vectors assigned to them, and revival of unused codes.

Shapes: N vectors of a batch, V codes, C code dimension. Source: van den Oord et al. 2017, appendix A.1
(moving averages); revival as in Dhariwal et al. 2020 (Jukebox).
"""

import torch
from torch import Tensor


class CodebookAverage:
    """Moving average of hits and vector sums per code; owned by a training run, saved with it.

    decay: share kept per step. dead_below: a code whose average hits per step, relative to the mean over
    codes, fall below this is replaced by a random vector of the batch. `unit` keeps codes on the unit
    sphere.
    """

    def __init__(
        self, codebook_VC: Tensor, decay: float = 0.99, dead_below: float = 0.03, unit: bool = False
    ):
        self.decay, self.dead_below, self.unit = decay, dead_below, unit
        self.hits_V = torch.ones(len(codebook_VC), device=codebook_VC.device)
        self.sums_VC = codebook_VC.detach().float().clone()

    def state(self) -> dict[str, Tensor]:
        return {"hits_V": self.hits_V, "sums_VC": self.sums_VC}

    def load_state(self, state: dict[str, Tensor]) -> None:
        self.hits_V.copy_(state["hits_V"])
        self.sums_VC.copy_(state["sums_VC"])

    @torch.no_grad()
    def update(self, codebook_VC: Tensor, z_NC: Tensor, ids_N: Tensor, generator: torch.Generator) -> int:
        """Move the codes towards the vectors that chose them; returns how many codes were revived."""
        hits_V = torch.zeros_like(self.hits_V).index_add_(
            0, ids_N, torch.ones_like(ids_N, dtype=torch.float32)
        )
        sums_VC = torch.zeros_like(self.sums_VC).index_add_(0, ids_N, z_NC.float())
        self.hits_V.lerp_(hits_V, 1 - self.decay)
        self.sums_VC.lerp_(sums_VC, 1 - self.decay)
        dead_V = self.hits_V < self.dead_below * self.hits_V.mean()
        revived = int(dead_V.sum())
        if revived:
            rows = torch.randint(len(z_NC), (revived,), generator=generator).to(z_NC.device)
            start = self.hits_V.mean()
            self.hits_V[dead_V] = start
            self.sums_VC[dead_V] = z_NC[rows].float() * start
        new_VC = self.sums_VC / self.hits_V.unsqueeze(1).clamp_min(1e-6)
        codebook_VC.copy_(torch.nn.functional.normalize(new_VC, dim=1) if self.unit else new_VC)
        return revived
