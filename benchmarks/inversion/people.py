"""Held-out people of `gghead.synthetic`, each seen from where the photograph is taken and from other sides."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.spatial.transform import Rotation

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.inversion.targets import Picture
from gghead.synthetic.anatomy.heads import HeadMaker
from gghead.synthetic.people.portraits import PERSON, random_background
from gghead.synthetic.render.lighting import metered, random_lighting
from gghead.synthetic.render.renderer import render

OFFSETS = (0, -15, 15, -30, 30, -60, 60)
"""Degrees of yaw from the first photograph's camera."""
PHOTOGRAPHS = {1: (0,), 3: (0, -30, 30)}
"""From where so many photographs are taken."""
YAW_SD, YAW_LIMIT, PITCH_SD, PITCH_LIMIT = 12, 25, 6, 12
"""Of the first photograph's camera, degrees."""
VIEWS = 3
"""Purpose of a random stream, beside those of portraits.py and of benchmarks/photographs."""
SUPERSAMPLING = 2
SHIFT_ERROR = 0.005
"""Of a camera that is one degree wrong about each axis, world units along each."""


@dataclass(frozen=True)
class HeldOut:
    """A person whose every side is known.

    Attributes:
        colors: of the person, from each of `OFFSETS`.
        alphas: how much of a pixel shows the person.
        labels: of the cameras.
        background: what lies behind in photographs.
        errors: how wrong an estimate of each camera is, three rotations and three shifts, standard deviation 1.
    """

    colors: Float32[np.ndarray, "7 R R 3"]
    alphas: Float32[np.ndarray, "7 R R"]
    labels: Float32[np.ndarray, "7 25"]
    background: Float[np.ndarray, "R R 3"]
    errors: Float[np.ndarray, "7 6"]

    def photographs(self, count: int, pose_error: float = 0.0) -> list[Picture]:
        """So many photographs, with their true masks.

        Args:
            count: one of `PHOTOGRAPHS`.
            pose_error: standard deviation of the cameras' rotations about each axis, degrees; 0 for true cameras.
        """
        pictures = []
        for offset in PHOTOGRAPHS[count]:
            view = OFFSETS.index(offset)
            alpha = self.alphas[view]
            image = self.colors[view] * alpha[..., None] + self.background * (1 - alpha[..., None])
            camera = Cameras.from_labels(torch.from_numpy(self.labels[view]), len(alpha))
            moved = camera.viewmats.double().numpy() @ _rotation(math.radians(pose_error) * self.errors[view, :3])
            moved[:3, 3] += SHIFT_ERROR * pose_error * self.errors[view, 3:]
            camera = Cameras(torch.from_numpy(moved).float(), camera.Ks, camera.width, camera.height)
            pictures.append(Picture((image * 255).round().astype(np.uint8), alpha, camera))
        return pictures


def held_out(maker: HeadMaker, seed: int, number: int, resolution: int) -> HeldOut:
    """Person `number` of a seed; whoever draws it, it is the same."""
    rng = np.random.default_rng([seed, number, PERSON])
    lighting = random_lighting(rng)
    head = maker.draw(rng)
    lighting = metered(lighting, head.person.melanin)
    rng = np.random.default_rng([seed, number, VIEWS])
    yaw = float(np.clip(rng.normal(0, YAW_SD), -YAW_LIMIT, YAW_LIMIT))
    pitch = float(np.clip(rng.normal(0, PITCH_SD), -PITCH_LIMIT, PITCH_LIMIT))
    labels = np.stack([posed_label(math.radians(yaw + offset), math.radians(pitch)) for offset in OFFSETS])
    views = [render(head.scene, label, resolution, lighting, SUPERSAMPLING) for label in labels]
    return HeldOut(
        colors=np.stack([view.color for view in views]).astype(np.float32),
        alphas=np.stack([view.coverage for view in views]).astype(np.float32),
        labels=labels,
        background=random_background(rng, resolution),
        errors=rng.standard_normal((len(OFFSETS), 6)),
    )


def _rotation(vector: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    result = np.eye(4)
    result[:3, :3] = Rotation.from_rotvec(vector).as_matrix()
    return result
