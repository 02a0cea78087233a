"""The surface of a depth picture, against planes whose depth is known."""

import torch

from gghead.geometry.cameras import Cameras
from gghead.geometry.normals import normals_from_depth, points_from_depth


def test_points_and_normals_of_a_slanted_plane() -> None:
    camera = Cameras.frontal(resolution=32)
    # The plane n . x = 0 through the origin, seen from (0, 0, 2.7).
    normal = torch.nn.functional.normalize(torch.tensor([0.3, 0.2, 1.0]), dim=0)
    axis = torch.arange(32) + 0.5
    x = (axis - 16) / camera.Ks[0, 0, 0]
    rays = torch.stack([x.expand(32, 32), -x[:, None].expand(32, 32), -torch.ones(32, 32)], dim=-1)
    depth = (-2.7 * normal[2] / (rays @ normal))[None, ..., None]
    torch.testing.assert_close(points_from_depth(depth, camera)[0] @ normal, torch.zeros(32, 32), rtol=0, atol=1e-5)
    torch.testing.assert_close(normals_from_depth(depth, camera)[0], normal.expand(32, 32, 3), rtol=0, atol=1e-3)
