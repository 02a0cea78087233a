"""A batch of scenes: what an index chooses, and how it is shown."""

import pytest
import torch

from gghead.gaussians.scene import Gaussians


def test_only_the_batch_is_indexed() -> None:
    scene = Gaussians(*(torch.rand(2, 5, count) for count in (3, 4, 3)), torch.rand(2, 5), torch.rand(2, 5, 1, 3))
    assert [one.batch_shape for one in scene] == [(), ()]
    assert scene[..., 0].num_gaussians == 5
    assert scene[torch.tensor([False, True])].batch_shape == (1,)
    for index in ((0, 0), (..., 0, 0), 2, True):
        with pytest.raises(IndexError):
            scene[index]
    with pytest.raises(IndexError, match="a single scene"):
        scene[0][0]
    for use in (len, list):
        with pytest.raises(TypeError, match="a single scene"):
            use(scene[0])
