"""The network that tells from a face how the head is turned and which square FFHQ's camera sees.

It learned from rendered people, whose cameras are known exactly (`python -m studies.head_pose`). Landmarks alone say it
half as well: what a face's proportions are and how it is turned can't be told apart by them, see docs/experiments.md.
"""

from functools import cache
from importlib.resources import as_file, files
from itertools import pairwise

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

SIDE = 112
"""Pixels of the network's input."""
WIDTHS = (24, 48, 72, 112, 144)
"""Channels of the stem and of what follows it, each at half the resolution."""
CELLS = 4
"""Of the grid to which the last features are averaged, along a side."""
HIDDEN = 192
OUTPUTS = 6
CONTRAST_FLOOR = 0.05
"""Added to a picture's deviation, so that noise is not made a picture."""


class _Block(nn.Module):
    """Two convolutions beside a shortcut. Source: He et al. 2016, "Deep residual learning for image recognition"."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, features: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        return torch.relu(self.second(self.first(features)) + self.shortcut(features))


class PoseNetwork(nn.Module):
    """Grey pictures of faces, turned upright by the eyes, to poses of heads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, WIDTHS[0], 5, 2, 2, bias=False), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU())
        halving = [_Block(inputs, outputs, 2) for inputs, outputs in pairwise(WIDTHS)]
        self.body = nn.Sequential(*halving, _Block(WIDTHS[-1], WIDTHS[-1], 1))
        self.hidden = nn.Sequential(nn.Linear(WIDTHS[-1] * CELLS**2, HIDDEN), nn.ReLU())
        self.pose = nn.Linear(HIDDEN, OUTPUTS)

    def forward(self, pictures: Float[Tensor, "N 1 112 112"]) -> Float[Tensor, "N 6"]:
        """Poses of heads.

        Args:
            pictures: a square 1.6 times the face's, [0, 1].

        Returns:
            Yaw and pitch of the camera (radians); where the middle of its square lies beside the face's, right and down
            (sides of the face's square); logarithm of how many times as large it is; how far it is turned clockwise
            against the face's (radians).
        """
        return self.pose(self.features(pictures))

    def features(self, pictures: Float[Tensor, "N 1 112 112"]) -> Float[Tensor, "N 192"]:
        """What the pose follows from by a linear map."""
        middle = pictures.mean((-2, -1), keepdim=True)
        deviation = pictures.std((-2, -1), keepdim=True)
        seen = self.body(self.stem((pictures - middle) / (deviation + CONTRAST_FLOOR)))
        return self.hidden(nn.functional.adaptive_avg_pool2d(seen, CELLS).flatten(1))


@cache
def pose_network() -> PoseNetwork:
    """The network of the package, for any number of threads."""
    network = PoseNetwork()
    with as_file(files("gghead") / "assets" / "head_pose.safetensors") as path:
        weights = load_file(path)
    network.load_state_dict({name: weight.float() for name, weight in weights.items()})
    return network.eval().requires_grad_(False)
