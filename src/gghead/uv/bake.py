"""Mesh -> maps: the position of the template's surface at every texel of its chart.

Rows of a map run down, v runs up: row 0 is at v = 1, so maps look like the textures of an OBJ. `chart_to_map` is the
only place that knows it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from gghead.uv.polygons import cross
from gghead.uv.template import HeadTemplate

EDGE_SLACK = 1e-6
"""Barycentric coordinates from minus this on are inside, so that no texel falls between two triangles."""
OVERLAP_DISTANCE = 0.02
"""Two surface points of one texel that are farther apart than this, in world units, are two layers of the chart."""
OVERLAP_SHARE = 0.01
"""Share of the texels with two layers up to which a chart is usable."""


@dataclass(frozen=True)
class TemplateMaps:
    """The template at every texel of a square map.

    Attributes:
        positions: surface points, world units; outside of the chart those of the nearest texel inside, so that bilinear
            samples near the border are not pulled to the origin.
        coverage: 1 where the chart covers the texel's centre, else 0.
    """

    positions: Float[Tensor, "3 R R"]
    coverage: Float[Tensor, "R R"]


def chart_to_map(uvs: Float[np.ndarray, "V 2"]) -> Float[np.ndarray, "V 2"]:
    """Texture coordinates (u right, v up, [0, 1]) as map coordinates (x right, y down, [0, 1])."""
    return np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1)


def bake(template: HeadTemplate, resolution: int) -> TemplateMaps:
    """Rasterizes the chart at the texel centres of a map with so many texels a side.

    Raises:
        ValueError: the chart covers no texel, or parts of it lie on each other.
    """
    faces, texels, weights = rasterize(chart_to_map(template.uvs) * resolution - 0.5, template.faces, resolution)
    if not len(texels):
        raise ValueError(
            "the template's texture chart covers no texel; unwrap the mesh so that it fills the unit square"
        )
    points = (weights[..., None] * template.vertices[template.faces[faces]]).sum(axis=1)
    positions = np.zeros((resolution * resolution, 3))
    positions[texels] = points
    coverage = np.zeros(resolution * resolution, dtype=bool)
    coverage[texels] = True
    layered = np.linalg.norm(points - positions[texels], axis=1) > OVERLAP_DISTANCE
    share = len(np.unique(texels[layered])) / coverage.sum()
    if share > OVERLAP_SHARE:
        raise ValueError(
            f"parts of the template's texture chart lie on each other ({share:.0%} of it); give every part of the "
            "surface its own place in the unit square"
        )
    coverage = coverage.reshape(resolution, resolution)
    nearest = np.asarray(distance_transform_edt(~coverage, return_distances=False, return_indices=True))
    positions = positions.reshape(resolution, resolution, 3)[nearest[0], nearest[1]]
    return TemplateMaps(
        torch.from_numpy(positions.astype(np.float32)).permute(2, 0, 1).contiguous(),
        torch.from_numpy(coverage.astype(np.float32)),
    )


def rasterize(
    corners: Float[np.ndarray, "V 2"], faces: Int[np.ndarray, "F 3"], resolution: int
) -> tuple[Int[np.ndarray, " H"], Int[np.ndarray, " H"], Float[np.ndarray, "H 3"]]:
    """All pairs of a triangle and a texel whose centre it covers.

    Args:
        corners: vertices in texels; the centre of the texel in row i, column j is (j, i).
        faces: vertex indices of the triangles.
        resolution: side of the map in texels.

    Returns:
        Triangle, texel (row times resolution plus column) and barycentric weights of each pair.
    """
    triangles = corners[faces].astype(np.float64)  # [F, 3, 2]
    low = np.clip(np.ceil(triangles.min(axis=1) - EDGE_SLACK), 0, resolution).astype(np.int64)
    high = np.clip(np.floor(triangles.max(axis=1) + EDGE_SLACK) + 1, 0, resolution).astype(np.int64)
    size = np.maximum(high - low, 0)  # [F, 2] of the bounding boxes
    counts = size.prod(axis=1)
    face = np.repeat(np.arange(len(faces)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    x = low[face, 0] + within % size[face, 0]
    y = low[face, 1] + within // size[face, 0]
    a, b, c = np.moveaxis(triangles[face], 1, 0)  # [pairs, 2] each
    area = cross(b - a, c - a)
    point = np.stack([x, y], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        second = cross(point - a, c - a) / area
        third = cross(b - a, point - a) / area
        weights = np.stack([1 - second - third, second, third], axis=1)
    inside = (weights >= -EDGE_SLACK).all(axis=1)  # false for the NaN of a triangle without area
    return face[inside], (y * resolution + x)[inside], weights[inside]
