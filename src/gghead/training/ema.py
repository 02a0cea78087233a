"""The EMA generator, an exponential moving average of the weights: what is sampled, evaluated and published."""

import torch
from torch import nn


@torch.no_grad()
def update_ema(ema: nn.Module, module: nn.Module, decay: float) -> None:
    """Moves an average of weights a step towards those of a module; buffers are copied.

    Args:
        ema: changed in place.
        module: of the same class and sizes.
        decay: share of the old value that stays.
    """
    torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage] - as torch's optimizers do
        list(ema.parameters()), list(module.parameters()), 1 - decay
    )
    for kept, new in zip(ema.buffers(), module.buffers(), strict=True):
        kept.copy_(new)
