"""How far what is said of a head in a crop is from the truth: pure geometry, every measure defined here.

The crop is a similarity of the photograph, p_crop = R(-roll) (p - center) / side + 0.5, so that the true camera of the
crop is known exactly. With the photograph's K = [f 0 x; 0 f y; 0 0 1] and world -> camera [Q | t] it has intrinsics
[f / side 0 x'; 0 f / side y'; 0 0 1], where (x', y') is (x, y) in the crop, and world -> camera R(-roll) [Q | t], the
crop's turn moved into the rotation about the camera's axis.

Two cameras in one place may show one picture with different principal points and rotations. Both, the true one and the
label's, are therefore turned until they look through the middle of the crop before they are compared: their rotation is
that of `aimed`, and their focal length, at an angle a off the old axis, grows by cos(a)^-1.5, the mean of how the
picture is stretched in both directions there (less than 0.2 % up to 3 degrees).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64
from scipy.ndimage import distance_transform_edt

from benchmarks.photographs.framing import rotation_to
from gghead.photos.crop import Crop

RIM_PIXELS = 4
"""Pixels are at the rim up to this distance from where the true mask passes one half."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera of a crop, whose sides have length 1 and whose upper left corner is (0, 0).

    Attributes:
        cam2world: rigid, OpenCV axes.
        focal: in sides of the crop.
        principal: where its axis meets the crop.
    """

    cam2world: Float64[np.ndarray, "4 4"]
    focal: float
    principal: Float64[np.ndarray, "2"]

    @classmethod
    def of_label(cls, label: Float[np.ndarray, "25"]) -> "Camera":
        """The camera that a dataset's label describes."""
        K = label[16:].reshape(3, 3).astype(np.float64)
        return cls(label[:16].reshape(4, 4).astype(np.float64), float((K[0, 0] + K[1, 1]) / 2), K[:2, 2])

    @classmethod
    def of_crop(cls, K: Float64[np.ndarray, "3 3"], cam2world: Float64[np.ndarray, "4 4"], crop: Crop) -> "Camera":
        """The true camera of a crop of a photograph with intrinsics K in pixels."""
        cos, sin = math.cos(crop.roll), math.sin(crop.roll)
        turned = cam2world.copy()
        turned[:3, :3] = cam2world[:3, :3] @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        return cls(turned, float(K[0, 0]) / crop.side, crop.from_photograph(K[:2, 2]))

    def project(self, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 2"]:
        """World points -> places in the crop."""
        seen = (points - self.cam2world[:3, 3]) @ self.cam2world[:3, :3]
        return seen[:, :2] / seen[:, 2:] * self.focal + self.principal

    def aimed(self) -> "Camera":
        """This camera, turned by the least angle until its axis passes through the middle of the crop."""
        ray = np.append((0.5 - self.principal) / self.focal, 1.0)
        turned = self.cam2world.copy()
        turned[:3, :3] = turned[:3, :3] @ rotation_to(ray)
        return Camera(turned, self.focal * float(np.linalg.norm(ray)) ** 1.5, np.array([0.5, 0.5]))

    def angles(self) -> tuple[float, float]:
        """Yaw and pitch of the direction against which it looks, degrees: from +z towards +x, and above."""
        x, y, z = -self.cam2world[:3, 2]
        return math.degrees(math.atan2(x, z)), math.degrees(math.asin(min(1.0, max(-1.0, y))))

    def magnification(self) -> float:
        """Length in the crop, in its sides, of one world unit across the axis at the depth of the world's origin."""
        return self.focal / float(-self.cam2world[:3, 3] @ self.cam2world[:3, 2])


@dataclass(frozen=True)
class CameraScore:
    """The label's camera against the true one of the same crop.

    Attributes:
        rotation: angle between both rotations after `aimed`, degrees.
        yaw, pitch: the label's minus the true one, after `aimed`, degrees.
        center_x, center_y: where the label's camera sees the world's origin minus where the true one sees it, sides.
        center: length of that, sides.
        scale: the label's magnification over the true one, after `aimed`, minus 1.
        reprojection: mean distance, over visible true landmarks, to the template's through the label, sides; NaN where
            none is visible.
    """

    rotation: float
    yaw: float
    pitch: float
    center_x: float
    center_y: float
    center: float
    scale: float
    reprojection: float


def score_camera(
    label: Camera,
    truth: Camera,
    template: Float[np.ndarray, "68 3"],
    landmarks: Float[np.ndarray, "68 2"],
    visible: Bool[np.ndarray, "68"],
) -> CameraScore:
    """Compares a label with the truth.

    Args:
        label: its camera.
        truth: the true camera of the same crop.
        template: the landmarks of the mean head, world.
        landmarks: the true ones, in the crop.
        visible: which of these are seen.
    """
    ours, theirs = label.aimed(), truth.aimed()
    between = ours.cam2world[:3, :3].T @ theirs.cam2world[:3, :3]
    # The chord is exact for small angles, where the cosine is not.
    chord = np.linalg.norm(between - np.eye(3)) / math.sqrt(8)
    (yaw, pitch), (true_yaw, true_pitch) = ours.angles(), theirs.angles()
    origin = np.zeros((1, 3))
    shift = (label.project(origin) - truth.project(origin))[0]
    away = np.linalg.norm(label.project(template) - landmarks, axis=1)[visible]
    return CameraScore(
        rotation=math.degrees(2 * math.asin(min(1.0, float(chord)))),
        yaw=(yaw - true_yaw + 180) % 360 - 180,
        pitch=pitch - true_pitch,
        center_x=float(shift[0]),
        center_y=float(shift[1]),
        center=float(np.linalg.norm(shift)),
        scale=ours.magnification() / theirs.magnification() - 1,
        reprojection=float(away.mean()) if len(away) else math.nan,
    )


@dataclass(frozen=True)
class MaskScore:
    """An alpha against the true one at the same pixels.

    Attributes:
        iou: intersection over union of where both are at least one half.
        edge: mean absolute difference within `RIM_PIXELS` of where the true mask passes one half, 0 to 1; NaN where it
            does so nowhere.
        everywhere: mean absolute difference of all pixels.
    """

    iou: float
    edge: float
    everywhere: float


def score_mask(
    alpha: Float[np.ndarray, "R R"], truth: Float[np.ndarray, "R R"], inside: Bool[np.ndarray, "R R"]
) -> MaskScore:
    """Compares masks where the crop is inside of the photograph.

    Args:
        alpha: what is scored.
        truth: the true mask, reflected beyond the photograph's edges, where a cut body therefore has no rim.
        inside: pixels inside of the photograph.
    """
    person = truth >= 0.5
    both = np.count_nonzero((alpha >= 0.5) & person & inside)
    either = np.count_nonzero(((alpha >= 0.5) | person) & inside)
    rim = np.zeros_like(inside)
    if person.any() and not person.all():
        # Distances are between centres of pixels: the rim itself is half a pixel from the first one on both sides.
        away = np.where(person, distance_transform_edt(person), distance_transform_edt(~person)) - 0.5
        rim = (away <= RIM_PIXELS) & inside
    error = np.abs(alpha - truth)
    return MaskScore(
        iou=both / either if either else 1.0,
        edge=float(error[rim].mean()) if rim.any() else math.nan,
        everywhere=float(error[inside].mean()) if inside.any() else math.nan,
    )
