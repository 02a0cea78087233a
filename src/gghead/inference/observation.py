"""How a model's heads are meant to be seen: the one way from a generator's Gaussians to a picture."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.config.model import GeneratorConfig
from gghead.config.numbers import shortened
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.smoothing_filter import close_gaps, pixel_at_rest, widen
from gghead.media.images import averaged
from gghead.model.generator import Generator
from gghead.rasterizer import Rendering, render
from gghead.rasterizer.backends import Backend
from gghead.rasterizer.checks import Background, check_cameras, check_scenes
from gghead.rasterizer.constants import BLUR
from gghead.stylegan.folding import Folded

SAME_PIXEL = 1e-3
"""Pixels that are smaller by less than this share are those that the model learned with."""


@dataclass(frozen=True)
class Observation:
    """How heads are drawn for some cameras; as it stands, as the rasterizer draws files of Gaussians.

    Attributes:
        supersampling: pictures are rendered so many times as large, and averaged.
        blur: standard deviation, world units, of the blur that Gaussians get in space because the pixels are too fine
            to give it on the screen; their gaps are closed as well. None where heads are drawn as they were made.
    """

    supersampling: int = 1
    blur: float | None = None

    def apply_smoothing_filter(self, heads: Gaussians, generator: Generator) -> Gaussians:
        """Makes heads whole for these cameras, in which they may come apart into dots; else the same heads.

        Every renderer of Gaussians widens their projections by about half a pixel, and a model learns with the pixels
        of its own pictures. In finer ones Gaussians get in space what they lose on the screen, and where the UV map is
        stretched, as in rims of hair, they reach out to their neighbours.

        Raises:
            ValueError: the heads are not of that generator.

        Source: Yu et al. 2024, "Mip-Splatting", the 3D smoothing filter, without its normalisation, which the
        renderers' blur does not have either; `close_gaps` for the rest.
        """
        return heads if self.blur is None else widen(close_gaps(heads, generator), self.blur)

    def samples(self, cameras: Cameras) -> Cameras:
        """The cameras that the rasterizer is given; `average` makes the pictures of what it returns."""
        return cameras.magnified(self.supersampling)

    def average(self, samples: Float[Tensor, "*P H W C"]) -> Float[Tensor, "*P h w C"]:
        """Pixels of samples."""
        return averaged(samples, samples.shape[-2] // self.supersampling)

    def render(
        self,
        heads: Gaussians,
        cameras: Cameras,
        *,
        background: Background = 1.0,
        features: Float[Tensor, "*B N F"] | None = None,
        pairwise: bool = False,
        backend: Backend | None = None,
        deterministic: bool | None = None,
    ) -> Rendering:
        """Pictures of heads to which the smoothing filter was applied; the arguments of `gghead.render`.

        A pixel's depth is the mean of its samples, weighed by their alpha.
        """
        samples = render(
            heads,
            self.samples(cameras),
            background=background,
            features=features,
            pairwise=pairwise,
            backend=backend,
            deterministic=deterministic,
        )
        if self.supersampling == 1:
            return samples
        alpha = self.average(samples.alpha)
        return Rendering(
            rgb=self.average(samples.rgb),
            alpha=alpha,
            depth=self.average(samples.alpha * samples.depth) / torch.where(alpha > 0, alpha, 1.0),
            features=None if samples.features is None else self.average(samples.features),
        )


def as_learned(config: GeneratorConfig) -> Observation:
    """As a model's heads are drawn while it learns, whatever the cameras; looks at none, so that nothing waits."""
    return Observation(config.supersampling)


def observe(config: GeneratorConfig, cameras: Cameras | None) -> Observation:
    """How a model's heads are drawn for cameras: as it learned, unless their pixels are finer than it learned with.

    Args:
        config: of the generator. If it does not know the size of the pictures that it learned from
            (`picture_resolution`), as those imported from the official release do not, heads are drawn as it learned.
        cameras: all that will see the heads, for one look from all of them: the one with the smallest pixels, in world
            units at the origin, decides. None for cameras as near as can be, as of programs that show a file.
    """
    learned, pixel = config.picture_resolution, 0.0
    if learned is None or (cameras is not None and not cameras.Ks.numel()):
        return as_learned(config)
    if cameras is not None:
        pixel = smallest_pixel(cameras)
    if not pixel < (1 - SAME_PIXEL) * pixel_at_rest(learned):
        return as_learned(config)
    drawn = pixel_at_rest(learned * config.supersampling)
    return Observation(blur=(BLUR * max(drawn**2 - pixel**2, 0)) ** 0.5)


SMALLEST_PIXELS: WeakKeyDictionary[Cameras, Folded] = WeakKeyDictionary()
"""Of cameras that drew before: to look at their numbers again, a GPU would be waited for."""


def smallest_pixel(cameras: Cameras) -> float:
    """Side of the smallest pixel of cameras at the origin, world units."""
    sources = cameras.viewmats, cameras.Ks
    known = SMALLEST_PIXELS.get(cameras)
    if known is not None and known.holds(sources):
        return known.result
    pixel = float((cameras.centers().norm(dim=-1) / cameras.Ks[..., 0, 0]).min())
    if not any(source.is_inference() for source in sources):
        SMALLEST_PIXELS[cameras] = Folded.of(pixel, sources)
    return pixel


def draw(
    generator: Generator,
    heads: Gaussians,
    cameras: Cameras,
    *,
    background: Background = 1.0,
    features: Float[Tensor, "*B N F"] | None = None,
    pairwise: bool = False,
    backend: Backend | None = None,
    deterministic: bool | None = None,
) -> Rendering:
    """Draws a generator's heads as they are meant to be seen: as while it learned, and whole in finer pictures.

    Training, evaluation, the viewer and all commands draw so. `gghead.render` draws the bare Gaussians.

    Up to the size of the pictures that the generator learned from, pictures are rendered as many times as large as then
    (`generator.config.supersampling`), and averaged. Where a camera's pixels are finer, Gaussians get in space the blur
    that they lose on the screen, and gaps between them are closed.

    Gradients flow as in `gghead.render`; but shapes of Gaussians that close a gap get none.

    Args:
        generator: that made the heads.
        heads: its heads, also mixed or edited, but with all of their Gaussians; batch *B.
        cameras: batch *V. One call draws one way: the camera with the smallest pixels decides.
        background: as of `gghead.render`, and so are all that follow.
        features: further channels.
        pairwise: draw head i from camera i only.
        backend: None takes the fastest that can.
        deterministic: whether gradients have the same bits in every run.

    Returns:
        Pictures with batch *P = (*B, *V); if pairwise *P = *B, or (*B, V).

    Raises:
        ValueError: heads of another generator in pictures finer than it learned from; otherwise as `gghead.render`.

    Example:
        >>> import gghead
        >>> generator = gghead.load()
        >>> heads = generator.sample(seeds=[0, 1])
        >>> gghead.draw(generator, heads, gghead.Cameras.at(yaw=[-0.5, 0, 0.5], resolution=256))
        Rendering(batch [2, 3], 256 x 256 pixels, on cpu)
    """
    if not isinstance(generator, Generator):
        raise ValueError(
            f"the generator is {shortened(generator)}; expected the one that made the heads, then heads and cameras; "
            "gghead.render(gaussians, cameras) draws Gaussians of which no generator is known"
        )
    check_scenes(heads, features)
    check_cameras(heads, cameras)
    seen = observe(generator.config, cameras)
    return seen.render(
        seen.apply_smoothing_filter(heads, generator),
        cameras,
        background=background,
        features=features,
        pairwise=pairwise,
        backend=backend,
        deterministic=deterministic,
    )
