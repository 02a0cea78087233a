"""People whose skin, eyes, brows and hair are computed: everything about one of them as a scene."""

import numpy as np

from gghead.synthetic.anatomy.face_chart import chart_head
from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.heads import Head, HeadMaker
from gghead.synthetic.anatomy.identities import random_person
from gghead.synthetic.anatomy.skin_regions import map_skin
from gghead.synthetic.hair.beards import BeardGrower, random_beard
from gghead.synthetic.hair.brows import BrowPatches, brow_color
from gghead.synthetic.hair.hair import HairGrower
from gghead.synthetic.hair.hairline import random_hair_line
from gghead.synthetic.hair.lashes import Lashes
from gghead.synthetic.hair.styles import random_cut, random_style
from gghead.synthetic.hair.texture import paint_strips
from gghead.synthetic.parts.clothes import random_outfit, skin_mesh
from gghead.synthetic.parts.eyeballs import Eyes
from gghead.synthetic.parts.irises import paint_eyes
from gghead.synthetic.parts.makeup import random_makeup
from gghead.synthetic.parts.mouth import ENAMEL_TINT, MOUTH_COLOR, Mouth
from gghead.synthetic.parts.skin import Face, paint_skin, skin_color
from gghead.synthetic.parts.skin_relief import face_lines
from gghead.synthetic.parts.teeth import paint_teeth, random_teeth
from gghead.synthetic.people.wardrobe import Wardrobe, random_worn
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Scene, Surface


class ProceduralHeads(HeadMaker):
    """Makes people from nothing but the packaged head model."""

    def __init__(self, resolution: int) -> None:
        """Prepares for pictures of a resolution: small ones need fewer texels and fewer, wider strands."""
        self.model = HeadModel()
        self._chart = chart_head(self.model, detail=float(np.clip(resolution / 256, 0.35, 1)))
        self._skin = map_skin(self._chart)
        self._hair = HairGrower(self.model, self._chart.detail)
        self._brows = BrowPatches(self.model, float(np.clip(resolution / 256, 0.35, 1.5)))
        self._lashes = Lashes(self.model, self._chart.detail)
        self._beards = BeardGrower(self.model, self._chart, self._skin)
        self._eyes, self._mouth = Eyes(self.model), Mouth(self.model)
        self._wardrobe = Wardrobe(self.model)
        self._strips = paint_strips(self._chart.detail)

    def draw(self, rng: np.random.Generator) -> Head:
        """A random person; `rng` also decides what is below a name: pores, strands, fibres of the iris."""
        person = random_person(self.model, rng)
        neutral = self.model.morph(person.neutral)
        place = self.model.to_canonical(neutral)
        vertices = self.model.morph(person.weights)
        style = random_style(person, rng)
        cut, line = random_cut(style, rng), random_hair_line(person, 0.9 if style == "ring" else 0, rng)
        beard = random_beard(person, rng)
        scalp = rng.uniform(0.5, 0.8) if style == "shaved" else 0.12 if style == "bald" else 0.92
        base = skin_color(person, rng)
        face = Face(line, scalp, beard.stubble, random_makeup(person, base, rng), face_lines(self.model, person, rng))
        textures = paint_skin(self._chart, self._skin, person, base, face, rng)
        eyes = paint_eyes(person.iris_colors, person.years, rng)
        outfit, worn = random_outfit(person.cloth_color, person.collar, rng), random_worn(person, rng)
        parts = [skin_mesh(self.model, vertices, place, outfit)]
        eyeballs = self.model.eyeballs(vertices)
        parts.append(self._eyes.mesh(vertices, place, person.gaze, person.focus))
        skin = self.model.skin(vertices)
        teeth = random_teeth(person.years, person.melanin, rng)
        parts.append(self._mouth.mesh(neutral, person.weights, vertices, teeth, place))
        brow = self._brows.paint(person, rng)
        lash_length = rng.uniform(0.055, 0.075) + 0.025 * (person.sex == "female") + 0.02 * face.makeup.liner
        normals = vertex_normals(skin, self.model.triangles)
        sheer = [self._brows.mesh(skin, normals, place), self._beards.grow(beard, skin, normals, place, rng)]
        sheer.append(self._lashes.mesh(skin, eyeballs, lash_length, place))
        things, lenses = self._wardrobe.dress(worn, parts[0], vertices, place)
        parts, sheer, cut = parts + things, sheer + lenses, worn.hair(cut)
        if cut is not None:
            sheer.append(self._hair.grow(cut, line, skin, place, rng))
        surfaces = (
            Surface.painted(Material.SKIN_HEAD, textures.head, detail=textures.detail),
            Surface.painted(Material.SKIN_BODY, textures.body),
            outfit.surface(rng),
            Surface.painted(Material.EYE, eyes),
            Surface.plain(Material.MOUTH, MOUTH_COLOR),
            Surface.painted(Material.TEETH, paint_teeth(teeth, rng), ENAMEL_TINT),
            Surface.painted(Material.TONGUE, self._mouth.tongue),
            Surface.dyed(Material.HAIR, self._strips, person.hair_color),
            Surface.dyed(Material.BROW, brow, brow_color(person, textures.base)),
            Surface.dyed(Material.LASH, self._lashes.texture, np.minimum(person.hair_color * 0.4, 0.03)),
            *worn.surfaces(rng),
        )
        return Head(person, Scene(Mesh.joined(parts), Mesh.joined(sheer), surfaces), place, style)
