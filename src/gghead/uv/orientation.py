"""Which way a head mesh is turned, from its shape, and whether its chart is mirrored: exporters exchange axes.

A head is known by its likeness to another head: one of the 24 ways to turn a mesh by quarter turns lays its surface on
the other's. Measured on 6 people of the synthetic heads with and without shoulders, and on the official template: 0.017
to 0.026 units apart as they are, 2 to 3.5 times as much in any other way. Spheres, ellipsoids and planes fit in no way.
"""

from itertools import permutations, product

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from gghead.uv.polygons import cross

AXES = "xyz"
SAMPLES, HEAD_SAMPLES = 600, 4000
"""Points of the two surfaces."""
NECK = -0.45
"""y below which a template may have shoulders, which the built-in head lacks."""
TRIMMED = 0.9
"""Share of the points that counts, the nearest ones: hair and ears differ."""
SHIFTS, LARGEST_SHIFT = 4, 0.15
"""Steps in which a mesh that is not in its place is moved towards the head, and how far in all, world units."""
MAX_DISTANCE = 0.04
"""Mean distance up to which two heads are alike, world units."""
MIN_DISTANCE_RATIO = 1.7
"""How many times farther apart they must be as the mesh is than as it would be."""
NEAR, COVERED = 0.08, 0.35
"""Share of a head's surface that a mesh must come near to: a patch lies on a head in many ways. A flat
patch covers 0.28, a face without its head 0.42."""
MIN_VOTE_MARGIN = 0.5
"""Share of a surface, less that of its opposite, from which on it is turned outwards or its chart mirrored."""


def turned_by(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    head_vertices: Float[np.ndarray, "W 3"],
    head_faces: Int[np.ndarray, "G 3"],
) -> Float[np.ndarray, "3 3"] | None:
    """The rotation that would lay a turned mesh onto a head; None if it lies as it should, or is not much like a head.

    Args:
        vertices: of the mesh, about as large as the head, about the same origin.
        faces: its triangles.
        head_vertices: of a head that lies as it should.
        head_faces: its triangles.
    """
    points, head_points = _sample(vertices, faces, SAMPLES), _sample(head_vertices, head_faces, HEAD_SAMPLES)
    head, rotations = KDTree(head_points), quarter_turns()
    found: dict[float, Float[np.ndarray, "3 3"]] = {}
    for shifts in (0, SHIFTS):
        distances = [_distance(points @ rotation.T, head, shifts) for rotation in rotations]
        best = int(np.argmin(distances))
        if best and distances[best] < MAX_DISTANCE and distances[0] > MIN_DISTANCE_RATIO * distances[best]:
            found[distances[best]] = rotations[best]
    if not found:
        return None
    rotation = found[min(found)]
    covered = (KDTree(points @ rotation.T).query(head_points)[0] < NEAR).mean()
    return rotation if covered > COVERED else None


def is_mirrored(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], uvs: Float[np.ndarray, "V 2"]
) -> bool:
    """Whether the chart is a mirror image of the surface seen from outside, nearly everywhere.

    The order of corners says nothing by itself: surface and chart turn round with it.
    """
    corners, chart = vertices[faces].astype(np.float64), uvs[faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = np.einsum("fi,fi->f", normals, corners.mean(axis=1) - (vertices.min(axis=0) + vertices.max(axis=0)) / 2)
    first, second = chart[:, 1] - chart[:, 0], chart[:, 2] - chart[:, 0]
    return _balance(outward) * _balance(cross(first, second)) < -(MIN_VOTE_MARGIN**2)


def describe(rotation: Float[np.ndarray, "3 3"], mirrored: bool) -> str:
    """Where face and crown of a mesh point that a rotation by quarter turns would lay right, and how to mend it."""
    face, crown = (_signed_axis(row, "+") for row in (rotation[2], rotation[1]))
    turn = np.degrees(Rotation.from_matrix(rotation).as_rotvec()).round().astype(int)
    (axes,) = np.nonzero(turn)
    how = f"turn it by {turn[axes[0]]} degrees about {AXES[axes[0]]}" if len(axes) == 1 else "turn it"
    if mirrored:  # heads are symmetric: which side is which only the chart shows
        rotation, how = rotation * [[-1], [1], [1]], "it is mirrored, too: export it"
    coordinates = " ".join(_signed_axis(row, "") for row in rotation)
    return f"the face looks along {face} and the crown along {crown}; {how}, so that x y z become {coordinates}"


def quarter_turns() -> list[Float[np.ndarray, "3 3"]]:
    """The 24 rotations that lay axes on axes; the first one turns nothing."""
    matrices = [
        np.eye(3)[list(order)] * np.array(signs)[:, None]
        for order in permutations(range(3))
        for signs in product((1.0, -1.0), repeat=3)
    ]
    return [matrix for matrix in matrices if np.linalg.det(matrix) > 0]


def _sample(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], count: int
) -> Float[np.ndarray, "{count} 3"]:
    """Points spread evenly over a surface, the same ones every time."""
    rng = np.random.default_rng(0)
    a, b, c = np.moveaxis(vertices[faces].astype(np.float64), 1, 0)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if areas.sum() <= 0:
        return np.repeat(a[:1], count, axis=0)
    chosen = rng.choice(len(faces), count, p=areas / areas.sum())
    root, share = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - root) * a[chosen] + root * (1 - share) * b[chosen] + root * share * c[chosen]


def _distance(points: Float[np.ndarray, "N 3"], head: KDTree, shifts: int) -> float:
    """Mean distance of the points from a head, after they were shifted towards it some times."""
    shift = np.zeros(3)
    for left in range(shifts, -1, -1):
        moved = points + shift
        moved = moved[moved[:, 1] > NECK]
        if len(moved) < len(points) / 4:
            return np.inf
        distances, nearest = (np.asarray(found) for found in head.query(moved))
        near = distances <= np.quantile(distances, TRIMMED)
        if left:
            shift += (head.data[nearest[near]] - moved[near]).mean(axis=0)
            shift *= min(1.0, LARGEST_SHIFT / max(float(np.linalg.norm(shift)), LARGEST_SHIFT))
    return float(distances[near].mean())


def _balance(parts: Float[np.ndarray, " F"]) -> float:
    """From -1, all negative, to 1, all positive."""
    total = np.abs(parts).sum()
    return float(parts.sum() / total) if total > 0 else 0.0


def _signed_axis(row: Float[np.ndarray, "3"], plus: str) -> str:
    """The axis that a row of such a rotation takes."""
    return ("-" if row.min() < 0 else plus) + AXES[int(np.abs(row).argmax())]
