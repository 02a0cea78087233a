"""Meshes cut along the zeros of a field."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32


@dataclass(frozen=True)
class Cut:
    """Triangles on the negative side of a field, with new vertices on the edges that cross 0.

    Attributes:
        ends: vertices at the ends of the edges that were cut.
        shares: share of the second end in the new vertex.
        triangles: indices into the old vertices and, after them, the new ones; turned as before.
        rim: the edges along the cut, each in the direction in which its triangle has it.
    """

    ends: Int32[np.ndarray, "e 2"]
    shares: Float32[np.ndarray, " e"]
    triangles: Int32[np.ndarray, "m 3"]
    rim: Int32[np.ndarray, "r 2"]

    def spread(self, values: Float32[np.ndarray, "n c"]) -> Float32[np.ndarray, "n2 c"]:
        """Values of the old vertices -> values of old and new ones."""
        first, second = values[self.ends[:, 0]], values[self.ends[:, 1]]
        return np.concatenate([values, first + (second - first) * self.shares[:, None]])


def cut_below(triangles: Int32[np.ndarray, "m 3"], field: Float32[np.ndarray, " n"]) -> Cut:
    """Cuts a mesh along the zeros of a field that is linear on its triangles, and keeps where it is negative."""
    inside = field[triangles] < 0
    count = inside.sum(1)
    crossing = np.flatnonzero((count == 1) | (count == 2))
    # Turned so that the first corner is the one that is alone on its side.
    alone = np.where(count[crossing] == 1, inside[crossing].argmax(1), inside[crossing].argmin(1))
    turned = triangles[crossing[:, None], (alone[:, None] + np.arange(3)) % 3]
    edges = np.sort(np.concatenate([turned[:, [0, 1]], turned[:, [0, 2]]]), axis=1)
    ends, owner = np.unique(edges, axis=0, return_inverse=True)
    owner = owner.ravel() + len(field)
    second, third = owner[: len(turned)], owner[len(turned) :]
    single = field[turned[:, 0]] < 0
    double = ~single
    kept = np.concatenate(
        [
            triangles[count == 3],
            np.stack([turned[:, 0], second, third], 1)[single],
            np.stack([second, turned[:, 1], turned[:, 2]], 1)[double],
            np.stack([second, turned[:, 2], third], 1)[double],
        ]
    )
    rim = np.concatenate([np.stack([second, third], 1)[single], np.stack([third, second], 1)[double]])
    low, high = field[ends[:, 0]], field[ends[:, 1]]
    shares = (low / (low - high)).astype(np.float32)
    return Cut(ends.astype(np.int32), shares, kept.astype(np.int32), rim.astype(np.int32))


def loops(edges: Int32[np.ndarray, "r 2"]) -> list[Int32[np.ndarray, " l"]]:
    """Directed edges -> the closed lines that they form, as vertices in order; open lines are left out."""
    follow = dict(edges.tolist())
    found = []
    while follow:
        start, vertex = next(iter(follow.items()))
        line = [start]
        del follow[start]
        while vertex != start and vertex in follow:
            line.append(vertex)
            vertex = follow.pop(vertex)
        if vertex == start:
            found.append(np.array(line, np.int32))
    return found
