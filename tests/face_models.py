"""MediaPipe's face models through LiteRT: what people see in a picture who never saw how it was made.

The models (Apache-2.0) lie in the wheel of the package mediapipe, which `make test` downloads but does not install,
since its code is not needed. Source of the pipeline: Bazarevsky et al. 2019, "BlazeFace"; Kartynnik et al. 2019,
"Real-time facial surface geometry from monocular video on mobile GPUs".
"""

import math
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

WHEELS = Path(sys.prefix) / "models"
DETECTOR = "mediapipe/modules/face_detection/face_detection_short_range.tflite"
LANDMARKER = "mediapipe/modules/face_landmark/face_landmark.tflite"
SEGMENTER = "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite"
DETECTOR_SIDE, LANDMARKER_SIDE, SEGMENTER_SIDE = 128, 192, 256
ANCHOR_GRIDS = ((16, 2), (8, 6))
"""Cells along a side and anchors a cell of the detector's two outputs."""
MARGIN = 1.5
"""The landmarker looks at a square so much larger than the detector's box."""
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


@dataclass(frozen=True)
class Face:
    """A face that was found: landmarks in pixels, and how sure the landmarker is that there is one, 0 to 1."""

    landmarks: Float[np.ndarray, "468 3"]
    presence: float


class FaceModels:
    """Detector, landmarker and segmenter."""

    def __init__(self, wheel: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with zipfile.ZipFile(wheel) as archive:
            content = [archive.read(name) for name in (DETECTOR, LANDMARKER, SEGMENTER)]
        self._networks = [Interpreter(model_content=model, num_threads=1) for model in content]
        for network in self._networks:
            network.allocate_tensors()
        centers = [
            np.repeat(np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 2), anchors, axis=0)
            for grid, anchors in ANCHOR_GRIDS
            for cells in [(np.arange(grid) + 0.5) / grid]
        ]
        self._anchors = np.concatenate(centers)

    def find_face(self, pixels: UInt8[np.ndarray, "R R 3"], threshold: float = 0.5) -> Face | None:
        """The surest face of a picture, or None where detector or landmarker doubt that there is one."""
        side = len(pixels)
        picture = Image.fromarray(pixels)
        small = np.asarray(picture.resize((DETECTOR_SIDE, DETECTOR_SIDE), Image.Resampling.BILINEAR), np.float32)
        boxes, scores = self._run(0, small / 127.5 - 1)
        best = int(scores[0, :, 0].argmax())
        if _sigmoid(scores[0, best, 0]) < threshold:
            return None
        box = boxes[0, best] / DETECTOR_SIDE
        center = box[:2] + self._anchors[best]
        right_eye, left_eye = box[4:6] + self._anchors[best], box[6:8] + self._anchors[best]
        turn = math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])
        extent = float(box[2:4].max()) * MARGIN
        # Pixel (x, y) of the crop shows the picture at centre + extent * R(turn) ((x, y) / side of the crop - 1/2).
        step = extent * side / LANDMARKER_SIDE
        a, b = step * math.cos(turn), step * math.sin(turn)
        middle = LANDMARKER_SIDE / 2
        x0, y0 = center[0] * side - a * middle + b * middle, center[1] * side - b * middle - a * middle
        crop = picture.transform(
            (LANDMARKER_SIDE, LANDMARKER_SIDE), Image.Transform.AFFINE, (a, -b, x0, b, a, y0), Image.Resampling.BILINEAR
        )
        points, flag = self._run(1, np.asarray(crop, np.float32) / 255)
        local = points.reshape(468, 3)
        x, y = local[:, 0], local[:, 1]
        landmarks = np.stack([a * x - b * y + x0, b * x + a * y + y0, local[:, 2] * step], 1)
        presence = float(_sigmoid(flag.ravel()[0]))
        return Face(landmarks, presence) if presence >= threshold else None

    def segment(self, pixels: UInt8[np.ndarray, "R R 3"]) -> Float[np.ndarray, "256 256"]:
        """Probability that a pixel shows a person, at the segmenter's own resolution."""
        picture = Image.fromarray(pixels).resize((SEGMENTER_SIDE, SEGMENTER_SIDE), Image.Resampling.BILINEAR)
        return self._run(2, np.asarray(picture, np.float32) / 255)[0][0, :, :, 0]

    def _run(self, index: int, picture: np.ndarray) -> list[np.ndarray]:
        network = self._networks[index]
        network.set_tensor(network.get_input_details()[0]["index"], picture[None].astype(np.float32))
        network.invoke()
        return [network.get_tensor(output["index"]) for output in network.get_output_details()]


def face_models() -> FaceModels:
    """The models; skips the test that asks where they or LiteRT are not installed."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: no check against MediaPipe's models")
    wheels = sorted(WHEELS.glob("mediapipe-*.whl"))
    if not wheels:
        pytest.skip(f"no wheel of mediapipe in {WHEELS} (`make test` downloads it): no check against its models")
    return FaceModels(wheels[0])


def head_pose(points: Float[np.ndarray, "L 3"], pixels: Float[np.ndarray, "L 2"], focal: float, side: int) -> Rotation:
    """Rotation of the camera with the centre in the middle that sees world points at these pixels, OpenCV axes."""

    def residual(pose: np.ndarray) -> np.ndarray:
        seen = Rotation.from_rotvec(pose[:3]).apply(points) * [1, -1, -1] + pose[3:]
        return ((seen[:, :2] / seen[:, 2:] * focal * side + side / 2 - pixels) / side).ravel()

    fit = least_squares(residual, [0, 0, 0, 0, 0, 2.7], loss="soft_l1", f_scale=0.01)
    return Rotation.from_matrix(np.diag([1.0, -1, -1]) @ Rotation.from_rotvec(fit.x[:3]).as_matrix())


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-float(np.clip(logit, -50, 50))))
