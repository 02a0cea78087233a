"""The generator: latent -> styles -> UV maps -> attributes at the texels -> Gaussians."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gghead.config.model import LABEL_SIZE, GeneratorConfig
from gghead.config.numbers import require_finite, require_whole, shortened
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.model import cuda_decoder
from gghead.model.decoder import Decoded, RawAttributes, activate
from gghead.model.replay import Replay
from gghead.stylegan.folding import Folding
from gghead.stylegan.layers import initialize
from gghead.stylegan.mapping import StyleMapping, truncate
from gghead.stylegan.precision import in_own_precision
from gghead.stylegan.synthesis import Noise, SynthesisNetwork
from gghead.uv.bake import bake
from gghead.uv.samples import UVSamples, place_uv_samples, sample_maps
from gghead.uv.template import HeadTemplate

LARGEST_SEED = 2**32 - 1
"""NumPy's legacy generator takes 32 bits."""


class Generator(nn.Module):
    """Latents -> heads of Gaussians. Carries the template's texels, so that a model file is complete.

    Args:
        config: sizes and ranges.
        texels: where the Gaussians sit on the template.
        seed: the initial weights follow from it alone; None leaves them unset for a loader to fill.

    Attributes:
        config: sizes and ranges.
        texel_uvs: map coordinates of the Gaussians, [-1, 1].
        template_positions: the template's surface there, world units.

    Example:
        >>> import gghead
        >>> generator = gghead.load()
        >>> generator.sample(seeds=[0, 1]).means.shape
        torch.Size([2, 147042, 3])

    Source: Kirschstein et al. 2024, "GGHead", section 3; Karras et al. 2020 (StyleGAN2).
    """

    texel_uvs: Float[Tensor, "N 2"]
    template_positions: Float[Tensor, "N 3"]

    def __init__(self, config: GeneratorConfig, texels: UVSamples, seed: int | None) -> None:
        super().__init__()
        self.config = config
        label_size = LABEL_SIZE if config.camera_conditioned else 0
        self.mapping = StyleMapping(
            config.z_size, label_size, config.style_size, config.mapping_layers, config.style_bounds
        )
        self.synthesis = SynthesisNetwork(
            config.style_size, config.map_resolution, config.map_channels, config.channel_base, config.channel_max
        )
        # Starts at zero: an untrained head is the template.
        self.position_weight = nn.Parameter(torch.zeros(3, 3))
        self.position_bias = nn.Parameter(torch.zeros(3))
        self.register_buffer("texel_uvs", texels.uvs.contiguous())
        self.register_buffer("template_positions", texels.positions.contiguous())
        self._folding, self.replay = Folding(), Replay()
        if seed is not None:
            initialize(self, seed)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.texel_uvs.device

    def __repr__(self) -> str:
        """What it makes and how large it is, instead of every layer."""
        parameters = sum(parameter.numel() for parameter in self.parameters())
        return (
            f"Generator({len(self.texel_uvs):,} Gaussians a head, {parameters / 1e6:.1f} million parameters, "
            f"{self.config.z_size} numbers a latent, on {self.device})"
        )

    def map_styles(
        self,
        z: Float[Tensor, "*B Z"],
        conditioning_camera: Cameras | None = None,
        truncation: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Float[Tensor, "*B L W"]:
        """Latents -> the style vectors of all layers.

        Args:
            z: latents, standard normal.
            conditioning_camera: the camera that the mapping network sees, one for each latent or one for all, see
                `default_conditioning`; None if it sees none. The size of its pictures does not matter.
            truncation: 1 for all of the variety, towards 0 the styles come closer to their mean.
            truncation_cutoff: number of layers, coarse to fine, that are truncated; None for all.

        Raises:
            ValueError: cameras are missing, given to an unconditioned generator, or of another batch, the truncation is
                no number, or the weights have 16 bits.
        """
        if self.texel_uvs.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"the weights are {self.texel_uvs.dtype}, too coarse for places on the template; use generator.float()"
            )
        remedy = "expected a number, from 0 (the average head) to 1 (all variety)"
        truncation = require_finite("truncation", truncation, -math.inf, math.inf, remedy)
        batch = z.shape[:-1]
        styles = self.map_labels(z.reshape(-1, z.shape[-1]), self._labels(conditioning_camera, batch))
        styles = truncate(styles, self.mapping.mean_style, truncation, truncation_cutoff)
        return styles.reshape(*batch, *styles.shape[1:])

    def map_labels(
        self, z: Float[Tensor, "B Z"], labels: Float[Tensor, "B 25"] | None, update_mean: bool = False
    ) -> Float[Tensor, "B L W"]:
        """Latents -> the style vectors of all layers, as training does it: without truncation, and with the labels of
        the conditioning cameras as the dataset has them, not rounded by way of `Cameras`.

        Args:
            z: latents, standard normal.
            labels: one for each, see `Cameras.from_labels`; None if the mapping network sees no camera.
            update_mean: whether the running mean of the styles moves.
        """
        style = self.mapping(z, labels)
        if update_mean:
            self.mapping.update_mean(style.detach())
        return style[:, None].expand(-1, self.synthesis.num_styles, -1)

    def maps(self, styles: Float[Tensor, "*B L W"], noise: Noise = "const") -> Float[Tensor, "*B C R R"]:
        """Styles -> UV maps; the position channels are not mixed yet, `raw_of` does that at the texels.

        Raises:
            ValueError: a wrong number of style vectors or of noises, or styles of another size, type or device.
        """
        size = self.config.style_size
        if not isinstance(styles, Tensor) or styles.ndim < 2 or styles.shape[-1] != size:
            raise ValueError(
                f"styles are {list(styles.shape) if isinstance(styles, Tensor) else shortened(styles)}; expected a "
                f"tensor [*batch, layers, {size}]: generator.styles(seeds=[0])"
            )
        if styles.dtype != self.position_bias.dtype or styles.device != self.device:
            raise ValueError(
                f"styles are {styles.dtype} on {styles.device}, the generator is {self.position_bias.dtype} on "
                f"{self.device}; move one of them with .to()"
            )
        batch = styles.shape[:-2]
        styles = styles.reshape(-1, *styles.shape[-2:])
        if styles.device.type == "cpu" and isinstance(noise, str) and len(styles) and not torch.is_grad_enabled():
            # One by one, heads are done 1.4 times as fast: larger features are fetched from the system each time anew.
            maps = torch.cat([self.synthesis(style, noise) for style in styles.split(1)])
        else:
            maps = self.synthesis(styles, noise)
        return maps.reshape(*batch, *maps.shape[1:])

    @in_own_precision
    def raw_of(self, maps: Float[Tensor, "*B C R R"]) -> RawAttributes:
        """UV maps -> network output at the texels, before the activations."""
        channels = sample_maps(maps, self.texel_uvs)
        positions = nn.functional.linear(channels[..., :3], self.position_weight, self.position_bias)
        return RawAttributes.from_channels(torch.cat([positions, channels[..., 3:]], dim=-1))

    def activate(self, raw: RawAttributes) -> Gaussians:
        """Raw attributes -> Gaussians."""
        return activate(raw, self.template_positions, self.config)

    def decode(self, styles: Float[Tensor, "*B L W"], noise: Noise = "const") -> Gaussians:
        """Styles -> heads; arguments and errors as in `maps`. On a GPU one head after another of a frozen generator is
        replayed as a CUDA graph.
        """

        def launch(styles: Float[Tensor, "*B L W"]) -> Gaussians:
            return self.decode_maps(self.maps(styles, noise)).gaussians

        recorder = None
        if isinstance(noise, str):
            own = (self.position_weight, self.position_bias, self.texel_uvs, self.template_positions)
            recorder = self.replay.recorder(self.synthesis, own, styles, noise, self.synthesis.bf16_blocks)
        return launch(styles) if recorder is None else recorder(launch, styles)

    def decode_maps(self, maps: Float[Tensor, "*B C R R"]) -> Decoded:
        """UV maps -> heads and what regularisers look at; on a GPU in one pass over memory."""
        if not cuda_decoder.takes(maps, self.config):
            raw = self.raw_of(maps)
            return Decoded(self.activate(raw), raw.positions, raw.scales)
        batch = maps.shape[:-3]
        outputs = cuda_decoder.Decode.apply(
            self.config, self._gathering(), self.texel_uvs, self.template_positions,
            maps.reshape(-1, *maps.shape[-3:]), self.position_weight, self.position_bias,
        )  # fmt: skip
        positions, scales, *attributes = (tensor.reshape(*batch, *tensor.shape[1:]) for tensor in outputs)
        return Decoded(Gaussians(*attributes), positions, scales)

    def _gathering(self) -> cuda_decoder.Gathering:
        """Which points sample which texels; found once."""
        side = self.config.map_resolution
        return self._folding.get(
            "gathering", (self.texel_uvs,), lambda: cuda_decoder.Gathering.of(self.texel_uvs, side)
        )

    def latents(self, seeds: Iterable[int]) -> Float[Tensor, "B Z"]:
        """The latent of each seed, drawn as the field does, so that a seed names the same head in official models.

        Raises:
            ValueError: as `whole_seeds`.
        """
        seeds = whole_seeds(seeds)
        # NumPy's legacy generator is the convention; its stream is frozen for good.
        rows = [np.random.RandomState(seed).randn(self.config.z_size) for seed in seeds]
        return torch.from_numpy(np.stack(rows)).float().to(self.device)

    @torch.no_grad()
    def styles(self, seeds: Iterable[int], truncation: float = 0.7) -> Float[Tensor, "B L W"]:
        """Style vectors of seeds, with the frontal camera as the one the mapping network sees.

        Args:
            seeds: one head each, 0 to 2^32 - 1.
            truncation: see `map_styles`.

        Raises:
            ValueError: no seeds, seeds that are no whole numbers in this range, or a truncation that is no number.
        """
        return self.map_styles(self.latents(seeds), self.default_conditioning(), truncation)

    def default_conditioning(self) -> Cameras | None:
        """What the mapping network sees where nothing else is said: the frontal camera, or None if it sees none."""
        if not self.config.camera_conditioned:
            return None
        return self._folding.get("front", (self.texel_uvs,), lambda: Cameras.frontal(1, self.device))

    def _labels(self, conditioning_camera: Cameras | None, batch: torch.Size) -> Float[Tensor, "B 25"] | None:
        """What the mapping network is given of the cameras that it sees; errors as of `map_styles`."""
        if conditioning_camera is None:
            if self.config.camera_conditioned:
                raise ValueError("this generator needs a conditioning_camera: Cameras.frontal()")
            return None
        if not self.config.camera_conditioned:
            raise ValueError("this generator sees no camera; leave conditioning_camera away")
        cameras = conditioning_camera.batch_shape
        if cameras not in ((), (1,), batch):
            raise ValueError(
                f"there are latents of batch {list(batch)} and conditioning cameras of batch {list(cameras)}; expected "
                "one camera for each latent, or one for all"
            )
        return conditioning_camera.labels().expand(*batch, LABEL_SIZE).reshape(-1, LABEL_SIZE)

    @torch.no_grad()
    def sample(self, seeds: Iterable[int], truncation: float = 0.7) -> Gaussians:
        """Heads of seeds, batch [len(seeds)]; arguments and errors as in `styles`."""
        return self.decode(self.styles(seeds, truncation))


