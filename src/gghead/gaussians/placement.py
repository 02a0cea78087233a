"""Heads in the frames of other programs: another axis up, another unit, another origin."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.rotations import matrices_from_quats, multiply_quats
from gghead.geometry.spherical_harmonics import basis

Up = Literal["y", "-y", "z"]
"""The axis of the file that points up; the face looks along +z, +z and -y."""

UP_QUATS: dict[Up, tuple[float, float, float, float]] = {
    "y": (1.0, 0.0, 0.0, 0.0),
    "-y": (0.0, 0.0, 0.0, 1.0),
    "z": (0.5**0.5, 0.5**0.5, 0.0, 0.0),
}
"""Rotations (w, x, y, z) from the head space. For -y half a turn about z, which SuperSplat undoes when it opens a PLY,
so that its first view is the face; for z a quarter about x: the face is what Blender shows from the front."""
METRES_PER_UNIT = 1 / 2.7
"""The head space is the Basel face model, in decimetres, times 2.7 (Chan et al. 2022). The average head's
pupils, .154 apart, are 57 mm then."""
LEAST_VISIBLE_OPACITY = 1 / 255
"""Below it no renderer of the field draws a Gaussian."""
SAMPLES = 64
"""Directions from which rotations of harmonics are solved; the 7 functions of degree 3 need 7."""


@dataclass(frozen=True)
class Placement:
    """A frame to put a head into: first the origin is moved, then scaled, then turned.

    Attributes:
        up: see `Up`.
        scale: factor of lengths, > 0.
        center: whether the middle of the head's bounding box becomes the origin; otherwise the origin stays where it
            is, about between the ears.
    """

    up: Up = "y"
    scale: float = 1.0
    center: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.scale < float("inf"):
            raise ValueError(f"the scale is {self.scale}; expected a number above 0, like 1 or .37 (metres)")
        if self.up not in UP_QUATS:
            raise ValueError(f"the axis up is {self.up!r}; expected one of {', '.join(UP_QUATS)}")


def place(gaussians: Gaussians, placement: Placement) -> Gaussians:
    """A single scene in another frame; it looks the same from a camera that is moved with it.

    Raises:
        ValueError: these are several scenes.
    """
    require_single(gaussians)
    quat = gaussians.quats.new_tensor(UP_QUATS[placement.up])
    return Gaussians(
        means=place_points(gaussians.means, placement, origin_of(gaussians, placement)),
        quats=multiply_quats(quat.expand_as(gaussians.quats), gaussians.quats),
        scales=gaussians.scales * placement.scale,
        opacities=gaussians.opacities,
        sh=rotate_harmonics(gaussians.sh, quat),
    )


def place_points(
    points: Float[Tensor, "N 3"], placement: Placement, origin: Float[Tensor, "3"]
) -> Float[Tensor, "N 3"]:
    """Points of the head space in another frame, whose origin is at `origin` in the head space."""
    rotation = matrices_from_quats(points.new_tensor(UP_QUATS[placement.up]))
    return (points - origin) * placement.scale @ rotation.T


def origin_of(gaussians: Gaussians, placement: Placement) -> Float[Tensor, "3"]:
    """Where in the head space the file's origin is: zero, or the middle of the visible means' bounding box."""
    seen = gaussians.means[gaussians.opacities >= LEAST_VISIBLE_OPACITY]
    if not placement.center or not len(seen):
        return gaussians.means.new_zeros(3)
    return (seen.amin(0) + seen.amax(0)) / 2


def rotate_harmonics(sh: Float[Tensor, "N K 3"], quat: Float[Tensor, "4"]) -> Float[Tensor, "N K 3"]:
    """Coefficients of the same colours after the scene is turned, whatever the convention of the basis.

    A rotation maps each band onto itself by a matrix D with basis(R d) D = basis(d) for every direction d; D is solved
    from more directions than unknowns, in double precision.
    """
    degree = int(sh.shape[1] ** 0.5) - 1
    generator = torch.Generator().manual_seed(0)
    before = torch.nn.functional.normalize(torch.randn(SAMPLES, 3, dtype=torch.float64, generator=generator), dim=-1)
    after = before @ matrices_from_quats(quat.detach().cpu().double()).T
    turned = sh.clone()
    for band in range(1, degree + 1):
        part = slice(band**2, (band + 1) ** 2)
        matrix = torch.linalg.lstsq(basis(after, degree)[:, part], basis(before, degree)[:, part]).solution
        turned[:, part] = matrix.to(sh) @ sh[:, part]
    return turned


def visible(gaussians: Gaussians) -> Gaussians:
    """A single scene without the Gaussians that are too faint to be drawn."""
    require_single(gaussians)
    seen = gaussians.opacities >= LEAST_VISIBLE_OPACITY
    return gaussians.map(lambda tensor: tensor[seen])


def require_single(gaussians: Gaussians) -> None:
    """Raises ValueError unless these are a single scene."""
    if gaussians.batch_shape:
        raise ValueError(
            f"a file holds one scene, these are {tuple(gaussians.batch_shape)}; index them first: heads[0]"
        )
