"""All ways from a head to a picture give the same one: smaller than those learned from, as large, and larger."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gghead.evaluation.consistency import view_cameras
from gghead.evaluation.identity import VIEWS, generated_identities, identity_cameras
from gghead.evaluation.page import head_sheets
from gghead.exports.files import encode
from gghead.gaussians.formats.ply import load_ply
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_FOV
from gghead.inference.generated import GeneratedHeads, SamplingProtocol
from gghead.inference.observation import Observation, as_learned, draw, observe
from gghead.inference.pictures import morph, portraits, turntable
from gghead.metrics.identity import FaceRecognizer
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import Rendering, render
from gghead.training.losses.terms import generator_terms, render_samples, samples_to_network
from gghead.training.observe.snapshots import YAWS, draw_sheets
from gghead.training.state import new_state
from gghead.viewer.drawing import drawing
from gghead.viewer.drawing.heads import Head
from gghead.viewer.state import Look, Viewpoint
from gghead.viewer.viewpoints import camera_of
from tiny_run import MODEL, TRAINING, tiny_config
from tolerances import ONE_WAY, ROUNDED

LEARNED = 256
SIDES = (64, 256, 512)
FOR_PEOPLE = ("sample", "video", "interpolate")
"""Pictures whose colours are cut at 1."""


def generator_of(learned: int | None, supersampling: int = 2) -> Generator:
    """Heads of thin Gaussians, so that it shows how they are drawn."""
    config = replace(MODEL.generator, grid_size=48, picture_resolution=learned, supersampling=supersampling)
    generator = build_generator(replace(config, max_log_scale=-4.0, log_scale_offset=-5.0), seed=0)
    with torch.no_grad():
        generator.position_weight += 0.3 * torch.eye(3)
    return generator.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return generator_of(LEARNED)


def generated(generator: Generator, side: int) -> GeneratedHeads:
    """As an evaluation makes them, all seen by the camera at rest."""
    return GeneratedHeads(generator, Cameras.frontal(side).labels(), SamplingProtocol(seed=0, resolution=side))


def assert_pixels(found: np.ndarray | Tensor, expected: Tensor) -> None:
    """The same after rounding to 0 ... 255."""
    difference = torch.as_tensor(found).float() - 255 * expected.clamp(0, 1)
    assert float(difference.abs().max()) <= ROUNDED


@pytest.mark.parametrize("side", SIDES)
def test_all_ways_to_a_picture_agree(generator: Generator, side: int) -> None:
    fakes, camera = generated(generator, side), Cameras.frontal(side)
    styles, heads = fakes.styles(range(1)), fakes.heads(range(1))
    expected = draw(generator, heads, camera).rgb[0, 0]
    assert float((render(heads, camera).rgb[0, 0] - expected).abs().max()) > 10 * ONE_WAY.atol, "not the bare Gaussians"

    shown = {
        "sample": next(portraits(generator, styles, camera))[0],
        "video": next(turntable(generator, styles, camera, frozen_colors=False))[0],
        "interpolate": next(morph(generator, styles, camera)),
        "evaluation": fakes.render(heads, camera).rgb[0, 0],
        "pairwise": draw(generator, heads, camera, pairwise=True).rgb[0],
        "without a batch": draw(generator, heads[0], camera).rgb[0],
    }
    for way, picture in shown.items():
        wanted = expected.clamp(0, 1) if way in FOR_PEOPLE else expected
        torch.testing.assert_close(picture, wanted, **ONE_WAY._asdict(), msg=way)

    assert_pixels(fakes.draw(range(1)).pixels[0].permute(1, 2, 0), expected)
    made = Head(heads[0], generator.texel_uvs, None, generator, 0.0)
    viewpoint = Viewpoint(fov=float(np.degrees(FFHQ_FOV)))
    assert_pixels(drawing.draw(made, Look(background=(255, 255, 255)), camera_of(viewpoint, side, side)), expected)


@pytest.mark.parametrize("side", SIDES)
def test_training_draws_what_others_show(side: int) -> None:
    generator, camera = generator_of(side), Cameras.frontal(side)
    model = replace(MODEL, discriminator=replace(MODEL.discriminator, resolution=side))
    discriminator = new_state(replace(tiny_config(Path("none")), model=model), "cpu").discriminator
    given: list[Tensor] = []
    discriminator.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    styles = generator.styles(seeds=[0])
    generator_terms(generator, discriminator, TRAINING, styles, camera.labels(), noise="const")
    expected = draw(generator, generator.decode(styles), camera).rgb[0, 0]
    torch.testing.assert_close(given[0][0].permute(1, 2, 0) / 2 + 0.5, expected, **ONE_WAY._asdict())


@pytest.mark.parametrize("side", SIDES)
def test_snapshots_show_heads_as_others_do(generator: Generator, side: int) -> None:
    shown = min(side, 256)  # sheets are not larger
    sheet = draw_sheets(generator, side)["heads"]
    front = YAWS.index(0.0) * shown
    expected = draw(generator, generator.sample(seeds=[0], truncation=1.0), Cameras.frontal(shown)).rgb[0, 0]
    assert_pixels(sheet[:shown, front : front + shown], expected)


class Watching(FaceRecognizer):
    """Stands in for the network: keeps the pictures."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.pictures: list[np.ndarray] = []

    def embed(self, pictures: np.ndarray, landmarks: np.ndarray) -> Tensor:
        """Nothing of them."""
        self.pictures.append(pictures)
        return torch.zeros(len(landmarks), 128)