def whole_seeds(seeds: Iterable[int]) -> list[int]:
    """Seeds as Python's numbers, from a list, a range, or an array of whole numbers.

    Raises:
        ValueError: there are none, or one is no whole number from 0 to 2^32 - 1.
    """
    remedy = "expected a sequence of whole numbers, like [3], or range(8)"
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Iterable) or getattr(seeds, "ndim", 1) != 1:
        hint = "; [3] is the head of seed 3, range(3) are three heads" if isinstance(seeds, int) else ""
        raise ValueError(f"seeds is {shortened(seeds)}; {remedy}{hint}")
    whole = [require_whole("a seed", seed, 0, example="0 or 42") for seed in seeds]
    if not whole:
        raise ValueError(f"no seeds; {remedy}")
    if max(whole) > LARGEST_SEED:
        raise ValueError(f"a seed is {max(whole)}; expected at most {LARGEST_SEED}, 2^32 - 1")
    return whole


def build_generator(config: GeneratorConfig, seed: int, template: HeadTemplate | None = None) -> Generator:
    """An untrained generator on a template.

    Args:
        config: sizes and ranges.
        seed: the weights follow from it.
        template: mesh to model heads on; None for the built-in one.

    Raises:
        ValueError: the template's chart covers nothing, or overlaps itself.
    """
    maps = bake(HeadTemplate.builtin() if template is None else template, config.map_resolution)
    return Generator(config, place_uv_samples(maps, config.grid_size), seed)
