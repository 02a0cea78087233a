"""Scenes for timing rasterizers on heads: the same numbers on every machine, from a scene's name alone."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_DISTANCE, FFHQ_FOCAL
from gghead.geometry.spherical_harmonics import C0
from gghead.uv.template import HeadTemplate

INITIAL_LOG_SCALE, TRAINED_LOG_SCALE = -5.127, -6.0
"""Of an untrained generator (its regulariser's optimum), and of a trained one."""
JITTER = 0.004
"""Standard deviation of the means around the template, world units."""


@dataclass(frozen=True)
class Scene:
    """What to draw: texels of a grid x grid raster of the template's chart, as Gaussians of heads with a camera each.

    "initial" has scales and opacities of an untrained generator, "trained" smaller and mixed ones.
    """

    name: str
    grid: int
    heads: int
    resolution: int
    kind: str


SCENES = (
    Scene("initial-256-b32", 256, 32, 256, "initial"),
    Scene("initial-512-b1", 512, 1, 512, "initial"),
    Scene("initial-512-b8", 512, 8, 512, "initial"),
    Scene("initial-1024-b1", 512, 1, 1024, "initial"),
    Scene("trained-256-b32", 256, 32, 256, "trained"),
    Scene("trained-512-b8", 512, 8, 512, "trained"),
    Scene("trained-1024-b1", 512, 1, 1024, "trained"),
    Scene("viewer-512-b1", 256, 1, 512, "trained"),
)


@dataclass(frozen=True)
class Heads:
    """A scene's Gaussians, whose colours have degree 0, the same colours as rgb, and a camera for each head."""

    gaussians: Gaussians
    rgb: Tensor
    cameras: Cameras


def texel_positions(grid: int) -> np.ndarray:
    """Template positions [N, 3] at the centres of a grid x grid raster that the chart covers."""
    template = HeadTemplate.builtin()
    positions = np.full((grid, grid, 3), np.nan)
    for face in template.faces:
        corners = template.uvs[face] * grid - 0.5
        low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, grid)
        (ax, ay), (bx, by), (cx, cy) = corners
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if np.any(high <= low) or abs(area) < 1e-12:
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        v = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
        w = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
        inside = (v >= -1e-9) & (w >= -1e-9) & (v + w <= 1 + 1e-9)
        a, b, c = template.vertices[face]
        point = (1 - v - w)[..., None] * a + v[..., None] * b + w[..., None] * c
        positions[y[inside], x[inside]] = point[inside]
    return positions[np.isfinite(positions).all(-1)]


def look_at_origin(count: int, resolution: int, rng: np.random.Generator) -> Cameras:
    """Cameras at rest distance with yaw within 35 and pitch within 17 degrees."""
    viewmats = []
    for _ in range(count):
        yaw, pitch = rng.uniform(-0.61, 0.61), rng.uniform(-0.3, 0.3)
        eye = FFHQ_DISTANCE * np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
        forward = -eye / np.linalg.norm(eye)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = eye
        viewmats.append(np.linalg.inv(pose))
    focal, middle = FFHQ_FOCAL * resolution, resolution / 2
    Ks = torch.tensor([[focal, 0, middle], [0, focal, middle], [0, 0, 1]]).expand(count, 3, 3).contiguous()
    return Cameras(torch.tensor(np.array(viewmats), dtype=torch.float32), Ks, resolution, resolution)


def build(scene: Scene) -> Heads:
    """The numbers of a scene, on the CPU."""
    rng = np.random.default_rng(sum(scene.name.encode()))
    base = texel_positions(scene.grid)
    shape = (scene.heads, len(base))
    means = base[None] + rng.normal(0, JITTER, (*shape, 3))
    quats = rng.normal(size=(*shape, 4))
    quats /= np.linalg.norm(quats, axis=-1, keepdims=True)
    if scene.kind == "initial":
        scales = np.full((*shape, 3), np.exp(INITIAL_LOG_SCALE))
        opacities = np.full(shape, 0.5)
    else:
        middle = TRAINED_LOG_SCALE + (0.5 if scene.grid == 256 else 0.0)
        scales = np.exp(rng.normal(middle, 0.45, (*shape, 3)))
        opacities = 1 / (1 + np.exp(-rng.normal(1.0, 2.0, shape)))
    cameras = look_at_origin(scene.heads, scene.resolution, rng)
    rgb = rng.uniform(size=(*shape, 3))
    tensors = [torch.tensor(array, dtype=torch.float32) for array in (means, quats, scales, opacities, rgb)]
    return Heads(Gaussians(*tensors[:4], ((tensors[4] - 0.5) / C0)[..., None, :]), tensors[4], cameras)
