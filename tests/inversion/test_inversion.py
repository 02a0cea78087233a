"""A fit comes nearer, is the same for a seed, goes on where it was interrupted, and refuses what can't be fitted."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gghead.geometry.cameras import Cameras
from gghead.inversion import qualities
from gghead.inversion.fit_state import STEP_KEY
from gghead.inversion.fitting import Fitting, Stage
from gghead.inversion.inversion import Interrupted, Progress, begin, invert, run
from gghead.inversion.person import Person
from gghead.inversion.person_file import load_person
from gghead.inversion.person_making import STATE_NAME, Order, make_person, preview_path
from gghead.inversion.refined_cameras import MAX_SHIFT, MAX_TURN, refined
from gghead.inversion.style_space import StyleSpace
from gghead.inversion.targets import Picture, Targets
from gghead.model.generator import Generator
from gghead.photos import Refused
from tiny_run import MODEL

pytestmark = pytest.mark.usefixtures("few_steps")


def order(pictures: list[Picture], seed: int = 0) -> Order:
    return Order(pictures, ["a.png", "b.png"], "fast", seed, "tiny.safetensors")


def test_a_fit_comes_nearer_to_its_picture(generator: Generator, pictures: list[Picture]) -> None:
    fitting = begin(pictures[:1], generator, "fast", seed=0)
    for stage in (Stage(6, details=False), Stage(6, details=True)):
        optimizer = fitting.optimizer(stage)
        losses = [fitting.step(stage, number, optimizer) for number in range(stage.steps)]
        assert losses[-1] < 0.98 * losses[0]
    assert fitting.fit.residual.visibility.min() < 0.01, "some of the head is not seen"
    assert fitting.fit.residual.visibility.max() == 1


@pytest.mark.parametrize("encoded", [True, False])
def test_best_looks_for_one_style_first_where_no_encoder_has(
    encoded: bool, generator: Generator, pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, own = Stage(2, details=False, layers=False), Stage(2, details=False)
    monkeypatch.setattr(qualities, "BEST_WITHOUT_ENCODER", (one,))
    monkeypatch.setitem(qualities.QUALITIES, "best", (own,))
    targets = Targets.of(pictures[:1], len(pictures[0].image), 4, 0, generator.device)
    fitting = Fitting(generator, targets, None, encoded=encoded)
    run(fitting, "best")
    assert bool(fitting.fit.shared_style.abs().max() > 0)
    assert bool(fitting.fit.layer_styles.abs().max() > 0) == encoded


def test_the_same_seed_makes_the_same_person(generator: Generator, pictures: list[Picture]) -> None:
    first, same, other = (invert(pictures[:1], generator, quality="fast", seed=seed).residual for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_single_picture_has_no_gain_and_no_expression(generator: Generator, pictures: list[Picture]) -> None:
    person = invert(pictures[:1], generator, quality="fast")
    assert torch.equal(person.gains, torch.ones(1, 3))
    assert not person.expressions.any()
    whole, first = person.decode(generator), person.decode(generator, picture=0)
    assert torch.equal(whole.means, first.means)


def test_several_pictures_share_a_head(generator: Generator, pictures: list[Picture]) -> None:
    person = invert(pictures, generator, quality="fast")
    assert torch.allclose(person.gains.log().mean(dim=0), torch.zeros(3), atol=1e-6)
    assert not torch.equal(person.gains[0], person.gains[1]), "the discs have two colours"
    assert not torch.equal(person.decode(generator, 0).means, person.decode(generator, 1).means)
    assert person.cameras(16).batch_shape == (2,)


def test_an_interrupted_fit_goes_on_as_if_nothing_had_been(
    generator: Generator, pictures: list[Picture], tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    make_person(whole, order(pictures), generator)
    for at in (2, 6):  # while styles are fitted, and while details are

        def stop(progress: Progress, at: int = at) -> None:
            if progress.done == at:
                os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(Interrupted):
            make_person(broken, order(pictures), generator, stop)
        assert not broken.exists()
    make_person(broken, order(pictures), generator)
    assert whole.read_bytes() == broken.read_bytes()
    with Image.open(preview_path(broken)) as sheet:
        assert sheet.size == (6 * 16, 2 * 16)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "broken.safetensors", "broken_preview.png", "whole.safetensors", "whole_preview.png"
    ]  # fmt: skip


def test_a_half_made_person_of_other_pictures_is_not_gone_on_with(
    generator: Generator, pictures: list[Picture], tmp_path: Path
) -> None:
    out = tmp_path / "person.safetensors"

    def stop(progress: Progress) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        make_person(out, order(pictures), generator, stop)
    state = tmp_path / f".{out.name}.unfinished" / STATE_NAME
    assert STEP_KEY.encode() in state.read_bytes()
    with pytest.raises(FileExistsError, match="of other settings"):
        make_person(out, order(pictures, seed=1), generator)
    make_person(out, order(pictures, seed=1), generator, overwrite=True)
    assert load_person(out).pictures == ("a.png", "b.png")


def test_nothing_that_stands_there_is_replaced(generator: Generator, pictures: list[Picture], tmp_path: Path) -> None:
    out = tmp_path / "person.safetensors"
    preview_path(out).write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"person_preview\.png exists already"):
        make_person(out, order(pictures), generator)
    assert [path.name for path in tmp_path.iterdir()] == ["person_preview.png"]


def test_cameras_stay_within_bounds() -> None:
    cameras = Cameras.at([0.2, -0.4], resolution=16)
    still = refined(cameras, torch.zeros(2, 6))
    assert torch.allclose(still.viewmats, cameras.viewmats, atol=1e-6)
    moved = refined(cameras, torch.full((2, 6), 100.0))
    turns = (moved.viewmats @ torch.linalg.inv(cameras.viewmats))[:, :3, :3]
    angles = ((torch.diagonal(turns, dim1=1, dim2=2).sum(1) - 1) / 2).acos()
    assert (angles <= MAX_TURN * 3**0.5 + 1e-3).all()
    heads = moved.viewmats[:, :3, 3] - cameras.viewmats[:, :3, 3]
    assert (heads.abs() <= MAX_SHIFT + 1e-5).all()


def test_zero_is_the_mean_style(generator: Generator) -> None:
    space = StyleSpace.of(generator)
    z = torch.randn(512, generator.config.z_size, generator=torch.Generator().manual_seed(3))
    styles = generator.map_styles(z, generator.default_conditioning())[:, 0]
    assert (space.styles(torch.zeros(MODEL.generator.style_size)) - styles.mean(0)).abs().max() < 0.2 * styles.std()


def test_backgrounds_are_like_the_pictures_own(pictures: list[Picture]) -> None:
    image = np.full((16, 16, 3), 51, np.uint8)
    image[4:12, 4:12] = 255
    alpha = np.zeros((16, 16), np.float32)
    alpha[4:12, 4:12] = 1
    picture = replace(pictures[0], image=image, alpha=alpha)
    targets = Targets.of([picture], 16, 4, 0, torch.device("cpu"))
    assert torch.allclose(targets.backgrounds, torch.tensor(0.2)), "grey without a spread"


def test_a_picture_of_nobody_is_refused(generator: Generator, pictures: list[Picture]) -> None:
    nobody = replace(pictures[0], alpha=np.zeros((16, 16), np.float32))
    with pytest.raises(ValueError, match="picture 2 shows a person; expected 2% or more"):
        begin([pictures[0], nobody], generator, "fast", seed=0)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("photos", [[], "portrait.jpg", None])
def test_no_photographs_are_refused(photos: object, generator: Generator) -> None:
    with pytest.raises(ValueError, match="expected a sequence of one or more"):
        invert(photos, generator)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_unknown_quality_is_refused(generator: Generator, pictures: list[Picture]) -> None:
    with pytest.raises(ValueError, match="expected one of encoder, fast, good, best"):
        invert(pictures, generator, quality="perfect")  # type: ignore[arg-type]


def test_a_drawing_is_refused_with_its_name(generator: Generator, tmp_path: Path) -> None:
    from face_models import WHEELS, face_models

    face_models()
    drawing = tmp_path / "drawing.png"
    Image.new("RGB", (200, 200), "white").save(drawing)
    with pytest.raises(Refused, match=r"drawing\.png: no face is found"):
        invert([drawing], generator, models=WHEELS)


def test_a_person_says_little_of_itself(generator: Generator, pictures: list[Picture]) -> None:
    person = invert(pictures[:1], generator, quality="fast", model="tiny.safetensors")
    assert isinstance(person, Person)
    assert repr(person) == "Person(fitted to 1 pictures, of tiny.safetensors)"
    assert isinstance(begin(pictures, generator, "fast", 0), Fitting)


@pytest.mark.parametrize(
    ("count", "told"), [(1, "cpu has no room .* to 1 x 16 x 16 pixels; take a model"), (2, "fewer photographs")]
)
def test_a_full_memory_says_what_lowers_it(
    count: int, told: str, generator: Generator, pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Fitting, "step", full)
    with pytest.raises(torch.OutOfMemoryError, match=told):
        invert(pictures[:count], generator, quality="fast")
