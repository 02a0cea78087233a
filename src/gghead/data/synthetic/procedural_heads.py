"""People whose skin, eyes, brows and hair are computed: everything about one of them as a scene."""

import numpy as np

from gghead.data.synthetic.face_chart import chart_head
from gghead.data.synthetic.hair_line import random_hair_line
from gghead.data.synthetic.head_model import HeadModel
from gghead.data.synthetic.head_parts import eye_mesh, skin_mesh
from gghead.data.synthetic.heads import Head, HeadMaker
from gghead.data.synthetic.identities import random_person
from gghead.data.synthetic.irises import paint_eye
from gghead.data.synthetic.renderer import Material, Mesh, Scene, Surface
from gghead.data.synthetic.skin import Face, paint_skin, random_makeup
from gghead.data.synthetic.skin_regions import map_skin

MOUTH_COLOUR = np.array([0.10, 0.016, 0.014])
"""Linear light: the inside of the mouth."""


class ProceduralHeads(HeadMaker):
    """Makes people from nothing but the packaged head model."""

    def __init__(self, resolution: int) -> None:
        """Prepares for pictures of a resolution: small ones need fewer texels and fewer, wider strands."""
        self.model = HeadModel()
        self._chart = chart_head(self.model, detail=float(np.clip(resolution / 256, 0.35, 1)))
        self._skin = map_skin(self._chart)

    def draw(self, rng: np.random.Generator) -> Head:
        """A random person; `rng` also decides what is below a name: pores, strands, fibres of the iris."""
        person = random_person(self.model, rng)
        place = self.model.to_canonical(self.model.morph(person.neutral))
        vertices = self.model.morph(person.weights)
        face = Face(random_hair_line(person, 0, rng), 0.9, np.array([0.0, 0.0]), random_makeup(person, rng))
        textures = paint_skin(self._chart, self._skin, person, face, rng)
        eye = paint_eye(person.iris_colour, person.age, rng)
        parts = [skin_mesh(self.model, vertices, place, person.collar)]
        parts += [eye_mesh(ball, place, person.gaze) for ball in self.model.eyeballs(vertices)]
        surfaces = (
            Surface.painted(Material.SKIN_HEAD, textures.head),
            Surface.painted(Material.SKIN_BODY, textures.body),
            Surface.plain(Material.CLOTH, person.cloth_colour),
            Surface.painted(Material.EYE, eye),
            Surface.plain(Material.MOUTH, MOUTH_COLOUR),
            Surface.plain(Material.HAIR, person.hair_colour * 1.5),
        )
        return Head(person, Scene(Mesh.joined(parts), Mesh.empty(), surfaces), place, "shaved")
