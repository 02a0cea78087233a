"""Heads in the frames of other programs: another axis up, another unit, another origin."""

from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.config.numbers import require_finite
from gghead.gaussians.checks import require_single
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
UP_IN_FILES: dict[str, Up] = {".ply": "-y", ".splat": "-y", ".spz": "y", ".glb": "y"}
"""The frame of each kind of file, for `export` and the `load_` functions alike.

PLY files come from captures whose y points down, and .splat files are made of them. SPZ is "right, up, back" by its
specification, glTF has y up by its own."""
LEAST_SCALE, LARGEST_SCALE = 1e-6, 1e6
"""Of a frame; beyond it float32 and the formats lose the smallest Gaussians or the largest."""
METERS_PER_UNIT = 1 / 2.7
"""The head space is the Basel face model, in decimetres, times 2.7 (Chan et al. 2022). The average head's
pupils, 0.154 apart, are 57 mm then."""
MIN_VISIBLE_OPACITY = 1 / 255
"""Below it no renderer of the field draws a Gaussian."""
SAMPLES = 64
"""Directions from which rotations of harmonics are solved; the 7 functions of degree 3 need 7."""


@dataclass(frozen=True)
class Placement:
    """A frame to put a head into: first the origin is moved, then scaled, then turned.

    Attributes:
        up: see `Up`.
        scale: factor of lengths, 1e-6 to 1e6.
        center: whether the middle of the head's bounding box becomes the origin; otherwise the origin stays where it
            is, about between the ears.
    """

    up: Up = "y"
    scale: float = 1.0
    center: bool = False

    def __post_init__(self) -> None:
        remedy = f"expected a number from {LEAST_SCALE:.0e} to {LARGEST_SCALE:.0e}, like 1 or 0.37 (metres)"
        require_finite("the scale", self.scale, LEAST_SCALE, LARGEST_SCALE, remedy)
        known = isinstance(self.up, str) and self.up in UP_QUATS  # pyright: ignore[reportUnnecessaryIsInstance] - people
        if not known:
            raise ValueError(f"the axis up is {self.up!r}; expected one of {', '.join(UP_QUATS)}")


def place(gaussians: Gaussians, placement: Placement) -> Gaussians:
    """A single scene in another frame; it looks the same from a camera that is moved with it.

    Raises:
        ValueError: these are several scenes.
    """
    require_single(gaussians)
    means = (gaussians.means - origin_of(gaussians, placement)) * placement.scale
    sized = replace(gaussians, means=means, scales=gaussians.scales * placement.scale)
    return turn(sized, gaussians.quats.new_tensor(UP_QUATS[placement.up]))


def unplace(gaussians: Gaussians, up: Up) -> Gaussians:
    """A single scene of a file whose axis `up` points up, in the head space; its unit and origin stay.

    Raises:
        ValueError: there is no such axis.
    """
    w, x, y, z = UP_QUATS[Placement(up).up]
    return turn(gaussians, gaussians.quats.new_tensor([w, -x, -y, -z]))


def turn(gaussians: Gaussians, quat: Float[Tensor, "4"]) -> Gaussians:
    """A single scene, its colours included, turned about the origin by a unit quaternion (w, x, y, z)."""
    return replace(
        gaussians,
        means=gaussians.means @ matrices_from_quats(quat).T,
        quats=multiply_quats(quat.expand_as(gaussians.quats), gaussians.quats),
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
    seen = gaussians.means[gaussians.opacities >= MIN_VISIBLE_OPACITY]
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
        unknown, given = basis(after, degree)[:, part], basis(before, degree)[:, part]
        matrix = cast(Tensor, torch.linalg.lstsq(unknown, given).solution)  # pyright: ignore[reportUnknownMemberType]
        turned[:, part] = matrix.to(sh) @ sh[:, part]
    return turned
