"""The CUDA backend draws what the reference draws in double precision, has its gradients, and survives bad input."""

from dataclasses import replace

import pytest
import torch

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from rasterizer.comparison import OUTPUTS, assert_close_but_flips, assert_same_drawing
from rasterizer.random_scenes import cameras_around, draw_with_gradients, random_features, random_scene
from tolerances import RASTER_TIGHT

pytestmark = pytest.mark.gpu
FIELDS = ("means", "quats", "scales", "opacities", "sh")


def moved(scene: Gaussians, cameras: Cameras) -> tuple[Gaussians, Cameras]:
    """Both on the GPU."""
    return scene.to("cuda"), cameras.to("cuda")


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize(
    ("count", "batch", "views", "size", "coefficients", "channels"),
    [
        (513, (), (2,), (63, 65), 4, 2),
        (513, (2,), (), (65, 63), 1, 0),
        (200, (2,), (2, 3), (33, 20), 16, 3),
        (60, (2, 3), (2,), (17, 16), 9, 1),
        (1, (2,), (2,), (40, 40), 4, 2),
        (513, (2,), (1,), (1, 1), 4, 8),
        (0, (2,), (1,), (20, 10), 4, 2),
        (513, (2,), (0,), (20, 10), 4, 2),
        (5000, (), (1,), (48, 48), 4, 11),
    ],
)
def test_cuda_equals_reference(
    count: int,
    batch: tuple[int, ...],
    views: tuple[int, ...],
    size: tuple[int, int],
    coefficients: int,
    channels: int,
    deterministic: bool,
) -> None:
    scene = random_scene(count, batch, coefficients)
    features = random_features(scene, channels)
    cameras = cameras_around(views, *size)
    background = torch.rand(*batch, *views, 3, generator=torch.Generator().manual_seed(4))
    cuda = draw_with_gradients(scene, features, cameras, background, "cuda", torch.float32, deterministic)
    reference = draw_with_gradients(scene, features, cameras, background, "reference", torch.float64)
    assert_same_drawing(cuda, reference)


def test_near_plane_and_guarded_jacobian() -> None:
    scene = random_scene(300)
    cameras = Cameras.looking_at(torch.tensor([[0.02, 0.03, 0.2]]), torch.zeros(3), 32, focal=0.8)
    features, background = random_features(scene, 0), torch.zeros(3)
    cuda = draw_with_gradients(scene, features, cameras, background, "cuda", torch.float32)
    reference = draw_with_gradients(scene, features, cameras, background, "reference", torch.float64)
    assert_same_drawing(cuda, reference, slack=10)


@pytest.mark.parametrize("spread", [0.25, 1e-3, 0.0])
def test_long_lists_are_sorted(spread: float) -> None:
    """Twenty thousand faint Gaussians in four tiles, more and more of one depth: several windows, divided classes."""
    scene = random_scene(20_000, coefficients=1)
    means = scene.means * torch.tensor([0.2, 0.2, spread])
    means[::7, 2] = 0.05
    scene = replace(scene, means=means, opacities=scene.opacities * 0.02 + 0.004)
    cameras = Cameras.frontal(resolution=32)
    cpu = render(scene, cameras, backend="cpu")
    cuda = render(*moved(scene, cameras), backend="cuda")
    assert float(cpu.alpha.max()) > 0.99
    assert_close_but_flips(cuda.rgb.cpu(), cpu.rgb.double(), RASTER_TIGHT, "rgb")


def test_lists_in_global_memory_for_large_pictures() -> None:
    """More tiles than are counted in shared memory; and few Gaussians for many tiles."""
    scene, cameras = random_scene(300), cameras_around((1,), 1100, 1090)
    cuda = render(*moved(scene, cameras), backend="cuda")
    cpu = render(scene, cameras, backend="cpu")
    for name in OUTPUTS[:3]:
        assert_close_but_flips(getattr(cuda, name).cpu(), getattr(cpu, name).double(), RASTER_TIGHT, name)
    assert render(*moved(random_scene(5), cameras_around((1,), 4096, 4096))).rgb.isfinite().all()


