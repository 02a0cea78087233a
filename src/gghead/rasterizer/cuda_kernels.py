"""The CUDA kernels: compiled by NVRTC for the GPU at hand, kept on disk, launched on torch's current stream.

Imported only where they are used; compiling needs no GPU.
"""

import hashlib
import logging
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from cuda.bindings import nvrtc
from cuda.core import Device, LaunchConfig, ObjectCode, Program, ProgramOptions, Stream, launch
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.rasterizer.constants import BLUR, MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE, NEAR, VIEW_GUARD

SOURCES = Path(__file__).parent / "kernels"
UNITS = ("projection", "lists", "compositing", "compositing_backward", "projection_backward")
"""Files that hold kernels; together they are one program."""
THREADS = 256
"""Threads of a block; splat.cuh says the same."""
TILE = 16
"""Side of a tile, pixels; likewise."""
MAX_LOCAL_TILES = 4096
"""Tiles of a picture for which a block counts in shared memory: 16 KB."""
MAX_FEATURES = 8
"""Feature channels that a kernel takes at once; more are drawn in several passes."""
CACHE_VARIABLE = "GGHEAD_KERNEL_CACHE"
"""Environment variable that names another folder for compiled kernels."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Variant:
    """What the kernels are compiled for.

    Attributes:
        coefficients: of the spherical harmonics, 1, 4, 9 or 16.
        features: channels beside colour and depth, 0 to MAX_FEATURES.
        deterministic: whether gradients are summed in integers, whose order does not matter.
    """

    coefficients: int
    features: int
    deterministic: bool

    @property
    def parts(self) -> int:
        """Vectors of four numbers that hold a splat; splat.cuh says which."""
        return -(-(10 + self.features) // 4)

    @property
    def row(self) -> int:
        """Numbers of a splat's gradients: six moments, rgb, camera z, features; even."""
        return (10 + self.features + 1) // 2 * 2

    @property
    def macros(self) -> list[tuple[str, str]]:
        """What the sources take from here and from constants.py."""
        numbers = {
            "NEAR": NEAR,
            "BLUR": BLUR,
            "MAX_ALPHA": MAX_ALPHA,
            "MIN_ALPHA": MIN_ALPHA,
            "MIN_TRANSMITTANCE": MIN_TRANSMITTANCE,
            "VIEW_GUARD": VIEW_GUARD,
        }
        settings = {
            "COEFFICIENTS": self.coefficients,
            "FEATURES": self.features,
            "DETERMINISTIC": int(self.deterministic),
        }
        return [(name, f"{value!r}f") for name, value in numbers.items()] + [(k, str(v)) for k, v in settings.items()]


def other(item: Tensor | np.generic) -> int | np.generic:
    """A tensor of a derived class, or a numpy scalar, which has its width already."""
    return item.data_ptr() if isinstance(item, Tensor) else item


CONVERSIONS = {
    Tensor: Tensor.data_ptr,
    type(None): lambda _: 0,
    int: np.int32,
    float: np.float32,
}
"""How an argument of a kernel goes in, by its type."""


@dataclass(frozen=True)
class Kernels:
    """A program that is loaded on one GPU."""

    code: ObjectCode
    device: int

    def run(self, name: str, blocks: int, *arguments: Tensor | np.generic | float | None, shared: int = 0) -> None:
        """Launches a kernel on torch's current stream, with so many bytes of dynamic shared memory.

        Tensors go in as addresses, None as a null pointer, int and float with 32 bits; others as numpy scalars.
        """
        values = [CONVERSIONS.get(type(item), other)(item) for item in arguments]
        stream = stream_of(self.device, torch.cuda.current_stream(self.device).cuda_stream)
        launch(stream, LaunchConfig(grid=blocks, block=THREADS, shmem_size=shared), kernel_of(self, name), *values)


@cache
def kernel_of(kernels: Kernels, name: str) -> object:
    """A kernel of a loaded program."""
    return kernels.code.get_kernel(name)


@dataclass(frozen=True)
class TorchStream:
    """A stream of torch in the protocol of cuda.core."""

    handle: int

    def __cuda_stream__(self) -> tuple[int, int]:
        """Version of the protocol and the handle."""
        return 0, self.handle


@cache
def stream_of(device: int, handle: int) -> Stream:
    """torch's streams live as long as the process, so that what wraps them can be kept."""
    return Device(device).create_stream(TorchStream(handle))


@cache
def load_kernels(variant: Variant, device: int) -> Kernels:
    """The program on a GPU: from this process, from the disk, or compiled (about two seconds)."""
    major, minor = torch.cuda.get_device_capability(device)
    architecture = f"sm_{major}{minor}"
    Device(device).set_current()
    path = cache_folder() / f"{fingerprint(variant, architecture)}.cubin"
    try:
        binary = path.read_bytes()
    except OSError:
        log.info("Compiling the CUDA kernels for %s, once for this GPU and %s.", architecture, variant)
        binary = compile_kernels(variant, architecture)
        try:
            write_file(path, lambda temporary: temporary.write_bytes(binary))
        except OSError as error:
            log.warning(
                "Compiled kernels can't be kept (%s); set %s to a folder that can be written.", error, CACHE_VARIABLE
            )
    return Kernels(ObjectCode.from_cubin(binary), device)


def compile_kernels(variant: Variant, architecture: str) -> bytes:
    """Machine code of all kernels.

    Args:
        variant: what to compile.
        architecture: of the GPU, e.g. "sm_90".
    """
    source = "\n".join(f'#include "{unit}.cu"' for unit in UNITS)
    options = ProgramOptions(
        std="c++17", arch=architecture, include_path=str(SOURCES), define_macro=variant.macros, name="gghead"
    )
    return bytes(Program(source, code_type="c++", options=options).compile("cubin").code)


def fingerprint(variant: Variant, architecture: str) -> str:
    """Name of a compiled program: a hash of all that its code depends on."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.glob("*.cu*")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(repr((variant.macros, architecture, nvrtc.nvrtcVersion()[1:])).encode())
    return digest.hexdigest()[:32]


def cache_folder() -> Path:
    """Where compiled kernels are kept."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE])
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(root) / "gghead" / "kernels"
