"""From pictures to a head: styles first, then residual maps; a step is a function of the state and its number."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gghead.cuda.graphs import fastest_runner, on_gpu, run_directly
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import as_learned
from gghead.inference.smoothing_filter import Stretching, stretching
from gghead.inversion.losses import below_black, dimmed_to_white, feature_difference, feature_maps, multiscale_ssim
from gghead.inversion.refined_cameras import refined
from gghead.inversion.residual_maps import ResidualMaps, level_sides, resized
from gghead.inversion.style_space import StyleSpace
from gghead.inversion.targets import Targets
from gghead.metrics.efficientnet import EfficientNetLite
from gghead.model.generator import Generator
from gghead.rasterizer import Rendering
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.uv.samples import sample_maps

MAX_GAIN = 0.7
"""Of the logarithm of a colour gain: from half to twice as bright."""
SEARCH_RATE, STYLE_RATE, LAYER_RATE, DETAIL_RATE = 0.15, 0.08, 0.03, 0.02
"""Of one style for all layers while it is alone, of the same while layers have theirs, of these, and of maps."""
EXPRESSION_RATE = 0.002
"""Of what single pictures have of their own: at the rate of what they share it would take that over."""
PICTURE_RATES = (0.03, 0.01)
"""Learning rates of gains and cameras, while styles and while details are fitted."""
SMALL_MOTION = 0.02
"""Of a camera, below which the prior's force fades, so that zero is no kink: 0.1 degrees."""
AT_ONCE = 3
"""Pictures that a step looks at."""


@dataclass(frozen=True)
class Stage:
    """Steps that change one part of a fit.

    Attributes:
        steps: how many.
        details: whether residual maps are fitted, to styles that stay; else styles.
        layers: whether layers have styles of their own (W+); else one for all (W). Free from the first step, styles of
            layers may soon fit one picture by a way that leads nowhere.
    """

    steps: int
    details: bool
    layers: bool = True


@dataclass(frozen=True)
class LossWeights:
    """Factors of the terms, of means over pixels or numbers.

    Attributes:
        l1: absolute difference of colours.
        alpha: absolute difference of alpha.
        ssim: 1 - multi-scale SSIM.
        features: distance of feature maps.
        shared_style: squared whitened coordinates of the style of all layers.
        layer_styles: the same of what layers add to it.
        residual: squares of the residual maps.
        expression: squares of the residuals of single pictures.
        below_black: colours below zero.
        motion: sizes of the cameras' motions, of which 1 is some three quarters of the bounds. Unlike squares they hold
            a camera against small forces, which come of shapes that styles can't make, and give way to large ones.
    """

    l1: float = 1.0
    alpha: float = 0.5
    ssim: float = 0.3
    features: float = 0.3
    shared_style: float = 0.01
    layer_styles: float = 0.03
    residual: float = 10.0
    expression: float = 30.0
    below_black: float = 0.3
    motion: float = 0.3


class HeadFit(nn.Module):
    """All that is fitted to the pictures of a person.

    Args:
        generator: whose head it is; frozen.
        pictures: how many.
    """

    def __init__(self, generator: Generator, pictures: int) -> None:
        super().__init__()
        size, layers, device = generator.config.style_size, generator.synthesis.num_styles, generator.device
        self._space = StyleSpace.of(generator)
        self.shared_style = nn.Parameter(torch.zeros(size, device=device))
        self.layer_styles = nn.Parameter(torch.zeros(layers, size, device=device))
        self.gains = nn.Parameter(torch.zeros(pictures, 3, device=device))
        self.motions = nn.Parameter(torch.zeros(pictures, 6, device=device))
        self.residual = ResidualMaps(generator, level_sides(generator))
        several = pictures if pictures > 1 else 0
        coarse = level_sides(generator)[:-1] or level_sides(generator)
        self.expressions = nn.ModuleList(ResidualMaps(generator, coarse) for _ in range(several))

    def styles(self) -> Float[Tensor, "L W"]:
        """Style vectors of all layers."""
        return self._space.styles(self.shared_style + self.layer_styles)

    def color_gains(self) -> Float[Tensor, "P 3"]:
        """Factors of the pictures' colours; their geometric mean is 1, so that a single picture has none."""
        logarithms = MAX_GAIN * self.gains.tanh()
        return (logarithms - logarithms.mean(dim=0)).exp()

    def cameras(self, targets: Targets) -> Cameras:
        """The pictures' cameras, refined."""
        return refined(targets.cameras, self.motions)


