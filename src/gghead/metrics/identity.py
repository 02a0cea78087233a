"""Who is it? A face-recognition network turns faces into vectors that are close if they show the same person.

The weights are those of the package `face_recognition_models` (CC0), whose own code is paths and is not run; `dlib`
computes with them on the CPU, about 75 ms a face. Nothing detects faces: the caller knows where the landmarks are.

Source: King 2017, "High Quality Face Recognition with Deep Metric Learning", and the page of dlib's example
`dnn_face_recognition_ex`: ResNet-34 with half of the filters, 128 numbers, threshold 0.6.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from gghead.checkpoint.store import file_hash

PACKAGE = "face_recognition_models"
WEIGHTS = "models/dlib_face_recognition_resnet_model_v1.dat"
WEIGHTS_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
PUBLISHED_THRESHOLD = 0.6
"""Photographs of one person are nearer than this, of two farther: right for 99.38 % of the pairs of LFW."""
CHIP_SIDE, CHIP_PADDING = 150, 0.25
"""How large the network wants a face, pixels, and how much around it."""
ENLARGED_SIDE = 512
"""Smaller pictures are brought to this side first: dlib rounds landmarks to whole pixels."""


class FaceRecognizer:
    """dlib's network with its published weights."""

    def __init__(self) -> None:
        """Loads the weights.

        Raises:
            FileNotFoundError: a package of the extra `identity` is not installed.
            ValueError: the weights are not those that gghead knows.
        """
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None or find_spec("dlib") is None:
            raise FileNotFoundError("dlib or its face-recognition weights are missing; pip install 'gghead[identity]'")
        path = Path(spec.origin).parent / WEIGHTS
        if not path.is_file() or file_hash(path) != WEIGHTS_SHA256:
            raise ValueError(f"{path} is missing or not the published file; reinstall face_recognition_models")
        self._dlib: Any = import_module("dlib")  # of an extra, and without types
        self._network = self._dlib.face_recognition_model_v1(str(path))

    def embed(
        self, pictures: UInt8[np.ndarray, "N R R 3"], landmarks: Float[np.ndarray, "N 5 2"]
    ) -> Float[Tensor, "N 128"]:
        """Vectors of faces.

        Args:
            pictures: one face each.
            landmarks: outer and inner corner of the person's left eye, the same of the right, base of the nose; pixels,
                x right, y down, the first pixel's centre 0.5.
        """
        found = self._network.compute_face_descriptor(
            [self.aligned(picture, points) for picture, points in zip(pictures, landmarks, strict=True)]
        )
        return torch.from_numpy(np.array(found, np.float32))

    def aligned(
        self, picture: UInt8[np.ndarray, "R R 3"], points: Float[np.ndarray, "5 2"]
    ) -> UInt8[np.ndarray, "150 150 3"]:
        """The face as the network sees it: turned, scaled, shifted by the landmarks; black outside of the picture."""
        factor = max(1, round(ENLARGED_SIDE / len(picture)))
        side = factor * len(picture)
        large = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))
        # dlib counts from the centre of the first pixel.
        parts = [self._dlib.point(*(int(value) for value in row)) for row in (points * factor - 0.5).round()]
        face = self._dlib.full_object_detection(self._dlib.rectangle(0, 0, side, side), parts)
        return self._dlib.get_face_chip(large, face, CHIP_SIDE, CHIP_PADDING)


def load_recognizer() -> FaceRecognizer | None:
    """The network, or None where the extra `identity` is not installed.

    Raises:
        ValueError: the weights are not those that gghead knows.
    """
    try:
        return FaceRecognizer()
    except FileNotFoundError:
        return None
