"""The texture of a head's mesh: what cameras all around see of the Gaussians, painted back onto the surface.

Colours of single Gaussians would be noisier: what one sees is a mixture of many, some behind the surface.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from gghead.exports.mesh import fill
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_DISTANCE
from gghead.geometry.trajectories import on_sphere
from gghead.media.meshes import Mesh
from gghead.rasterizer import render
from gghead.uv.bake import rasterize

TEXTURE = 1024
"""Side of the texture: eyes and mouths, which are a few grid points wide, need more of it than one texel a vertex."""
RESOLUTION = 1024
"""Side of the pictures; a texel is about a pixel wide in them."""
YAWS, PITCHES = 8, (0.0, 0.7)
"""Cameras a ring, and the rings' heights, radians."""
FOCAL = 2.6
"""Focal length in sides of the picture: the whole head fits, from the side, too."""
FACING_POWER = 4
"""Weight of a camera: the cosine at which it sees the surface, to this power."""
MIN_COSINE = 0.2
HIDDEN_BEHIND = 0.01
"""A point is hidden from a camera that sees something so much nearer, world units."""
MIN_ALPHA = 0.9
MIN_WEIGHT = 0.05
"""Sum of weights from which on the pictures alone decide a texel's colour."""


@torch.no_grad()
def paint(mesh: Mesh, head: Gaussians) -> Mesh:
    """The mesh with the texture that cameras see.

    Args:
        mesh: in the head space; triangles do not overlap in its texture.
        head: a single scene, as files hold it: with the smoothing filter, so that all cameras see it whole.
    """
    texels, points, normals = texture_points(mesh)
    sums = torch.zeros(len(points), 4)
    cameras = ring()
    for number in range(len(cameras)):
        sums += seen_by(cameras[number : number + 1], head, points, normals)
    painted, weights = np.zeros((TEXTURE**2, 3)), np.zeros(TEXTURE**2)
    painted[texels] = (sums[:, :3] / sums[:, 3:].clamp_min(1e-9)).clamp(0, 1).numpy()
    weights[texels] = (sums[:, 3] / MIN_WEIGHT).clamp(0, 1).numpy()
    if not weights.any():
        return mesh  # nothing opaque to see: the Gaussians' own colours stay
    filled = fill(painted.reshape(TEXTURE, TEXTURE, 3), weights.reshape(TEXTURE, TEXTURE))
    return replace(mesh, texture=(filled.clip(0, 1) * 255).round().astype(np.uint8))


def texture_points(mesh: Mesh) -> tuple[Int[np.ndarray, " H"], Float[Tensor, "H 3"], Float[Tensor, "H 3"]]:
    """Texels of the texture that triangles cover, row by row in one count, and the points and normals there."""
    assert mesh.uvs is not None, "only meshes of a chart are textured"
    corners = mesh.uvs.astype(np.float64) * TEXTURE - 0.5
    face, texels, weights = rasterize(corners, mesh.faces, TEXTURE)
    points, normals = (
        torch.from_numpy((weights[:, :, None] * values[mesh.faces[face]]).sum(axis=1).astype(np.float32))
        for values in (mesh.vertices, mesh.normals)
    )
    return texels, points, functional.normalize(normals, dim=-1)


def ring() -> Cameras:
    """Cameras all around at the distance of rest."""
    yaw = torch.arange(YAWS) * (2 * torch.pi / YAWS)
    pitch = torch.tensor(PITCHES)[:, None].expand(-1, YAWS)
    eyes = on_sphere(yaw.expand_as(pitch), pitch, FFHQ_DISTANCE).reshape(-1, 3)
    return Cameras.looking_at(eyes, torch.zeros(3), RESOLUTION, FOCAL)


def seen_by(
    camera: Cameras, head: Gaussians, points: Float[Tensor, "V 3"], normals: Float[Tensor, "V 3"]
) -> Float[Tensor, "V 4"]:
    """Colours at points in one camera's picture times its weights, and the weights."""
    rendering = render(head, camera, background=0.0)
    pixels, own_depth = (part[0] for part in camera.project(points))
    screen = pixels / (RESOLUTION / 2) - 1
    picture = torch.cat([rendering.rgb, rendering.alpha, rendering.depth], dim=-1)[0].movedim(-1, 0)
    found = functional.grid_sample(picture[None], screen[None, :, None], align_corners=False)[0, :, :, 0].T
    rgb, alpha, depth = found[:, :3], found[:, 3:4], found[:, 4]
    cosine = (normals * functional.normalize(camera.centers() - points, dim=-1)).sum(-1)
    inside: Bool[Tensor, " V"] = (screen.abs() < 1).all(dim=-1)
    trusted = inside & (alpha[:, 0] > MIN_ALPHA) & (cosine > MIN_COSINE) & (own_depth[:, 0] < depth + HIDDEN_BEHIND)
    weight = torch.where(trusted, cosine**FACING_POWER, 0)[:, None]
    return torch.cat([rgb / alpha.clamp_min(MIN_ALPHA) * weight, weight], dim=-1)
