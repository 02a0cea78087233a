"""Where the texels of the head's texture lie on the neutral head; made once for a texture size.

Positions are decimetres of the neutral head, which the texture chart refers to, whoever wears it.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32
from scipy.ndimage import distance_transform_edt, zoom
from scipy.spatial import KDTree

from gghead.synthetic.anatomy.head_model import Chart, HeadModel
from gghead.synthetic.render.mesh_rasterizer import FAR, exact, rasterize

FULL_WIDTH, FULL_HEIGHT = 480, 896
"""Texels of the head chart at full detail."""
AXIS_DEPTH = 0.55
"""Depth (z) of the vertical axis through the skull around which azimuths are measured."""
FACE_DEPTH = 0.9
"""What lies behind this depth does not belong to the face."""


@dataclass(frozen=True)
class HeadChart:
    """What is where on the head's texture [h, w].

    Attributes:
        position: point of the neutral head; beside the chart, that of the nearest texel in it.
        azimuth: angle around the skull's axis, 0 in front, pi at the back; the same on both sides.
        inside: 0 at the seam to the neck, 1 away from it.
        masks: lips, ears and eyelids of the head model, 0 to 1.
        rim: distance to the rim of the eyelids, at most 0.3.
        detail: share of the full texture size, 0 to 1.
    """

    position: Float32[np.ndarray, "h w 3"]
    azimuth: Float32[np.ndarray, "h w"]
    inside: Float32[np.ndarray, "h w"]
    masks: dict[str, Float32[np.ndarray, "h w"]]
    rim: Float32[np.ndarray, "h w"]
    detail: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rim.shape

    @cached_property
    def side(self) -> Float32[np.ndarray, "h w"]:
        """Distance to the plane of symmetry."""
        return np.abs(self.position[..., 0])

    @cached_property
    def height(self) -> Float32[np.ndarray, "h w"]:
        """Height (y)."""
        return np.ascontiguousarray(self.position[..., 1])

    @cached_property
    def depth(self) -> Float32[np.ndarray, "h w"]:
        """Depth (z)."""
        return np.ascontiguousarray(self.position[..., 2])

    @cached_property
    def facing(self) -> Float32[np.ndarray, "h w"]:
        """1 on the face, 0 behind it."""
        return np.clip((self.depth - np.float32(FACE_DEPTH)) / np.float32(0.15), 0, 1)

    def near(
        self, center: tuple[float, float, float], spread: tuple[float, float, float]
    ) -> Float32[np.ndarray, "h w"]:
        """Gaussian hill around a point and its mirror image, 0 to 1, with a standard deviation for each axis."""
        axes = zip((self.side, self.height, self.depth), center, spread, strict=True)
        across, along, deep = (np.square((values - np.float32(c)) / np.float32(s)) for values, c, s in axes)
        return np.exp(np.float32(-0.5) * (across + along + deep))

    def crease(self, line: list[tuple[float, float]], width: float, shift: float = 0) -> Float32[np.ndarray, "h w"]:
        """Closeness 0 to 1 to a smooth line through points (side, height) of the face, fading out at its ends.

        Args:
            line: points that the line passes through, in order.
            width: standard deviation across the line.
            shift: moves the line up.
        """
        knots, fine = np.linspace(0, 1, len(line)), np.linspace(0, 1, 40)
        xs, ys = np.array(line, np.float64).T
        degree = min(len(line) - 1, 3)
        curve = np.stack([np.polyval(np.polyfit(knots, v, degree), fine) for v in (xs, ys + shift)], 1)
        ends = np.sin(np.pi * np.clip(fine, 0.02, 0.98)) ** 0.6
        out = np.zeros(self.shape, np.float32)
        _draw_line(self.side, self.height, self.facing, curve.astype(np.float32), ends.astype(np.float32), width, out)
        return out


def chart_head(model: HeadModel, detail: float) -> HeadChart:
    """Maps the head chart at a share of its full texture size."""
    width, height = round(FULL_WIDTH * detail), round(FULL_HEIGHT * detail)
    head = model.chart == Chart.HEAD
    corners = model.uvs[head].reshape(-1, 2)
    flat = np.stack([corners[:, 0] * width, (1 - corners[:, 1]) * height, np.ones(len(corners))], 1)
    triangles = np.arange(len(flat), dtype=np.int32).reshape(-1, 3)
    _, hit, first_two = rasterize(np.ascontiguousarray(flat, dtype=np.float32), triangles, height, width)
    barycentric = np.append(first_two, 1 - first_two.sum(2, keepdims=True), 2)
    owners = model.triangles[head][np.maximum(hit, 0)]
    position = np.einsum("hwkc,hwk->hwc", model.neutral[owners], barycentric).astype(np.float32)
    nearest = np.asarray(distance_transform_edt(hit < 0, return_distances=False, return_indices=True))
    position = position[nearest[0], nearest[1]]  # texels beyond the border are seen through bilinear filters
    seam = _distance(model, Chart.TORSO, position, 0.4)
    return HeadChart(
        position=position,
        azimuth=azimuths(position),
        inside=_smooth_step(seam / 0.35),
        masks={name: _scaled(mask, (height, width)) for name, mask in model.masks.items()},
        rim=_distance(model, Chart.SOCKET, position, 0.3),
        detail=detail,
    )


def azimuths(points: Float32[np.ndarray, "*P 3"]) -> Float32[np.ndarray, "*P"]:
    """Angle around the skull's axis, 0 in front, pi at the back; the same on both sides."""
    return np.arctan2(np.abs(points[..., 0]), points[..., 2] - np.float32(AXIS_DEPTH))


def _distance(model: HeadModel, other: Chart, position: np.ndarray, limit: float) -> np.ndarray:
    """Distance [h, w] to the line where the head chart meets another one, at most `limit`."""
    line = np.intersect1d(model.triangles[model.chart == Chart.HEAD], model.triangles[model.chart == other])
    tree = KDTree(model.neutral[line])
    distance = tree.query(position.reshape(-1, 3), distance_upper_bound=limit)[0].reshape(position.shape[:2])
    return np.minimum(distance, limit).astype(np.float32)


def _smooth_step(values: np.ndarray) -> np.ndarray:
    t = np.clip(values, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _scaled(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.asarray(zoom(mask, (shape[0] / mask.shape[0], shape[1] / mask.shape[1]), order=1))


@exact
def _draw_line(side, height, facing, curve, strengths, width, out):
    """Closeness [h, w] of the face's texels to a line by its points [n, 2] and their strengths [n], in place."""
    reach = np.float32(4 * width)
    left, right = curve[:, 0].min() - reach, curve[:, 0].max() + reach
    low, high = curve[:, 1].min() - reach, curve[:, 1].max() + reach
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            u, v = side[y, x], height[y, x]
            if facing[y, x] <= 0 or not (left < u < right and low < v < high):
                continue
            nearest, best = np.float32(FAR), 0
            for i in range(curve.shape[0]):
                distance = (u - curve[i, 0]) * (u - curve[i, 0]) + (v - curve[i, 1]) * (v - curve[i, 1])
                if distance < nearest:
                    nearest, best = distance, i
            out[y, x] = math.exp(-0.5 * nearest / (width * width)) * strengths[best] * facing[y, x]
