"""How a batch of scenes is shown; what all batches share is in tests/geometry/test_batches.py."""

import torch

from gghead.gaussians.scene import Gaussians


def test_scenes_are_shown_in_one_short_line() -> None:
    scene = Gaussians(*(torch.rand(2, 5, count) for count in (3, 4, 3)), torch.rand(2, 5), torch.rand(2, 5, 1, 3))
    assert repr(scene) == "Gaussians(batch [2], 5 each, 1 SH coefficients, float32 on cpu)"
    assert (scene.num_gaussians, scene.sh_degree) == (5, 0)
