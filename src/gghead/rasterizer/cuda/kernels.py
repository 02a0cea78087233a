"""The rasterizer's CUDA program: what it is compiled for.

Imported only where it is used; compiling needs no GPU.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gghead.cuda.availability import KernelError
from gghead.cuda.program import Kernels, Source, load_program
from gghead.rasterizer.constants import BLUR, MAX_ALPHA, MIN_ALPHA, MIN_QUATERNION, MIN_TRANSMITTANCE, NEAR, VIEW_GUARD

SOURCES = Path(__file__).parents[1] / "kernels"
UNITS = ("projection", "lists", "compositing", "compositing_backward", "projection_backward")
KERNELS = (
    "project", "allocate", "fill", "composite", "composite_and_keep", "composite_backward", "project_backward",
    "project_backward_with_cameras",
)  # fmt: skip
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
    def source(self) -> Source:
        """The program, with what it takes from here and from constants.py."""
        numbers = {
            "NEAR": NEAR,
            "BLUR": BLUR,
            "MAX_ALPHA": MAX_ALPHA,
            "MIN_ALPHA": MIN_ALPHA,
            "MIN_QUATERNION": MIN_QUATERNION,
            "MIN_TRANSMITTANCE": MIN_TRANSMITTANCE,
            "VIEW_GUARD": VIEW_GUARD,
        }
        settings = {
            "COEFFICIENTS": self.coefficients,
            "FEATURES": self.features,
            "DETERMINISTIC": int(self.deterministic),
        }
        macros = [(name, f"{value!r}f") for name, value in numbers.items()] + [(k, str(v)) for k, v in settings.items()]
        return Source(SOURCES, UNITS, KERNELS, tuple(macros))


@cache
def load_kernels(variant: Variant, device: int) -> Kernels:
    """The program on a GPU.

    Raises:
        KernelError: it does not compile here.
    """
    try:
        return load_program(variant.source, device)
    except KernelError as error:
        raise KernelError(f"{error}; until that is mended, backend='reference' draws") from error
