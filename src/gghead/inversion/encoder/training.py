"""Steps of an encoder's training: heads of the generator, drawn and spoiled, whose styles it shall tell."""

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gghead.data.loader import Batch
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import Observation
from gghead.inversion.encoder.degradation import degraded
from gghead.inversion.encoder.network import MAX_SIDE, EncoderConfig, EncoderNetwork, HeadEstimate
from gghead.inversion.encoder.random_heads import erring_labels, random_cameras, random_heads
from gghead.inversion.losses import feature_difference, feature_maps, multiscale_ssim
from gghead.inversion.residual_maps import free_channels, level_sides, resized
from gghead.inversion.style_space import StyleSpace
from gghead.metrics.efficientnet import EfficientNetLite0
from gghead.model.generator import Generator

TOP_RATE, FINAL_SHARE, WARM_UP = 7e-4, 0.01, 0.03
"""Learning rate, the share of it at the end, and the share of the training over which it rises."""
WEIGHT_DECAY = 0.02
MAX_NORM = 1.0
"""Of the gradient; longer ones are shortened."""
HALF_LIFE = 0.02
"""Of the average of the weights, as a share of the pictures so far: it is short at first, and long at the end."""
DRAWN = 0.5
"""Share of the generated heads that are drawn again from the styles that the encoder tells."""
COORDINATE_KNEE = 0.5
"""Difference of coordinates at which Smooth L1 goes from squares to absolute values, standard deviations."""
SEEN = Observation()
"""One sample a pixel: a fourth of the time of supersampling, and as good to learn styles from."""


@dataclass(frozen=True)
class EncoderLossWeights:
    """Factors of the terms, of means over pixels or numbers.

    Attributes:
        coordinates: Smooth L1 of the style coordinates, weighted by how much a style changes along them.
        l1: absolute difference of colours.
        alpha: absolute difference of alpha.
        ssim: 1 - multi-scale SSIM.
        features: distance of feature maps.
        shared: squared shared coordinates, of real pictures, whose styles nobody knows.
        layers: squares of what layers add, likewise.
        residual: squares of the residual, which shall only do what styles can't.
    """

    coordinates: float = 0.5
    l1: float = 2.0
    alpha: float = 1.0
    ssim: float = 0.5
    features: float = 0.5
    shared: float = 0.01
    layers: float = 0.05
    residual: float = 3.0