def test_deterministic_gradients_have_the_same_bits() -> None:
    scene, cameras = random_scene(6000, (2,)), cameras_around((2,), 64, 64)
    features, background = random_features(scene, 2), torch.ones(3)
    first, second = (
        draw_with_gradients(scene, features, cameras, background, "cuda", torch.float32, deterministic=True)
        for _ in range(2)
    )
    for name in OUTPUTS:
        assert torch.equal(getattr(first.rendering, name), getattr(second.rendering, name)), name
    for name, gradient in first.gradients.items():
        assert torch.equal(gradient, second.gradients[name]), name


def test_room_that_was_guessed_too_small_is_made_again() -> None:
    scene, cameras = moved(random_scene(4000), cameras_around((1,), 96, 96))
    tiny = replace(scene, scales=scene.scales * 1e-3)
    for drawn in (tiny, replace(scene, scales=scene.scales * 20), tiny, scene):
        leaves = drawn.map(lambda tensor: tensor.clone().requires_grad_())
        rendering = render(leaves, cameras)
        rendering.rgb.sum().backward()
        expected = render(drawn.to("cpu"), cameras.to("cpu")).rgb
        assert_close_but_flips(rendering.rgb.cpu(), expected.double(), RASTER_TIGHT, "rgb")


def test_second_backward_pass_has_the_same_gradients() -> None:
    scene, cameras = moved(random_scene(500), cameras_around((2,), 40, 40))
    leaves = scene.map(lambda tensor: tensor.clone().requires_grad_())
    loss = render(leaves, cameras, deterministic=True).rgb.square().sum()
    first = torch.autograd.grad(loss, [getattr(leaves, name) for name in FIELDS], retain_graph=True)
    second = torch.autograd.grad(loss, [getattr(leaves, name) for name in FIELDS])
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one, other)


@pytest.mark.filterwarnings("ignore:The CUDA Graph is empty")
def test_captured_graph_draws_what_changes_in_place() -> None:
    scene, cameras = moved(random_scene(5000), cameras_around((1,), 96, 64))
    with torch.no_grad():
        graph, unknown = torch.cuda.CUDAGraph(), Cameras(cameras.viewmats, cameras.Ks, 61, 59)
        with pytest.raises(ValueError, match="call render once with the same sizes"), torch.cuda.graph(graph):
            render(scene, unknown)
        render(scene, cameras)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            captured = render(scene, cameras)
        other = cameras_around((1,), 96, 64, seed=9).to("cuda")
        cameras.viewmats.copy_(other.viewmats)
        graph.replay()
        torch.testing.assert_close(captured.rgb, render(scene, other).rgb, rtol=0, atol=0)
        scene.scales.mul_(50)  # lists that have no room show, instead of missing splats
        graph.replay()
        assert bool(captured.rgb.isnan().any())


def test_other_streams_and_views_with_gaps() -> None:
    scene, cameras = moved(random_scene(800, (4,)), cameras_around((1,), 48, 48))
    expected = render(scene[1], cameras).rgb
    packed = torch.cat([scene.means, scene.quats, scene.scales], dim=-1)
    means, quats, scales = packed.split([3, 4, 3], dim=-1)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        drawn = render(replace(scene, means=means, quats=quats, scales=scales)[1], cameras).rgb
    torch.cuda.current_stream().wait_stream(stream)
    assert torch.equal(drawn, expected)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0, 1e30, 1e-30, -1e38])
