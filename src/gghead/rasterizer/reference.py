"""The rasterizer in plain torch: slow, differentiable by autograd, and short enough to check by hand.

It draws picture by picture and tile by tile; the tiles bound the memory and change nothing in the result. README.md
derives the formulas.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import shade
from gghead.geometry.cameras import Cameras
from gghead.geometry.rotations import matrices_from_quats
from gghead.rasterizer.constants import BLUR, MAX_ALPHA, MIN_ALPHA, MIN_QUATERNION, MIN_TRANSMITTANCE, NEAR, VIEW_GUARD
from gghead.rasterizer.rendering import Sums

TILE = 16
"""Side of the square of pixels that is composited at once."""


@dataclass(frozen=True)
class Splats:
    """The Gaussians that a camera may see, projected, nearest first.

    Attributes:
        means: centres, pixels.
        covariances: of the projected Gaussians, blur included, square pixels.
        opacities: 0 to 1.
        channels: what is accumulated: rgb, camera z, features.
    """

    means: Float[Tensor, "M 2"]
    covariances: Float[Tensor, "M 2 2"]
    opacities: Float[Tensor, " M"]
    channels: Float[Tensor, "M C"]

    def take(self, chosen: Tensor) -> "Splats":
        """A selection, by index or mask."""
        return Splats(self.means[chosen], self.covariances[chosen], self.opacities[chosen], self.channels[chosen])


def accumulate_reference(heads: Gaussians, features: Float[Tensor, "H N F"], cameras: Cameras) -> Sums:
    """Draws picture p: head p // (pictures / heads) from camera p; sums of rgb, camera z, features and weights."""
    views = max(len(cameras) // max(len(heads), 1), 1)
    pictures = [draw(heads[p // views], features[p // views], cameras[p]) for p in range(len(cameras))]
    channels = features.shape[-1] + 4
    shape = (len(cameras), cameras.height, cameras.width, channels + 1)
    drawn = torch.stack(pictures) if pictures else features.new_zeros(shape)  # [P, H, W, C + 1]
    rgb, depth, extra, alpha = drawn.split([3, 1, features.shape[-1], 1], dim=-1)
    return rgb, depth, extra, alpha


def draw(scene: Gaussians, features: Float[Tensor, "N F"], camera: Cameras) -> Float[Tensor, "H W D"]:
    """One picture: accumulated rgb, camera z, features and, last, alpha."""
    splats = project(scene, features, camera)
    reaches = reach(splats)
    bands = []
    for top in range(0, camera.height, TILE):
        band = []
        for left in range(0, camera.width, TILE):
            y = torch.arange(top, min(top + TILE, camera.height), device=features.device) + 0.5
            x = torch.arange(left, min(left + TILE, camera.width), device=features.device) + 0.5
            pixels = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).to(features.dtype)  # [h, w, 2]
            low, high = pixels[0, 0], pixels[-1, -1]
            touching = ((splats.means + reaches >= low) & (splats.means - reaches <= high)).all(-1)
            tile = splats.take(touching)
            # Without checkpoints the graph of a 256 x 256 picture of 58,000 Gaussians would hold gigabytes.
            flat = checkpoint(composite, tile, pixels.reshape(-1, 2), use_reentrant=False, preserve_rng_state=False)
            band.append(flat.reshape(len(y), len(x), -1))
        bands.append(torch.cat(band, dim=1))
    return torch.cat(bands, dim=0)


def project(scene: Gaussians, features: Float[Tensor, "N F"], camera: Cameras) -> Splats:
    """Perspective projection of the means, and of the covariances to first order.

    Source: Zwicker et al. 2001, "EWA Volume Splatting", section 4.
    """
    shown = drawable(scene, features).nonzero().squeeze(-1)
    scene, features = scene.map(lambda tensor: tensor[shown]), features[shown]
    rotation, translation = camera.viewmats[:3, :3], camera.viewmats[:3, 3]
    points = scene.means @ rotation.T + translation  # camera space [M, 3]
    z = points[:, 2].detach()
    nearest_first = z.argsort(stable=True)
    nearest_first = nearest_first[z[nearest_first] > NEAR]
    scene, points = scene.map(lambda tensor: tensor[nearest_first]), points[nearest_first]

    focal = torch.stack([camera.Ks[0, 0], camera.Ks[1, 1]])
    center = camera.Ks[:2, 2]
    slopes = points[:, :2] / points[:, 2:]
    half_field = focal.new_tensor([camera.width, camera.height]) / (2 * focal)
    guarded = torch.minimum(torch.maximum(slopes, -VIEW_GUARD * half_field), VIEW_GUARD * half_field)
    jacobian = torch.cat([torch.diag(focal).expand(len(points), 2, 2), -(focal * guarded)[..., None]], dim=-1)
    jacobian = jacobian / points[:, 2, None, None]  # [M, 2, 3]
    axes = jacobian @ rotation @ (matrices_from_quats(scene.quats) * scene.scales[:, None, :])
    covariances = axes @ axes.mT + BLUR * torch.eye(2, dtype=axes.dtype, device=axes.device)

    colors = shade(scene, camera.centers())
    channels = torch.cat([colors, points[:, 2:], features[nearest_first]], dim=-1)
    splats = Splats(slopes * focal + center, covariances, scene.opacities, channels)
    sound = covariances.isfinite().all(-1).all(-1) & (covariances.det() > 0) & splats.means.isfinite().all(-1)
    return splats.take(sound.nonzero().squeeze(-1))


def drawable(scene: Gaussians, features: Float[Tensor, "N F"]) -> Bool[Tensor, " N"]:
    """Which Gaussians have finite numbers, a rotation, and an opacity that shows."""
    finite = scene.means.isfinite().all(-1) & scene.quats.isfinite().all(-1) & scene.scales.isfinite().all(-1)
    finite = finite & scene.sh.isfinite().all(-1).all(-1) & features.isfinite().all(-1)
    turned = scene.quats.abs().amax(-1) >= MIN_QUATERNION
    return finite & turned & (scene.opacities >= MIN_ALPHA) & scene.opacities.isfinite()


def reach(splats: Splats) -> Float[Tensor, "M 2"]:
    """Half width and half height of the ellipse in which a splat's alpha is not below MIN_ALPHA, pixels."""
    # o exp(-q / 2) = MIN_ALPHA at q = 2 ln(o / MIN_ALPHA); an ellipse's extent along an axis is sqrt(q variance).
    # A hundredth of a pixel more keeps rounding from excluding what the test of alpha would include.
    squares = 2 * (splats.opacities / MIN_ALPHA).log().clamp_min(0)
    variances = torch.diagonal(splats.covariances, dim1=-2, dim2=-1)
    return (squares[:, None] * variances).sqrt().detach() + 0.01


def composite(splats: Splats, pixels: Float[Tensor, "Q 2"]) -> Float[Tensor, "Q D"]:
    """Blends all splats at some pixels, front to back: accumulated channels and, last, alpha."""
    offsets = pixels - splats.means[:, None]  # [M, Q, 2]
    (xx, xy), (_, yy) = (row.unbind(-1) for row in splats.covariances.unbind(-2))
    dx, dy = offsets.unbind(-1)
    determinant = (xx * yy - xy * xy)[:, None]
    squared_distance = (yy[:, None] * dx**2 - 2 * xy[:, None] * dx * dy + xx[:, None] * dy**2) / determinant
    alphas = splats.opacities[:, None] * torch.exp(-0.5 * squared_distance.clamp_min(0))
    alphas = alphas.clamp_max(MAX_ALPHA)
    alphas = torch.where(alphas < MIN_ALPHA, 0, alphas)

    # Transmittance only falls, so that this drops the Gaussian that would cross the limit and all that follow it.
    alphas = torch.where((1 - alphas).cumprod(dim=0) < MIN_TRANSMITTANCE, 0, alphas)
    transmittances = torch.cat([pixels.new_ones(1, len(pixels)), (1 - alphas).cumprod(dim=0)])
    weights = alphas * transmittances[:-1]  # [M, Q]
    return torch.cat([weights.T @ splats.channels, 1 - transmittances[-1, :, None]], dim=-1)
