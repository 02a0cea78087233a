"""The skin with its shirt, as a mesh.

Lengths are decimetres unless said otherwise.
"""

import numpy as np

from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.parts.clothes import HIDDEN_DEPTH, Outfit, cloth_mesh, neckline_height
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

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
