"""Gaussians <-> .spz: a tenth of a PLY, y up. Version 3 is written, 1 to 4 are read.

A header of 16 bytes, then each attribute of all Gaussians: positions as 24-bit fixed point, opacities, colours and log
scales as bytes, rotations as 32 bits (the largest component is left out: "smallest three"), harmonics as bytes.

Version 3 is what most readers know; version 2 has coarser rotations, version 4 (2026) is newer than many readers.
Source: the format's description by Niantic, https://github.com/nianticlabs/spz.
"""

import gzip
import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8, UInt32
from torch import Tensor

from gghead.gaussians.checks import as_read, require_drawable, require_fine_steps
from gghead.gaussians.formats.spz_container import ANTIALIASED, HEADER, MAGIC, Header, read_attributes
from gghead.gaussians.placement import UP_IN_FILES, Up, turn, unplace
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.spherical_harmonics import C0, basis

log = logging.getLogger(__name__)

VERSION = 3
LARGEST_FIXED = 2**23 - 1
MAX_FRACTIONAL_BITS = 20
"""A head of one unit has steps of 1e-6 then; heads of more than 8 units get fewer bits."""
COLOR_SCALE = 0.15
"""A colour's byte is 255 (0.15 c + 0.5), c the constant coefficient."""
SCALE_STEPS, LEAST_LOG_SCALE = 16.0, -10.0
"""A scale's byte is 16 (log s + 10)."""
LARGEST_SCALE = math.exp(255 / SCALE_STEPS + LEAST_LOG_SCALE)
"""About 380 units."""
MAX_WIDENED = 0.001
"""Share by which Gaussians, weighed by opacity and squared longest axis, may be widened to the smallest scale: at a
tenth of its size a head has at most 0.0002, and 46 to 50 dB; at 0.05 of it 0.0005 to 0.0015, and 35 to 37 dB."""
SH_STEPS = 128.0
"""A coefficient's byte is 128 (1 + c): from -1 to 0.992."""
QUAT_STEPS = 511
"""Largest magnitude of a small component, which stands for 1 / sqrt 2."""


def encode_spz(gaussians: Gaussians) -> bytes:
    """Content of an .spz file.

    Args:
        gaussians: a single scene that can be drawn, y up as the format asks; values beyond the format's range are cut,
            see `out_of_range` and `fit_harmonics`.

    Raises:
        ValueError: several scenes, Gaussians that can't be drawn, or too far apart or too small for the format.
    """
    require_drawable(gaussians)
    seen = gaussians.detach().to("cpu")
    count, degree = seen.num_gaussians, seen.sh_degree
    reach = float(seen.means.abs().max())
    bits = min(MAX_FRACTIONAL_BITS, math.floor(math.log2(LARGEST_FIXED / max(reach, 1e-6))))
    if bits < 0:
        raise ValueError(f"means reach {reach:.3g}; expected less than {LARGEST_FIXED}: use a smaller scale")
    if _widened(seen) > MAX_WIDENED:
        raise ValueError(f"its Gaussians are too small for .spz ({math.exp(LEAST_LOG_SCALE):.1e}); use a larger scale")
    require_fine_steps(seen, 2.0**-bits)
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


def _widened(gaussians: Gaussians) -> float:
    """Share by which opacity times squared longest axis grows where axes become as long as the format can say.

    Only the longest axis counts: what is thinner than the format holds still looks the same. Points, of which a model
    may have many, hardly do, since they cover nothing.
    """
    longest = gaussians.scales.double().amax(dim=1)
    before, after = (
        (gaussians.opacities * axis.square()).sum() for axis in (longest, longest.clamp_min(math.exp(LEAST_LOG_SCALE)))
    )
    return float(after / before) - 1


def out_of_range(gaussians: Gaussians) -> Bool[Tensor, " N"]:
    """Gaussians of a single scene with a colour or a scale that an .spz file can't hold and cuts."""
    colors = (gaussians.sh[:, 0].abs() > 0.5 / COLOR_SCALE).any(dim=1)
    bands = (gaussians.sh[:, 1:] < -1 - 0.5 / SH_STEPS) | (gaussians.sh[:, 1:] > 1 - 0.5 / SH_STEPS)
    return colors | bands.flatten(1).any(dim=1) | (gaussians.scales > LARGEST_SCALE).any(dim=1)


