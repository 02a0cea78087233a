"""The CC0 head: base mesh, morph targets, subdivided skin, eyeballs, and the way into canonical head space.

Lengths are decimetres of the hm08 base mesh (y up, face along +z, +x the person's left) unless said otherwise.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from importlib.resources import as_file, files

import numpy as np
from jaxtyping import Float32, Int32

from gghead.synthetic.render.mesh_cuts import loops
from gghead.synthetic.render.mesh_rasterizer import add_targets
from gghead.synthetic.render.subdivision import subdivide, subdivide_uvs, to_triangles

OPPOSITES = {
    "decr": "incr",
    "down": "up",
    "in": "out",
    "backward": "forward",
    "concave": "convex",
    "compress": "uncompress",
}
"""Last words of the names of opposite morph targets."""


class Chart(IntEnum):
    """Parts of the skin's texture atlas."""

    HEAD = 0
    MOUTH = 1
    TORSO = 2
    SOCKET = 3


@dataclass(frozen=True)
class Eyeball:
    """A sphere: centre [3] and radius."""

    center: np.ndarray
    radius: float


@dataclass(frozen=True)
class Similarity:
    """Moves decimetres into canonical head space: rotation times scale, then a shift."""

    linear: Float32[np.ndarray, "3 3"]
    shift: Float32[np.ndarray, "3"]

    def points(self, points: np.ndarray) -> Float32[np.ndarray, "n 3"]:
        """Positions, decimetres -> world."""
        return points.astype(np.float32) @ self.linear.T + self.shift

    def directions(self, directions: np.ndarray) -> Float32[np.ndarray, "n 3"]:
        """Unit vectors, turned but not stretched."""
        return directions.astype(np.float32) @ (self.linear / np.linalg.norm(self.linear[:, 0])).T


