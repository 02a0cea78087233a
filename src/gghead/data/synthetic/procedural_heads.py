"""People whose skin, eyes, brows and hair are computed: everything about one of them as a scene."""

import numpy as np

from gghead.data.synthetic.hair import Scalp, grow_hair, ribbons
from gghead.data.synthetic.head_model import Chart, Eyeball, HeadModel, Similarity
from gghead.data.synthetic.identities import Person, random_person
from gghead.data.synthetic.mesh_rasterizer import vertex_normals
from gghead.data.synthetic.renderer import Material, Mesh, Scene, Surface
from gghead.data.synthetic.skin import IRIS_RADIUS, MOUTH_COLOUR, chart_head, paint_eye, paint_skin

CLOTH_THICKNESS = 0.05
"""Decimetres between skin and cloth."""
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


class ProceduralHeads:
    """Makes scenes of random people; holds the head model and what follows from it."""

    def __init__(self, resolution: int) -> None:
        """Prepares for pictures of a resolution: small ones need fewer texels and fewer, wider strands."""
        self.model = HeadModel()
        self._chart = chart_head(self.model, detail=float(np.clip(resolution / 256, 0.35, 1)))
        self._scalp = Scalp(self.model)
        materials = [MATERIAL_OF_CHART[Chart(chart)] for chart in range(len(Chart))]
        self._materials = np.array(materials, np.int32)[self.model.chart]
        self._collar = collar_height(self.model.neutral)

    def random_scene(self, rng: np.random.Generator) -> Scene:
        """A random person in canonical head space."""
        return self.scene(random_person(self.model, rng), rng)

    def scene(self, person: Person, rng: np.random.Generator) -> Scene:
        """One person; `rng` decides what is below a name: pores, strands, fibres of the iris."""
        vertices = self.model.morph(person.weights)
        place = self.model.to_canonical(self.model.morph(person.neutral))
        points = self.model.skin(vertices)
        normals = vertex_normals(points, self.model.triangles)
        textures = paint_skin(self._chart, person, rng)
        eye = paint_eye(person.iris_colour, rng)
        parts = [self._skin(points, normals, place, person.collar)]
        parts += [eye_mesh(ball, place) for ball in self.model.eyeballs(vertices)]
        if person.hair != "bald":
            strands = grow_hair(rng, self._scalp, points, normals, person.hair, self._chart.detail)
            parts.append(ribbons(strands, place, self._chart.detail))
        white = np.ones(3)
        surfaces = (
            Surface(Material.SKIN_HEAD, textures.head, white),
            Surface(Material.SKIN_BODY, textures.body, white),
            Surface.plain(Material.CLOTH, person.cloth_colour),
            Surface(Material.EYE, eye, white),
            Surface.plain(Material.MOUTH, MOUTH_COLOUR),
            Surface.plain(Material.HAIR, person.hair_colour * 1.5),
        )
        return Scene(Mesh.joined(parts), surfaces)

    def _skin(self, points: np.ndarray, normals: np.ndarray, place: Similarity, collar_shift: float) -> Mesh:
        """The skin; what is below the collar is lifted a little and drawn as cloth."""
        collar = self._collar + np.float32(collar_shift)
        lift = CLOTH_THICKNESS * np.clip(-collar / 0.06, 0, 1)
        return Mesh(
            points=place.points(points + normals * lift[:, None]),
            normals=place.directions(normals),
            triangles=self.model.triangles,
            uvs=self.model.uvs,
            materials=self._materials,
            reach=self.model.occlusion.astype(np.float32),
            collar=collar,
        )


def collar_height(points: np.ndarray) -> np.ndarray:
    """Height [n] of neutral skin points [n, 3] above a round collar, decimetres; negative where there is cloth."""
    side, front = np.abs(points[:, 0]), np.clip((points[:, 2] + 0.2) / 0.9, 0, 1)
    dip = 0.5 * front * (1 - np.clip(side / 0.95, 0, 1) ** 2)
    return (points[:, 1] - (6.0 - dip + 3.0 * np.clip(side - 0.85, 0, 1))).astype(np.float32)


def eye_mesh(ball: Eyeball, place: Similarity, rings: int = 14, sectors: int = 28) -> Mesh:
    """The front of an eyeball, textured as seen from the front; it looks along +z of the head."""
    polar, turn = np.linspace(0, np.pi * 0.62, rings), np.linspace(0, 2 * np.pi, sectors, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    across = np.sin(polar)[:, None, None] * circle
    unit = np.concatenate([across, np.broadcast_to(np.cos(polar)[:, None, None], (rings, sectors, 1))], 2).reshape(
        -1, 3
    )
    spread = np.minimum(np.sin(np.minimum(polar, np.pi / 2)) / IRIS_SHARE * IRIS_RADIUS, 0.98)
    uvs = (spread[:, None, None] * circle).reshape(-1, 2) / 2 + 0.5
    row, column = np.meshgrid(np.arange(rings - 1), np.arange(sectors), indexing="ij")
    a, b = row * sectors + column, row * sectors + (column + 1) % sectors
    lower = np.stack([a, a + sectors, b], -1).reshape(-1, 3)
    upper = np.stack([b, a + sectors, b + sectors], -1).reshape(-1, 3)
    triangles = np.concatenate([lower, upper]).astype(np.int32)
    return Mesh(
        points=place.points(ball.centre + ball.radius * unit),
        normals=place.directions(unit),
        triangles=triangles,
        uvs=uvs[triangles].astype(np.float32),
        materials=np.full(len(triangles), Material.EYE, np.int32),
        reach=np.full(len(unit), EYE_REACH, np.float32),
        collar=np.ones(len(unit), np.float32),
    )
