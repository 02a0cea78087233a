"""Which backend draws: the one asked for, or the fastest that can, said in the log."""

import logging
from functools import cache
from typing import Literal, get_args

import torch

from gghead.cuda.availability import obstacle
from gghead.gaussians.scene import Gaussians

Backend = Literal["cuda", "cpu", "reference"]
DEVICES = {"cuda": "cuda", "cpu": "cpu"}
"""Device of the tensors that a backend draws; the reference draws anywhere."""

log = logging.getLogger(__name__)


def choose_backend(gaussians: Gaussians, backend: Backend | None) -> Backend:
    """The backend asked for, or the fastest that can draw these tensors.

    Raises:
        ValueError: there is no such backend, or it can't draw these tensors here.
    """
    device, dtype = gaussians.means.device, gaussians.means.dtype
    if backend is None:
        return choose_by_tensors(device, dtype)
    if backend not in get_args(Backend):
        raise ValueError(
            f"there is no backend {backend!r}; use 'cuda', 'cpu', 'reference', or None for the fastest that can"
        )
    if backend in DEVICES and (device.type != DEVICES[backend] or dtype != torch.float32):
        raise ValueError(
            f"backend {backend!r} draws float32 tensors on the {DEVICES[backend]}, these are {dtype} on {device}; "
            "use backend='reference'"
        )
    reason = obstacle(device) if backend == "cuda" else None
    if reason:
        raise ValueError(f"backend 'cuda' can't draw here: {reason}; use backend='reference'")
    return backend


@cache
def choose_by_tensors(device: torch.device, dtype: torch.dtype) -> Backend:
    """The fastest backend for such tensors; says so once in a process."""
    tensors = f"the tensors are {dtype} on {device}"
    reason = obstacle(device) if device.type == "cuda" and dtype == torch.float32 else None
    if reason:
        log.warning(
            "Drawing with the reference backend, a thousand times slower than need be: %s, but %s.", tensors, reason
        )
        return "reference"
    fast = dtype == torch.float32 and device.type in DEVICES
    chosen: Backend = device.type if fast else "reference"  # type: ignore[assignment]
    log.info("Drawing with the %s backend: %s.", chosen, tensors)
    return chosen
