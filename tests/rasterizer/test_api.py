"""What callers rely on: shapes, batches, invariances, and clear answers to bad input."""

import logging
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.rotations import matrices_from_quats
from gghead.rasterizer import Rendering, backends, render
from rasterizer.random_scenes import cameras_around, random_features, random_scene
from tolerances import RASTER_TIGHT

BACKENDS = ("cpu", "reference")


def assert_same_picture(actual: Rendering, expected: Rendering) -> None:
    for name in ("rgb", "alpha", "depth"):
        torch.testing.assert_close(getattr(actual, name), getattr(expected, name), rtol=0, atol=10 * RASTER_TIGHT)


@pytest.mark.parametrize("backend", BACKENDS)
def test_batch_equals_loop(backend: str) -> None:
    scenes, cameras = random_scene(60, (2, 2)), cameras_around((3,), 24, 20)
    features = random_features(scenes, 2)
    background = torch.rand(2, 2, 3, 3)
    whole = render(scenes, cameras, background=background, features=features, backend=backend)
    assert whole.rgb.shape == (2, 2, 3, 20, 24, 3)
    assert whole.features.shape == (2, 2, 3, 20, 24, 2)
    for i, j, v in ((0, 0, 0), (0, 1, 2), (1, 0, 1)):
        one = render(scenes[i, j], cameras[v], background=background[i, j, v], features=features[i, j], backend=backend)
        for name in ("rgb", "alpha", "depth", "features"):
            torch.testing.assert_close(getattr(one, name), getattr(whole, name)[i, j, v])


@pytest.mark.parametrize("views", [(2, 3), (3,), (1,), ()])
def test_pairwise_is_the_diagonal(views: tuple[int, ...]) -> None:
    scenes, cameras = random_scene(40, (2, 3)), cameras_around(views, 16, 16)
    pairs = render(scenes, cameras, pairwise=True)
    assert pairs.rgb.shape == (2, 3, 16, 16, 3)
    assert pairs.features is None
    spread = Cameras(cameras.viewmats.expand(2, 3, 4, 4), cameras.Ks.expand(2, 3, 3, 3), 16, 16)
    for index in ((0, 0), (1, 2)):
        torch.testing.assert_close(pairs.rgb[index], render(scenes[index], spread[index]).rgb)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_scene_from_cameras_of_its_own(backend: str) -> None:
    scenes, cameras = random_scene(40, (2,)), cameras_around((2, 3), 16, 16)
    drawn = render(scenes, cameras, pairwise=True, background=torch.rand(2, 3, 3), backend=backend)
    assert drawn.rgb.shape == (2, 3, 16, 16, 3)
    for scene in range(2):
        expected = render(scenes[scene], cameras[scene], backend=backend)
        torch.testing.assert_close(drawn.alpha[scene], expected.alpha)
        torch.testing.assert_close(drawn.depth[scene], expected.depth)


def test_order_of_gaussians_does_not_matter() -> None:
    scene, cameras = random_scene(300), cameras_around((1,), 32, 32)
    shuffled = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    assert_same_picture(render(scene.map(lambda tensor: tensor[shuffled]), cameras), render(scene, cameras))


@pytest.mark.parametrize("backend", BACKENDS)
def test_moving_scene_and_camera_together_changes_nothing(backend: str) -> None:
    scene, cameras = random_scene(200, coefficients=1), cameras_around((1,), 32, 32)
    quat = torch.nn.functional.normalize(torch.tensor([0.9, 0.1, -0.3, 0.2]), dim=0)
    motion = torch.eye(4)
    motion[:3, :3], motion[:3, 3] = matrices_from_quats(quat), torch.tensor([0.3, -0.2, 0.1])
    w, x, y, z = quat
    multiply = torch.stack([torch.stack(row) for row in ((w, -x, -y, -z), (x, w, -z, y), (y, z, w, -x), (z, -y, x, w))])
    moved = replace(scene, means=scene.means @ motion[:3, :3].T + motion[:3, 3], quats=scene.quats @ multiply.T)
    other = Cameras(cameras.viewmats @ motion.inverse(), cameras.Ks, 32, 32)
    assert_same_picture(render(moved, other, backend=backend), render(scene, cameras, backend=backend))


