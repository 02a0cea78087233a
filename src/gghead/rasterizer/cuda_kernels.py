"""The CUDA kernels: compiled by NVRTC for the GPU at hand, kept on disk, launched on torch's current stream.

Imported only where they are used; compiling needs no GPU.
"""

import ctypes
import hashlib
import logging
import os
import struct
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from cuda.bindings import driver, nvrtc
from cuda.core import Device, ObjectCode, Program, ProgramOptions

from gghead.checkpoint.atomic import write_file
from gghead.rasterizer.constants import BLUR, MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE, NEAR, VIEW_GUARD

SOURCES = Path(__file__).parent / "kernels"
UNITS = ("projection", "lists", "compositing", "compositing_backward", "projection_backward")
"""Files that hold kernels; together they are one program."""
THREADS = 256
"""Threads of a block; splat.cuh says the same."""
TILE = 16
"""Side of a tile, pixels; likewise."""
BACK_THREADS = 128
"""Threads of a block of composite_backward, which draws half a tile."""
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


KERNELS = (
    "project", "allocate", "fill", "composite", "composite_and_keep", "composite_backward", "project_backward",
    "project_backward_with_cameras",
)  # fmt: skip
"""What a program holds."""


@dataclass(frozen=True, eq=False)
class Kernels:
    """A program that is loaded on one GPU.

    Attributes:
        code: keeps the program loaded.
        functions: the kernels by name.
    """

    code: ObjectCode
    functions: dict[str, driver.CUfunction]

    def launch(
        self, name: str, blocks: int, arguments: Sequence[int], stream: int, threads: int = THREADS, shared: int = 0
    ) -> None:
        """Launches a kernel.

        Not by cuda.core's own launch, which takes thirty microseconds for as many arguments; this takes ten.

        Args:
            name: of the kernel.
            blocks: blocks of threads.
            arguments: addresses, integers, and floats as their bits; a kernel reads 32 or 64 bits of each.
            stream: handle of the stream.
            threads: of a block.
            shared: bytes of dynamic shared memory.
        """
        values, addresses = slots_of(len(arguments))
        values[:] = arguments
        (error,) = driver.cuLaunchKernel(
            self.functions[name], blocks, 1, 1, threads, 1, 1, shared, stream, addresses, 0
        )  # fmt: skip
        if error:
            raise RuntimeError(f"CUDA could not launch the kernel {name}: {error.name}")


def current_stream(device: int) -> int:
    """Handle of torch's current stream on a GPU; torch.cuda.current_stream says the same in ten times the time."""
    return torch._C._cuda_getCurrentRawStream(device)


def on_device(device: int) -> AbstractContextManager[object]:
    """Makes a GPU the current one, if it is not."""
    return nullcontext() if torch.cuda.current_device() == device else torch.cuda.device(device)


def clear(address: int, size: int, stream: int) -> None:
    """Writes zeros to so many bytes, a multiple of four."""
    (error,) = driver.cuMemsetD32Async(address, 0, size // 4, stream)
    if error:
        raise RuntimeError(f"CUDA could not clear memory: {error.name}")


LOCAL = threading.local()
"""Slots of this thread."""


def slots_of(count: int) -> tuple[Any, int]:
    """Slots of 64 bits for the arguments of the next launch, and the address of the list of their addresses."""
    found = LOCAL.__dict__.get(count)
    if found is None:
        values = (ctypes.c_uint64 * count)()
        first = ctypes.addressof(values)
        addresses = (ctypes.c_uint64 * count)(*range(first, first + 8 * count, 8))
        found = LOCAL.__dict__[count] = values, addresses, ctypes.addressof(addresses)
    return found[0], found[2]


@lru_cache(maxsize=64)
def bits_of(value: float) -> int:
    """The bits of a 32-bit float."""
    return int.from_bytes(struct.pack("<f", value), "little")


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
        try:
            binary = compile_kernels(variant, architecture)
        except Exception as error:  # a missing or too old NVRTC, in many disguises
            raise RuntimeError(
                f"the CUDA kernels do not compile for {architecture} here ({type(error).__name__}: {error}); `gghead "
                "doctor` says what is missing; until that is mended, backend='reference' draws"
            ) from error
        try:
            write_file(path, lambda temporary: temporary.write_bytes(binary))
        except OSError as error:
            log.warning(
                "Compiled kernels can't be kept (%s); set %s to a folder that can be written.", error, CACHE_VARIABLE
            )
    code = ObjectCode.from_cubin(binary)
    return Kernels(code, {name: driver.CUfunction(int(code.get_kernel(name).handle)) for name in KERNELS})


def compile_kernels(variant: Variant, architecture: str, afresh: bool = False) -> bytes:
    """Machine code of all kernels.

    Args:
        variant: what to compile.
        architecture: of the GPU, e.g. "sm_90".
        afresh: without NVRTC's own cache, for who times it.
    """
    source = "\n".join(f'#include "{unit}.cu"' for unit in UNITS)
    options = ProgramOptions(
        std="c++17",
        arch=architecture,
        include_path=str(SOURCES),
        define_macro=variant.macros,
        name="gghead",
        no_cache=afresh,
    )
    return bytes(Program(source, code_type="c++", options=options).compile("cubin").code)


def nvrtc_version() -> str:
    """Version of the compiler, like "13.0"."""
    _, major, minor = nvrtc.nvrtcVersion()
    return f"{major}.{minor}"


def fingerprint(variant: Variant, architecture: str) -> str:
    """Name of a compiled program: a hash of all that its code depends on."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.glob("*.cu*")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(repr((variant.macros, architecture, nvrtc_version())).encode())
    return digest.hexdigest()[:32]


def cache_folder() -> Path:
    """Where compiled kernels are kept."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE])
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(root) / "gghead" / "kernels"
