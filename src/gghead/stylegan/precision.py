"""Networks compute in the precision of their own weights and blocks, whatever torch.autocast asks for around them."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

P = ParamSpec("P")
N = TypeVar("N", bound=nn.Module)
R = TypeVar("R")


def in_own_precision(forward: Callable[Concatenate[N, Tensor, P], R]) -> Callable[Concatenate[N, Tensor, P], R]:
    """A module's forward without autocast; its first tensor says on which device.

    Under autocast some operations of a layer have 16 bits and others 32, and kernels that take one type for all of a
    layer's tensors drew other heads (an H100, bfloat16) or NaN (float16).
    """

    @wraps(forward)
    def run(self: N, x: Tensor, *arguments: P.args, **named: P.kwargs) -> R:
        kind = x.device.type
        plain = not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind)
        with nullcontext() if plain else torch.autocast(kind, enabled=False):
            return forward(self, x, *arguments, **named)

    return run