class HeadModel:
    """The head pack in memory; immutable after construction.

    Attributes:
        names: morph targets [k]; row: name -> index.
        triangles: of the subdivided skin [t, 3]; uvs of their corners [t, 3, 2], the head chart stretched to 0 .. 1.
        chart: which `Chart` a triangle belongs to [t].
        occlusion: ambient light that reaches a skin vertex, 0 to 1 [n].
        neutral: skin vertices of the base mesh [n, 3].
        masks: painted areas of the head chart by name ("lips", "ears", "nostril" ...), 0 to 1 [h, w].
    """

    def __init__(self) -> None:
        with as_file(files("gghead") / "assets" / "headpack.npz") as path, np.load(path, allow_pickle=False) as pack:
            self._pack = {key: pack[key] for key in pack.files}
        pack = self._pack
        self.names = [str(name) for name in pack["target_names"]]
        self.row = {name: index for index, name in enumerate(self.names)}
        self._base = pack["base_vertices"].astype(np.float32)
        self._targets = pack["target_offsets"].reshape(len(self.names), -1)
        self._unit = float(pack["target_unit_dm"])
        step = subdivide(pack["skin_quads"], len(self._base))
        used, compact = np.unique(step.quads, return_inverse=True)
        self._subdivision = step.matrix[used]
        self.triangles = to_triangles(compact.reshape(-1, 4)).astype(np.int32)
        self.chart = np.tile(np.tile(pack["skin_quad_chart"], 4), 2)
        self.uvs = self._corner_uvs()
        self.occlusion = self._subdivision @ (pack["ambient_occlusion"] / np.float32(255))
        self.neutral = self.skin(self._base)
        self.neutral_eyes = self.eyeballs(self._base)
        self._lids = [self._lid_middles(ball) for ball in self.neutral_eyes]
        masks = zip(pack["uv_mask_names"], pack["uv_masks"], strict=True)
        self.masks = {str(name): mask.astype(np.float32) / 255 for name, mask in masks}
        self._reference = self._turned(self._landmarks(self.morph(self.average_adult))) + self._shift

    @property
    def target_count(self) -> int:
        """Number k of morph targets."""
        return len(self.names)

    @property
    def vertex_count(self) -> int:
        """Number v of vertices of the base mesh."""
        return len(self._base)

    @property
    def hm08_index(self) -> Int32[np.ndarray, " v"]:
        """Numbers of the base mesh's vertices in MakeHuman's base mesh hm08."""
        return self._pack["hm08_index"]

    @property
    def average_adult(self) -> Float32[np.ndarray, " k"]:
        """Weights of the morph targets of the head that the canonical head space was fitted to."""
        return self._pack["average_adult_weights"]

    @cached_property
    def detail_pairs(self) -> list[tuple[str, str]]:
        """Names of opposite detail targets: (negative, positive)."""
        pairs = []
        for name in self.names:
            match = re.match(r"(.*)-(decr|down|in|backward|concave|compress)$", name)
            if match and name.split("/")[0] not in ("macrodetails", "unit", "asym"):
                positive = f"{match.group(1)}-{OPPOSITES[match.group(2)]}"
                if positive in self.row:
                    pairs.append((name, positive))
        return pairs

    @cached_property
    def open_rims(self) -> list[Int32[np.ndarray, " l"]]:
        """Where the skin of the trunk and of the arms ends: closed lines of vertices."""
        edges = np.concatenate([self.triangles[:, [0, 1]], self.triangles[:, [1, 2]], self.triangles[:, [2, 0]]])
        _, first, count = np.unique(np.sort(edges, 1), axis=0, return_index=True, return_counts=True)
        return loops(edges[first[count == 1]])

    @cached_property
    def shape_names(self) -> list[str]:
        """Names of the targets for the outline of the head."""
        return [name for name in self.names if re.match(r"head/head-(diamond|inv|oval|rect|round|square|tri)", name)]

    def morph(self, weights: Float32[np.ndarray, " k"]) -> Float32[np.ndarray, "v 3"]:
        """Vertices of the base mesh with weighted morph targets added."""
        vertices = self._base.reshape(-1).copy()
        rows = np.flatnonzero(weights)
        add_targets(vertices, self._targets, rows, weights[rows].astype(np.float64) * self._unit)
        return vertices.reshape(-1, 3)

    def skin(self, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "n 3"]:
        """Vertices of the base mesh -> vertices of the subdivided skin."""
        return (self._subdivision @ vertices).astype(np.float32)

    def lids(self, vertices: Float32[np.ndarray, "v 3"]) -> tuple[float, float]:
        """How far the middles of upper and lower lids are above the eyes' centers, mean of both in eyeballs' radii."""
        heights = [
            (vertices[rows, 1] - ball.center[1]) / ball.radius
            for rows, ball in zip(self._lids, self.eyeballs(vertices), strict=True)
        ]
        upper, lower = np.mean(heights, 0)
        return float(upper), float(lower)

    def eyeballs(self, vertices: Float32[np.ndarray, "v 3"]) -> tuple[Eyeball, Eyeball]:
        """The person's left and right eyeball."""
        return self._eyeball(vertices, "left"), self._eyeball(vertices, "right")

    def to_canonical(self, neutral: Float32[np.ndarray, "v 3"]) -> Similarity:
        """The way of a person, given without expression, into canonical head space.

        Turned as the average adult; scale and shift align eyes, nose tip and mouth corners with it by least squares.
        """
        points = self._turned(self._landmarks(neutral))
        ours, wanted = points - points.mean(0), self._reference - self._reference.mean(0)
        scale = (ours * wanted).sum() / (ours * ours).sum()
        linear = scale * self._pack["canonical_from_dm"][:3, :3]
        shift = self._reference.mean(0) - scale * points.mean(0)
        return Similarity(linear.astype(np.float32), shift.astype(np.float32))

    def _corner_uvs(self) -> np.ndarray:
        uvs, quads = subdivide_uvs(self._pack["skin_uvs"], self._pack["skin_quad_uvs"])
        corners = uvs[to_triangles(quads)].astype(np.float32)
        left, right, low, high = self._pack["head_uv_crop"]
        head = self.chart == Chart.HEAD
        corners[head] = (corners[head] - [left, low]) / [right - left, high - low]
        return corners

    @property
    def _shift(self) -> np.ndarray:
        return self._pack["canonical_from_dm"][:3, 3]

    def _turned(self, points: np.ndarray) -> np.ndarray:
        return points @ self._pack["canonical_from_dm"][:3, :3].T

    def _eyeball(self, vertices: np.ndarray, side: str) -> Eyeball:
        ball = vertices[self._pack[f"{side}_eye_vertices"]]
        low, high = ball.min(0), ball.max(0)
        radius = float(high[1] - low[1]) / 2
        return Eyeball(np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] + radius]), radius)

    def _lid_middles(self, ball: Eyeball) -> list[int]:
        """Vertices of the base mesh in the middle of an eye's upper and lower lid, at their rims."""
        quads, chart = self._pack["skin_quads"], self._pack["skin_quad_chart"]
        rim = np.intersect1d(quads[chart == Chart.HEAD], quads[chart == Chart.SOCKET])
        away = self._base[rim] - ball.center
        return [int(rim[np.argmin(np.abs(away[:, 0]) + 9 * (way * away[:, 1] < 0))]) for way in (1, -1)]

    def _landmarks(self, vertices: np.ndarray) -> np.ndarray:
        eyes = [ball.center for ball in self.eyeballs(vertices)]
        nose = vertices[self._pack["nose_tip_vertex"]]
        return np.stack([*eyes, nose, *vertices[self._pack["mouth_corner_vertices"]]])
