"""What a step draws and learns from: several views of a head, random backgrounds, R1, microbatches."""

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gghead.config.presets import from_preset, with_recipe
from gghead.config.training import TrainingConfig
from gghead.cuda.graphs import Pass, run_directly
from gghead.data.dataset import MissingMasksWarning
from gghead.data.loader import Batch
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from gghead.stylegan.discriminator import append_deviation
from gghead.training.loop import training_step
from gghead.training.losses.terms import generator_terms
from gghead.training.run_pictures import check_data
from gghead.training.state import TrainingState, new_state
from gghead.training.step_report import StepReport
from gghead.training.steps.discriminator import labels_of_others
from gghead.training.steps.inputs import StepContext
from tiny_run import MODEL, RESOLUTION, tiny_config, write_tiny_dataset
from tolerances import EXACT_FLOAT32


def test_several_views_are_pictures_of_the_same_heads() -> None:
    state = new_state(tiny_config(Path("none")), "cpu")
    labels = Cameras.orbit(4, RESOLUTION).labels()
    styles = state.generator.map_styles(torch.randn(2, MODEL.generator.z_size), Cameras.from_labels(labels[:2], 1))
    config = TrainingConfig()
    together = generator_terms(state.generator, state.discriminator, config, styles, labels)
    apart = generator_terms(state.generator, state.discriminator, config, styles.repeat_interleave(2, 0), labels)
    torch.testing.assert_close(together.logits, apart.logits, **EXACT_FLOAT32._asdict())
    assert together.position.shape == (2,)


def test_saturated_positions_cost_what_their_weight_says_and_nothing_without_one() -> None:
    state = new_state(tiny_config(Path("none")), "cpu")
    with torch.no_grad():
        state.generator.position_bias.fill_(5.0)
    labels = Cameras.orbit(2, RESOLUTION).labels()
    styles = state.generator.map_styles(torch.randn(2, MODEL.generator.z_size), Cameras.from_labels(labels, 1))
    config = TrainingConfig(saturation_weight=4.0)
    terms = generator_terms(state.generator, state.discriminator, config, styles, labels)
    assert terms.saturation > 1
    added = terms.total(config) - terms.total(TrainingConfig())
    torch.testing.assert_close(added, 4 * terms.saturation, **EXACT_FLOAT32._asdict())
    without = generator_terms(state.generator, state.discriminator, TrainingConfig(), styles, labels)
    assert without.saturation == 0


def test_pictures_drawn_larger_are_averaged_for_the_discriminator() -> None:
    generator = replace(MODEL.generator, supersampling=2)
    config = replace(tiny_config(Path("none")), model=replace(MODEL, generator=generator))
    state, evaluated = new_state(config, "cpu"), []
    state.discriminator.register_forward_pre_hook(lambda _, inputs: evaluated.append(inputs[0]))
    labels = Cameras.orbit(2, RESOLUTION).labels()
    styles = state.generator.map_styles(torch.randn(2, MODEL.generator.z_size), Cameras.from_labels(labels, 1))
    generator_terms(state.generator, state.discriminator, TrainingConfig(), styles, labels)
    heads = state.generator.decode(styles, "none")
    larger = render(heads, Cameras.from_labels(labels, 2 * RESOLUTION), background=1.0, pairwise=True).rgb
    expected = larger.unfold(1, 2, 2).unfold(2, 2, 2).mean((-2, -1)).permute(0, 3, 1, 2) * 2 - 1
    torch.testing.assert_close(evaluated[0], expected, **EXACT_FLOAT32._asdict())


