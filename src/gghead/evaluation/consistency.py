"""Does a head stay the same when the camera moves? Views are warped into each other through the head's own depth."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import grid_sample

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_FOV
from gghead.geometry.normals import points_from_depth
from gghead.inference.generated import GeneratedHeads, to_pixels
from gghead.metrics.efficientnet import EfficientNetLite, feature_distance
from gghead.rasterizer import Rendering

YAWS = (-0.5, -0.25, 0.0, 0.25, 0.5)
"""Cameras of the views, radians: 29 and 14 degrees to both sides."""
SOLID = 0.95
"""Pixels of less alpha have no depth of their own and are not compared."""
SAME_SURFACE = 0.02
"""A warped point and the surface it falls on are the same if their depths differ by less: 2.5 % of a head's height."""


@dataclass(frozen=True)
class Consistency:
    """Means over heads and pairs of neighbouring views.

    Attributes:
        psnr: of a view and its neighbour warped into it, over the pixels that both see, dB; higher is better.
        compared: share of the target's solid pixels that the other view shows as well; the rest is hidden or torn.
        feature_distance: how different the two look to a network; None without one. Lower is better.
    """

    psnr: float
    compared: float
    feature_distance: float | None


@dataclass(frozen=True)
class Warp:
    """A picture seen from where it was not taken.

    Attributes:
        rgb: its colours at the pixels of the other view.
        valid: where they are those of the same surface.
    """

    rgb: Float[Tensor, "P H W 3"]
    valid: Bool[Tensor, "P H W"]


def view_cameras(resolution: int, device: torch.device | str) -> Cameras:
    """The cameras of the views, batch [5], around the face at the distance of FFHQ."""
    return Cameras.at(YAWS, fov=FFHQ_FOV, resolution=resolution, target=(0, 0, 0), device=device)


def warp(source: Rendering, source_cameras: Cameras, target: Rendering, target_cameras: Cameras) -> Warp:
    """Fetches the colour of each point that the target shows from the source.

    Args:
        source: pictures to take colours from.
        source_cameras: one a picture.
        target: as many pictures to bring them to.
        target_cameras: one a picture.
    """
    points = points_from_depth(target.depth, target_cameras)
    places, depth = (part.reshape(*points.shape[:3], -1) for part in source_cameras.project(points.flatten(1, 2)))
    # Pixel centres at +0.5 are what align_corners=False means.
    grid = 2 * places / places.new_tensor([source_cameras.width, source_cameras.height]) - 1
    planes = torch.cat([source.rgb.clamp(0, 1), source.depth, source.alpha], dim=-1).permute(0, 3, 1, 2)
    fetched = grid_sample(planes, grid, align_corners=False).permute(0, 2, 3, 1)
    same = (fetched[..., 3] - depth[..., 0]).abs() < SAME_SURFACE
    valid = (target.alpha[..., 0] > SOLID) & (fetched[..., 4] > SOLID) & same
    return Warp(fetched[..., :3], valid)


@torch.no_grad()
def view_consistency(
    fakes: GeneratedHeads, heads: int, *, camera_followed: bool, network: EfficientNetLite | None, at_once: int = 4
) -> Consistency:
    """Renders views of heads and compares neighbours.

    Args:
        fakes: makes the heads; its own cameras are not used.
        heads: how many.
        camera_followed: whether the mapping network sees the camera of each view, as it does under the official FID:
            then a head may become another one from view to view, which only this number shows. Otherwise it always
            sees the frontal one.
        network: for the feature distance.
        at_once: heads drawn together.
    """
    errors, shares, distances = [], [], []
    for first in range(0, heads, at_once):
        span = range(first, min(first + at_once, heads))
        views = [_view(fakes, span, number, camera_followed) for number in range(len(YAWS))]
        neighbors = [pair for one, other in pairwise(views) for pair in ((one, other), (other, one))]
        for (source, source_camera), (target, target_camera) in neighbors:
            warped = warp(source, source_camera, target, target_camera)
            errors.append(_psnr(warped, target.rgb))
            solid = (target.alpha[..., 0] > SOLID).sum(dim=(1, 2))
            shares.append(warped.valid.sum(dim=(1, 2)) / solid.clamp_min(1))
            if network is not None:
                kept = torch.where(warped.valid[..., None], warped.rgb, target.rgb)
                distances.append(feature_distance(network, to_pixels(kept), to_pixels(target.rgb)))
    return Consistency(
        psnr=_mean_of_finite(torch.cat(errors)),
        compared=float(torch.cat(shares).double().mean()),
        feature_distance=_mean_of_finite(torch.cat(distances)) if distances else None,
    )


def _view(fakes: GeneratedHeads, span: range, number: int, camera_followed: bool) -> tuple[Rendering, Cameras]:
    """View `number` of some heads, and its camera for each of them."""
    cameras = view_cameras(fakes.recipe.resolution, fakes.generator.device)[[number] * len(span)]
    styles = fakes.styles(span, cameras if camera_followed else None)
    return fakes.render(fakes.generator.decode(styles), cameras, pairwise=True), cameras


def _psnr(warped: Warp, target: Float[Tensor, "P H W 3"]) -> Float[Tensor, " P"]:
    """Over valid pixels; NaN for a picture that has none."""
    squared = (warped.rgb - target.clamp(0, 1)).square().mean(dim=-1) * warped.valid
    count = warped.valid.sum(dim=(1, 2))
    return -10 * (squared.sum(dim=(1, 2)) / count).clamp_min(1e-10).log10()


def _mean_of_finite(values: Tensor) -> float:
    known = values[values.isfinite()].double()
    return float(known.mean()) if len(known) else float("nan")