def fit_harmonics(gaussians: Gaussians, camera: Cameras) -> Gaussians:
    """The same single scene with harmonics that an .spz can hold, and the colours that one camera (batch [1]) sees.

    What is cut off goes into the constant coefficient, as the camera sees it.

    Raises:
        ValueError: several scenes, or Gaussians that can't be drawn.
    """
    require_drawable(gaussians)
    kept = gaussians.sh[:, 1:].clamp(-1, 1 - 1 / SH_STEPS)
    directions = torch.nn.functional.normalize(gaussians.means - camera.centers(), dim=-1)
    values = basis(directions, gaussians.sh_degree)[:, 1:, None]
    lost = ((gaussians.sh[:, 1:] - kept) * values).sum(1, keepdim=True)
    return replace(gaussians, sh=torch.cat([gaussians.sh[:, :1] + lost / C0, kept], dim=1))


def decode_spz(content: bytes, name: str = ".spz") -> Gaussians:
    """Reads an .spz file of any version, y up; a frame that the file itself names is undone.

    Raises:
        ValueError: no .spz, a version or frame that is not known, damaged, or nothing can be drawn.
    """
    header, parts, turned = read_attributes(content, name)
    if header.flags & ANTIALIASED:
        log.warning(
            "%s: its Gaussians learned with antialiasing, without which they are drawn here: bolder from afar", name
        )
    means, opacities, colors, scales, quats, bands = (np.frombuffer(part, np.uint8) for part in parts)
    count = header.count
    bands = bands.reshape(count, -1, 3) / np.float32(SH_STEPS) - 1
    sh = [((colors.reshape(count, 1, 3) / np.float32(255)) - 0.5) / COLOR_SCALE, bands]
    found = Gaussians(
        means=_means(means, header),
        quats=unpack_quats(quats.view("<u4")) if header.version > 2 else _coarse_quats(quats.reshape(count, 3)),
        scales=torch.as_tensor(np.exp(scales.reshape(count, 3) / SCALE_STEPS + LEAST_LOG_SCALE).astype(np.float32)),
        opacities=torch.as_tensor((opacities / 255.0).astype(np.float32)),
        sh=torch.as_tensor(np.concatenate(sh, axis=1)),
    )
    found = as_read(found, name)
    return found if turned[0] == 1 else turn(found, torch.tensor(turned))


def load_spz(path: Path | str, *, up: Up = UP_IN_FILES[".spz"]) -> Gaussians:
    """Reads an .spz file of version 1 to 4; arguments, result and errors as of `load_ply`.

    Files have y up by the format's specification, and version 4 can name another frame, which is undone. Converters
    that leave the axes of a PLY as they are make files with y down: for these give `up="-y"`.

    Example:
        >>> import gghead
        >>> gghead.export("head.spz", gghead.load().sample(seeds=[7])[0])
        >>> gghead.load_spz("head.spz").batch_shape
        torch.Size([])
    """
    return unplace(decode_spz(Path(path).read_bytes(), str(path)), up)


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
    return torch.as_tensor(xyzw.astype(np.float32)).roll(1, dims=-1)


def _means(stored: UInt8[np.ndarray, " S"], header: Header) -> Float[Tensor, "N 3"]:
    if header.version == 1:
        return torch.as_tensor(stored.view("<f2").astype(np.float32).reshape(header.count, 3))
    padded = np.zeros((header.count, 3, 4), np.uint8)
    padded[..., 1:] = stored.reshape(header.count, 3, 3)
    fixed = padded.view("<i4")[..., 0] >> 8  # the sign comes from the highest byte
    return torch.as_tensor((fixed / 2.0**header.bits).astype(np.float32))


def _coarse_quats(stored: UInt8[np.ndarray, "N 3"]) -> Float[Tensor, "N 4"]:
    """Rotations of versions 1 and 2: x, y and z from -1 to 1 in a byte each; w is not negative."""
    xyz = stored / 127.5 - 1
    w = np.sqrt(np.maximum(0, 1 - (xyz**2).sum(axis=1, keepdims=True)))
    return torch.as_tensor(np.concatenate([w, xyz], axis=1).astype(np.float32))


def _bytes(values: Float[Tensor, "*N"]) -> bytes:
    return values.round().clamp(0, 255).byte().numpy().tobytes()
