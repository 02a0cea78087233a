"""Photographs of synthetic people whose camera, landmarks and mask are known to the last digit."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchmarks.photographs.backgrounds import random_background
from benchmarks.photographs.framing import Frame, aimed_at_middle, random_frame, shows_head_alone, slopes
from benchmarks.photographs.truth import Truth
from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.anatomy.heads import HeadMaker
from gghead.synthetic.anatomy.landmarks import landmarks
from gghead.synthetic.people.portraits import PERSON
from gghead.synthetic.people.truth import sight
from gghead.synthetic.render.lighting import metered, random_lighting
from gghead.synthetic.render.renderer import Scene, View, render

PHOTOGRAPH = 2
"""Purpose of a random stream, beside those of portraits.py."""
SUPERSAMPLING = 2
FFHQ_YAW_SD, WIDE_YAW = 18, 75
"""Degrees: half of the people's yaws are normal, as in FFHQ, half uniform up to the second on both sides."""
PITCH_SD, PITCH_LIMIT, ROLL_SD = 9, 30, 8
"""Degrees."""
MAX_BLUR, MAX_NOISE = 1.0, 0.03
"""Standard deviations: of the lens's blur in pixels, of the sensor's noise as a share of white."""
SIDES = (640, 1200)
"""Least and most pixels of a photograph's width and of its height."""
QUALITY = (60, 95)
"""Of JPEG."""


@dataclass(frozen=True)
class Photograph:
    """A photograph as files, and the truth about it."""

    jpeg: bytes
    mask: UInt8[np.ndarray, "H W"]
    truth: Truth


@dataclass(frozen=True)
class Pose:
    """How the camera stands to the head, degrees; the head is turned clockwise in the photograph by `roll`."""

    yaw: float
    pitch: float
    roll: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Pose":
        """Half as in FFHQ, half turned farther."""
        yaw = rng.uniform(-WIDE_YAW, WIDE_YAW) if rng.random() < 0.5 else rng.normal(0, FFHQ_YAW_SD)
        pitch = np.clip(rng.normal(0, PITCH_SD), -PITCH_LIMIT, PITCH_LIMIT)
        return cls(float(np.clip(yaw, -WIDE_YAW, WIDE_YAW)), float(pitch), float(rng.normal(0, ROLL_SD)))

    def cam2world(self) -> Float64[np.ndarray, "4 4"]:
        """The camera of `posed_label`, rolled about its axis."""
        matrix = posed_label(math.radians(self.yaw), math.radians(self.pitch))[:16].reshape(4, 4).astype(np.float64)
        cos, sin = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        matrix[:3, :3] = matrix[:3, :3] @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        return matrix


def draw_photograph(
    maker: HeadMaker,
    variant: str,
    seed: int,
    number: int,
    photographs: Sequence[UInt8[np.ndarray, "h w 3"]],
    sides: tuple[int, int] = SIDES,
    uncut: bool = False,
) -> Photograph:
    """Photograph `number` of a seed; whoever draws it, it is the same.

    Args:
        maker: of the people.
        variant: the people's kind, for the record.
        seed: decides about everything.
        number: of the photograph.
        photographs: without people, whose parts are backgrounds.
        sides: least and most pixels of width and height.
        uncut: whether the camera's axis passes through the middle of the photograph; by default it passes through the
            face, and the photograph is a part of a larger one.
    """
    rng = np.random.default_rng([seed, number, PERSON])
    lighting = random_lighting(rng)
    head = maker.draw(rng)
    lighting = metered(lighting, head.person.melanin)
    rng = np.random.default_rng([seed, number, PHOTOGRAPH])
    frame = None
    while frame is None:
        pose = Pose.random(rng)
        cam2world = pose.cam2world()
        frame = random_frame(rng, head.scene, cam2world, sides)
        if uncut and frame is not None:
            frame, cam2world = aimed_at_middle(frame, cam2world)
            frame = frame if shows_head_alone(frame, cam2world, head.scene) else None
    left, top, side = _window(head.scene, cam2world, frame)
    K = frame.K()
    K[0, 2], K[1, 2] = K[0, 2] - left, K[1, 2] - top
    K[:2] /= side
    label = np.concatenate([cam2world.ravel(), K.ravel()]).astype(np.float32)
    view = render(head.scene, label, side, lighting, SUPERSAMPLING)
    points = landmarks(maker.model, maker.model.morph(head.person.weights), head.place)
    sighting = sight(points, label, view)
    color, coverage = _placed(view, left, top, frame)
    background = random_background(rng, frame.width, frame.height, photographs)
    pixels = color * coverage[..., None] + background * (1 - coverage[..., None])
    truth = Truth(
        number=number,
        variant=variant,
        seed=seed,
        yaw=pose.yaw,
        pitch=pose.pitch,
        roll=pose.roll,
        width=frame.width,
        height=frame.height,
        K=frame.K(),
        cam2world=cam2world,
        landmarks=sighting.pixels.astype(np.float64) + np.array([left, top]),
        visible=sighting.visible,
        landmarks_3d=points.astype(np.float64),
    )
    return Photograph(_developed(rng, pixels), (coverage * 255).round().astype(np.uint8), truth)


def read_photographs(files: Sequence[Path]) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Pictures whose parts become backgrounds."""
    return [np.asarray(Image.open(file).convert("RGB")) for file in files]


def _window(scene: Scene, cam2world: Float64[np.ndarray, "4 4"], frame: Frame) -> tuple[int, int, int]:
    """Left and upper edge and side, in pixels of the photograph, of a square that holds all that is seen."""
    points = np.concatenate([scene.solid.points, scene.sheer.points])
    places = slopes(points, cam2world) * frame.focal + np.array(frame.principal)
    size = np.array([frame.width, frame.height])
    low = np.floor(places.min(0) - 2).clip(0, size).astype(int)
    high = np.ceil(places.max(0) + 2).clip(0, size).astype(int)
    return int(low[0]), int(low[1]), int((high - low).max())


def _placed(
    view: View, left: int, top: int, frame: Frame
) -> tuple[Float32[np.ndarray, "H W 3"], Float32[np.ndarray, "H W"]]:
    """Color and coverage of a rendered square in the photograph; nothing is covered around it."""
    color, coverage = (
        np.zeros((frame.height, frame.width, 3), np.float32),
        np.zeros((frame.height, frame.width), np.float32),
    )
    rows, columns = min(len(view.coverage), frame.height - top), min(len(view.coverage), frame.width - left)
    color[top : top + rows, left : left + columns] = view.color[:rows, :columns]
    coverage[top : top + rows, left : left + columns] = view.coverage[:rows, :columns]
    return color, coverage


def _developed(rng: np.random.Generator, pixels: Float32[np.ndarray, "H W 3"]) -> bytes:
    """What a lens, a sensor and a JPEG encoder make of a picture."""
    blur, noise, quality = MAX_BLUR * rng.random(), MAX_NOISE * rng.random() ** 2, int(rng.integers(*QUALITY))
    pixels = gaussian_filter(pixels, (blur, blur, 0)) if blur > 0.3 else pixels
    pixels = pixels + rng.normal(0, noise, (*pixels.shape[:2], 1)) + rng.normal(0, noise / 2, pixels.shape)
    stream = io.BytesIO()
    Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()
