"""Skin, and clothes over it: the skin below a neckline, lifted, cut exactly along it, with a hem or a collar.

Lengths are decimetres of the neutral head.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Float32, Int32

from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.parts.fabrics import HEM_ROWS, SIDE, SPAN, Fabric, paint_fabrics, random_fabric, random_jacket
from gghead.synthetic.render.mesh_cuts import Cut, cut_below, loops
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Surface

THICKNESS, HEM_THICKNESS = 0.06, 0.085
"""Between skin and cloth."""
HEM = 0.1
"""Width of the hem."""
HIDDEN_DEPTH = 0.25
"""Skin so far below the neckline is not drawn."""
HEM_V = 1 - HEM_ROWS / SIDE / 2
"""Where a texture has the hem."""
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


JACKET_LINE = (6.12, 2.6, 0.62, 1.25)
"""The same of an open jacket."""
JACKET_OFFSET, JACKET_CHANCE = 0.07, 0.28
"""How far a jacket lies over the clothes below it, and the share of grown people who wear one."""
FOLDS, FOLD_HEIGHT = 7, 0.022
"""Waves of folds, and the standard deviation of each one's height."""
DROPS = (0.0, 0.7, 3.4)
"""How far below the end of the skin trunk and sleeves have points; the last are below every picture."""

LIP_DEPTH, MOUTH_DEPTH = 1.52, 0.5
"""Where the mouth begins on the neutral head (z), and how far in it is dark."""
BRIGHTEST, DARKEST = 2.5, 0.15
"""Ambient light behind the lips and in the throat, as a share of what the head model says."""
MATERIAL_OF_CHART = {
    Chart.HEAD: Material.SKIN_HEAD,
    Chart.MOUTH: Material.MOUTH,
    Chart.TORSO: Material.SKIN_BODY,
    Chart.SOCKET: Material.SKIN_BODY,
}


@dataclass(frozen=True)
class Outfit:
    """What a person wears.

    Attributes:
        neckline: how it ends at the neck.
        shift: of the neckline, upwards.
        fabric: what it is made of.
        jacket: what an open jacket over it is made of; None without one.
        waves: folds, each with a wave vector (3), a phase and a height [k, 5].
    """

    neckline: Neckline
    shift: float
    fabric: Fabric
    jacket: Fabric | None
    waves: Float[np.ndarray, "k 5"]

    def surface(self, rng: np.random.Generator) -> Surface:
        """The cloth: that of the clothes in the left half of the texture, that of the jacket in the right one."""
        texture, detail = paint_fabrics(self.fabric, self.jacket, rng)
        return Surface.painted(Material.CLOTH, texture, detail=detail)


def random_outfit(color: Float[np.ndarray, "3"], shift: float, rng: np.random.Generator) -> Outfit:
    """Clothes of a colour, linear light: necklines by `NECKLINE_CHANCES`, fabrics as fabrics.py draws them.

    Args:
        colour: of the cloth.
        shift: of the neckline, upwards.
        rng: decides about all else.
    """
    neckline = Neckline(rng.choice(len(Neckline), p=NECKLINE_CHANCES))
    fabric, jacket = random_fabric(color, rng), random_jacket(rng)
    across = rng.normal(0, 1, (FOLDS, 3)) * [1.0, 0.5, 1.0]
    across *= 2 * np.pi / rng.uniform(0.45, 1.4, (FOLDS, 1)) / np.linalg.norm(across, axis=1, keepdims=True)
    waves = np.concatenate([across, rng.uniform(0, 2 * np.pi, (FOLDS, 1)), rng.normal(0, FOLD_HEIGHT, (FOLDS, 1))], 1)
    return Outfit(
        neckline=neckline,
        shift=shift * (0.3 if neckline == Neckline.TURTLENECK else 1),
        fabric=fabric,
        jacket=jacket if rng.random() < JACKET_CHANCE else None,
        waves=waves * [1, 1, 1, 1, 0.4 if neckline == Neckline.TURTLENECK else 1],
    )


def neckline_height(points: Float[np.ndarray, "n 3"], outfit: Outfit) -> Float32[np.ndarray, " n"]:
    """Height of neutral skin points above the neckline; negative where there is cloth."""
    side, z = np.abs(points[:, 0]), points[:, 2]
    if outfit.neckline == Neckline.TURTLENECK:
        front, rise = TURTLENECK_LINE
        line = front + rise * np.clip(0.7 - z, 0, 1.1)
    else:
        line = _line(side, z, LINES[outfit.neckline])
    return (points[:, 1] - line - outfit.shift).astype(np.float32)


