"""Rendered people from chosen sides: what measures of generated heads say of heads that are as they should be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.anatomy.landmarks import landmarks
from gghead.synthetic.people.portraits import PERSON, Sitting, head_maker
from gghead.synthetic.render.lighting import metered, random_lighting
from gghead.synthetic.render.renderer import render


@dataclass(frozen=True)
class People:
    """Rendered people on white.

    Attributes:
        pictures: of each from every side, uint8 [H, K, R, R, 3].
        landmarks: the 68 points of each, world [H, 68, 3].
    """

    pictures: np.ndarray
    landmarks: np.ndarray


def draw_people(sitting: Sitting, count: int, yaws: Sequence[float]) -> People:
    """The first people of a synthetic dataset from sides that are given in degrees."""
    maker, rows, points = head_maker(sitting), [], []
    labels = [posed_label(float(np.radians(yaw)), 0.0) for yaw in yaws]
    for number in range(count):
        rng = np.random.default_rng([sitting.seed, number, PERSON])
        lighting = random_lighting(rng)
        head = maker.draw(rng)
        lighting = metered(lighting, head.person.melanin)
        views = [render(head.scene, label, sitting.resolution, lighting, supersampling=2) for label in labels]
        rows.append([view.color * view.coverage[..., None] + 1 - view.coverage[..., None] for view in views])
        points.append(landmarks(maker.model, maker.model.morph(head.person.weights), head.place))
    return People((np.array(rows) * 255).round().astype(np.uint8), np.array(points))
