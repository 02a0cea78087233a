"""MediaPipe's face models for tests: what people see in a picture who never saw how it was made."""

import sys
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from gghead.photos import FaceModels

WHEELS = Path(sys.prefix) / "models"
"""Where `make test` downloads the wheel to."""
IBUG_PARTS = {
    "jaw": [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389],
    "brows": [71, 63, 105, 66, 107, 336, 296, 334, 293, 301],
    "nose": [168, 197, 5, 4, 75, 97, 2, 326, 305],
    "eyes": [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380],
    "outer lips": [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181],
    "inner lips": [78, 82, 13, 312, 308, 317, 14, 87],
}
IBUG_68 = [index for part in IBUG_PARTS.values() for index in part]
"""Which of the landmarker's 468 points are the 68 of the iBUG convention."""


def face_models() -> FaceModels:
    """The models; skips the test that asks where they or LiteRT are not installed."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: no check against MediaPipe's models")
    if not list(WHEELS.glob("mediapipe-*.whl")):
        pytest.skip(f"no wheel of mediapipe in {WHEELS} (`make test` downloads it): no check against its models")
    return FaceModels(WHEELS)


def head_pose(points: Float[np.ndarray, "L 3"], pixels: Float[np.ndarray, "L 2"], focal: float, side: int) -> Rotation:
    """Rotation of the camera with the centre in the middle that sees world points at these pixels, OpenCV axes."""

    def residual(pose: np.ndarray) -> np.ndarray:
        seen = Rotation.from_rotvec(pose[:3]).apply(points) * [1, -1, -1] + pose[3:]
        return ((seen[:, :2] / seen[:, 2:] * focal * side + side / 2 - pixels) / side).ravel()

    fit = least_squares(residual, [0, 0, 0, 0, 0, 2.7], loss="soft_l1", f_scale=0.01)
    return Rotation.from_matrix(np.diag([1.0, -1, -1]) @ Rotation.from_rotvec(fit.x[:3]).as_matrix())
