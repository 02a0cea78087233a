"""The surface that a depth picture shows: its points and its normals."""

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.geometry.cameras import Cameras
from gghead.geometry.grids import pixel_centers


def points_from_depth(depth: Float[Tensor, "P H W 1"], cameras: Cameras) -> Float[Tensor, "P H W 3"]:
    """World points that pixels show in a depth (camera z, world units), one camera a picture."""
    pixels = pixel_centers(*depth.shape[1:3], like=depth).flatten(0, 1)
    return cameras.unproject(pixels, depth.flatten(1, 2)).reshape(*depth.shape[:3], 3)


def normals_from_depth(depth: Float[Tensor, "P H W 1"], cameras: Cameras) -> Float[Tensor, "P H W 3"]:
    """Unit normals, world, towards the camera; from central differences of neighbouring pixels' points.

    Pixels at the border repeat their neighbours; where nothing is drawn the normals mean nothing.
    """
    points = points_from_depth(depth, cameras)
    padded = torch.nn.functional.pad(points.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate").permute(0, 2, 3, 1)
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    # x to the right times y down points away from the viewer in the camera's frame.
    return torch.nn.functional.normalize(torch.cross(down, right, dim=-1), dim=-1)