def _line(side: np.ndarray, z: np.ndarray, shape: tuple[float, float, float, float]) -> np.ndarray:
    level, dip, width, power = shape
    frontal = np.clip((z + 0.2) / 0.9, 0, 1)
    return level - dip * frontal * (1 - np.clip(side / width, 0, 1) ** power) + 3.0 * np.clip(side - 0.85, 0, 1)


def skin_mesh(model: HeadModel, vertices: np.ndarray, place: Similarity, outfit: Outfit) -> Mesh:
    """The skin of base-mesh vertices [v, 3], whose points come first, and clothes over the shoulders."""
    points = model.skin(vertices)
    normals = vertex_normals(points, model.triangles)
    seen = (neckline_height(model.neutral, outfit)[model.triangles] > -HIDDEN_DEPTH).any(1)
    materials = [MATERIAL_OF_CHART[Chart(chart)] for chart in range(len(Chart))]
    skin = Mesh(
        points=place.points(points),
        normals=place.directions(normals),
        triangles=model.triangles[seen],
        uvs=model.uvs[seen],
        materials=np.array(materials, np.int32)[model.chart[seen]],
        reach=(model.occlusion * _light_in_mouth(model)).astype(np.float32),
    )
    return Mesh.joined([skin, cloth_mesh(model, points, normals, outfit, place)])


def _light_in_mouth(model: HeadModel) -> np.ndarray:
    """Factor of the ambient light [n]: 1 outside, falling from above 1 behind the lips to little in the throat."""
    factor = np.ones(len(model.neutral))
    mouth = np.unique(model.triangles[model.chart == Chart.MOUTH])
    depth = np.clip((LIP_DEPTH - model.neutral[mouth, 2]) / MOUTH_DEPTH, 0, 1)
    factor[mouth] = DARKEST + (BRIGHTEST - DARKEST) * (1 - depth) ** 2
    return factor


def cloth_mesh(
    model: HeadModel,
    points: Float32[np.ndarray, "n 3"],
    normals: Float32[np.ndarray, "n 3"],
    outfit: Outfit,
    place: Similarity,
) -> Mesh:
    """Clothes over skin points [n, 3] with normals, and a jacket over them if there is one."""
    body = np.concatenate([points, normals, model.neutral, model.occlusion.astype(np.float32)[:, None]], 1)
    halves = 1 if outfit.jacket is None else 2
    parts = _garment(model, body, neckline_height(model.neutral, outfit), outfit, 0.0, 0, halves)
    if outfit.jacket is not None:
        side, z = np.abs(model.neutral[:, 0]), model.neutral[:, 2]
        above = (model.neutral[:, 1] - _line(side, z, JACKET_LINE)).astype(np.float32)
        parts += _garment(model, body, above, replace(outfit, neckline=Neckline.V), JACKET_OFFSET, 1, halves)
    whole = Mesh.joined(parts)
    return Mesh(place.points(whole.points), place.directions(whole.normals), *_rest(whole))


def _rest(mesh: Mesh) -> tuple[np.ndarray, ...]:
    return mesh.triangles, mesh.uvs, mesh.materials, mesh.reach


def _garment(
    model: HeadModel,
    body: Float32[np.ndarray, "n 10"],
    above: Float32[np.ndarray, " n"],
    outfit: Outfit,
    offset: float,
    half: int,
    halves: int,
) -> list[Mesh]:
    """One layer of clothes.

    Args:
        model: the head.
        body: points, normals, neutral points and light of the skin.
        above: height above the neckline; negative where there is cloth.
        outfit: whose folds and collar count.
        offset: distance from the usual place of cloth.
        half: which part of the texture shows its fabric.
        halves: how many fabrics share the texture.
    """
    draped = body.copy()
    draped[:, :3] += (offset + _drape(body[:, 6:9], above, outfit.waves))[:, None] * body[:, 3:6]
    cut = cut_below(model.triangles, above)
    sides = np.concatenate([cut.spread(draped), cut.spread(above[:, None])], 1)
    hem = cut_below(cut.triangles, -sides[:, 10] - np.float32(HEM))
    parts = [
        _sheet(cut.triangles, sides, THICKNESS, in_hem=False),
        _sheet(hem.triangles, hem.spread(sides), HEM_THICKNESS, in_hem=True),
        _edge(cut, sides),
        *(_tube(loop, draped, above) for loop in model.open_rims),
    ]
    if outfit.neckline == Neckline.SHIRT:
        parts.append(_collar(cut, sides[:, :3], sides[:, 3:6]))
    for part in parts:
        part.uvs[..., 0] = (part.uvs[..., 0] + half) / halves
    return parts


