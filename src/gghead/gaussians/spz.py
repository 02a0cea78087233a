"""Gaussians <-> .spz version 3: a tenth of a PLY, one gzip stream, y up.

A header of 16 bytes, then each attribute of all Gaussians: positions as 24-bit fixed point, opacities, colours and log
scales as bytes, rotations as 32 bits (the largest component is left out: "smallest three"), harmonics as bytes.

Version 3 is what most readers know; version 2 has coarser rotations, version 4 asks for zstandard.
Source: the format's description by Niantic, https://github.com/nianticlabs/spz.
"""

import gzip
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt32
from torch import Tensor

from gghead.gaussians.placement import require_single, visible
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.spherical_harmonics import C0, MAX_DEGREE, basis, num_coefficients

MAGIC = 0x5053474E
VERSION = 3
HEADER = struct.Struct("<IIIBBBB")
"""Magic, version, number of Gaussians, SH degree, fractional bits, flags, reserved."""
LARGEST_FIXED = 2**23 - 1
MOST_FRACTIONAL_BITS = 20
"""A head of one unit has steps of 1e-6 then; heads of more than 8 units get fewer bits."""
COLOR_SCALE = 0.15
"""A colour's byte is 255 (.15 c + .5), c the constant coefficient."""
SCALE_STEPS, LEAST_LOG_SCALE = 16.0, -10.0
"""A scale's byte is 16 (log s + 10)."""
MOST_TOO_SMALL = 0.01
"""Share of the Gaussians that may be smaller than that: a head at .1 has .2 % and 58 dB, at .03 5 % and 36 dB."""
SH_STEPS = 128.0
"""A coefficient's byte is 128 (1 + c): from -1 to .992."""
QUAT_STEPS = 511
"""Largest magnitude of a small component, which stands for 1 / sqrt 2."""
LARGEST_CONTENT = 2**31
"""Bytes that a stream may unpack to; more is an attack or another format."""


def encode_spz(gaussians: Gaussians) -> bytes:
    """Content of an .spz file; Gaussians too faint to be drawn are left out.

    Args:
        gaussians: a single scene, y up as the format asks; harmonics beyond the format's range are cut, see
            `fit_harmonics`.

    Raises:
        ValueError: several scenes, none that is visible, means that are not finite, or Gaussians below what the format
            holds.
    """
    require_single(gaussians)
    seen = visible(gaussians.detach().to("cpu"))
    count, degree = seen.num_gaussians, seen.sh_degree
    reach = float(seen.means.abs().max()) if count else math.nan
    if not math.isfinite(reach):
        raise ValueError("there is no visible Gaussian, or a mean that is not finite; a file needs some")
    bits = min(MOST_FRACTIONAL_BITS, math.floor(math.log2(LARGEST_FIXED / max(reach, 1e-6))))
    if bits < 0:
        raise ValueError(f"means reach {reach:.3g}; expected less than {LARGEST_FIXED}: use a smaller scale")
    # Only the longest axis counts: what is thinner than the format holds still looks the same.
    if float((seen.scales.amax(dim=1).log() < LEAST_LOG_SCALE).double().mean()) > MOST_TOO_SMALL:
        raise ValueError(f"its Gaussians are too small for .spz ({math.exp(LEAST_LOG_SCALE):.1e}); use a larger scale")
    fixed = (seen.means.double() * 2**bits).round().to(torch.int32).numpy().astype("<i4")
    parts = [
        HEADER.pack(MAGIC, VERSION, count, degree, bits, 0, 0),
        fixed.view(np.uint8).reshape(count, 3, 4)[..., :3].tobytes(),
        _bytes(seen.opacities * 255),
        _bytes((seen.sh[:, 0] * COLOR_SCALE + 0.5) * 255),
        _bytes((seen.scales.log() - LEAST_LOG_SCALE) * SCALE_STEPS),
        pack_quats(seen.quats).tobytes(),
        _bytes(seen.sh[:, 1:] * SH_STEPS + SH_STEPS),
    ]
    # No time stamp: the same head gives the same bytes.
    return gzip.compress(b"".join(parts), compresslevel=9, mtime=0)


def fit_harmonics(gaussians: Gaussians, camera: Cameras) -> Gaussians:
    """The same scene with harmonics that an .spz can hold, and the colours that one camera sees.

    What is cut off goes into the constant coefficient, as the camera sees it.

    Args:
        gaussians: a single scene.
        camera: one camera, batch [1].

    Raises:
        ValueError: these are several scenes.
    """
    require_single(gaussians)
    kept = gaussians.sh[:, 1:].clamp(-1, 1 - 1 / SH_STEPS)
    directions = torch.nn.functional.normalize(gaussians.means - camera.centers(), dim=-1)
    values = basis(directions, gaussians.sh_degree)[:, 1:, None]
    lost = ((gaussians.sh[:, 1:] - kept) * values).sum(1, keepdim=True)
    return replace(gaussians, sh=torch.cat([gaussians.sh[:, :1] + lost / C0, kept], dim=1))


