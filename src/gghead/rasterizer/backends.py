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

log = logging.getLogger(__name__)


def choose_backend(gaussians: Gaussians, backend: Backend | None) -> Backend:
    """The backend asked for, or the fastest that can draw these tensors.

    Raises:
        ValueError: there is no such backend, it can't draw these tensors, or a package that it needs is missing.
    """
    device, dtype = gaussians.means.device.type, gaussians.means.dtype
    if backend is None:
        return choose_by_tensors(device, dtype)
    if backend not in get_args(Backend):
        raise ValueError(
            f"there is no backend {backend!r}; use 'cuda', 'cpu', 'reference', or None for the fastest that can"
        )
    if backend in DEVICES and (device != DEVICES[backend] or dtype != torch.float32):
        raise ValueError(
            f"backend {backend!r} draws float32 tensors on the {DEVICES[backend]}, these are {dtype} on {device}; "
            "use backend='reference'"
        )
    if backend == "cuda" and not has_cuda_core():
        raise ValueError("backend 'cuda' needs the package cuda-core, which is missing; pip install 'gghead[cuda]'")
    return backend


@cache
def choose_by_tensors(device: str, dtype: torch.dtype) -> Backend:
    """The fastest backend for such tensors; says so once in a process."""
    reason = f"the tensors are {dtype} on {device}"
    if dtype == torch.float32 and device == "cuda" and not has_cuda_core():
        log.warning(
            "Drawing with the reference backend, a thousand times slower than need be: %s, but the package cuda-core "
            "is missing; pip install 'gghead[cuda]'.",
            reason,
        )
        return "reference"
    chosen: Backend = device if dtype == torch.float32 and device in DEVICES else "reference"  # type: ignore[assignment]
    log.info("Drawing with the %s backend: %s.", chosen, reason)
    return chosen


@cache
def has_cuda_core() -> bool:
    """Whether the package that compiles and launches the CUDA kernels is installed."""
    try:
        return find_spec("cuda.core") is not None
    except ModuleNotFoundError:
        return False