class EncoderTraining:
    """An encoder that learns, its average, and what it learns from.

    Args:
        generator: frozen.
        network: tells pictures apart; None leaves its term out.
        seed: of everything random.
        weights: of the losses.

    Attributes:
        encoder: the network that takes the steps.
        average: running average of its weights, which is what is kept.
        images: generated heads seen.
    """

    def __init__(
        self,
        generator: Generator,
        network: EfficientNetLite0 | None,
        seed: int = 0,
        weights: EncoderLossWeights = EncoderLossWeights(),
    ) -> None:
        self.generator, self.weights = generator, weights
        self._network, self._seed = network, seed
        self._space = StyleSpace.of(generator)
        self._free = free_channels(generator)
        lengths = self._space.axes.norm(dim=1)
        self._importance = lengths / lengths.square().mean().sqrt()
        self.encoder = initial_network(encoder_config(generator), seed).to(generator.device)
        self.average = copy.deepcopy(self.encoder).requires_grad_(False)
        decayed = [value for value in self.encoder.parameters() if value.ndim > 1]
        plain = [value for value in self.encoder.parameters() if value.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=TOP_RATE, betas=(0.9, 0.99), foreach=True)
        self.images = 0

    @property
    def side(self) -> int:
        """Of the pictures, pixels."""
        return self.encoder.config.side

    def step(self, batch_size: int, progress: float, real: Batch | None = None) -> Tensor:
        """Makes a step, and returns its loss, on the device, so that nothing waits.

        Args:
            batch_size: generated heads.
            progress: share of the training that is done, from which the learning rate follows.
            real: pictures with cameras and masks to learn from beside them.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = TOP_RATE * rate_share(progress)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(batch_size, real)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), MAX_NORM)
        for parameter in self.encoder.parameters():
            if parameter.grad is not None:
                # One gradient that is not finite has made all NaN by way of the norm: such a step changes little.
                parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
        self.optimizer.step()
        self.images += batch_size
        self._move_average(0.5 ** (1 / max(1.0, HALF_LIFE * self.images / batch_size)))
        return loss.detach()

    def _loss(self, batch_size: int, real: Batch | None) -> Tensor:
        device, weights, drawn_again = self.generator.device, self.weights, max(1, round(DRAWN * batch_size))
        # They follow from the place in the run alone, so that a resumed run is the same run.
        on_host, on_device = (random_for(self._seed, self.images, where) for where in (torch.device("cpu"), device))
        views = random_cameras(2 * batch_size, self.side, on_host).map(lambda tensor: tensor.unflatten(0, (-1, 2)))
        labels = erring_labels(views[:, 0], on_host).to(device)
        views = views.to(device)
        with torch.no_grad():
            truth = random_heads(self.generator, self._space, batch_size, on_device)
            pixels = self._draw(truth, views)
            given = degraded(pixels[:, 0], on_device)
            if real is not None:
                wanted = real.pixels.float() / 255
                given = torch.cat([given, degraded(wanted, on_device)])
                labels = torch.cat([labels, real.labels])
        found = self._encode(given, labels)
        loss = weights.coordinates * self._coordinate_loss(found[:batch_size], truth)
        loss = loss + weights.residual * found.residual.square().mean()
        drawn = [self._draw(found[:drawn_again], views[:drawn_again])]
        targets = [pixels[:drawn_again]]
        if real is not None:
            guess = found[batch_size:]
            loss = loss + weights.shared * guess.shared.square().mean() + weights.layers * guess.layers.square().mean()
            cameras = Cameras.from_labels(real.labels, self.side).map(lambda tensor: tensor[:, None])
            drawn.append(self._draw(guess, cameras))
            targets.append(wanted[:, None])
        pictures, expected = (torch.cat([part.flatten(0, 1) for part in parts]) for parts in (drawn, targets))
        return loss + self._picture_loss(pictures, expected, on_device)

    def _draw(self, heads: HeadEstimate, views: Cameras) -> Float[Tensor, "B V S S 4"]:
        """Premultiplied colours and alpha of heads, each from its own cameras."""
        maps = self.generator.maps(self._space.styles(heads.of_layers()))
        maps = maps + resized(heads.residual * self._free, maps.shape[-1])
        gaussians = self.generator.decode_maps(maps).gaussians
        drawn = SEEN.render(gaussians, views, background=0.0, pairwise=True)
        return torch.cat([drawn.rgb, drawn.alpha], dim=-1)

    def _encode(self, pixels: Float[Tensor, "B S S 4"], labels: Float[Tensor, "B 25"]) -> HeadEstimate:
        """On a GPU in bfloat16."""
        device = self.generator.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            return self.encoder(pixels, labels)

    def _coordinate_loss(self, found: HeadEstimate, truth: HeadEstimate) -> Tensor:
        """Of the coordinates of each layer, and of those that are shared, which most of a picture follows from."""
        pairs = ((found.of_layers(), truth.of_layers()), (found.shared, truth.shared))
        terms = [
            functional.smooth_l1_loss(self._importance * a, self._importance * b, beta=COORDINATE_KNEE)
            for a, b in pairs
        ]
        return terms[0] + terms[1]

    def _picture_loss(
        self, drawn: Float[Tensor, "P S S 4"], wanted: Float[Tensor, "P S S 4"], random: torch.Generator
    ) -> Tensor:
        """Of pictures on random colours, so that no head hides in one."""
        weights = self.weights
        colors = torch.rand(len(drawn), 1, 1, 3, generator=random, device=drawn.device)
        first, second = (
            (pixels[..., :3] + (1 - pixels[..., 3:]) * colors).permute(0, 3, 1, 2) for pixels in (drawn, wanted)
        )
        loss = weights.l1 * (first - second).abs().mean()
        loss = loss + weights.alpha * (drawn[..., 3] - wanted[..., 3]).abs().mean()
        loss = loss + weights.ssim * (1 - multiscale_ssim(first, second)).mean()
        if self._network is not None:
            with torch.no_grad():
                known = feature_maps(self._network, second)
            loss = loss + weights.features * feature_difference(feature_maps(self._network, first), known).mean()
        return loss

    @torch.no_grad()
    def _move_average(self, decay: float) -> None:
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage] - as torch's optimizers do
            list(self.average.parameters()), list(self.encoder.parameters()), 1 - decay
        )


def encoder_config(generator: Generator) -> EncoderConfig:
    """Sizes of an encoder of a generator: for pictures like those that it learned from, up to `MAX_SIDE`."""
    learned = min(generator.config.picture_resolution or MAX_SIDE, MAX_SIDE)
    side = 1 << (learned.bit_length() - 1)
    config = generator.config
    return EncoderConfig(
        side, generator.synthesis.num_styles, config.style_size, config.map_channels, level_sides(generator)[0]
    )


def initial_network(config: EncoderConfig, seed: int) -> EncoderNetwork:
    """An untrained network; its weights follow from the seed alone, and torch's own random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return EncoderNetwork(config)


def random_for(seed: int, images: int, device: torch.device) -> torch.Generator:
    """Random numbers of one step on a device."""
    (key,) = np.random.SeedSequence([seed, images]).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(key) >> 1)


def rate_share(progress: float) -> float:
    """Share of the top learning rate: rises, then falls like a cosine."""
    warm = min(1.0, progress / WARM_UP + 0.02)
    return warm * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))
