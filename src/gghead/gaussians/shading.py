"""The colour of Gaussians from where a camera stands."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.spherical_harmonics import C0, basis


def shade(gaussians: Gaussians, camera_centers: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B N 3"]:
    """Colours of the Gaussians in the unit directions from camera centres to their means.

    Returns:
        Display rgb = max(0, sh . basis(direction) + 0.5): not below 0, not bounded above.

    Example:
        >>> centers = Cameras.frontal(64).centers()[0]
        >>> grey = Gaussians(*(torch.ones(2, k) for k in (3, 4, 3)), torch.ones(2), torch.zeros(2, 4, 3))
        >>> shade(grey, centers).unique()
        tensor([0.5000])

    Source: Kerbl et al. 2023, section 5.1; the offset of 0.5 and the clamp at 0 are the convention of the field.
    """
    directions = torch.nn.functional.normalize(gaussians.means - camera_centers[..., None, :], dim=-1)
    values = basis(directions, gaussians.sh_degree)  # [*B, N, K]
    return ((gaussians.sh * values[..., None]).sum(-2) + 0.5).clamp_min(0)


def freeze_colors(gaussians: Gaussians, camera: Cameras) -> Gaussians:
    """The same scenes with the colour that one camera sees, whatever the direction they are seen from.

    The colour becomes the single coefficient of degree 0. The official videos are made so, with the frontal camera.

    Args:
        gaussians: scenes, batch *B.
        camera: one camera for all scenes (batch () or [1]), or one for each scene (batch *B).

    Raises:
        ValueError: the camera's batch is neither a single camera nor that of the scenes.
    """
    centers = camera.centers()
    if camera.batch_shape.numel() == 1:
        centers = centers.reshape(3).expand(*gaussians.batch_shape, 3)
    if centers.shape[:-1] != gaussians.batch_shape:
        raise ValueError(
            f"colours are frozen to cameras of batch {list(camera.batch_shape)}, the scenes have batch "
            f"{list(gaussians.batch_shape)}; give one camera, or one for each scene"
        )
    return replace(gaussians, sh=(shade(gaussians, centers)[..., None, :] - 0.5) / C0)
