"""What a maker of random people is, whatever it makes them of."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from gghead.synthetic.anatomy.head_model import HeadModel, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.render.renderer import Scene


@dataclass(frozen=True)
class Head:
    """One person, ready to be drawn.

    Attributes:
        person: shape, expression, colours.
        scene: what the renderer draws, in canonical head space.
        place: the way of the person from decimetres into canonical head space.
        style: name of the hair style.
    """

    person: Person
    scene: Scene
    place: Similarity
    style: str


class HeadMaker(ABC):
    """Makes random people; holds what all of them share.

    Attributes:
        model: the head that is morphed.
    """

    model: HeadModel

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Head:
        """A random person; everything follows from the generator's state."""