@pytest.mark.parametrize("side", SIDES)
def test_every_measure_looks_at_the_same_pictures(
    generator: Generator, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes, recognizer, cameras = generated(generator, side), Watching(), identity_cameras(side)
    generated_identities(fakes, 1, recognizer, camera_followed=False)
    heads = fakes.generator.decode(fakes.styles(range(1), cameras[VIEWS.index(0)]))
    # These cameras look at the middle of the face and stand a little nearer; the protocol's side decides all the same.
    expected = observe(generator.config, Cameras.frontal(side))
    whole = expected.apply_smoothing_filter(heads, generator)
    assert_pixels(recognizer.pictures[0], expected.render(whole, cameras).rgb[0])

    monkeypatch.setattr("gghead.evaluation.page.SAMPLES", 1)
    sheet, _ = head_sheets(fakes)
    shown = min(side, 256)
    heads = fakes.generator.decode(fakes.styles(range(1), Cameras.frontal(side)[0]))
    views = draw(generator, heads, view_cameras(shown, "cpu")).rgb[0]
    assert_pixels(sheet, torch.cat(list(views), dim=1))


def test_a_generated_picture_does_not_depend_on_how_near_the_data_s_cameras_stand(generator: Generator) -> None:
    near = Cameras.looking_at(torch.tensor([[0.0, 0.0, 2.0]]), torch.zeros(3), LEARNED)
    assert observe(generator.config, near).blur is not None
    fakes = GeneratedHeads(generator, near.labels(), SamplingProtocol(seed=0, resolution=LEARNED))
    heads = fakes.heads(range(1))
    samples = render_samples(generator, heads, near.labels(), LEARNED)
    learned = samples_to_network(generator, samples, 1.0)[0].permute(1, 2, 0) / 2 + 0.5
    torch.testing.assert_close(fakes.render(heads, near).rgb[0, 0], learned, **ONE_WAY._asdict())


def test_a_file_holds_what_the_nearest_camera_sees(generator: Generator, tmp_path: Path) -> None:
    head = generator.sample(seeds=[0])[0]
    path = tmp_path / "head.ply"
    path.write_bytes(encode("head.ply", head, generator))
    whole = observe(generator.config, None).apply_smoothing_filter(head, generator)
    torch.testing.assert_close(load_ply(path).scales, whole.scales, rtol=1e-5, atol=1e-9)
    path.write_bytes(encode("head.ply", head))
    torch.testing.assert_close(load_ply(path).scales, head.scales, rtol=1e-5, atol=1e-9)
    with pytest.raises(ValueError, match="expected heads that it made, with all of their Gaussians"):
        encode("head.ply", head.map(lambda tensor: tensor[:5]), generator)


def test_samples_are_averaged_by_their_alpha() -> None:
    generator, camera = generator_of(64), Cameras.frontal(64)
    head = generator.sample(seeds=[0])
    features = torch.rand(1, head.num_gaussians, 2, generator=torch.Generator().manual_seed(0))
    drawn = draw(generator, head, camera, background=0.3, features=features)
    large = render(head, Cameras.frontal(128), background=0.3, features=features)

    def means(pictures: Tensor) -> Tensor:
        return pictures.unflatten(-2, (64, 2)).unflatten(-4, (64, 2)).mean(dim=(-4, -2))

    alpha = means(large.alpha)
    depth = torch.where(alpha > 0, means(large.alpha * large.depth) / alpha, 0.0)
    expected = Rendering(means(large.rgb), alpha, depth, means(large.features))
    for name in ("rgb", "alpha", "depth", "features"):
        torch.testing.assert_close(getattr(drawn, name), getattr(expected, name), **ONE_WAY._asdict(), msg=name)


@pytest.mark.parametrize("side", SIDES)
def test_gradients_pass_and_are_finite(generator: Generator, side: int) -> None:
    leaves = generator.sample(seeds=[0]).map(lambda tensor: tensor.detach().clone().requires_grad_())
    draw(generator, leaves, Cameras.frontal(side)).rgb.square().mean().backward()
    for name in ("means", "quats", "scales", "opacities", "sh"):
        gradient = getattr(leaves, name).grad
        assert bool(gradient.isfinite().all()), name
        assert bool((gradient != 0).any()), name


def test_edited_and_mixed_heads_are_drawn_like_others(generator: Generator) -> None:
    heads = generator.sample(seeds=[0, 1])
    mixed = Gaussians(heads.means[0], heads.quats[0], heads.scales[0], heads.opacities[1], heads.sh[1])
    moved = replace(mixed, means=mixed.means + torch.tensor([0.01, 0.0, 0.0]))
    for side in SIDES:
        seen = observe(generator.config, Cameras.frontal(side))
        expected = seen.render(seen.apply_smoothing_filter(moved, generator), Cameras.frontal(side))
        assert torch.equal(draw(generator, moved, Cameras.frontal(side)).rgb, expected.rgb)
    cut = moved.map(lambda tensor: tensor[:9])
    draw(generator, cut, Cameras.frontal(64))
    with pytest.raises(ValueError, match=r"others are drawn by gghead\.render"):
        draw(generator, cut, Cameras.frontal(512))


def test_a_model_that_does_not_know_its_pictures_is_drawn_as_it_learned() -> None:
    generator = generator_of(None, supersampling=1)
    heads = generator.sample(seeds=[0])
    for side in SIDES:
        picture = draw(generator, heads, Cameras.frontal(side)).rgb
        assert torch.equal(picture, render(heads, Cameras.frontal(side)).rgb)
    assert observe(generator.config, None) == as_learned(generator.config) == Observation()


@pytest.mark.usefixtures("unchecked_shapes")
def test_wrong_arguments_are_refused_in_words(generator: Generator) -> None:
    heads = generator.sample(seeds=[0])
    with pytest.raises(ValueError, match=r"the generator is .*; expected the one that made the heads"):
        draw(heads, Cameras.frontal(64), generator)
    with pytest.raises(ValueError, match=r"the cameras are .*; expected Cameras"):
        draw(generator, heads, None)
    with pytest.raises(ValueError, match=r"the heads are .*; expected Gaussians"):
        draw(generator, Cameras.frontal(512), heads)


def test_no_cameras_see_nothing(generator: Generator) -> None:
    none = Cameras.frontal(512)[[]]
    assert draw(generator, generator.sample(seeds=[0]), none).rgb.shape == (1, 0, 512, 512, 3)