def test_pictures_of_a_head_are_never_compared_with_each_other() -> None:
    """Each group of the minibatch standard deviation sees as many heads as it has pictures."""
    heads, views, group = 8, 4, 4
    head = torch.arange(heads).repeat_interleave(views).float().view(-1, 1, 1, 1)
    deviation = append_deviation(head, group)[:, -1, 0, 0]
    for first in range(heads * views // group):
        members = head.flatten()[first :: heads * views // group]
        assert len(set(members.tolist())) == group
        assert float(deviation[first]) == pytest.approx(float(members.std(correction=0)), rel=1e-4)


@pytest.mark.parametrize("background", [False, True])
def test_random_backgrounds_need_to_know_what_is_foreground(tmp_path: Path, background: bool) -> None:
    config = tiny_config(tmp_path / "blobs.zip", random_background=background)
    state, labels = new_state(config, "cpu"), Cameras.orbit(4, RESOLUTION).labels()
    pixels = torch.zeros(4, RESOLUTION, RESOLUTION, 4, dtype=torch.uint8)
    training_step(state, StepContext(config.training, labels), Batch(pixels, labels))
    write_tiny_dataset(tmp_path / "blobs.zip")
    check_data(config)
    (tmp_path / "blobs_masks_modnet.zip").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingMasksWarning)
        if not background:
            check_data(config)
            return
        with pytest.raises(ValueError, match="--recipe paper"):
            check_data(config)


def test_r1_comes_every_so_many_steps() -> None:
    config = tiny_config(Path("none"), r1_every=2, blur_fade_images=0)
    state, labels = new_state(config, "cpu"), Cameras.orbit(4, RESOLUTION).labels()
    batch = Batch(torch.randint(256, (4, RESOLUTION, RESOLUTION, 4), dtype=torch.uint8), labels)
    before = copy.deepcopy(state.discriminator.state_dict())
    due, other = (training_step(state, StepContext(config.training, labels), batch) for _ in range(2))
    assert float(due["r1"]) > 0
    assert set(due) - set(other) == {"r1", "r1_gradient"}
    assert float(due["discriminator"]) == pytest.approx(2 * math.log(2), abs=0.2)  # it knows nothing yet
    assert any(not torch.equal(before[name], value) for name, value in state.discriminator.state_dict().items())


def test_real_pictures_with_labels_of_others_are_told_from_real_ones() -> None:
    """The loss is that of the pass without them, and more by the weighted loss of fakes of their logits."""
    labels = Cameras.orbit(4, RESOLUTION).labels()
    batch = Batch(torch.randint(256, (4, RESOLUTION, RESOLUTION, 4), dtype=torch.uint8), labels)

    def step(weight: float) -> tuple[StepReport, TrainingState]:
        config = tiny_config(Path("none"), wrong_label_weight=weight, blur_fade_images=0)
        state = new_state(config, "cpu")
        return training_step(state, StepContext(config.training, labels), batch), state

    (plain, before), (more, after) = step(0.0), step(0.5)
    assert set(more) - set(plain) == {"wrong_label_logits"}
    assert float(more["real_logits"]) == pytest.approx(float(plain["real_logits"]), abs=1e-5)
    pair = zip(before.discriminator.parameters(), after.discriminator.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in pair)
    extra = float(more["discriminator"]) - float(plain["discriminator"])
    assert extra == pytest.approx(0.5 * math.log1p(math.exp(float(more["wrong_label_logits"]))), abs=0.01)


def test_all_pictures_that_the_discriminator_sees_are_changed_with_their_labels() -> None:
    """Real and generated ones, in the steps of both networks; enlarged parts of pictures have longer focal lengths."""
    config = tiny_config(Path("none"), augmentation=1.0, blur_fade_images=0)
    state, labels = new_state(config, "cpu"), Cameras.orbit(4, RESOLUTION).labels()
    seen = []

    def spy(module: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
        seen.extend(inputs[1][:, 16].tolist())

    state.discriminator.register_forward_pre_hook(spy)
    batch = Batch(torch.randint(256, (4, RESOLUTION, RESOLUTION, 4), dtype=torch.uint8), labels)
    training_step(state, StepContext(config.training, labels), batch)
    assert len(seen) >= 3 * len(labels)
    assert min(seen) > float(labels[0, 16])
    assert len({round(focal, 4) for focal in seen}) > 2 * len(labels)


def test_no_picture_gets_its_own_label_as_that_of_another() -> None:
    """Each gets one of its group: processes hold whole groups, so that any number of them does the same."""
    labels = torch.arange(8.0)[:, None].expand(8, 25)
    others = labels_of_others(labels, group_size=4)[:, 0]
    assert sorted(others.tolist()) == list(range(8))
    assert all(int(other) != own and int(other) % 2 == own % 2 for own, other in enumerate(others))


@pytest.mark.parametrize(("views", "wrong_label_weight"), [(1, 0.0), (2, 0.0), (2, 0.5)])
def test_a_batch_in_microbatches_is_the_batch_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, views: int, wrong_label_weight: float
) -> None:
    """Values and gradients of each pass; 5 groups of 4 pictures, at most two groups at a time, are 2, 2 and 1.

    The discriminator learns from generated and real pictures at once, if there is room for both.
    """
    batch = 20
    config = tiny_config(
        Path("none"),
        batch_size=batch,
        snapshot_every=batch,
        views=views,
        random_background=views > 1,
        wrong_label_weight=wrong_label_weight,
        augmentation=wrong_label_weight,
        r1_every=1,
        generator_lr=0.0,
        discriminator_lr=0.0,
    )
    labels = Cameras.orbit(batch, RESOLUTION).labels()
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (batch, RESOLUTION, RESOLUTION, 4), dtype=torch.uint8, generator=draw)
    passes, evaluated = [], []

    def run(name: str, function: Pass, inputs: object, parameters: Sequence[nn.Parameter]) -> Tensor:
        values = run_directly(name, function, inputs, parameters)
        gradients = {f"{name} {i}": each.grad for i, each in enumerate(parameters) if each.grad is not None}
        passes[-1].update({name: values} | gradients)
        return values

    for at_once in (2 * batch, batch, 8):
        monkeypatch.setattr("gghead.training.microbatches.MICROBATCH_PIXELS", at_once * RESOLUTION**2)
        state = new_state(config, "cpu")
        passes.append({})
        evaluated.append([])
        state.discriminator.register_forward_pre_hook(lambda _, inputs: evaluated[-1].append(len(inputs[0])))
        context = StepContext(config.training, labels, run=run)
        training_step(state, context, Batch(pixels, labels))
    if wrong_label_weight == 0:
        assert [sorted(set(sizes)) for sizes in evaluated] == [[batch, 2 * batch], [batch], [4, 8]]
    assert len({sum(sizes) for sizes in evaluated}) == 1
    whole, *others = passes
    for parts in others:
        assert parts.keys() == whole.keys()
        for name, value in whole.items():
            torch.testing.assert_close(parts[name], value, msg=name, **EXACT_FLOAT32._asdict())


def test_recipes() -> None:
    official = from_preset("ffhq256", "x.zip")
    assert with_recipe(official, "paper") == official
    consistent = with_recipe(official, "consistent")
    assert not consistent.model.generator.camera_conditioned
    assert (consistent.training.views, consistent.training.random_background) == (2, True)
    assert with_recipe(consistent, "paper") == official
    ours = from_preset("heads256", "x.zip")
    assert with_recipe(ours, "consistent") == ours


def test_views_must_divide_the_batch() -> None:
    with pytest.raises(ValueError, match="multiple of views"):
        replace(TrainingConfig(), views=3)
