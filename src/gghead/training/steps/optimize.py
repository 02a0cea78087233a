"""How a pass becomes a step: gradients of all processes are averaged, and an optimizer goes along them."""

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.processes.group import ProcessGroup


def apply_gradients(optimizer: torch.optim.Optimizer, group: ProcessGroup) -> Float[Tensor, ""]:
    """Steps along the gradient of the whole batch; returns its norm."""
    parameters = [parameter for part in optimizer.param_groups for parameter in part["params"]]
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    group.average(gradients)
    optimizer.step()
    return torch.nn.utils.get_total_norm(gradients)


def add_gradients(values: Float[Tensor, " K"], weight: float) -> Float[Tensor, " K"]:
    """Adds the gradient of the weighted sum to the parameters'; returns the values without their graph."""
    values.backward(torch.full_like(values, weight))
    return values.detach()