def decode_spz(content: bytes, name: str = ".spz") -> Gaussians:
    """Reads an .spz file of version 3.

    Args:
        content: the file's bytes.
        name: what to call the file in errors.

    Raises:
        ValueError: no .spz, another version, or cut off.
    """
    body = _unpack(content, name)
    if len(body) < HEADER.size:
        raise ValueError(f"{name} is no .spz file: it has no header")
    magic, version, count, degree, bits, _, _ = HEADER.unpack_from(body)
    if magic != MAGIC:
        raise ValueError(f"{name} is no .spz file: its first bytes are others")
    if version != VERSION or degree > MAX_DEGREE:
        raise ValueError(f"{name} is .spz of version {version} and degree {degree}; expected version 3, degree 0 to 3")
    rest = num_coefficients(degree) - 1
    sizes = [9 * count, count, 3 * count, 3 * count, 4 * count, 3 * rest * count]
    if len(body) < HEADER.size + sum(sizes):
        raise ValueError(f"{name} is cut off: {count} Gaussians announced, {len(body)} bytes there")
    ends = np.cumsum([HEADER.size, *sizes])
    columns = [np.frombuffer(body, np.uint8, size, end - size) for size, end in zip(sizes, ends[1:], strict=True)]
    means, opacities, colors, scales, quats, bands = columns
    padded = np.zeros((count, 3, 4), np.uint8)
    padded[..., 1:] = means.reshape(count, 3, 3)
    fixed = padded.view("<i4")[..., 0] >> 8  # the sign comes from the highest byte
    sh = np.concatenate(
        [
            ((colors.reshape(count, 1, 3) / 255.0) - 0.5) / COLOR_SCALE,
            bands.reshape(count, rest, 3) / SH_STEPS - 1,
        ],
        axis=1,
    )
    return Gaussians(
        means=torch.from_numpy((fixed / 2.0**bits).astype(np.float32)),
        quats=unpack_quats(quats.view("<u4")),
        scales=torch.from_numpy(np.exp(scales.reshape(count, 3) / SCALE_STEPS + LEAST_LOG_SCALE).astype(np.float32)),
        opacities=torch.from_numpy((opacities / 255.0).astype(np.float32)),
        sh=torch.from_numpy(sh.astype(np.float32)),
    )


def load_spz(path: Path | str) -> Gaussians:
    """Reads a scene from an .spz file; see `decode_spz`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no .spz of version 3, or damaged.
    """
    return decode_spz(Path(path).read_bytes(), str(path))


def pack_quats(quats: Float[Tensor, "N 4"]) -> UInt32[np.ndarray, " N"]:
    """Quaternions (w, x, y, z) in 32 bits each: index of the largest in (x, y, z, w), then the others, 10 bits each.

    The quaternion's sign is chosen so that the largest component is positive. A small component is a sign bit and a
    magnitude of 9 bits; the last of them is in the lowest bits.
    """
    xyzw = torch.nn.functional.normalize(quats.double(), dim=-1).roll(-1, dims=-1).numpy()
    largest = np.abs(xyzw).argmax(axis=1)
    xyzw = xyzw * np.where(np.take_along_axis(xyzw, largest[:, None], 1) < 0, -1.0, 1.0)
    small = xyzw[np.arange(4) != largest[:, None]].reshape(-1, 3)
    magnitude = np.minimum(np.rint(np.abs(small) * math.sqrt(2) * QUAT_STEPS), QUAT_STEPS).astype(np.uint32)
    fields = magnitude | ((small < 0).astype(np.uint32) << np.uint32(9))
    words = largest.astype(np.uint32) << np.uint32(30)
    for place in range(3):
        words |= fields[:, place] << np.uint32(10 * (2 - place))
    return words.astype("<u4")


def unpack_quats(words: UInt32[np.ndarray, " N"]) -> Float[Tensor, "N 4"]:
    """The inverse of `pack_quats`, up to the sign of a quaternion."""
    largest = (words >> np.uint32(30)).astype(np.int64)
    fields = np.stack([(words >> np.uint32(10 * (2 - place))) & np.uint32(0x3FF) for place in range(3)], axis=1)
    small = (fields & 0x1FF) / (math.sqrt(2) * QUAT_STEPS) * np.where(fields & 0x200, -1.0, 1.0)
    xyzw = np.zeros((len(words), 4))
    xyzw[np.arange(4) != largest[:, None]] = small.ravel()
    np.put_along_axis(xyzw, largest[:, None], np.sqrt(np.maximum(0, 1 - (small**2).sum(1, keepdims=True))), 1)
    return torch.from_numpy(xyzw.astype(np.float32)).roll(1, dims=-1)


def _bytes(values: Float[Tensor, "*N"]) -> bytes:
    return values.round().clamp(0, 255).byte().numpy().tobytes()


def _unpack(content: bytes, name: str) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        body = stream.decompress(content, LARGEST_CONTENT)
    except zlib.error as error:
        raise ValueError(f"{name} is no .spz file of version 3 or earlier: it is no gzip stream ({error})") from error
    if not stream.eof:
        raise ValueError(f"{name} is cut off")
    return body
