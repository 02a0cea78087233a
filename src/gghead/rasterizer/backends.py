"""Which backend draws: the one asked for, or the fastest that can, said in the log."""

import logging
from functools import cache
from importlib.util import find_spec
from typing import Literal, get_args

import torch

from gghead.gaussians.scene import Gaussians

Backend = Literal["cuda", "cpu", "reference"]
DEVICES = {"cuda": "cuda", "cpu": "cpu"}
"""Device of the tensors that a backend draws; the reference draws anywhere."""
OLDEST_GPU = (8, 0)
"""Compute capability that the kernels need: tensor cores for TF32 came with Ampere."""

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
    obstacle = obstacle_to_cuda(device) if backend == "cuda" else None
    if obstacle:
        raise ValueError(f"backend 'cuda' can't draw here: {obstacle}")
    return backend


@cache
def choose_by_tensors(device: torch.device, dtype: torch.dtype) -> Backend:
    """The fastest backend for such tensors; says so once in a process."""
    reason = f"the tensors are {dtype} on {device}"
    obstacle = obstacle_to_cuda(device) if device.type == "cuda" and dtype == torch.float32 else None
    if obstacle:
        log.warning(
            "Drawing with the reference backend, a thousand times slower than need be: %s, but %s.", reason, obstacle
        )
        return "reference"
    fast = dtype == torch.float32 and device.type in DEVICES
    chosen: Backend = device.type if fast else "reference"  # type: ignore[assignment]
    log.info("Drawing with the %s backend: %s.", chosen, reason)
    return chosen


@cache
def obstacle_to_cuda(device: torch.device) -> str | None:
    """Why the CUDA backend can't draw on a GPU, and what to do; None if it can."""
    if not has_cuda_core():
        return "the package cuda-core is missing; pip install 'gghead[cuda]'"
    major, minor = torch.cuda.get_device_capability(device)
    if (major, minor) < OLDEST_GPU:
        wanted = ".".join(map(str, OLDEST_GPU))
        return f"the GPU has compute capability {major}.{minor}, the kernels need {wanted}; use backend='reference'"
    return None


@cache
def has_cuda_core() -> bool:
    """Whether the package that compiles and loads the CUDA kernels is installed."""
    try:
        return find_spec("cuda.core") is not None
    except ModuleNotFoundError:
        return False
