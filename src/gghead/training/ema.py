"""The averaged generator: what is sampled, evaluated and published."""

import torch
from torch import nn


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Moves averaged parameters a step towards those of a module; buffers are copied.

    Args:
        average: changed in place.
        module: of the same class and sizes.
        decay: share of the old value that stays.
    """
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), 1 - decay)
    for kept, new in zip(average.buffers(), module.buffers(), strict=True):
        kept.copy_(new)