def test_depth_and_its_gradient_are_finite_where_nothing_is_drawn() -> None:
    scene = random_scene(1).map(lambda tensor: tensor.clone().requires_grad_())
    rendering = render(scene, cameras_around((), 64, 64))
    empty = rendering.alpha == 0
    assert bool(empty.any())
    assert bool((rendering.depth[empty] == 0).all())
    rendering.depth.sum().backward()
    assert all(bool(getattr(scene, name).grad.isfinite().all()) for name in ("means", "quats", "scales", "opacities"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("field", ["means", "quats", "scales", "opacities", "sh"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0, 1e30, 1e-30])
def test_wild_numbers_give_finite_pictures_and_gradients(backend: str, field: str, value: float) -> None:
    scene, cameras = random_scene(12), cameras_around((1,), 16, 16)
    spoilt = getattr(scene, field).clone()
    spoilt[3] = value
    leaves = replace(scene, **{field: spoilt}).map(lambda tensor: tensor.clone().requires_grad_())
    rendering = render(leaves, cameras, backend=backend)
    (rendering.rgb.clamp(0, 1).sum() + rendering.depth.sum()).backward()
    assert bool(rendering.alpha.isfinite().all() and rendering.depth.isfinite().all())
    for name in ("means", "quats", "scales", "opacities", "sh"):
        gradient = getattr(leaves, name).grad
        assert bool(gradient.isfinite().all()), name
        if not torch.isfinite(torch.tensor(value)):
            assert bool((gradient[3] == 0).all()), name


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_float_gives_a_finite_picture(data: st.DataObject) -> None:
    def wild(*shape: int) -> torch.Tensor:
        size = int(torch.Size(shape).numel())
        values = data.draw(st.lists(st.floats(width=32), min_size=size, max_size=size))
        return torch.tensor(values, dtype=torch.float32).reshape(shape)

    scene = Gaussians(wild(2, 3), wild(2, 4), wild(2, 3), wild(2).clamp(max=1), wild(2, 1, 3).clamp(-1e3, 1e3))
    rendering = render(scene, cameras_around((1,), 8, 8), backend="cpu")
    assert bool(rendering.rgb.isfinite().all() and rendering.alpha.isfinite().all())
    assert 0 <= float(rendering.alpha.min()) <= float(rendering.alpha.max()) <= 1


def test_bad_input_is_named(unchecked_shapes: None) -> None:
    scene, cameras = random_scene(5, (2,)), cameras_around((3,), 8, 8)
    with pytest.raises(ValueError, match="quats have shape"):
        render(replace(scene, quats=scene.quats[:, :4]), cameras)
    with pytest.raises(ValueError, match=r"scales are torch\.float64"):
        render(replace(scene, scales=scene.scales.double()), cameras)
    with pytest.raises(ValueError, match=r"the cameras are torch\.float64"):
        render(scene, cameras.to(torch.float64))
    with pytest.raises(ValueError, match="viewmats hold numbers that are not finite"):
        render(scene, Cameras(cameras.viewmats * float("nan"), cameras.Ks, 8, 8))
    with pytest.raises(ValueError, match="pairwise drawing got scenes of batch \\[2\\] and cameras of batch \\[3\\]"):
        render(scene, cameras, pairwise=True)
    with pytest.raises(ValueError, match="features have shape"):
        render(scene, cameras, features=torch.zeros(2, 4, 1))
    with pytest.raises(ValueError, match="the background has shape \\[4\\]"):
        render(scene, cameras, background=torch.zeros(4))
    with pytest.raises(ValueError, match="7 spherical-harmonic coefficients"):
        render(replace(scene, sh=torch.zeros(2, 5, 7, 3)), cameras)
    with pytest.raises(ValueError, match="fewer than 2\\^31"):
        render(scene, Cameras(cameras.viewmats, cameras.Ks, 10**6, 10**6))
    with pytest.raises(ValueError, match="features have shape \\[\\]"):
        render(scene, cameras, features=torch.tensor(1.0))
    with pytest.raises(ValueError, match="sh have shape \\[3\\]"):
        render(replace(scene, sh=torch.zeros(3)), cameras)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_other_precisions_are_named(dtype: torch.dtype, unchecked_shapes: None) -> None:
    scene, cameras = random_scene(5).map(lambda tensor: tensor.to(dtype)), cameras_around((1,), 8, 8)
    with pytest.raises(ValueError, match=rf"the Gaussians are {dtype}; single and double .*\.to\(torch\.float32\)"):
        render(scene, Cameras(cameras.viewmats.to(dtype), cameras.Ks.to(dtype), 8, 8))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("matrix", "element", "message"),
    [("Ks", (0, 1), "skew"), ("Ks", (1, 0), "skew"), ("Ks", (2, 0), "transposed"), ("Ks", (2, 2), "transposed"),
     ("viewmats", (3, 0), "transposed"), ("viewmats", (3, 3), "transposed")],
)  # fmt: skip
def test_elements_that_no_drawing_reads_must_be_what_they_are_taken_for(
    backend: str, matrix: str, element: tuple[int, int], message: str
) -> None:
    scene, cameras = random_scene(5), cameras_around((3,), 8, 8)
    changed = getattr(cameras, matrix).clone()
    changed[1, *element] = 0.5
    with pytest.raises(ValueError, match=message):
        render(scene, replace(cameras, **{matrix: changed}), backend=backend)


@pytest.mark.parametrize("factor", [1e-34, 1e-22, 1e-13, 1e15, 1e20, 1e34])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_length_of_quaternions_does_not_matter(backend: str, factor: float) -> None:
    scene, cameras = random_scene(20), cameras_around((1,), 16, 16)
    drawn = render(replace(scene, quats=scene.quats * factor), cameras, backend=backend)
    assert_same_picture(drawn, render(scene, cameras, backend=backend))


def test_views_that_negate_are_drawn() -> None:
    scene, cameras = random_scene(20), cameras_around((1,), 16, 16)
    lazily = replace(scene, means=torch._neg_view(-scene.means))
    assert_same_picture(render(lazily, cameras, backend="cpu"), render(scene, cameras, backend="cpu"))


@pytest.mark.parametrize(
    ("background", "told"),
    [
        (255.0, "the colour is 255.0; .*divide by 255"),
        (float("nan"), "the colour is nan"),
        ((0, 0, 255), "the colour is 255"),
        ("whitish", "there is no colour 'whitish'"),
        (None, "the colour is None"),
        (torch.tensor([255.0, 0, 0]), "values from 0 to 255; expected 0 to 1"),
        (torch.tensor([255, 0, 0]), r"a tensor of torch\.int64"),
    ],
)
def test_backgrounds_that_are_no_colours_are_refused(background: object, told: str, unchecked_shapes: None) -> None:
    with pytest.raises(ValueError, match=told):
        render(random_scene(5), cameras_around((1,), 8, 8), background=background)


@pytest.mark.parametrize("background", [(0, 0.5, 1), [0, 0.5, 1], "#0080ff", torch.tensor([0, 0.5, 1])])
def test_a_background_is_written_in_many_ways(background: object) -> None:
    scene, cameras = random_scene(5, (2,)), cameras_around((3,), 8, 8)
    expected = render(scene, cameras, background=torch.tensor([0, 0.5, 1]).expand(2, 3, 3)).rgb
    torch.testing.assert_close(render(scene, cameras, background=background).rgb, expected, rtol=0, atol=0.003)


def test_what_is_drawn_and_what_draws_are_named(unchecked_shapes: None) -> None:
    scene, cameras = random_scene(5), cameras_around((1,), 8, 8)
    with pytest.raises(ValueError, match="the cameras are None; expected Cameras: "):
        render(scene, None)
    with pytest.raises(ValueError, match="the heads are None; expected Gaussians"):
        render(None, cameras)
    with pytest.raises(ValueError, match=r"the heads are Cameras\(batch"):
        render(cameras, scene)


@pytest.mark.parametrize("odd", ["text", [[0.0]], torch.zeros(5, 3).numpy(), torch.zeros(5, 3).to_sparse()])
def test_features_that_are_no_tensor_are_named(odd: object, unchecked_shapes: None) -> None:
    with pytest.raises(ValueError, match=r"features are .*expected (a tensor|dense numbers)"):
        render(random_scene(5), cameras_around((1,), 8, 8), features=odd)


def test_devices_that_differ_are_named() -> None:
    scene, cameras = random_scene(5), cameras_around((1,), 8, 8)
    with pytest.raises(ValueError, match=r"opacities are torch\.float32 on meta"):
        render(replace(scene, opacities=scene.opacities.to("meta")), cameras)


def test_backends_are_chosen_by_what_they_can(unchecked_shapes: None, caplog: pytest.LogCaptureFixture) -> None:
    scene, cameras = random_scene(5), cameras_around((1,), 8, 8)
    double = scene.map(lambda tensor: tensor.double())
    double_cameras = Cameras(cameras.viewmats.double(), cameras.Ks.double(), 8, 8)
    backends.choose_by_tensors.cache_clear()
    with caplog.at_level(logging.INFO, logger="gghead"):
        render(scene, cameras)
        render(scene, cameras)
        assert render(double, double_cameras).rgb.dtype == torch.float64
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "Drawing with the cpu backend",
        "Drawing with the reference backend",
    ]
    with pytest.raises(ValueError, match="backend 'cpu' draws float32 tensors on the cpu"):
        render(double, double_cameras, backend="cpu")
    with pytest.raises(ValueError, match="there is no backend 'metal'"):
        render(scene, cameras, backend="metal")  # type: ignore[arg-type]
