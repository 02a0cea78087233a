"""From a face to the camera that sees the head, and to the square of the photograph that it sees."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.faces.landmarks import Face
from gghead.photos.faces.pose_network import SIDE, PoseNetwork
from gghead.photos.faces.template import FaceTemplate

MARGIN = 1.6
"""The network looks at a square so much larger than the face in it."""
LOOKS = ((1.0, 0.0), (0.93, 0.05), (1.07, -0.05), (0.96, -0.09), (1.04, 0.09))
"""Looks at a face, each as it is and mirrored: how much larger than `MARGIN` says, and how far turned, radians."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue (ITU-R BT.601)."""
MIRRORED = torch.tensor([-1.0, 1, -1, 1, 1, -1])
"""Signs of the network's outputs for a mirrored picture."""


@dataclass(frozen=True)
class HeadPose:
    """How a camera of FFHQ's focal length and distance sees a head.

    Attributes:
        yaw: of the camera, towards the person's left, radians.
        pitch: of the camera, upwards, radians.
        crop: the square of the photograph that it sees.
    """

    yaw: float
    pitch: float
    crop: Crop

    def label(self, focal: float = FFHQ_FOCAL) -> Float32[np.ndarray, "25"]:
        """Camera label of EG3D's convention, for the square of `framed`."""
        label = posed_label(self.yaw, self.pitch)
        label[[16, 20]] = focal
        return label

    def framed(self, focal: float) -> Crop:
        """The square that a camera of another focal length sees from the same place."""
        return self.crop.widened(FFHQ_FOCAL / focal)

    def misfit(self, face: Face, template: FaceTemplate) -> float:
        """How far the landmarks lie from where the camera sees the mean face's, in their usual deviations (median)."""
        camera = Cameras.from_labels(torch.from_numpy(self.label()), resolution=1)
        seen = camera.project(torch.from_numpy(template.points).float())[0].numpy()
        away = np.linalg.norm(self.crop.from_photograph(face.landmarks[:, :2]) - seen, axis=1)
        return float(np.median(away / template.deviations))


def estimate_pose(pixels: UInt8[np.ndarray, "H W 3"], face: Face, network: PoseNetwork) -> HeadPose:
    """The pose of the head that a face belongs to, the mean of several looks at it.

    Args:
        pixels: the photograph.
        face: one of its faces.
        network: tells the pose.
    """
    box = face.box
    squares = [Crop(box.center, box.side * times, box.roll + turn) for times, turn in LOOKS]
    looks = np.stack([cut(pixels, square.widened(MARGIN), SIDE, "edge")[0] @ (LUMA / 255) for square in squares])
    pictures = torch.from_numpy(looks)[:, None]
    with torch.inference_mode():
        straight, mirrored = network(torch.cat([pictures, pictures.flip(-1)])).chunk(2)
    answers = ((straight + mirrored * MIRRORED) / 2).double().numpy()
    middles = np.stack(
        [square.to_photograph(answer[2:4] + 0.5) for square, answer in zip(squares, answers, strict=True)]
    )
    sides = [square.side * math.exp(answer[4]) for square, answer in zip(squares, answers, strict=True)]
    rolls = [square.roll + answer[5] for square, answer in zip(squares, answers, strict=True)]
    yaw, pitch = answers[:, :2].mean(axis=0)
    x, y = middles.mean(axis=0)
    return HeadPose(float(yaw), float(pitch), Crop((float(x), float(y)), float(np.mean(sides)), float(np.mean(rolls))))