def _drape(
    neutral: Float32[np.ndarray, "n 3"], above: Float32[np.ndarray, " n"], waves: Float[np.ndarray, "k 5"]
) -> Float32[np.ndarray, " n"]:
    """How far folds stand off; none at the neckline, and nowhere below the skin."""
    out, below = np.zeros(len(above), np.float32), np.flatnonzero(above < -0.1)
    folds = (np.sin(neutral[below] @ waves[:, :3].T + waves[:, 3]) * waves[:, 4]).sum(1)
    out[below] = np.clip((-above[below] - 0.1) / 0.7, 0, 1) * np.maximum(folds + 0.02, -0.02)
    return out


def _tube(loop: Int32[np.ndarray, " l"], body: Float32[np.ndarray, "n 10"], above: Float32[np.ndarray, " n"]) -> Mesh:
    """Cloth from where the skin ends down to below every picture."""
    n, rim = len(loop), body[loop]
    outward = (rim[:, 6:9] - rim[:, 6:9].mean(0)) * [1, 0, 1]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    top = rim[:, :3] + THICKNESS * rim[:, 3:6]
    down = np.concatenate([np.broadcast_to([0, drop, 0], (n, 3)) for drop in DROPS])
    at = np.flatnonzero((above[loop] < 0) & (above[np.roll(loop, -1)] < 0))
    follow = (at + 1) % n
    quads = np.concatenate([np.stack([at, at + n, follow + n, follow], 1) + k * n for k in range(2)])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    normals = np.concatenate([rim[:, 3:6], outward, outward])
    uvs = _uvs(np.tile(rim[:, 6:9], (3, 1)) - down)[triangles]
    return _cloth(np.tile(top, (3, 1)) - down, normals, triangles, uvs, np.tile(rim[:, 9], 3))


def _uvs(neutral: np.ndarray) -> Float32[np.ndarray, "n 2"]:
    """Where points are in a texture: to the right as seen from the front, and up, over the shoulders, too."""
    high = neutral[:, 1] - 0.45 * np.abs(neutral[:, 2] - NECK_AXIS)
    v = np.clip(high / SPAN, 0, 1) * (1 - HEM_ROWS / SIDE) - 0.01
    return np.stack([0.5 + neutral[:, 0] / SPAN, v], 1).astype(np.float32)


def _sheet(triangles: Int32[np.ndarray, "m 3"], body: np.ndarray, thickness: float, in_hem: bool) -> Mesh:
    """Lifted skin, given its columns as in `_garment`."""
    used, compact = np.unique(triangles, return_inverse=True)
    uvs = _uvs(body[:, 6:9])
    if in_hem:
        uvs[:, 1] = HEM_V
    mine = compact.reshape(-1, 3).astype(np.int32)
    points = (body[used, :3] + thickness * body[used, 3:6]).astype(np.float32)
    normals, flat = vertex_normals(points, mine), body[used, 3:6]
    # Slivers along a cut have no direction of their own.
    normals = np.where(np.linalg.norm(normals, axis=1, keepdims=True) < 0.99, flat, normals)
    return _cloth(points, normals, mine, uvs[triangles], body[used, 9])


def _edge(cut: Cut, body: np.ndarray) -> Mesh:
    """The thickness of the cloth along the neckline."""
    rims, rim = np.unique(cut.rim, return_inverse=True)
    upper = rim.reshape(-1, 2)
    lower = upper + len(rims)
    triangles = np.concatenate(
        [np.stack([upper[:, 1], upper[:, 0], lower[:, 0]], 1), np.stack([upper[:, 1], lower[:, 0], lower[:, 1]], 1)]
    ).astype(np.int32)
    skin, out, light = body[rims, :3], body[rims, 3:6], body[rims, 9]
    points = np.concatenate([skin + HEM_THICKNESS * out, skin - 0.02 * out])
    uvs = np.full((len(triangles), 3, 2), [0.5, HEM_V], np.float32)
    return _cloth(points, np.concatenate([out] * 2), triangles, uvs, np.concatenate([light, 0.4 * light]))


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
    return Mesh(
        points.astype(np.float32), normals.astype(np.float32), triangles, uvs, materials, reach.astype(np.float32)
    )
