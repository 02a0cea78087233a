"""Endless generated pictures for measurements: the k-th is a function of (seed, k), whoever draws it in what batch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from gghead.cuda.graphs import Runner, fastest_runner, on_gpu, run_directly
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import observe
from gghead.model.generator import Generator
from gghead.rasterizer import Rendering
from gghead.rasterizer.cuda.device_report import watch_lists

LATENT, CAMERA = 0, 1
"""Purposes of random streams: the same heads whatever the number of cameras."""

ConditioningCamera = Literal["render", "front"]
"""What the mapping network sees: the camera that draws the head, as under the official FID, or the frontal one."""


@dataclass(frozen=True)
class SamplingProtocol:
    """How heads are drawn for a measurement.

    Attributes:
        seed: decides about latents and cameras.
        resolution: side of the pictures, pixels.
        mapping_camera: what the mapping network sees; of no effect if it sees no camera.
        truncation: 1 in the official protocol.
        background: grey value behind the heads, that of the real pictures.
    """

    seed: int
    resolution: int
    mapping_camera: ConditioningCamera = "render"
    truncation: float = 1.0
    background: float = 1.0


@dataclass(frozen=True)
class DrawnPictures:
    """Pictures as detectors take them, and which are usable.

    Attributes:
        pixels: 0 to 255, rounded as in the official protocol.
        finite: whether every number of the head was finite; the picture of another head means nothing.
    """

    pixels: UInt8[Tensor, "B 3 R R"]
    finite: Bool[Tensor, " B"]


@dataclass(frozen=True)
class _DrawInputs:
    """All that changes from one batch to the next: latents, and labels of the cameras that draw."""

    latents: Float[Tensor, "B Z"]
    labels: Float[Tensor, "B 25"]


class GeneratedHeads:
    """Generated pictures by number, seen by cameras drawn from a dataset's labels; noise is constant.

    Attributes:
        generator: makes the heads; its weights stay as they are.
        recipe: how they are drawn.
    """

    def __init__(self, generator: Generator, dataset_labels: Float[Tensor, "M 25"], recipe: SamplingProtocol) -> None:
        self.recipe = recipe
        self.generator = generator
        self._dataset_labels = dataset_labels
        self._runner: Runner | None = None

    def name(self, index: int) -> str:
        """What a report calls a picture."""
        return f"generated picture {index} of seed {self.recipe.seed}"

    def labels(self, span: range) -> Float[Tensor, "B 25"]:
        """Labels of the cameras that draw some pictures."""
        count = len(self._dataset_labels)
        chosen = [int(self._rng(CAMERA, number).integers(count)) for number in span]
        return self._dataset_labels[torch.tensor(chosen, dtype=torch.long)]

    @torch.no_grad()
    def styles(self, span: range, conditioning_camera: Cameras | None = None) -> Float[Tensor, "B L W"]:
        """Styles of some heads.

        Args:
            span: numbers of the heads.
            conditioning_camera: what the mapping network sees, if it sees a camera; by default as the recipe says.
        """
        if conditioning_camera is None:
            conditioning_camera = self._conditioning(self.cameras(span))
        return self._styles(self._latents(span).to(self.generator.device), conditioning_camera)

    @torch.no_grad()
    def heads(self, span: range) -> Gaussians:
        """Some heads."""
        return self.generator.decode(self.styles(span))

    def cameras(self, span: range) -> Cameras:
        """The cameras that draw them."""
        return Cameras.from_labels(self.labels(span).to(self.generator.device), self.recipe.resolution)

    @torch.no_grad()
    def render(self, heads: Gaussians, cameras: Cameras, pairwise: bool = False) -> Rendering:
        """Heads of this generator as `gghead.draw` draws them, for every measure; on the protocol's background.

        The side of the pictures decides how, by the camera at rest, and not the cameras, which may be nearer in some
        data: so a picture does not depend on its batch, and up to the side that the generator learned from all are
        drawn as it learned.
        """
        seen = observe(self.generator.config, Cameras.frontal(cameras.width))
        whole = seen.apply_smoothing_filter(heads, self.generator)
        return seen.render(whole, cameras, background=self.recipe.background, pairwise=pairwise)

    @torch.no_grad()
    def draw(self, span: range) -> DrawnPictures:
        """Some pictures. A GPU replays them as a CUDA graph, and works on while the host prepares the next ones."""
        device = self.generator.device
        pinned = device.type == "cuda"
        given = [tensor.pin_memory() if pinned else tensor for tensor in (self._latents(span), self.labels(span))]
        with on_gpu(device):
            inputs = _DrawInputs(*(tensor.to(device, non_blocking=pinned) for tensor in given))
            if self._runner is None:
                # The smoothing filter looks at numbers of the heads, which a graph can't.
                is_plain = observe(self.generator.config, Cameras.frontal(self.recipe.resolution)).blur is None
                self._runner = fastest_runner(device, watch_lists) if is_plain else run_directly
            return self._runner(f"{len(span)} pictures", self._draw, inputs, ())

    def _draw(self, inputs: _DrawInputs) -> DrawnPictures:
        """Pictures of latents and labels; nothing waits for the device."""
        cameras = Cameras.from_labels(inputs.labels, self.recipe.resolution)
        heads = self.generator.decode(self._styles(inputs.latents, self._conditioning(cameras)))
        rgb = self.render(heads, cameras, pairwise=True).rgb
        return DrawnPictures(to_pixels(rgb), finite_heads(heads))

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """`draw` of each span."""
        return map(self.draw, spans)

    def _latents(self, span: range) -> Float[Tensor, "B Z"]:
        """Latents of some heads, in the host's memory."""
        size = self.generator.config.z_size
        return torch.from_numpy(np.stack([self._rng(LATENT, number).standard_normal(size) for number in span])).float()

    def _conditioning(self, cameras: Cameras) -> Cameras | None:
        """What the mapping network sees of heads that these cameras draw, as the recipe says."""
        return self.generator.default_conditioning() if self.recipe.mapping_camera == "front" else cameras

    def _styles(self, latents: Float[Tensor, "B Z"], conditioning_camera: Cameras | None) -> Float[Tensor, "B L W"]:
        """Styles of latents, as the recipe says."""
        if not self.generator.config.camera_conditioned:
            conditioning_camera = None
        return self.generator.map_styles(latents, conditioning_camera, self.recipe.truncation)

    def _rng(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.recipe.seed, purpose, number])


def to_pixels(rgb: Float[Tensor, "B H W 3"]) -> UInt8[Tensor, "B 3 H W"]:
    """[0, 1], channels last -> 0 to 255, channels first, on the same device.

    Rounded: floor(255 x + 0.5) is what the official floor(127.5 (2 x - 1) + 128) is.
    """
    return (rgb.nan_to_num().clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 3, 1, 2).contiguous()


def finite_heads(heads: Gaussians) -> Bool[Tensor, " B"]:
    """Which heads have no NaN or infinity in them; the rasterizer leaves such Gaussians out without a word."""
    flags = [getattr(heads, field.name).isfinite().flatten(1).all(dim=1) for field in fields(heads)]
    return torch.stack(flags).all(dim=0)
