"""What drawing gives."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

Sums = tuple[Tensor, Tensor, Tensor, Tensor]
"""What a backend sums over the Gaussians of a pixel: rgb, depth, features and alpha, as of `Rendering` but without
background and without division."""
NOTEBOOK_PICTURES, NOTEBOOK_SIDE = 8, 256
"""Pictures that a notebook shows of a rendering, and the side of each in pixels, at most."""


@dataclass(frozen=True, eq=False)
class Rendering:
    """Pictures of a batch *P, rows from the top, colours in [0, 1]. A notebook shows the first of them.

    Attributes:
        rgb: colours on the background; not clamped above, since Gaussians may be brighter than 1.
        alpha: coverage, 0 to 1.
        depth: alpha-weighted mean of the Gaussians' camera z, world units; 0 where alpha is 0.
        features: alpha-weighted sum of the features, without background; None if none were given.
    """

    rgb: Float[Tensor, "*P H W 3"]
    alpha: Float[Tensor, "*P H W 1"]
    depth: Float[Tensor, "*P H W 1"]
    features: Float[Tensor, "*P H W F"] | None

    def __repr__(self) -> str:
        """Batch, size, what there is and device; never the numbers."""
        *batch, height, width, _ = self.rgb.shape
        features = "" if self.features is None else f", {self.features.shape[-1]} features"
        return f"Rendering(batch {batch}, {width} x {height} pixels{features}, on {self.rgb.device})"

    def _repr_png_(self) -> bytes | None:
        """A strip of the first pictures, for notebooks."""
        from gghead.media.images import encode_png, thumbnails, tile, to_uint8  # Pillow: only where pictures are shown

        pictures = (
            self.rgb.detach().flatten(0, -4)[:NOTEBOOK_PICTURES] if self.rgb.ndim > 3 else self.rgb.detach()[None]
        )
        if not pictures.numel():
            return None
        pixels = thumbnails(to_uint8(pictures), NOTEBOOK_SIDE)
        return encode_png(tile(pixels, len(pixels)))
