"""Places of the camera: presets, circles, and the camera that a viewpoint means."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.geometry.cameras import Cameras, invert_rigid
from gghead.geometry.canonical_head import CIRCLE_RADIUS, FFHQ_DISTANCE
from gghead.geometry.trajectories import look_at, on_sphere
from gghead.viewer.state import Viewpoint, pick

PRESETS = {"front": 0.0, "3/4": 45.0, "profile": 90.0}
"""Yaw of the camera, degrees; it stands at the viewer's right."""

MIN_ASPECT = 0.72
"""Width over height of a window that holds a head from ear to ear in the usual view."""
PHONE_ASPECT = 0.62
"""Windows narrower than this are phones held upright, where the panel lies at the bottom."""
PANEL_SHARE = 0.4
"""Share of a phone's window that the panel covers."""


class Motion(StrEnum):
    """How the camera moves by itself."""

    STILL = "still"
    AUTOROTATE = "autorotate"
    CIRCLE = "sampling circle"


def preset(name: str, viewpoint: Viewpoint) -> Viewpoint:
    """A named place of the camera, at the usual distance and with the field of view as it is."""
    yaw = torch.tensor(math.radians(pick(PRESETS, name)))
    x, y, z = on_sphere(yaw, torch.tensor(0.0), FFHQ_DISTANCE).tolist()
    return replace(viewpoint, eye=(x, y, z), target=(0.0, 0.0, 0.0))


def advance(viewpoint: Viewpoint, motion: Motion, turns: float, progress: float) -> Viewpoint:
    """Where a moving camera stands next.

    Args:
        viewpoint: where it stands now.
        motion: how it moves.
        turns: share of a whole turn since then.
        progress: turns since the motion began; the circle depends on it alone.
    """
    if motion == Motion.AUTOROTATE:
        x, y, z = (eye - target for eye, target in zip(viewpoint.eye, viewpoint.target, strict=True))
        angle = 2 * math.pi * turns
        turned = (x * math.cos(angle) + z * math.sin(angle), y, z * math.cos(angle) - x * math.sin(angle))
        eye = tuple(step + target for step, target in zip(turned, viewpoint.target, strict=True))
        return replace(viewpoint, eye=eye)
    if motion == Motion.CIRCLE:
        angle = 2 * math.pi * progress
        x, y = CIRCLE_RADIUS * math.cos(angle), CIRCLE_RADIUS * math.sin(angle)
        return replace(viewpoint, eye=(x, y, FFHQ_DISTANCE), target=(0.0, 0.0, 0.0))
    return viewpoint


@dataclass(frozen=True)
class Framing:
    """How a window shows a view: wider where it is upright, and higher up where the panel lies over its lower part.

    Only the browser's camera is framed; the view, and what is saved of it, is as in any other window.

    Attributes:
        widening: factor of the tangent of half the field of view.
        lift: how far the middle of the view stands above that of the window, in heights of the window.
    """

    widening: float = 1.0
    lift: float = 0.0

    def frame(self, viewpoint: Viewpoint) -> Viewpoint:
        """The browser's camera for a view."""
        return self._moved(replace(viewpoint, fov=_widened(viewpoint.fov, self.widening)), viewpoint, -1.0)

    def unframe(self, seen: Viewpoint) -> Viewpoint:
        """The view that a browser's camera shows."""
        return self._moved(replace(seen, fov=_widened(seen.fov, 1 / self.widening)), seen, 1.0)

    def _moved(self, changed: Viewpoint, before: Viewpoint, sign: float) -> Viewpoint:
        fov = max(changed.fov, before.fov)
        height = 2 * math.dist(before.eye, before.target) * math.tan(math.radians(fov) / 2)
        up = sign * self.lift * height
        eye, target = ((x, y + up, z) for x, y, z in (changed.eye, changed.target))
        return replace(changed, eye=eye, target=target)


def framing_of(width: int, height: int) -> Framing:
    """The framing of a window, pixels."""
    aspect = width / height
    return Framing(max(1.0, MIN_ASPECT / aspect), PANEL_SHARE / 2 if aspect < PHONE_ASPECT else 0.0)


def _widened(fov: float, factor: float) -> float:
    widened = math.degrees(2 * math.atan(factor * math.tan(math.radians(fov) / 2)))
    return fov if factor == 1 else min(120.0, max(1.0, widened))


def viewpoint_of(label: Float[Tensor, "25"]) -> Viewpoint:
    """Where the camera of a label stands; it is held upright, so that a tilt about the viewing axis is lost."""
    pose = label[:16].reshape(4, 4).double()
    eye, forward = pose[:3, 3], pose[:3, 2]
    target = eye - (eye @ forward) * forward  # of what it sees in the middle, the point nearest to the head's
    fov = math.degrees(2 * math.atan(0.5 / float(label[20])))
    (a, b, c), (x, y, z) = ([round(value, 4) + 0.0 for value in place.tolist()] for place in (eye, target))
    return Viewpoint((a, b, c), (x, y, z), round(fov, 2))


def camera_of(viewpoint: Viewpoint, width: int, height: int, device: torch.device | str = "cpu") -> Cameras:
    """The camera of a viewpoint for a picture of any shape, batch [1].

    Raises:
        ValueError: it looks straight up or down.
    """
    pose = look_at(torch.tensor([viewpoint.eye]), torch.tensor(viewpoint.target))
    focal = 0.5 * height / math.tan(math.radians(viewpoint.fov) / 2)
    K = torch.tensor([[[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]]])
    return Cameras(invert_rigid(pose), K, width, height).to(device)
