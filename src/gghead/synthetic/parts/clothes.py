"""Clothes over the shoulders: the skin below a neckline, lifted, cut exactly along it, with a hem or a collar.

Lengths are decimetres of the neutral head.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Float32, Int32

from gghead.synthetic.anatomy.head_model import HeadModel, Similarity
from gghead.synthetic.render.mesh_cuts import Cut, cut_below, loops
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Surface

THICKNESS, HEM_THICKNESS = 0.06, 0.085
"""Between skin and cloth."""
HEM = 0.1
"""Width of the hem."""
HIDDEN_DEPTH = 0.25
"""Skin so far below the neckline is not drawn."""
TEXTURE_SIDE, HEM_ROWS = 128, 16
NECK_AXIS = 0.15
"""Depth (z) of the neck's axis."""
COLLAR_PROFILE = np.array([[0.0, -0.02], [0.03, 0.17], [0.07, 0.19], [0.14, 0.08], [0.20, -0.06], [0.17, -0.07]])
"""Profile of a shirt's collar: steps away from the neck and up."""


class Neckline(IntEnum):
    """How clothes end at the neck."""

    CREW = 0
    SCOOP = 1
    V = 2
    TURTLENECK = 3
    SHIRT = 4


NECKLINE_CHANCES = (0.36, 0.14, 0.17, 0.11, 0.22)
LINES = {
    Neckline.CREW: (6.03, 0.42, 0.95, 2.0),
    Neckline.SCOOP: (5.96, 0.85, 0.95, 2.2),
    Neckline.V: (6.02, 1.0, 0.75, 1.0),
    Neckline.SHIRT: (6.05, 0.62, 0.5, 1.0),
}
"""Height at the sides and at the back, dip in front, half the dip's width, and its power: 1 for a V."""
TURTLENECK_LINE = (6.04, 0.3)
"""Height in front and rise for each decimetre backwards."""


@dataclass(frozen=True)
class Outfit:
    """What a person wears.

    Attributes:
        neckline: how it ends at the neck.
        shift: of the neckline, upwards.
        colours: of the cloth and of its pattern [2, 3], linear light.
        stripes: how many on the texture; 0 for plain cloth.
        hem: brightness of the hem as a share of the cloth's.
        weave: contrast of the threads.
    """

    neckline: Neckline
    shift: float
    colors: Float[np.ndarray, "2 3"]
    stripes: int
    hem: float
    weave: float

    def surface(self, rng: np.random.Generator) -> Surface:
        """The cloth: a hem on top, then stripes; threads are random."""
        rows = np.arange(TEXTURE_SIDE)[:, None]
        striped = np.sin(rows * 2 * np.pi * self.stripes / TEXTURE_SIDE) > 0.3
        linear = np.where(striped[..., None] & (self.stripes > 0), self.colors[1], self.colors[0])
        linear = np.repeat(linear, TEXTURE_SIDE, 1)
        ribs = 1 - 0.12 * (np.arange(TEXTURE_SIDE) % 2)
        linear[:HEM_ROWS] = self.colors[0] * self.hem * ribs[None, :, None]
        threads = 1 + self.weave * rng.standard_normal((TEXTURE_SIDE, TEXTURE_SIDE, 1))
        display = np.clip(linear * threads, 0, 1) ** (1 / 2.2)
        return Surface.painted(Material.CLOTH, (display * 255).round().astype(np.uint8))


def random_outfit(color: Float[np.ndarray, "3"], shift: float, rng: np.random.Generator) -> Outfit:
    """Clothes of a colour, linear light: a fifth of them striped, necklines by `NECKLINE_CHANCES`.

    Args:
        colour: of the cloth.
        shift: of the neckline, upwards.
        rng: decides about all else.
    """
    neckline = Neckline(rng.choice(len(Neckline), p=NECKLINE_CHANCES))
    striped, stripes = rng.random() < 0.2, int(rng.integers(6, 16))
    other = np.clip(rng.uniform(0.02, 0.7) * (1 + rng.normal(0, 0.2, 3)), 0.01, 0.85)
    return Outfit(
        neckline=neckline,
        shift=shift * (0.3 if neckline == Neckline.TURTLENECK else 1),
        colors=np.stack([color, other]),
        stripes=stripes if striped else 0,
        hem=rng.uniform(0.75, 1.1),
        weave=rng.uniform(0.01, 0.05),
    )


def neckline_height(points: Float[np.ndarray, "n 3"], outfit: Outfit) -> Float32[np.ndarray, " n"]:
    """Height of neutral skin points above the neckline; negative where there is cloth."""
    side, z = np.abs(points[:, 0]), points[:, 2]
    if outfit.neckline == Neckline.TURTLENECK:
        front, rise = TURTLENECK_LINE
        line = front + rise * np.clip(0.7 - z, 0, 1.1)
    else:
        level, dip, width, power = LINES[outfit.neckline]
        frontal = np.clip((z + 0.2) / 0.9, 0, 1)
        line = level - dip * frontal * (1 - np.clip(side / width, 0, 1) ** power) + 3.0 * np.clip(side - 0.85, 0, 1)
    return (points[:, 1] - line - outfit.shift).astype(np.float32)


