"""The compressed PLY of PlayCanvas and SuperSplat: 16 bytes a Gaussian, in chunks of 256 with ranges of their own.

A Gaussian is four 32-bit words: position and log scale in 11, 10 and 11 bits between the least and the most of its
chunk; rotation as the place of the largest of (w, x, y, z) and 10 bits for each of the others; colour and opacity as
bytes. Files before 2024 have no range of colours. Harmonics are bytes in an element of their own.

Source: PlayCanvas, "Compressing Gaussian Splats", and what splat-transform 3.7 makes of known Gaussians.
"""

import math

import numpy as np
import torch
from jaxtyping import Float

from gghead.gaussians.scene import Gaussians
from gghead.geometry.spherical_harmonics import C0

CHUNK = 256
"""Gaussians of a chunk."""
PACKED_PROPERTIES = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
SH_RANGE = 8.0
"""A coefficient's byte stands for the middle of one of 256 steps from -4 to 4."""
ZERO_BYTE = 128
"""Byte of 0, which the middle of its step is not: a coefficient that is this byte in all Gaussians is one of 0."""


def unpack(chunks: np.ndarray, vertices: np.ndarray, sh: Float[np.ndarray, "N R"], name: str) -> Gaussians:
    """Gaussians of the tables of a file, harmonics channel-major as in any PLY; they may be beyond what can be drawn.

    Raises:
        ValueError: fewer chunks than the Gaussians need, or ranges are missing.
    """
    count = len(vertices)
    if len(chunks) * CHUNK < count:
        raise ValueError(f"{name} has {len(chunks)} chunks for {count} Gaussians; expected one for each {CHUNK}")
    place = np.arange(count) // CHUNK
    position, rotation, scale, color = (vertices[word].astype(np.uint32) for word in PACKED_PROPERTIES)
    columns = chunks.dtype.names or ()

    def spread(values: Float[np.ndarray, "N 3"], what: tuple[str, ...]) -> Float[np.ndarray, "N 3"]:
        """Numbers from 0 to 1 over the ranges of their chunks."""
        missing = [key for axis in what for key in (f"min_{axis}", f"max_{axis}") if key not in columns]
        if missing:
            raise ValueError(f"{name} lacks {', '.join(missing)} of its chunks; it is damaged")
        low, high = (np.stack([chunks[f"{end}_{axis}"] for axis in what], axis=1)[place] for end in ("min", "max"))
        return low + values * (high - low)

    bytes_ = np.stack([color >> np.uint32(shift) & np.uint32(255) for shift in (24, 16, 8, 0)], axis=1) / 255
    rgb = spread(bytes_[:, :3], ("r", "g", "b")) if "min_r" in columns else bytes_[:, :3]
    bands = np.where((sh == ZERO_BYTE).all(axis=0), 0, ((sh + 0.5) / 256 - 0.5) * SH_RANGE)
    coefficients = [((rgb - 0.5) / C0)[:, None], bands.reshape(count, 3, -1).swapaxes(1, 2)]
    with np.errstate(over="ignore", invalid="ignore"):  # damaged ranges are found later, by what they give
        parts = [
            spread(_three(position), ("x", "y", "z")),
            _rotations(rotation),
            np.exp(spread(_three(scale), ("scale_x", "scale_y", "scale_z"))),
            bytes_[:, 3],
            np.concatenate(coefficients, axis=1),
        ]
        return Gaussians(*(torch.as_tensor(part.astype(np.float32)) for part in parts))


def _three(words: np.ndarray) -> Float[np.ndarray, "N 3"]:
    """Numbers from 0 to 1 of 11, 10 and 11 bits."""
    fields = ((21, 2047), (11, 1023), (0, 2047))
    return np.stack([(words >> np.uint32(shift) & np.uint32(most)) / most for shift, most in fields], axis=1)


def _rotations(words: np.ndarray) -> Float[np.ndarray, "N 4"]:
    small = np.stack([words >> np.uint32(shift) & np.uint32(1023) for shift in (20, 10, 0)], axis=1)
    small = (small / 1023 - 0.5) * math.sqrt(2)
    largest = (words >> np.uint32(30)).astype(np.int64)[:, None]
    quats = np.zeros((len(words), 4))
    quats[np.arange(4) != largest] = small.ravel()
    np.put_along_axis(quats, largest, np.sqrt(np.maximum(0, 1 - (small**2).sum(axis=1, keepdims=True))), axis=1)
    return quats