def test_wild_numbers_give_finite_pictures_and_gradients(field: str, value: float) -> None:
    scene, cameras = random_scene(12), cameras_around((1,), 16, 16)
    spoilt = getattr(scene, field).clone()
    spoilt[3] = value
    scene, cameras = moved(replace(scene, **{field: spoilt}), cameras)
    leaves = scene.map(lambda tensor: tensor.clone().requires_grad_())
    rendering = render(leaves, cameras, backend="cuda")
    (rendering.rgb.clamp(0, 1).sum() + rendering.depth.sum()).backward()
    assert bool(rendering.alpha.isfinite().all() and rendering.depth.isfinite().all())
    for name in FIELDS:
        gradient = getattr(leaves, name).grad
        assert bool(gradient.isfinite().all()), name
        if not torch.isfinite(torch.tensor(value)):
            assert bool((gradient[3] == 0).all()), name


def test_cameras_that_cannot_draw_are_named() -> None:
    scene, cameras = moved(random_scene(50), cameras_around((2,), 16, 16))
    skewed, sheared, divided = (cameras.Ks.clone() for _ in range(3))
    far = cameras.viewmats.clone()
    skewed[1, 0, 1] = sheared[1, 1, 0] = 0.1
    divided[1, 2, 2] = far[1, 3, 3] = 2.0
    broken = {
        "viewmats hold numbers that are not finite": Cameras(cameras.viewmats * float("nan"), cameras.Ks, 16, 16),
        "Ks hold numbers that are not finite": Cameras(cameras.viewmats, cameras.Ks * float("inf"), 16, 16),
        "Ks have skew": Cameras(cameras.viewmats, skewed, 16, 16),
        "have skew": Cameras(cameras.viewmats, sheared, 16, 16),
        "Ks in another": Cameras(cameras.viewmats, divided, 16, 16),
        "viewmats end in another row": Cameras(far, cameras.Ks, 16, 16),
    }
    for message, camera in broken.items():
        for _ in range(2):
            with pytest.raises(ValueError, match=message):
                render(scene, camera)
    assert render(scene, cameras).rgb.isfinite().all()


@pytest.mark.parametrize("factor", [1e-34, 1e-22, 1e-13, 1e15, 1e20, 1e34])
def test_the_length_of_quaternions_does_not_matter(factor: float) -> None:
    scene, cameras = moved(random_scene(20), cameras_around((1,), 16, 16))
    drawn = render(replace(scene, quats=scene.quats * factor), cameras).rgb
    torch.testing.assert_close(drawn, render(scene, cameras).rgb, rtol=0, atol=10 * RASTER_TIGHT)


def test_too_little_memory_is_explained() -> None:
    scene, cameras = moved(random_scene(20_000), cameras_around((1,), 4096, 4096))
    huge = replace(scene, scales=scene.scales * 0 + 1e3, opacities=scene.opacities * 0 + 1)
    cameras = Cameras(cameras.viewmats.expand(16, 4, 4), cameras.Ks.expand(16, 3, 3), 4096, 4096)
    with pytest.raises(torch.OutOfMemoryError, match="draw fewer gaussians or cameras"):
        render(huge, cameras)


def test_lists_longer_than_a_signed_32_bit_offset() -> None:
    """Three hundred million entries: 2.4 GB of lists in one call."""
    if torch.cuda.mem_get_info()[0] < 12 * 2**30:
        pytest.skip("needs 12 GB of free memory on the GPU")
    scene = random_scene(5000, coefficients=1)
    scene = replace(scene, scales=scene.scales * 0 + 10, opacities=scene.opacities * 0.01 + 0.01)
    cameras = cameras_around((15,), 1024, 1024)
    drawn = render(*moved(scene, cameras)).rgb
    alone = render(*moved(scene, cameras[14:])).rgb
    assert torch.equal(drawn[14:], alone)


def test_a_second_gpu_draws_the_same() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    scene, cameras = random_scene(500), cameras_around((1,), 32, 32)
    first = render(scene.to("cuda:0"), cameras.to("cuda:0")).rgb
    second = render(scene.to("cuda:1"), cameras.to("cuda:1")).rgb
    assert second.device.index == 1
    assert torch.equal(first.cpu(), second.cpu())
