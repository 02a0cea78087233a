"""A training step as CUDA graphs is the step that is launched kernel by kernel."""

import copy
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from gghead.config.training import RunConfig
from gghead.cuda.graphs import WARMUP, Replayer, run_directly
from gghead.data.loader import Batch
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.training.loop import training_step
from gghead.training.state import TrainingState, new_state
from gghead.training.steps.inputs import StepContext
from rasterizer.random_scenes import cameras_around, random_scene
from tiny_run import MODEL, tiny_config
from tolerances import REPLAYED, REPLAYED_MOMENTS

pytestmark = pytest.mark.gpu

STEPS = 8
CALM = 1e-6
"""Learning rate of networks that hardly move: two runs whose rounding differs part ways after some steps, however the
steps are made."""


def state_of(config: RunConfig) -> TrainingState:
    return new_state(config, "cuda")


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("grown_from", [(), (8,)])
@pytest.mark.parametrize(("supersampling", "at_once"), [(1, 8), (2, 8), (1, 4)])
def test_a_replayed_step_is_the_step(
    monkeypatch: pytest.MonkeyPatch,
    views: int,
    conditioned: bool,
    grown_from: tuple[int, ...],
    supersampling: int,
    at_once: int,
) -> None:
    """The direct one evaluates its 8 pictures in one go; blurred passes live long enough to be captured."""
    config = tiny_config("nowhere.zip", batch_size=8, snapshot_every=8, blur_fade_images=48, swap_fade_images=48)
    model = replace(
        MODEL,
        generator=replace(MODEL.generator, camera_conditioned=conditioned, supersampling=supersampling),
        discriminator=replace(MODEL.discriminator, grown_from=grown_from),
    )
    training = replace(
        config.training,
        views=views,
        random_background=views > 1,
        uv_variation_weight=1.0,
        beta_weight=1.0,
        r1_every=2,
        growth_fade_images=128,
        generator_lr=CALM,
        discriminator_lr=CALM,
    )
    config = replace(config, model=model, training=training)
    side, batch = model.discriminator.resolution, training.batch_size
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (batch, side, side, 4), dtype=torch.uint8, generator=generator).cuda()
    labels = Cameras.orbit(batch, side).labels()
    reports, states = [], []
    for run, most in ((run_directly, batch), (Replayer(watch_lists), at_once)):
        monkeypatch.setattr("gghead.training.microbatches.MICROBATCH_PIXELS", most * side**2)
        state = state_of(copy.deepcopy(config))
        context, parts = StepContext(training, labels, run=run), Batch(pixels, labels.cuda())
        reports.append([training_step(state, context, parts) for _ in range(STEPS)])
        states.append(state)
    for direct, replayed in zip(*reports, strict=True):
        assert direct.keys() == replayed.keys()
        for name, value in direct.items():
            torch.testing.assert_close(replayed[name], value, msg=name, **REPLAYED._asdict())
    for name, moments in second_moments(states[0]).items():
        off = float((second_moments(states[1])[name] - moments).norm())
        assert off <= REPLAYED_MOMENTS * float(moments.norm()), (name, off)


def second_moments(state: TrainingState) -> dict[str, Tensor]:
    """What the optimizers remember of all squared gradients, by network and parameter."""
    return {
        f"{part}.{name}": optimizer.state[parameter]["exp_avg_sq"]
        for part, (optimizer, network) in state.optimizers.items()
        for name, parameter in network.named_parameters()
        if parameter in optimizer.state
    }


def test_a_pass_whose_gaussians_grow_is_drawn_whole() -> None:
    """Lists far longer than the capture has room for: the pass is captured and run again, and is never NaN."""
    scene, cameras = random_scene(20_000, (1,)).to("cuda"), cameras_around((1,), 256, 256).to("cuda")
    parameter = nn.Parameter(torch.ones(1, device="cuda"))

    def draw(size: Tensor) -> Tensor:
        value = render(replace(scene, scales=scene.scales * size * parameter), cameras).rgb.sum() / 100
        value.backward()
        return value.detach()

    run = Replayer(watch_lists)
    for size in [0.01] * (WARMUP + 1) + [1.0, 0.01, 1.0]:
        inputs = torch.full((1,), size, device="cuda")
        value = run("drawing", draw, inputs, [parameter])
        gradient = parameter.grad.clone()
        expected = run_directly("drawing", draw, inputs, [parameter])
        torch.testing.assert_close(value, expected, **REPLAYED._asdict())
        torch.testing.assert_close(gradient, parameter.grad, **REPLAYED._asdict())


@dataclass(frozen=True)
class Blurred:
    """Inputs that may be blurred."""

    real: Tensor
    blur: Tensor | None


def test_a_pass_of_another_kind_takes_the_memory_of_the_one_before() -> None:
    weight = nn.Parameter(torch.ones(2**20, device="cuda"))

    def weigh(inputs: Blurred) -> Tensor:
        loss = (weight * (inputs.real if inputs.blur is None else inputs.real + inputs.blur)).sum()
        loss.backward()
        return loss.detach()

    run, taken = Replayer(watch_lists), []
    two = torch.full((), 2.0, device="cuda")
    for inputs, count in ((Blurred(two, two), 2), (Blurred(two, None), 1)):
        for _ in range(WARMUP + 2):
            value = run("generator", weigh, inputs, [weight])
        assert float(value) == 2**21 * count
        assert float(weight.grad.max()) == 2.0 * count
        taken.append(torch.cuda.memory_allocated())
    assert taken[1] <= taken[0]
