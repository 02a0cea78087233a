"""People whose skin, eyes, brows and hair are computed: everything about one of them as a scene."""

import numpy as np

from gghead.data.synthetic.face_chart import chart_head
from gghead.data.synthetic.hair import HairGrower
from gghead.data.synthetic.hair_line import random_hair_line
from gghead.data.synthetic.hair_styles import random_cut, random_style
from gghead.data.synthetic.hair_texture import paint_strips
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
        self._hair = HairGrower(self.model, self._chart.detail)
        self._strips = paint_strips(self._chart.detail)

    def draw(self, rng: np.random.Generator) -> Head:
        """A random person; `rng` also decides what is below a name: pores, strands, fibres of the iris."""
        person = random_person(self.model, rng)
        place = self.model.to_canonical(self.model.morph(person.neutral))
        vertices = self.model.morph(person.weights)
        style = random_style(person, rng)
        cut, line = random_cut(style, rng), random_hair_line(person, 0.9 if style == "ring" else 0, rng)
        face = Face(line, 0.9, np.array([0.0, 0.0]), random_makeup(person, rng))
        textures = paint_skin(self._chart, self._skin, person, face, rng)
        eye = paint_eye(person.iris_colour, person.age, rng)
        parts = [skin_mesh(self.model, vertices, place, person.collar)]
        parts += [eye_mesh(ball, place, person.gaze) for ball in self.model.eyeballs(vertices)]
        hair = Mesh.empty()
        if cut is not None:
            hair = self._hair.grow(cut, line, self.model.skin(vertices), place, rng)
        surfaces = (
            Surface.painted(Material.SKIN_HEAD, textures.head),
            Surface.painted(Material.SKIN_BODY, textures.body),
            Surface.plain(Material.CLOTH, person.cloth_colour),
            Surface.painted(Material.EYE, eye),
            Surface.plain(Material.MOUTH, MOUTH_COLOUR),
            Surface.dyed(Material.HAIR, self._strips, person.hair_colour),
        )
        return Head(person, Scene(Mesh.joined(parts), hair, surfaces), place, style)
