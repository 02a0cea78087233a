"""Meshes that every person has: the skin with its shirt, and the eyeballs.

Lengths are decimetres unless said otherwise.
"""

import numpy as np

from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.anatomy.head_model import Chart, Eyeball, HeadModel, Similarity
from gghead.synthetic.parts.clothes import HIDDEN_DEPTH, Outfit, cloth_mesh, neckline_height
from gghead.synthetic.parts.irises import IRIS_RADIUS
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

LIP_DEPTH, MOUTH_DEPTH = 1.52, 0.5
"""Where the mouth begins on the neutral head (z), and how far in it is dark."""
BRIGHTEST, DARKEST = 2.5, 0.15
"""Ambient light behind the lips and in the throat, as a share of what the head model says."""
EYE_REACH = 0.7
"""Ambient light that reaches the eyeballs below the lids."""
IRIS_SHARE = 0.47
"""Radius of the iris divided by that of the eyeball."""
MATERIAL_OF_CHART = {
    Chart.HEAD: Material.SKIN_HEAD,
    Chart.MOUTH: Material.MOUTH,
    Chart.TORSO: Material.SKIN_BODY,
    Chart.SOCKET: Material.SKIN_BODY,
}


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


def eye_mesh(ball: Eyeball, place: Similarity, gaze: np.ndarray, rings: int = 14, sectors: int = 28) -> Mesh:
    """The front of an eyeball, textured as seen from the front, turned by gaze [2] (towards +x and +y, radians)."""
    polar, turn = np.linspace(0, np.pi * 0.62, rings), np.linspace(0, 2 * np.pi, sectors, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    across = np.sin(polar)[:, None, None] * circle
    unit = np.concatenate([across, np.broadcast_to(np.cos(polar)[:, None, None], (rings, sectors, 1))], 2).reshape(
        -1, 3
    )
    turned = unit @ _turn(gaze).T
    spread = np.minimum(np.sin(np.minimum(polar, np.pi / 2)) / IRIS_SHARE * IRIS_RADIUS, 0.98)
    uvs = (spread[:, None, None] * circle).reshape(-1, 2) / 2 + 0.5
    a, b, c, d = cell_corners(grid_of(rings, sectors, closed=True))
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    return Mesh(
        points=place.points(ball.center + ball.radius * turned),
        normals=place.directions(turned),
        triangles=triangles,
        uvs=uvs[triangles].astype(np.float32),
        materials=np.full(len(triangles), Material.EYE, np.int32),
        reach=np.full(len(unit), EYE_REACH, np.float32),
    )


def _turn(gaze: np.ndarray) -> np.ndarray:
    """Rotation [3, 3] that takes +z to the direction of a gaze."""
    side, up = gaze
    about_y = np.array([[np.cos(side), 0, np.sin(side)], [0, 1, 0], [-np.sin(side), 0, np.cos(side)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(up), np.sin(up)], [0, -np.sin(up), np.cos(up)]])
    return about_y @ about_x
