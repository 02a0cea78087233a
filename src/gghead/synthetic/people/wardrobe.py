"""What people wear beside clothes - glasses, headwear, earrings - and how it is put on a head."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from gghead.synthetic.anatomy.head_model import HeadModel, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.hair.styles import Cut, under_a_hat
from gghead.synthetic.parts.earrings import EarringMaker, Earrings, random_earrings
from gghead.synthetic.parts.glasses import Glasses, glasses_meshes, random_glasses
from gghead.synthetic.parts.headwear import Headwear, HeadwearMaker, random_headwear
from gghead.synthetic.render.renderer import Material, Mesh, Surface

LENS_COLOR = np.array([0.012, 0.012, 0.014])
"""Linear light: what a dark lens lets through of itself."""


@dataclass(frozen=True)
class Worn:
    """What one person wears; None for what is not worn."""

    glasses: Glasses | None
    headwear: Headwear | None
    earrings: Earrings | None

    def hair(self, cut: Cut | None) -> Cut | None:
        """How hair of a cut, if there is any, looks with this: pressed by a hat, unseen below a scarf."""
        if self.headwear is None or cut is None:
            return cut
        return None if self.headwear.hides_hair else under_a_hat(cut)

    def surfaces(self, rng: np.random.Generator) -> tuple[Surface, ...]:
        """Of everything worn."""
        found = []
        if self.glasses is not None:
            found.append(Surface.plain(Material.GLASSES, self.glasses.color))
            found.append(Surface.plain(self.glasses.lens, LENS_COLOR))
        if self.headwear is not None:
            found.append(self.headwear.surface(rng))
        if self.earrings is not None:
            found.append(Surface.plain(Material.JEWEL, self.earrings.color))
        return tuple(found)


def random_worn(person: Person, rng: np.random.Generator) -> Worn:
    """Each by its own chance."""
    return Worn(random_glasses(person, rng), random_headwear(person, rng), random_earrings(person, rng))


class Wardrobe:
    """Puts things on heads; holds what does not depend on the person."""

    def __init__(self, model: HeadModel) -> None:
        self._model = model
        self._headwear, self._earrings = HeadwearMaker(model), EarringMaker(model)

    def dress(
        self, worn: Worn, body: Mesh, vertices: Float32[np.ndarray, "v 3"], place: Similarity
    ) -> tuple[list[Mesh], list[Mesh]]:
        """Solid and sheer meshes of what is worn.

        Args:
            worn: what.
            body: the skin's mesh, whose first points are those of the skin; a scarf presses its ears in, in place.
            vertices: of the base mesh.
            place: the way into the world.
        """
        skin, solid, sheer = self._model.skin(vertices), [], []
        pressed = self._headwear.press_ears(worn.headwear, skin)
        if pressed is not skin:
            body.points[: len(skin)] += (pressed - skin) @ place.linear.T
        if worn.glasses is not None:
            frame, lenses = glasses_meshes(worn.glasses, self._model.eyeballs(vertices), pressed, place)
            solid.append(frame)
            sheer.append(lenses)
        if worn.headwear is not None:
            solid.append(self._headwear.mesh(worn.headwear, pressed, place))
        if worn.earrings is not None and not (worn.headwear is not None and worn.headwear.hides_hair):
            solid.append(self._earrings.mesh(worn.earrings, skin, place))
        return solid, sheer
