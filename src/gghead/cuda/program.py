"""Programs in CUDA C++: compiled by NVRTC for the GPU at hand, kept on disk, launched on torch's current stream.

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
from cuda.bindings import driver, nvrtc  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs
from cuda.core import Device, ObjectCode, Program, ProgramOptions  # pyright: ignore[reportAttributeAccessIssue]
from platformdirs import user_cache_path
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.cuda.availability import KernelError

CACHE_VARIABLE = "GGHEAD_KERNEL_CACHE"
"""Environment variable that names another folder for compiled kernels."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A program as it is written.

    Attributes:
        folder: where the files are; all `.cu` and `.cuh` files in it belong to the program.
        units: files that hold kernels, without `.cu`; together they are one program.
        kernels: names of the kernels.
        macros: compile-time settings, names and values.
    """

    folder: Path
    units: tuple[str, ...]
    kernels: tuple[str, ...]
    macros: tuple[tuple[str, str], ...]


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
        self,
        name: str,
        blocks: int | tuple[int, int, int],
        arguments: Sequence[int],
        stream: int,
        threads: int = 256,
        shared: int = 0,
    ) -> None:
        """Launches a kernel, unless there is nothing to do for it.

        Its arguments are addresses, integers, and floats as their bits; it reads 32 or 64 bits of each.
        Not by cuda.core's own launch, which takes thirty microseconds for as many arguments; this takes ten.
        """
        x, y, z = (blocks, 1, 1) if isinstance(blocks, int) else blocks
        if x * y * z == 0:  # an empty batch, which CUDA refuses
            return
        values, addresses = slots_of(len(arguments))
        values[:] = arguments
        (error,) = driver.cuLaunchKernel(
            self.functions[name], x, y, z, threads, 1, 1, shared, stream, addresses, 0
        )  # fmt: skip
        if error:
            raise RuntimeError(f"CUDA could not launch the kernel {name}: {error.name}")


def run(
    source: Source,
    name: str,
    device: torch.device,
    blocks: tuple[int, int, int],
    arguments: Sequence[Tensor | int | None],
) -> None:
    """Launches a kernel of a program on torch's current stream of a GPU, in blocks of 256 threads.

    Tensors go as their addresses, None as null, floats as their bits (`bits_of`).
    """
    numbers = [0 if a is None else a if isinstance(a, int) else a.data_ptr() for a in arguments]
    with on_device(device.index):
        load_program(source, device.index).launch(name, blocks, numbers, current_stream(device.index))


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


class _Slots(threading.local):
    """Slots of each thread, by how many there are."""

    def __init__(self) -> None:
        self.by_count: dict[int, tuple[Any, Any, int]] = {}


SLOTS = _Slots()


def slots_of(count: int) -> tuple[Any, int]:
    """Slots of 64 bits for the arguments of the next launch, and the address of the list of their addresses."""
    found = SLOTS.by_count.get(count)
    if found is None:
        values = (ctypes.c_uint64 * count)()
        first = ctypes.addressof(values)
        addresses = (ctypes.c_uint64 * count)(*range(first, first + 8 * count, 8))
        found = SLOTS.by_count[count] = values, addresses, ctypes.addressof(addresses)
    return found[0], found[2]


@lru_cache(maxsize=64)
def bits_of(value: float) -> int:
    """The bits of a 32-bit float."""
    return int.from_bytes(struct.pack("<f", value), "little")


@cache
def load_program(source: Source, device: int) -> Kernels:
    """A program on a GPU: from this process, from the disk, or compiled (about two seconds).

    Raises:
        KernelError: it does not compile here.
    """
    major, minor = torch.cuda.get_device_capability(device)
    architecture = f"sm_{major}{minor}"
    Device(device).set_current()
    path = cache_folder() / f"{fingerprint(source, architecture)}.cubin"
    try:
        binary = path.read_bytes()
    except OSError:
        log.info("Compiling the CUDA kernels of %s for %s, once for this GPU.", source.folder.parent.name, architecture)
        try:
            binary = compile_program(source, architecture)
        except Exception as error:  # a missing or too old NVRTC, in many disguises
            raise KernelError(
                f"the CUDA kernels of {source.folder.parent.name} do not compile for {architecture} here "
                f"({type(error).__name__}: {error}); `gghead doctor` says what is missing"
            ) from error
        try:
            write_file(path, lambda temporary: temporary.write_bytes(binary))
        except OSError as error:
            log.warning(
                "Compiled kernels can't be kept (%s); set %s to a folder that can be written.", error, CACHE_VARIABLE
            )
    code = ObjectCode.from_cubin(binary)
    return Kernels(code, {name: driver.CUfunction(int(code.get_kernel(name).handle)) for name in source.kernels})


def compile_program(source: Source, architecture: str, afresh: bool = False) -> bytes:
    """Machine code of all kernels for an architecture like "sm_90"; afresh without NVRTC's cache, for who times it."""
    text = "\n".join(f'#include "{unit}.cu"' for unit in source.units)
    options = ProgramOptions(
        std="c++17",
        arch=architecture,
        include_path=str(source.folder),
        define_macro=list(source.macros),
        name="gghead",
        no_cache=afresh,
    )
    return bytes(Program(text, code_type="c++", options=options).compile("cubin").code)


def nvrtc_version() -> str:
    """Version of the compiler, like "13.0"."""
    _, major, minor = nvrtc.nvrtcVersion()
    return f"{major}.{minor}"


def fingerprint(source: Source, architecture: str) -> str:
    """Name of a compiled program: a hash of all that its code depends on."""
    digest = hashlib.sha256()
    for path in sorted(source.folder.glob("*.cu*")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(repr((source.units, source.macros, architecture, nvrtc_version())).encode())
    return digest.hexdigest()[:32]


def cache_folder() -> Path:
    """Where compiled kernels are kept."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE])
    return user_cache_path("gghead", appauthor=False) / "kernels"
