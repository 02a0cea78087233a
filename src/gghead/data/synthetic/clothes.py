"""A shirt over the shoulders: the skin below a collar, lifted, cut exactly along the collar, with a hem.

Lengths are decimetres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32

from gghead.data.synthetic.head_model import HeadModel, Similarity
from gghead.data.synthetic.renderer import Material, Mesh

THICKNESS = 0.06
"""Between skin and cloth."""
HIDDEN = 0.25
"""Skin so far below the collar is not drawn."""


@dataclass(frozen=True)
class Cut:
    """Triangles on the negative side of a field, with new vertices on the edges that cross 0.

    Attributes:
        ends: vertices at the ends of the edges that were cut.
        shares: share of the second end in the new vertex.
        triangles: indices into the old vertices and, after them, the new ones.
        rim: pairs of new vertices along the cut, the triangle's inside to the left.
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
    corner = field[turned[:, 0]] < 0
    small = np.stack([turned[:, 0], second, third], 1)[corner]
    rest = ~corner
    quads = [np.stack([second, turned[:, 1], turned[:, 2]], 1), np.stack([second, turned[:, 2], third], 1)]
    rim = np.concatenate([np.stack([second, third], 1)[corner], np.stack([third, second], 1)[rest]])
    kept = np.concatenate([triangles[count == 3], small, quads[0][rest], quads[1][rest]])
    low, high = field[ends[:, 0]], field[ends[:, 1]]
    return Cut(
        ends.astype(np.int32), (low / (low - high)).astype(np.float32), kept.astype(np.int32), rim.astype(np.int32)
    )


def collar_height(points: Float[np.ndarray, "n 3"]) -> Float32[np.ndarray, " n"]:
    """Height of neutral skin points above a round collar; negative where there is cloth."""
    side, front = np.abs(points[:, 0]), np.clip((points[:, 2] + 0.2) / 0.9, 0, 1)
    dip = 0.5 * front * (1 - np.clip(side / 0.95, 0, 1) ** 2)
    return (points[:, 1] - (6.0 - dip + 3.0 * np.clip(side - 0.85, 0, 1))).astype(np.float32)


def cloth_mesh(
    model: HeadModel,
    points: Float32[np.ndarray, "n 3"],
    normals: Float32[np.ndarray, "n 3"],
    collar: Float32[np.ndarray, " n"],
    place: Similarity,
) -> Mesh:
    """A shirt over skin points [n, 3] with normals, where the height above the collar is negative."""
    cut = cut_below(model.triangles, collar)
    skin, out, reach = cut.spread(points), cut.spread(normals), cut.spread(model.occlusion.astype(np.float32)[:, None])
    cloth = skin + out * np.float32(THICKNESS)
    used, compact = np.unique(cut.triangles, return_inverse=True)
    rims, rim = np.unique(cut.rim, return_inverse=True)
    rim = rim.reshape(-1, 2) + len(used)
    below = rim + len(rims)
    hem = np.concatenate(
        [np.stack([rim[:, 1], rim[:, 0], below[:, 0]], 1), np.stack([rim[:, 1], below[:, 0], below[:, 1]], 1)]
    )
    triangles = np.concatenate([compact.reshape(-1, 3), hem]).astype(np.int32)
    return Mesh(
        points=place.points(np.concatenate([cloth[used], cloth[rims], skin[rims] - 0.02 * out[rims]])),
        normals=place.directions(np.concatenate([out[used], out[rims], out[rims]])),
        triangles=triangles,
        uvs=np.full((len(triangles), 3, 2), 0.5, np.float32),
        materials=np.full(len(triangles), Material.CLOTH, np.int32),
        reach=np.concatenate([reach[used], reach[rims], 0.4 * reach[rims]])[:, 0],
    )
