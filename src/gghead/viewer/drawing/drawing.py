"""A head and a look -> a picture of the exact rasterizer, or the splats that a browser draws."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import shade
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_DISTANCE
from gghead.geometry.normals import normals_from_depth
from gghead.geometry.rotations import matrices_from_quats
from gghead.geometry.spherical_harmonics import C0
from gghead.inference.observation import Observation, observe
from gghead.inference.smoothing_filter import widen
from gghead.media.images import to_uint8
from gghead.viewer.drawing.ellipsoids import draw_ellipsoids
from gghead.viewer.drawing.heads import Head
from gghead.viewer.drawing.template_mesh import draw_mesh
from gghead.viewer.state import Look, Show

DEPTH_RANGE = 0.5
"""Depth is white this far in front of the head's middle and black as far behind it, world units."""
SOLID = 0.2
"""Coverage from which on a pixel has a depth and a normal."""


@dataclass(frozen=True)
class Splats:
    """A head as a browser draws it.

    Attributes:
        centers: world units.
        covariances: squared world units.
        colors: display rgb in [0, 1], as the frontal camera sees them.
        opacities: 0 to 1.
    """

    centers: Float[np.ndarray, "N 3"]
    covariances: Float[np.ndarray, "N 3 3"]
    colors: Float[np.ndarray, "N 3"]
    opacities: Float[np.ndarray, "N 1"]


@torch.inference_mode()
def draw(head: Head, look: Look, camera: Cameras) -> UInt8[np.ndarray, "H W 3"]:
    """Draws a head as a camera on its device sees it, batch [1].

    Raises:
        ValueError: UV colours or a mesh of a head that has none.
    """
    background = np.array(look.background, np.float32) / 255
    seen = observation_of(head, look, camera)
    gaussians = adjusted(head, look, seen)
    if look.show == Show.ELLIPSOIDS:
        picture = to_uint8(torch.from_numpy(draw_ellipsoids(gaussians, camera, background)))
    else:
        picture = to_uint8(rasterized(seen, gaussians, look.show, camera, torch.from_numpy(background)))
    if look.mesh:
        if head.mesh is None:
            raise ValueError("this head has no template; only heads of a model have one")
        picture = draw_mesh(picture, head.mesh, camera)
    return picture


def rasterized(
    seen: Observation, gaussians: Gaussians, show: Show, camera: Cameras, background: Float[Tensor, "3"]
) -> Float[Tensor, "H W 3"]:
    """What the rasterizer sees, as display colours."""
    drawn = seen.render(gaussians, camera, background=background.to(gaussians.means.device))
    alpha, depth = drawn.alpha[0], drawn.depth[0]
    if show == Show.ALPHA:
        return alpha.expand(-1, -1, 3)
    if show == Show.DEPTH:
        middle = camera.centers()[0].norm()
        values = ((middle + DEPTH_RANGE - depth) / (2 * DEPTH_RANGE)).clamp(0, 1).expand(-1, -1, 3)
    elif show == Show.NORMALS:
        values = (normals_from_depth(drawn.depth, camera)[0] + 1) / 2
    else:
        return drawn.rgb[0]
    return torch.where(alpha >= SOLID, values, background.to(values.device))


@torch.inference_mode()
def splats(head: Head, look: Look) -> Splats:
    """A head for a browser; view-dependent colour is frozen to the frontal camera."""
    gaussians = adjusted(head, look, observation_of(head, look, None))
    front = gaussians.means.new_tensor([0.0, 0.0, FFHQ_DISTANCE])
    axes = matrices_from_quats(gaussians.quats) * gaussians.scales[..., None, :]
    colors = shade(gaussians, front).clamp(0, 1)
    parts = (gaussians.means, axes @ axes.mT, colors, gaussians.opacities.clamp(0, 1)[:, None])
    return Splats(*(part.float().cpu().numpy() for part in parts))


def observation_of(head: Head, look: Look, camera: Cameras | None) -> Observation:
    """How a head is drawn: Gaussians of a file as they are, ellipsoids as the head was made, all else by the model.

    There is no camera where a browser draws it.
    """
    if head.generator is None or look.show == Show.ELLIPSOIDS:
        return Observation()
    return observe(head.generator.config, camera)


def adjusted(head: Head, look: Look, seen: Observation) -> Gaussians:
    """The head's Gaussians as they are seen, with the look's size, opacity and, where it wants them, UV colours.

    Raises:
        ValueError: UV colours of a head that has no UV map.
    """
    gaussians = head.gaussians if seen.blur is None else widen(head.closed, seen.blur)
    if look.show == Show.UV:
        if head.uvs is None:
            raise ValueError("this head has no UV map to colour it by; only heads of a model have one")
        gaussians = replace(gaussians, sh=(uv_colors(head.uvs)[:, None] - 0.5) / C0)
    return replace(
        gaussians, scales=gaussians.scales * look.size, opacities=(gaussians.opacities * look.opacity).clamp(max=1)
    )


def uv_colors(uvs: Float[Tensor, "N 2"]) -> Float[Tensor, "N 3"]:
    """Colours of UV coordinates: red grows with u, green with v, blue alternates over 16 x 16 squares."""
    unit = (uvs + 1) / 2
    checker = (unit * 16).floor().clamp(max=15).sum(-1, keepdim=True) % 2
    return torch.cat([unit, 0.25 + 0.5 * checker], dim=-1)
