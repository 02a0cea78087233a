"""Gaussians <-> .splat: 32 bytes a Gaussian without a header, the format of the first web viewers.

Three float32 of the mean, three of the standard deviations, red green blue opacity as bytes, and the quaternion
(w, x, y, z) as bytes round(128 q) + 128. Colours do not depend on the direction: they are written as the frontal camera
of the head space sees them.

Source: the reader's description in the documentation of antimatter15/splat.
"""

from pathlib import Path

import numpy as np
import torch

from gghead.gaussians.placement import require_single, visible
from gghead.gaussians.scene import Gaussians
from gghead.geometry.spherical_harmonics import C0

ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])
"""One Gaussian."""


def encode_splat(gaussians: Gaussians) -> bytes:
    """Content of a .splat file; Gaussians too faint to be drawn are left out.

    Args:
        gaussians: a single scene of SH degree 0; see `shading.freeze_colors`.

    Raises:
        ValueError: several scenes, or colours that depend on the direction.
    """
    require_single(gaussians)
    if gaussians.sh_degree:
        raise ValueError(".splat holds colours without direction; freeze them first: freeze_colors(head, camera)")
    seen = visible(gaussians.detach().to("cpu"))
    rgb = (seen.sh[:, 0] * C0 + 0.5).clamp(0, 1)
    # Readers do not normalise, so that the bytes must be near a unit quaternion; 128 + 128 would not fit into a byte.
    quats = torch.nn.functional.normalize(seen.quats, dim=-1)
    rows = np.zeros(seen.num_gaussians, ROW)
    rows["mean"] = seen.means.numpy()
    rows["scale"] = seen.scales.numpy()
    rows["rgba"] = (torch.cat([rgb, seen.opacities[:, None].clamp(0, 1)], dim=1) * 255).round().byte().numpy()
    rows["quat"] = (quats * 128 + 128).round().clamp(0, 255).byte().numpy()
    return rows.tobytes()


def decode_splat(content: bytes, name: str = ".splat") -> Gaussians:
    """Reads what `encode_splat` and other writers of .splat files write.

    Args:
        content: the file's bytes.
        name: what to call the file in errors.

    Raises:
        ValueError: the length is no multiple of 32 bytes.
    """
    if not content or len(content) % ROW.itemsize:
        raise ValueError(f"{name} has {len(content)} bytes; expected a multiple of {ROW.itemsize}: it is cut off")
    rows = np.frombuffer(content, ROW)
    rgba = torch.from_numpy(rows["rgba"].astype(np.float32)) / 255
    quats = torch.from_numpy(rows["quat"].astype(np.float32)) / 128 - 1
    return Gaussians(
        means=torch.from_numpy(rows["mean"].copy()),
        quats=torch.nn.functional.normalize(quats, dim=-1),
        scales=torch.from_numpy(rows["scale"].copy()),
        opacities=rgba[:, 3].clone(),
        sh=(rgba[:, None, :3] - 0.5) / C0,
    )


def load_splat(path: Path | str) -> Gaussians:
    """Reads a scene from a .splat file; see `decode_splat`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut off.
    """
    return decode_splat(Path(path).read_bytes(), str(path))
