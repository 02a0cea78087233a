"""The official rasterizer's pictures of a tiny official model, drawn by ours from the same Gaussians."""

import numpy as np
import pytest
import torch
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from official_fixture import official_arrays
from tolerances import OFFICIAL_PSNR


def psnr(actual: Tensor, expected: np.ndarray) -> float:
    """Decibels between pictures in [-1, 1]: ours HWC, theirs CHW."""
    error = (actual.movedim(-1, -3) - torch.from_numpy(expected)).square().mean()
    return float(10 * torch.log10(4 / error))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_pictures_equal_the_official_ones(backend: str) -> None:
    arrays = official_arrays()
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items() if name != "z"}
    scenes = Gaussians(
        means=tensors["gaussians_position"],
        quats=tensors["gaussians_rotation"],
        scales=tensors["gaussians_scale"].exp(),
        opacities=tensors["opacity_activated"][..., 0],
        sh=tensors["gaussians_color"].unflatten(-1, (4, 3)),
    )
    cameras = Cameras.from_labels(tensors["c_render"], 128)
    uv = tensors["uv_grid"].reshape(1, -1, 2).expand(4, -1, 2)
    with torch.no_grad():
        drawn = render(scenes, cameras, features=uv, pairwise=True, backend=backend)
        frozen = render(freeze_colors(scenes, cameras[:1]), cameras, pairwise=True, backend=backend)
    assert psnr(2 * drawn.rgb - 1, arrays["image"]) >= OFFICIAL_PSNR
    assert psnr(2 * drawn.alpha - 1, arrays["mask"]) >= OFFICIAL_PSNR
    on_white = drawn.features + (1 - drawn.alpha)
    assert psnr(on_white, arrays["uv_render"][:, :2]) >= OFFICIAL_PSNR
    assert psnr(2 * frozen.rgb - 1, arrays["image_sh_ref_cam0"]) >= OFFICIAL_PSNR
