"""Tubes around lines: frames of glasses, rings.

Lengths are decimetres.
"""

import numpy as np
from jaxtyping import Float, Int

from gghead.geometry.grids import cell_corners, grid_of

SIDES = 6
"""Vertices around a tube."""


def tube(
    line: Float[np.ndarray, "p 3"], radius: Float[np.ndarray, " p"] | float, closed: bool
) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, "m 3"]]:
    """Points and triangles of a tube around a line.

    Args:
        line: its points; a closed line does not repeat the first.
        radius: of the tube, one or for each point.
        closed: whether the last point is followed by the first.
    """
    steps = np.roll(line, -1, 0) - np.roll(line, 1, 0) if closed else np.gradient(line, axis=0)
    along = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    first = np.cross(along, [0.3, 0.95, 0.1] if not closed else [0.05, 0.1, 1])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    turn = np.arange(SIDES) * 2 * np.pi / SIDES
    ring = np.cos(turn)[None, :, None] * first[:, None] + np.sin(turn)[None, :, None] * second[:, None]
    size = np.broadcast_to(np.asarray(radius), len(line))[:, None, None]
    points = (line[:, None] + size * ring).reshape(-1, 3)
    grid = grid_of(len(line), SIDES, closed=True)
    a, b, c, d = cell_corners(np.concatenate([grid, grid[:1]]) if closed else grid)
    return points, np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
