"""Teeth and tongue: the upper ones stay with the skull, the lower ones turn with the jaw.

Lengths are decimetres.
"""

import numpy as np
from jaxtyping import Float32

from gghead.synthetic.anatomy.asset_pack import Proxy
from gghead.synthetic.anatomy.head_model import HeadModel, Similarity
from gghead.synthetic.anatomy.landmarks import LANDMARK_VERTICES
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

HINGE = np.array([0.0, 7.0, 0.4])
"""The jaw turns around the sideways axis through this point of the neutral head, in front of the ears."""
FRONT, DEPTH = 1.5, 0.55
"""Ambient light falls from the front teeth backwards over this depth, neutral head."""
TEETH_REACH, DEEPEST_REACH = 0.9, 0.12
UPPER_LIP, LOWER_LIP = slice(61, 64), slice(65, 68)
"""Landmarks on the inner edges of the lips."""
LIP_CORNERS = [60, 64]
"""Landmarks of the corners of the mouth."""
WIDTH, FURTHER_BACK = 0.96, 0.985
"""Factors of the rows of teeth sideways and forwards: as modelled they touch the lips."""
WIDE_GAP, CLOSED_LIGHT = 0.12, 0.2
"""Lips so far apart let all light in, closed ones let this share through."""


class Jaw:
    """Finds how far a person's jaw is open."""

    def __init__(self, model: HeadModel) -> None:
        points = model.morph(np.zeros(model.target_count, np.float32))
        low = (points[:, 1] > 6.15) & (points[:, 1] < 6.42)
        self._chin = np.flatnonzero(low & (points[:, 2] > 1.15) & (np.abs(points[:, 0]) < 0.25))

    def moved(
        self, neutral: Float32[np.ndarray, "v 3"], posed: Float32[np.ndarray, "v 3"], points: Float32[np.ndarray, "n 3"]
    ) -> Float32[np.ndarray, "n 3"]:
        """Points that hang on the lower jaw, moved from the face without to the one with expression."""
        before, after = neutral[self._chin].mean(0) - HINGE, posed[self._chin].mean(0) - HINGE
        turn = np.arctan2(after[1], after[2]) - np.arctan2(before[1], before[2])
        c, s = np.cos(turn), np.sin(turn)
        y, z = points[:, 1] - HINGE[1], points[:, 2] - HINGE[2]
        aside = after[0] - before[0]
        moved = [points[:, 0] + aside, c * y + s * z + HINGE[1], c * z - s * y + HINGE[2]]
        return np.stack(moved, 1).astype(np.float32)


class Mouth:
    """Teeth and tongue of a pack."""

    def __init__(self, model: HeadModel, teeth: Proxy, tongue: Proxy) -> None:
        self._model, self._jaw, self._teeth, self._tongue = model, Jaw(model), teeth, tongue
        self._hanging = _hanging(model, teeth)
        still = model.morph(np.zeros(model.target_count, np.float32))
        self._reach = [_reach(teeth.fit(still)), _reach(tongue.fit(still))]

    def meshes(
        self, neutral: Float32[np.ndarray, "v 3"], posed: Float32[np.ndarray, "v 3"], place: Similarity
    ) -> list[Mesh]:
        """Teeth and tongue of a person with base-mesh vertices without and with expression; none in a shut mouth."""
        teeth, tongue = self._teeth.fit(neutral), self._tongue.fit(neutral)
        teeth *= self._room(neutral, posed)
        light = self._light_between_lips(posed)
        if light <= CLOSED_LIGHT:
            return []
        teeth += (self._jaw.moved(neutral, posed, teeth) - teeth) * self._hanging
        tongue = self._jaw.moved(neutral, posed, tongue)
        kinds = ((self._teeth, teeth, Material.TEETH), (self._tongue, tongue, Material.TONGUE))
        return [
            Mesh(
                points=place.points(points),
                normals=place.directions(vertex_normals(points, proxy.triangles)),
                triangles=proxy.triangles,
                uvs=proxy.corner_uvs,
                materials=np.full(len(proxy.triangles), material, np.int32),
                reach=reach * light,
            )
            for (proxy, points, material), reach in zip(kinds, self._reach, strict=True)
        ]

    def _room(self, neutral: Float32[np.ndarray, "v 3"], posed: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "3"]:
        """Factor that makes rows of teeth narrow in a mouth that an expression narrows."""
        widths = [np.ptp(self._model.skin(face)[LANDMARK_VERTICES[LIP_CORNERS], 0]) for face in (neutral, posed)]
        return np.array([WIDTH * np.clip(widths[1] / widths[0], 0.75, 1), 1, FURTHER_BACK], np.float32)

    def _light_between_lips(self, posed: Float32[np.ndarray, "v 3"]) -> np.float32:
        """Share of the light that comes through the lips, by the gap in their middle."""
        lips = self._model.skin(posed)[LANDMARK_VERTICES]
        gap = lips[UPPER_LIP, 1].mean() - lips[LOWER_LIP, 1].mean()
        return np.float32(np.clip(gap / WIDE_GAP, CLOSED_LIGHT, 1))


def _hanging(model: HeadModel, proxy: Proxy) -> Float32[np.ndarray, "n 1"]:
    """How much the vertices hang on the lower jaw, 0 to 1: by how the base mesh lowers them when it opens."""
    weights = np.zeros(model.target_count, np.float32)
    still = proxy.fit(model.morph(weights))
    weights[model.row["unit/jawOpen"]] = 1
    lowered = (still - proxy.fit(model.morph(weights)))[:, 1:2]
    return np.clip((lowered + 0.02) / 0.1, 0, 1).astype(np.float32)


def _reach(points: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, " n"]:
    """Ambient light by depth behind the lips."""
    inward = np.clip((FRONT - points[:, 2]) / DEPTH, 0, 1)
    return (DEEPEST_REACH + (TEETH_REACH - DEEPEST_REACH) * (1 - inward) ** 2).astype(np.float32)
