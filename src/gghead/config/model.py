"""Hyperparameters of the generator and the discriminator: everything that is needed to rebuild the networks."""

from dataclasses import dataclass
from typing import Literal

from gghead.config.numbers import LARGEST_SIDE, require_finite, require_power_of_two, require_whole

Sight = Literal["pixels", "features"]
"""What a discriminator sees of a picture."""
LABEL_SIZE = 25
"""Floats of a camera label: 4 x 4 camera-to-world and 3 x 3 normalised intrinsics, row-major."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Generator: latent -> styles -> UV maps -> Gaussians. The defaults are the official FFHQ-256 setting."""

    z_size: int = 512
    """Length of a latent vector."""
    style_size: int = 512
    """Length of a style vector w."""
    mapping_layers: int = 2
    """Fully connected layers of the mapping network."""
    camera_conditioned: bool = True
    """Whether the mapping network sees a camera label; official models do."""
    map_resolution: int = 256
    """Side of the UV maps in texels; a power of two from 8."""
    channel_base: int = 32768
    """Channels of a synthesis block = min(channel_base / its resolution, channel_max)."""
    channel_max: int = 512
    """Upper bound of the channels of a block."""
    grid_size: int = 256
    """Side n of the n x n grid of UV points that carry Gaussians."""
    sh_degree: int = 1
    """Degree of the spherical harmonics of the colour, 0 to 3."""
    position_range: float = 0.25
    """Largest offset of a Gaussian's mean from the template along an axis, world units."""
    max_log_scale: float = -3.0
    """Upper bound of the log standard deviation, log world units."""
    log_scale_offset: float = -5.0
    """Raw scale 0 gives the log standard deviation max - softplus(max - offset)."""
    quaternion_order: Literal["wxyz", "zwxy"] = "wxyz"
    """Order in which quaternion components are used; zwxy reproduces a quirk of imported official models."""
    picture_resolution: int | None = None
    """Side in pixels of its training pictures; None if that is not known."""
    supersampling: int = 1
    """Training pictures are drawn so many times as large, and averaged, as light is in a camera's pixels."""
    style_bounds: int = 0
    """Directions beyond whose bounds no style goes, see `stylegan.mapping.StyleBounds`."""

    def __post_init__(self) -> None:
        require_power_of_two("map_resolution", self.map_resolution, 8)
        require_whole("sh_degree", self.sh_degree, 0, 3)
        require_whole("grid_size", self.grid_size, 2, LARGEST_SIDE)
        require_whole("mapping_layers", self.mapping_layers, 1, 64)
        require_whole("style_bounds", self.style_bounds, 0, 64)
        for name in ("z_size", "style_size", "channel_base", "channel_max"):
            require_whole(name, getattr(self, name), 1, 2**20)
        require_finite("position_range", self.position_range, 0, 10)
        for name in ("max_log_scale", "log_scale_offset"):
            require_finite(name, getattr(self, name), -50, 10)
        if self.picture_resolution is not None:
            require_whole("picture_resolution", self.picture_resolution, 1, 2**16)
        require_whole("supersampling", self.supersampling, 1, 8)

    @property
    def map_channels(self) -> int:
        """Channels of the UV maps: position 3, scale 3, rotation 3, colour 3 (degree + 1)^2, opacity 1."""
        return 10 + 3 * (self.sh_degree + 1) ** 2


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Discriminator: a picture and the label of its camera -> a logit."""

    resolution: int = 256
    """Side of the pictures in pixels; a power of two from 8."""
    channel_base: int = 32768
    """Channels of a block = min(channel_base / its resolution, channel_max)."""
    channel_max: int = 512
    """Upper bound of the channels of a block."""
    mapping_layers: int = 8
    """Fully connected layers of the label's mapping network."""
    group_size: int = 4
    """Pictures in a group of the minibatch standard deviation."""
    grown_from: tuple[int, ...] = ()
    """Sides of the pictures of the discriminators that it was grown from, if it was; it still reads those, too."""
    looks_at: Sight = "pixels"
    """What it sees of a picture: its pixels, or what a published network makes of them; then only the resolution and
    the group size count of the fields above."""

    def __post_init__(self) -> None:
        require_power_of_two("resolution", self.resolution, 8)
        for size in self.grown_from:
            require_power_of_two("grown_from", size, 8)
            require_whole("grown_from", size, 8, self.resolution // 2)
        if len(set(self.grown_from)) != len(self.grown_from):
            raise ValueError("grown_from names a size twice; expected each once")
        for name in ("channel_base", "channel_max", "group_size"):
            require_whole(name, getattr(self, name), 1, 2**20)
        require_whole("mapping_layers", self.mapping_layers, 1, 64)


@dataclass(frozen=True)
class ModelConfig:
    """The two networks of a run."""

    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()

    def __post_init__(self) -> None:
        learned = self.generator.picture_resolution
        if learned not in (None, self.discriminator.resolution):
            raise ValueError(
                f"picture_resolution is {learned} and the discriminator's resolution {self.discriminator.resolution}; "
                "expected the same, or None; pictures are drawn larger with supersampling"
            )
