"""Gaussians as solid ellipsoids, one standard deviation large, the nearest along each ray, lit from the camera."""

import math

import numba
import numpy as np
from jaxtyping import Float

from gghead.config.compiled import compiled
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import shade
from gghead.geometry.cameras import Cameras
from gghead.geometry.rotations import matrices_from_quats

MIN_OPACITY = 0.05
"""Gaussians below it are hardly there and are left out."""
AMBIENT = 0.35
"""Brightness of a surface that the light from the camera only grazes."""
BANDS = 8
"""Pieces of a picture that are drawn side by side."""
NEAR = 0.05
"""Ellipsoids nearer to the camera are left out, world units."""


def draw_ellipsoids(
    gaussians: Gaussians, camera: Cameras, background: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "H W 3"]:
    """Draws a single scene on any device, as a camera sees it, batch [1]; display rgb in [0, 1]."""
    kept = gaussians.map(lambda tensor: tensor[gaussians.opacities >= MIN_OPACITY].detach().float())
    colors = shade(kept, camera.centers()[0]).clamp(0, 1)
    rotation = camera.viewmats[0, :3, :3]
    centers = kept.means @ rotation.mT + camera.viewmats[0, :3, 3]
    # Rows of M send a camera-space offset to the space in which the ellipsoid is the unit sphere.
    to_sphere = (rotation @ matrices_from_quats(kept.quats)).mT / kept.scales[..., None]
    radii = kept.scales.amax(dim=-1)
    picture = np.empty((camera.height, camera.width, 3), np.float32)
    picture[:] = background
    arrays = [tensor.cpu().numpy().astype(np.float32) for tensor in (centers, to_sphere, radii, colors)]
    _draw(*arrays, camera.Ks[0].cpu().numpy().astype(np.float32), picture)
    return picture


@compiled(parallel=True, nogil=True, error_model="numpy")
def _draw(centers, to_sphere, radii, colors, K, picture):
    height, width = picture.shape[:2]
    for band in numba.prange(BANDS):
        top, bottom = band * height // BANDS, (band + 1) * height // BANDS
        nearest = np.full((bottom - top, width), np.inf, np.float32)
        for i in range(len(centers)):
            x, y, z = centers[i]
            if not z > NEAR + radii[i]:
                continue
            # The sphere around the ellipsoid, seen at its nearest depth: a bound that is safe off the axis, too.
            reach = radii[i] / (z - radii[i])
            u, v = K[0, 0] * x / z + K[0, 2], K[1, 1] * y / z + K[1, 2]
            wide, high = K[0, 0] * reach * (1 + abs(x / z)) + 1, K[1, 1] * reach * (1 + abs(y / z)) + 1
            first_row, last_row = max(top, math.floor(v - high)), min(bottom, math.ceil(v + high))
            first_column, last_column = max(0, math.floor(u - wide)), min(width, math.ceil(u + wide))
            M = to_sphere[i]
            ox = M[0, 0] * x + M[0, 1] * y + M[0, 2] * z
            oy = M[1, 0] * x + M[1, 1] * y + M[1, 2] * z
            oz = M[2, 0] * x + M[2, 1] * y + M[2, 2] * z
            for row in range(first_row, last_row):
                ry = (row + 0.5 - K[1, 2]) / K[1, 1]
                for column in range(first_column, last_column):
                    rx = (column + 0.5 - K[0, 2]) / K[0, 0]
                    dx = M[0, 0] * rx + M[0, 1] * ry + M[0, 2]
                    dy = M[1, 0] * rx + M[1, 1] * ry + M[1, 2]
                    dz = M[2, 0] * rx + M[2, 1] * ry + M[2, 2]
                    # |t d - o|^2 = 1, t = depth along the camera's z axis.
                    a, b = dx * dx + dy * dy + dz * dz, dx * ox + dy * oy + dz * oz
                    # The distance of the line from the centre, without the cancellation of b^2 - a c.
                    s = b / a
                    ex, ey, ez = s * dx - ox, s * dy - oy, s * dz - oz
                    inside = 1 - (ex * ex + ey * ey + ez * ez)
                    if inside <= 0:
                        continue
                    t = s - math.sqrt(inside / a)
                    if t <= 0 or t >= nearest[row - top, column]:
                        continue
                    nearest[row - top, column] = t
                    px, py, pz = t * dx - ox, t * dy - oy, t * dz - oz
                    nx = M[0, 0] * px + M[1, 0] * py + M[2, 0] * pz
                    ny = M[0, 1] * px + M[1, 1] * py + M[2, 1] * pz
                    nz = M[0, 2] * px + M[1, 2] * py + M[2, 2] * pz
                    facing = -(nx * rx + ny * ry + nz) / math.sqrt(
                        (nx * nx + ny * ny + nz * nz) * (rx * rx + ry * ry + 1)
                    )
                    light = AMBIENT + (1 - AMBIENT) * max(facing, 0.0)
                    for channel in range(3):
                        picture[row, column, channel] = colors[i, channel] * light
