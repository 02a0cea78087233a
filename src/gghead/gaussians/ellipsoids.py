"""Gaussians as a mesh of ellipsoids, to look at their shapes in any program for meshes."""

from itertools import product

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import ConvexHull  # pyright: ignore[reportMissingTypeStubs]

from gghead.gaussians.checks import require_drawable
from gghead.gaussians.scene import Gaussians
from gghead.geometry.rotations import matrices_from_quats
from gghead.geometry.spherical_harmonics import C0
from gghead.media.meshes import Mesh

DEVIATIONS = 1.0
"""Radius of an ellipsoid in standard deviations."""
MIN_OPACITY = 0.1
"""Fainter Gaussians would only hide the others, and are left out."""
MIN_SCALE = 1e-9
"""Flat ones are that thick, so that they have a normal."""


def ellipsoids(gaussians: Gaussians) -> Mesh:
    """One ellipsoid of 18 vertices and 32 triangles a Gaussian, coloured.

    Args:
        gaussians: a single scene that can be drawn; its constant colour is taken.

    Raises:
        ValueError: several scenes, or Gaussians that can't be drawn.
    """
    require_drawable(gaussians)
    seen = gaussians.detach().to("cpu")
    scales = seen.scales.clamp_min(MIN_SCALE)[:, None]
    directions, triangles = sphere()
    unit = torch.as_tensor(directions)
    rotations = matrices_from_quats(seen.quats)  # [N, 3, 3]
    local = unit[None] * (DEVIATIONS * scales)  # [N, 18, 3]
    vertices = local @ rotations.mT + seen.means[:, None]
    # The normal of an ellipsoid at S d is S^-1 d.
    normals = torch.nn.functional.normalize(unit[None] / scales, dim=-1) @ rotations.mT
    rgb = (seen.sh[:, 0] * C0 + 0.5).clamp(0, 1)
    rgba = torch.cat([rgb, torch.ones_like(rgb[:, :1])], dim=1)
    colors = (rgba * 255).round().byte().repeat_interleave(len(directions), dim=0)
    first = np.arange(seen.num_gaussians)[:, None, None] * len(directions)
    return Mesh(
        vertices=vertices.reshape(-1, 3).float().numpy(),
        normals=normals.reshape(-1, 3).float().numpy(),
        faces=(triangles[None] + first).reshape(-1, 3),
        colors=colors.numpy(),
    )


def sphere() -> tuple[Float[np.ndarray, "18 3"], Int[np.ndarray, "32 3"]]:
    """An octahedron whose triangles are split in four: unit directions and triangles, counter-clockwise outside."""
    steps = np.array(list(product((-1, 0, 1), repeat=3)))
    squares = (steps**2).sum(axis=1)
    chosen = (squares == 1) | (squares == 2)  # corners, and middles of edges
    directions = steps[chosen] / np.sqrt(squares[chosen])[:, None]
    faces = ConvexHull(directions).simplices
    inwards = np.linalg.det(directions[faces]) < 0
    faces[inwards] = faces[inwards, ::-1]
    return directions.astype(np.float32), faces
