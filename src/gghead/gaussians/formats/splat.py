"""Gaussians <-> .splat: 32 bytes a Gaussian without a header, the format of the first web viewers.

Three float32 of the mean, three of the standard deviations, red green blue opacity as bytes, and the quaternion
(w, x, y, z) as bytes round(128 q) + 128. Colours do not depend on the direction: they are written as the frontal camera
of the head space sees them.

Source: the reader's description in the documentation of antimatter15/splat.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from gghead.gaussians.checks import as_read, require_drawable
from gghead.gaussians.placement import UP_IN_FILES, Up, unplace
from gghead.gaussians.scene import Gaussians
from gghead.geometry.spherical_harmonics import C0

ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])
"""One Gaussian."""
OTHER_SIGNATURES = {b"ply": "a PLY", b"\x1f\x8b\x08": "an .spz", b"NGSP": "an .spz"}
"""First bytes of other files; as the first float of a mean they would be no place in a scene."""


def encode_splat(gaussians: Gaussians) -> bytes:
    """Content of a .splat file.

    Args:
        gaussians: a single scene of SH degree 0 that can be drawn; see `shading.freeze_colors`. Colours beyond 0 to 1
            are cut, see `out_of_range`.

    Raises:
        ValueError: several scenes, Gaussians that can't be drawn, or colours that depend on the direction.
    """
    require_drawable(gaussians)
    if gaussians.sh_degree:
        raise ValueError(".splat holds colours without direction; freeze them first: freeze_colors(head, camera)")
    seen = gaussians.detach().to("cpu")
    rgb = (seen.sh[:, 0] * C0 + 0.5).clamp(0, 1)
    # Readers do not normalise, so that the bytes must be near a unit quaternion; 128 + 128 would not fit into a byte.
    quats = torch.nn.functional.normalize(seen.quats, dim=-1)
    rows = np.zeros(seen.num_gaussians, ROW)
    rows["mean"] = seen.means.numpy()
    rows["scale"] = seen.scales.numpy()
    rows["rgba"] = (torch.cat([rgb, seen.opacities[:, None].clamp(0, 1)], dim=1) * 255).round().byte().numpy()
    rows["quat"] = (quats * 128 + 128).round().clamp(0, 255).byte().numpy()
    return rows.tobytes()


def out_of_range(gaussians: Gaussians) -> Bool[Tensor, " N"]:
    """Gaussians of a single scene of degree 0 with a colour that a .splat file can't hold and cuts by half a byte."""
    rgb = gaussians.sh[:, 0] * C0 + 0.5
    return ((rgb < -0.5 / 255) | (rgb > 1 + 0.5 / 255)).any(dim=1)


def decode_splat(content: bytes, name: str = ".splat") -> Gaussians:
    """Reads what `encode_splat` and other writers of .splat files write, in the file's own frame.

    Raises:
        ValueError: the length is no multiple of 32 bytes, it is another kind of file, or nothing can be drawn.
    """
    for mark, kind in OTHER_SIGNATURES.items():
        if content.startswith(mark):
            raise ValueError(f"{name} is no .splat but {kind} file; give it its own ending, and read it as that")
    if not content or len(content) % ROW.itemsize:
        raise ValueError(f"{name} has {len(content)} bytes; expected a multiple of {ROW.itemsize}: it is cut off")
    rows = np.frombuffer(content, ROW)
    rgba = torch.as_tensor(rows["rgba"].astype(np.float32)) / 255
    found = Gaussians(
        means=torch.as_tensor(rows["mean"].copy()),
        quats=torch.as_tensor(rows["quat"].astype(np.float32)) / 128 - 1,
        scales=torch.as_tensor(rows["scale"].copy()),
        opacities=rgba[:, 3].clone(),
        sh=(rgba[:, None, :3] - 0.5) / C0,
    )
    return as_read(found, name)


def load_splat(path: Path | str, *, up: Up = UP_IN_FILES[".splat"]) -> Gaussians:
    """Reads a .splat file; arguments, result and errors as of `load_ply`.

    Example:
        >>> import gghead
        >>> gghead.export("head.splat", gghead.load().sample(seeds=[7])[0])
        >>> gghead.load_splat("head.splat").batch_shape
        torch.Size([])
    """
    return unplace(decode_splat(Path(path).read_bytes(), str(path)), up)