@dataclass(frozen=True)
class StepInputs:
    """What a step is given beside what is fitted.

    Attributes:
        chosen: numbers of the pictures that it looks at.
        behind: colours behind them.
        known: maps of the network for the pictures on these colours; none without a network.
        base: the generator's maps of the styles, while these stay; None while they are fitted.
        stretching: how gaps are closed; None where they are not, or where the pass finds out itself.
    """

    chosen: Int[Tensor, " K"]
    behind: Float[Tensor, "K 3"]
    known: tuple[Float[Tensor, "K _ _ _"], ...]
    base: Float[Tensor, "C R R"] | None
    stretching: Stretching | None


class Fitting:
    """Steps of one fit. On a GPU they are replayed as CUDA graphs if each looks at all pictures.

    Args:
        generator: frozen.
        targets: what is fitted to.
        network: tells pictures apart; None leaves its term out.
        weights: of the losses.
        seed: order of the pictures and of the colours behind them.
        encoded: whether an encoder says where styles begin.
    """

    def __init__(
        self,
        generator: Generator,
        targets: Targets,
        network: EfficientNetLite | None,
        weights: LossWeights = LossWeights(),
        seed: int = 0,
        encoded: bool = False,
    ) -> None:
        self.generator, self.targets, self.weights = generator, targets, weights
        self.fit, self.encoded = HeadFit(generator, len(targets)), encoded
        self._network, self._seed = network, seed
        self._seen = as_learned(generator.config)
        self._features = {} if network is None else self._target_features(network)
        self._base: Tensor | None = None
        with on_gpu(generator.device):
            is_alike = len(targets) <= AT_ONCE
            self._run = fastest_runner(generator.device, watch_lists) if is_alike else run_directly

    def optimizer(self, stage: Stage) -> torch.optim.Adam:
        """A fresh optimizer of what a stage changes."""
        fit, rate = self.fit, PICTURE_RATES[stage.details]
        per_picture = {"params": [fit.gains, fit.motions], "top": rate}
        if stage.details:
            groups = [{"params": list(fit.residual.parameters()), "top": DETAIL_RATE}, per_picture]
            if len(fit.expressions):
                groups.append({"params": list(fit.expressions.parameters()), "top": EXPRESSION_RATE})
        else:
            top = STYLE_RATE if stage.layers else SEARCH_RATE
            groups = [{"params": [fit.shared_style], "top": top}, per_picture]
            if stage.layers:
                groups.insert(1, {"params": [fit.layer_styles], "top": LAYER_RATE})
        return torch.optim.Adam(groups, betas=(0.9, 0.98))

    def step(self, stage: Stage, number: int, optimizer: torch.optim.Adam) -> float:
        """Makes step `number` of a stage; returns the loss."""
        if stage.details and number == 0:
            with torch.no_grad():
                maps = self.base_maps()
            self.fit.residual.visibility.copy_(self.visibility(maps))
        for group in optimizer.param_groups:
            group["lr"] = group["top"] * rate_share(number / stage.steps)
        rng = np.random.default_rng([self._seed, stage.details, number])
        chosen = sorted(rng.permutation(len(self.targets))[:AT_ONCE].tolist())
        behind = int(rng.integers(self.targets.backgrounds.shape[1]))
        # Where gaps between Gaussians are closed for finer pictures, others show: three steps of four look at these.
        closed = stage.details and number % 4 > 0 and self.generator.config.picture_resolution is not None

        def gradients(inputs: StepInputs) -> Tensor:
            loss = self._loss(chosen, closed, inputs)
            loss.backward()
            return loss.detach()

        with on_gpu(self.generator.device):
            inputs = self._inputs(stage, chosen, behind, closed)
            loss = self._run(f"{stage}, {closed}", gradients, inputs, list(self.fit.parameters()))
            optimizer.step()
        return float(loss)

    def base_maps(self) -> Float[Tensor, "C R R"]:
        """The generator's maps of the styles."""
        return self.generator.maps(self.fit.styles())

    @torch.no_grad()
    def _inputs(self, stage: Stage, chosen: list[int], behind: int, closed: bool) -> StepInputs:
        """What a step is given that no graph can hold: it differs from step to step, or has no fixed size."""
        if not stage.details:
            self._base = None
        elif self._base is None:
            self._base = self.base_maps()
        stretched = None
        if closed and self._run is not run_directly:
            maps, _ = self._maps_and_prior(self._base, chosen)
            stretched = stretching(self.generator.decode_maps(maps).gaussians, self.generator)
        known = [] if self._network is None else zip(*(self._features[i, behind] for i in chosen), strict=True)
        return StepInputs(
            torch.tensor(chosen, device=self.generator.device),
            self.targets.backgrounds[chosen, behind],
            tuple(torch.cat(level) for level in known),
            self._base,
            stretched,
        )

    def _maps_and_prior(
        self, base: Float[Tensor, "C R R"] | None, chosen: list[int]
    ) -> tuple[Float[Tensor, "*B C R R"], Float[Tensor, ""]]:
        """Maps of the head, or of the head in each picture if these have something of their own; how unlikely it is."""
        fit, weights = self.fit, self.weights
        if base is None:
            prior = weights.shared_style * fit.shared_style.square().mean()
            return self.base_maps(), prior + weights.layer_styles * fit.layer_styles.square().mean()
        residual = fit.residual()
        maps, prior = base + residual, weights.residual * residual.square().mean()
        if len(fit.expressions):
            own = torch.stack([fit.expressions[index]() for index in chosen])
            maps, prior = maps + resized(own, maps.shape[-1]), prior + weights.expression * own.square().mean()
        return maps, prior

    def _loss(self, chosen: list[int], closed: bool, inputs: StepInputs) -> Float[Tensor, ""]:
        weights, targets, picked = self.weights, self.targets, inputs.chosen
        maps, prior = self._maps_and_prior(inputs.base, chosen)
        prior = prior + weights.motion * (self.fit.motions[picked].square() + SMALL_MOTION**2).sqrt().mean()
        if self.generator.config.sh_degree:  # else no colour is below zero
            heads = self.generator.decode_maps(maps).gaussians
            prior = prior + weights.below_black * below_black(heads, self._cameras(picked))
        pictures = self.draw(maps, picked, closed, inputs.stretching)
        rgb, alpha = (drawn * targets.inside[picked] for drawn in pictures)
        rgb = dimmed_to_white(rgb, alpha, targets.pixels[picked])
        drawn = rgb + (1 - alpha) * inputs.behind[:, None, None]
        wanted = targets.over(picked, inputs.behind)
        loss = weights.l1 * (drawn - wanted).abs().mean(dim=(1, 2, 3))
        loss = loss + weights.alpha * (alpha - targets.pixels[picked][..., 3:]).abs().mean(dim=(1, 2, 3))
        first, second = drawn.permute(0, 3, 1, 2), wanted.permute(0, 3, 1, 2)
        loss = loss + weights.ssim * (1 - multiscale_ssim(first, second))
        if self._network is not None:
            found = feature_maps(self._network, first)
            loss = loss + weights.features * feature_difference(found, inputs.known)
        return (loss * targets.areas[picked]).mean() + prior

    def visibility(self, maps: Float[Tensor, "C R R"]) -> Float[Tensor, "R R"]:
        """How much of the pictures each texel makes up, 0 to 1: 1 from the mean on."""
        ones = maps.new_ones(1, *maps.shape[-2:]).requires_grad_()
        with torch.no_grad():
            heads = self.generator.decode_maps(maps).gaussians
            cameras = self.fit.cameras(self.targets)
        marks = sample_maps(ones, self.generator.texel_uvs)
        drawn = self._seen.render(heads, cameras, background=0.0, features=marks)
        assert drawn.features is not None, "asked for"
        # A picture is linear in its features: the gradient is each texel's share of all pixels.
        (shares,) = torch.autograd.grad((drawn.features * self.targets.inside).sum(), ones)
        return (shares[0] / shares[shares > 0].mean()).clamp(max=1)

    def draw(
        self,
        maps: Float[Tensor, "*B C R R"],
        picked: Int[Tensor, " K"],
        closed: bool = False,
        stretched: Stretching | None = None,
    ) -> tuple[Float[Tensor, "K H W 3"], Float[Tensor, "K H W 1"]]:
        """Premultiplied colours, with their gain, and alpha of some pictures; of one head, or one for each.

        With gaps between Gaussians closed, as is known or is found out, they are of the heads that finer pictures and
        exported files show.
        """
        heads = self.generator.decode_maps(maps).gaussians
        if closed:
            heads = (stretched or stretching(heads, self.generator)).of(heads)
        drawn: Rendering = self._seen.render(heads, self._cameras(picked), background=0.0, pairwise=maps.ndim > 3)
        return drawn.rgb * self.fit.color_gains()[picked][:, None, None], drawn.alpha

    def _cameras(self, picked: Int[Tensor, " K"]) -> Cameras:
        cameras = self.fit.cameras(self.targets)
        return Cameras(cameras.viewmats[picked], cameras.Ks[picked], cameras.width, cameras.height)

    @torch.no_grad()
    def _target_features(self, network: EfficientNetLite) -> dict[tuple[int, int], list[Tensor]]:
        """Of each picture on each of its colours."""
        numbers = torch.arange(len(self.targets), device=self.generator.device)
        return {
            (index, behind): feature_maps(
                network, self.targets.over(numbers[[index]], colors[None]).permute(0, 3, 1, 2)
            )
            for index in range(len(self.targets))
            for behind, colors in enumerate(self.targets.backgrounds[index])
        }


def rate_share(progress: float) -> float:
    """Share of the top learning rate: rises over a twentieth, falls like a cosine to a twentieth."""
    warm = min(1.0, progress / 0.05 + 0.1)
    return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))
