"""A picture of a textured mesh, by a depth buffer in a few lines that share nothing with the code under test."""

import numpy as np
import torch

from gghead.geometry.cameras import Cameras
from gghead.uv.bake import rasterize


def draw_mesh(
    vertices: np.ndarray, faces: np.ndarray, uvs: np.ndarray, texture: np.ndarray, cameras: Cameras
) -> list[torch.Tensor]:
    """Pictures [H, W, 3] in [0, 1] on white; uvs with v down. Triangles are small: weights need no perspective."""
    pictures = []
    for viewmat, K in zip(cameras.viewmats.numpy(), cameras.Ks.numpy(), strict=True):
        points = vertices @ viewmat[:3, :3].T + viewmat[:3, 3]
        screen = (points @ K.T)[:, :2] / points[:, 2:] - 0.5
        face, pixel, weights = rasterize(screen, faces, cameras.width)
        depth = (weights * points[faces[face], 2]).sum(axis=1)
        order = np.argsort(-depth, kind="stable")  # the nearest is written last
        corners = uvs[faces[face[order]]]
        place = ((weights[order, :, None] * corners).sum(axis=1) * len(texture)).astype(int).clip(0, len(texture) - 1)
        picture = np.ones((cameras.width * cameras.height, 3), np.float32)
        picture[pixel[order]] = texture[place[:, 1], place[:, 0]] / 255
        pictures.append(torch.from_numpy(picture.reshape(cameras.height, cameras.width, 3)))
    return pictures