def cloth_mesh(
    model: HeadModel,
    points: Float32[np.ndarray, "n 3"],
    normals: Float32[np.ndarray, "n 3"],
    outfit: Outfit,
    place: Similarity,
) -> Mesh:
    """Clothes over skin points [n, 3] with normals."""
    height = neckline_height(model.neutral, outfit)
    cut = cut_below(model.triangles, height)
    columns = [points, normals, model.neutral, model.occlusion.astype(np.float32)[:, None], height[:, None]]
    skin, out, neutral, reach, height = (cut.spread(column) for column in columns)
    hem = cut_below(cut.triangles, -height[:, 0] - np.float32(HEM))
    hems = (hem.spread(skin), hem.spread(out), hem.spread(neutral), hem.spread(reach))
    parts = [
        _sheet(cut.triangles, (skin, out, neutral, reach), THICKNESS, in_hem=False),
        _sheet(hem.triangles, hems, HEM_THICKNESS, in_hem=True),
        _edge(cut, skin, out, reach),
    ]
    if outfit.neckline == Neckline.SHIRT:
        parts.append(_collar(cut, skin, out))
    whole = Mesh.joined(parts)
    return Mesh(place.points(whole.points), place.directions(whole.normals), *_rest(whole))


def _rest(mesh: Mesh) -> tuple[np.ndarray, ...]:
    return mesh.triangles, mesh.uvs, mesh.materials, mesh.reach


def _sheet(
    triangles: Int32[np.ndarray, "m 3"],
    columns: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    thickness: float,
    in_hem: bool,
) -> Mesh:
    """Lifted skin, given its points, normals, points on the neutral head and light.

    In the texture, around the neck goes right and height on the neutral head up.
    """
    skin, out, neutral, reach = columns
    used, compact = np.unique(triangles, return_inverse=True)
    turn = np.abs(np.arctan2(neutral[:, 0], neutral[:, 2] - NECK_AXIS)) / np.pi
    v = np.clip((neutral[:, 1] - 4.2) / 2.2, 0, 1) * (1 - HEM_ROWS / TEXTURE_SIDE) - 0.01
    if in_hem:
        v = np.full(len(neutral), 1 - HEM_ROWS / TEXTURE_SIDE / 2)
    uvs = np.stack([turn, v], 1)[triangles].astype(np.float32)
    mine = compact.reshape(-1, 3).astype(np.int32)
    return _cloth(skin[used] + thickness * out[used], out[used], mine, uvs, reach[used, 0])


def _edge(cut: Cut, skin: np.ndarray, out: np.ndarray, reach: np.ndarray) -> Mesh:
    """The thickness of the cloth along the neckline."""
    rims, rim = np.unique(cut.rim, return_inverse=True)
    upper = rim.reshape(-1, 2)
    lower = upper + len(rims)
    triangles = np.concatenate(
        [np.stack([upper[:, 1], upper[:, 0], lower[:, 0]], 1), np.stack([upper[:, 1], lower[:, 0], lower[:, 1]], 1)]
    ).astype(np.int32)
    points = np.concatenate([skin[rims] + HEM_THICKNESS * out[rims], skin[rims] - 0.02 * out[rims]])
    light = np.concatenate([reach[rims], 0.4 * reach[rims]])[:, 0]
    uvs = np.full((len(triangles), 3, 2), 1 - HEM_ROWS / TEXTURE_SIDE / 2, np.float32)
    return _cloth(points, np.concatenate([out[rims]] * 2), triangles, uvs, light)


def _collar(cut: Cut, skin: np.ndarray, out: np.ndarray) -> Mesh:
    """The folded collar of a shirt: a profile swept along the neckline, lower towards the opening in front."""
    parts = [Mesh.empty()]
    for loop in loops(cut.rim):
        rim = skin[loop]
        if np.ptp(rim[:, 0]) < 0.5:
            continue
        away = (rim - [0, 0, NECK_AXIS]) * [1, 0, 1] + 0.3 * out[loop] * [1, 0, 1]
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        low, high = rim[:, 1].min(), rim[:, 1].max()
        size = np.clip((rim[:, 1] - low) / (0.45 * (high - low)), 0.25, 1)[:, None]
        rows = [rim + size * (step * away + rise * np.array([0, 1, 0])) for step, rise in COLLAR_PROFILE]
        points = np.concatenate(rows).astype(np.float32)
        n, at = len(loop), np.arange(len(loop))
        follow = (at + 1) % n
        quads = [np.stack([at, follow, follow + n, at + n], 1) + k * n for k in range(len(COLLAR_PROFILE) - 1)]
        every = np.concatenate(quads)
        triangles = np.concatenate([every[:, [0, 1, 2]], every[:, [0, 2, 3]]]).astype(np.int32)
        normals = vertex_normals(points, triangles)
        middle = (normals[2 * n : 4 * n] * np.tile(away, (2, 1))).sum()
        normals = normals if middle > 0 else -normals
        uvs = np.full((len(triangles), 3, 2), 0.5, np.float32)
        reach = np.repeat([0.35, 0.5, 0.95, 0.95, 0.9, 0.5], n).astype(np.float32)
        parts.append(_cloth(points, normals, triangles, uvs, reach))
    return Mesh.joined(parts)


def _cloth(points: np.ndarray, normals: np.ndarray, triangles: np.ndarray, uvs: np.ndarray, reach: np.ndarray) -> Mesh:
    materials = np.full(len(triangles), Material.CLOTH, np.int32)
    return Mesh(points.astype(np.float32), normals, triangles, uvs, materials, reach)
