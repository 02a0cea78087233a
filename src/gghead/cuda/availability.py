"""Whether CUDA programs can be compiled and launched on a GPU: one answer for networks and rasterizer."""

import logging
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

OLDEST_GPU = (8, 0)
"""Compute capability that the kernels need: tensor cores for TF32 came with Ampere."""

log = logging.getLogger(__name__)


class KernelError(RuntimeError):
    """CUDA programs don't compile here, although the extra is installed."""


@cache
def obstacle(device: "torch.device") -> str | None:
    """Why kernels can't run on a GPU, and what to do; None if they can."""
    import torch  # takes seconds, and the command line asks here for KernelError alone

    if torch.version.hip is not None:
        return "this torch is built for ROCm, the kernels are for NVIDIA's GPUs"
    if not has_cuda_core():
        return "the package cuda-core is missing; pip install 'gghead[cuda]'"
    major, minor = torch.cuda.get_device_capability(device)
    if (major, minor) < OLDEST_GPU:
        wanted = ".".join(map(str, OLDEST_GPU))
        return f"the GPU has compute capability {major}.{minor}, the kernels need {wanted}"
    return None


@cache
def is_available(device: "torch.device") -> bool:
    """Whether kernels can run on a device; says once what is missing on a GPU."""
    if device.type != "cuda":
        return False
    reason = obstacle(device)
    if reason is not None:
        log.warning("The networks run on plain torch, which is slower: %s.", reason)
    return reason is None


@cache
def has_cuda_core() -> bool:
    """Whether the package that compiles and loads CUDA programs is installed."""
    try:
        return find_spec("cuda.core") is not None
    except ModuleNotFoundError:
        return False
