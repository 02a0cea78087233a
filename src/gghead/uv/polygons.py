"""Polygons -> triangles by clipping ears, so that concave faces keep their shape.

Source: Meisters 1975, "Polygons have ears": every simple polygon has a corner whose triangle lies inside of it and
holds no other corner; cut off, it leaves a simple polygon.
"""

import numpy as np
from jaxtyping import Float

MAX_CONCAVE_CORNERS = 1000
"""Of a polygon that is not convex: time grows with the square (a spiral of 1,000 takes 0.6 s)."""


def triangulate(corners: Float[np.ndarray, "N 3"]) -> list[tuple[int, int, int]]:
    """Triangles that fill a polygon, as indices of its corners, turned the way it is turned.

    Corners need not lie in a plane: they are looked at along the polygon's mean normal. Convex polygons become fans of
    their first corner. What is no simple polygon (one that crosses itself) is filled somehow.

    Args:
        corners: at least three points, in order.

    Raises:
        ValueError: the polygon is not convex and has more than MAX_CONCAVE_CORNERS corners.
    """
    count = len(corners)
    fan = [(0, i, i + 1) for i in range(1, count - 1)]
    flat = _flattened(corners)
    turns = cross(flat - np.roll(flat, 1, axis=0), np.roll(flat, -1, axis=0) - flat)
    tolerance = 1e-9 * float(np.abs(turns).max())
    # A star turns left at every corner, too, but more than once around: its fan has a triangle that turns right.
    fanned = cross(flat[1:-1] - flat[0], flat[2:] - flat[0])
    if (turns >= -tolerance).all() and (fanned >= -tolerance).all():
        return fan
    if count > MAX_CONCAVE_CORNERS:
        raise ValueError(
            f"a concave face of {count} corners; expected at most {MAX_CONCAVE_CORNERS}: triangulate it on export"
        )
    return _clip_ears(flat, tolerance)


def _clip_ears(flat: Float[np.ndarray, "N 2"], tolerance: float) -> list[tuple[int, int, int]]:
    rest = list(range(len(flat)))
    triangles = []
    while len(rest) > 3:
        # Corners on a line have ears without area: they wait, so that they become corners of triangles that have some.
        ears = (
            place for least in (1, -1) for place in range(len(rest)) if _is_ear(flat, rest, place, least * tolerance)
        )
        place = next(ears, 0)
        triangles.append((rest[place - 1], rest[place], rest[(place + 1) % len(rest)]))
        del rest[place]
    return [*triangles, (rest[0], rest[1], rest[2])]


def _is_ear(flat: Float[np.ndarray, "N 2"], rest: list[int], place: int, least_area: float) -> bool:
    """Whether the triangle at a corner has an area above the least one, and holds no other corner."""
    a, b, c = flat[rest[place - 1]], flat[rest[place]], flat[rest[(place + 1) % len(rest)]]
    if (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]) <= least_area:
        return False
    if least_area < 0:
        return True
    points = flat[rest]
    inside = np.ones(len(rest), bool)
    for start, end in ((a, b), (b, c), (c, a)):
        inside &= (end[0] - start[0]) * (points[:, 1] - start[1]) >= (end[1] - start[1]) * (points[:, 0] - start[0])
        inside &= (points != start).any(axis=1)  # corners in the same place lie on a cut that leads to a hole
    return not inside.any()


def _flattened(corners: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 2"]:
    """The polygon seen against its normal, counter-clockwise."""
    centerd = (corners - corners.mean(axis=0)).astype(np.float64)
    normal = np.cross(centerd, np.roll(centerd, -1, axis=0)).sum(axis=0)  # Newell: twice the area
    drop = int(np.abs(normal).argmax())
    flat = centerd[:, [(drop + 1) % 3, (drop + 2) % 3]]
    return flat if normal[drop] >= 0 else flat[:, ::-1]


def cross(a: Float[np.ndarray, "P 2"], b: Float[np.ndarray, "P 2"]) -> Float[np.ndarray, " P"]:
    """Cross products of vectors in the plane."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
