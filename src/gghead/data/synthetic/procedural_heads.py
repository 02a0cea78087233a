"""People whose skin, eyes, brows and hair are computed: everything about one of them as a scene."""

import numpy as np

from gghead.data.synthetic.hair import FEMALE_STYLES, MALE_STYLES, HairStyle, Scalp, grow_hair, ribbons
from gghead.data.synthetic.head_model import HeadModel
from gghead.data.synthetic.head_parts import eye_mesh, skin_mesh
from gghead.data.synthetic.heads import Head, HeadMaker
from gghead.data.synthetic.identities import Person, random_person
from gghead.data.synthetic.mesh_rasterizer import vertex_normals
from gghead.data.synthetic.renderer import Material, Mesh, Scene, Surface
from gghead.data.synthetic.skin import MOUTH_COLOUR, chart_head, paint_eye, paint_skin


class ProceduralHeads(HeadMaker):
    """Makes people from nothing but the packaged head model."""

    def __init__(self, resolution: int) -> None:
        """Prepares for pictures of a resolution: small ones need fewer texels and fewer, wider strands."""
        self.model = HeadModel()
        self._chart = chart_head(self.model, detail=float(np.clip(resolution / 256, 0.35, 1)))
        self._scalp = Scalp(self.model)

    def draw(self, rng: np.random.Generator) -> Head:
        """A random person; `rng` also decides what is below a name: pores, strands, fibres of the iris."""
        person = random_person(self.model, rng)
        style = _random_style(person, rng)
        place = self.model.to_canonical(self.model.morph(person.neutral))
        vertices = self.model.morph(person.weights)
        textures = paint_skin(self._chart, person, style == "bald", rng)
        eye = paint_eye(person.iris_colour, rng)
        parts = [skin_mesh(self.model, vertices, place, person.collar)]
        parts += [eye_mesh(ball, place, person.gaze) for ball in self.model.eyeballs(vertices)]
        if style != "bald":
            points = self.model.skin(vertices)
            normals = vertex_normals(points, self.model.triangles)
            strands = grow_hair(rng, self._scalp, points, normals, style, self._chart.detail)
            parts.append(ribbons(strands, place, self._chart.detail))
        surfaces = (
            Surface.painted(Material.SKIN_HEAD, textures.head),
            Surface.painted(Material.SKIN_BODY, textures.body),
            Surface.plain(Material.CLOTH, person.cloth_colour),
            Surface.painted(Material.EYE, eye),
            Surface.plain(Material.MOUTH, MOUTH_COLOUR),
            Surface.plain(Material.HAIR, person.hair_colour * 1.5),
        )
        return Head(person, Scene(Mesh.joined(parts), Mesh.empty(), surfaces), place, style)


def _random_style(person: Person, rng: np.random.Generator) -> HairStyle:
    styles = MALE_STYLES if person.sex == "male" else FEMALE_STYLES
    return list(styles)[rng.choice(len(styles), p=list(styles.values()))]
