"""An image of a COLMAP model, as text and as bytes."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class ColmapImage:
    """An image with its pose.

    Attributes:
        name: of its file, with "/".
        camera: id of its camera.
        quaternion: w x y z of the rotation from the world to the camera, of any length but 0.
        translation: x y z of the same.
    """

    name: str
    camera: int
    quaternion: tuple[float, float, float, float]
    translation: tuple[float, float, float]

    def pose(self) -> Float[np.ndarray, "4 4"]:
        """World-to-camera matrix, OpenCV axes."""
        length = math.hypot(*self.quaternion)
        w, x, y, z = (number / length for number in self.quaternion)
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
        pose[:3, 3] = self.translation
        return pose
