"""Views of one thing agree, views of two things do not; shapes are measured in their units."""

import math
from pathlib import Path

import pytest
import torch

from gghead.data.dataset import HeadDataset
from gghead.evaluation.consistency import view_cameras, view_consistency, warp
from gghead.evaluation.evaluate import EvaluationSettings, evaluate
from gghead.evaluation.geometry import Shapes, depth_statistics, gap, generated_shapes, true_shapes
from gghead.evaluation.measures import shape_measures
from gghead.evaluation.real_statistics import RealStatistics, measure_real_statistics
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.normals import normals_from_depth, points_from_depth
from gghead.inference.generated import GeneratedHeads, SamplingProtocol
from gghead.metrics.detectors import Detector
from gghead.model.generator import Generator
from gghead.rasterizer import render
from gghead.synthetic import Sitting, generate
from tiny_run import RESOLUTION


def wall(phase: float = 0.0) -> Gaussians:
    """An opaque square wall at z = 0 with smooth colours."""
    line = torch.linspace(-0.35, 0.35, 71)
    x, y = torch.meshgrid(line, line, indexing="xy")
    means = torch.stack([x, y, torch.zeros_like(x)], dim=-1).reshape(1, -1, 3)
    count = means.shape[1]
    colors = torch.stack([(9 * x + phase).sin(), (9 * y + phase).cos(), (7 * (x + y)).sin()], dim=-1)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(1, count, 4)
    scales = torch.tensor([0.008, 0.008, 0.001]).expand(1, count, 3)
    return Gaussians(means, quats, scales, torch.full((1, count), 0.99), colors.reshape(1, count, 1, 3))


def test_a_wall_warped_into_another_view_is_that_view() -> None:
    cameras = view_cameras(128, "cpu")
    near, far = cameras[[1]], cameras[[2]]
    source, target = (render(wall(), camera, pairwise=True) for camera in (near, far))
    warped = warp(source, near, target, far)
    assert warped.valid.float().mean() > 0.3
    assert (warped.rgb - target.rgb.clamp(0, 1))[warped.valid].abs().mean() < 0.02
    other = warp(render(wall(2.0), near, pairwise=True), near, target, far)
    assert (other.rgb - target.rgb.clamp(0, 1))[other.valid].abs().mean() > 0.1


def test_points_and_normals_of_a_wall() -> None:
    camera = view_cameras(64, "cpu")[[0]]
    drawn = render(wall(), camera, pairwise=True)
    inside = torch.zeros(64, 64, dtype=torch.bool)
    inside[24:40, 24:40] = True
    assert bool((drawn.alpha[0, ..., 0] > 0.95)[inside].all())
    assert points_from_depth(drawn.depth, camera)[0, ..., 2][inside].abs().max() < 0.01
    normals = normals_from_depth(drawn.depth, camera)[0][inside]
    assert (normals.mean(dim=0) - torch.tensor([0.0, 0.0, 1.0])).norm() < 0.05


def test_points_of_pixels_are_seen_at_these_pixels() -> None:
    camera = Cameras.frontal(8)
    points = points_from_depth(torch.full((1, 8, 8, 1), 2.7), camera)
    assert points[0, ..., 2].abs().max() < 1e-5
    assert points[0, 0, 0, 0] == pytest.approx(-3.5 / 8 / 4.2647 * 2.7, rel=1e-4)
    assert points[0, 0, 0, 1] > 0, "rows run from the top"


def test_a_head_that_follows_the_camera_is_less_consistent(generator: Generator, reference: RealStatistics) -> None:
    labels = torch.from_numpy(reference.dataset.labels)
    fakes = GeneratedHeads(generator, labels, SamplingProtocol(seed=0, resolution=32, mapping_camera="front"))
    frozen, follows = (view_consistency(fakes, 3, camera_followed=way, network=None) for way in (False, True))
    assert frozen.feature_distance is None
    assert 0 < frozen.compared <= 1
    assert frozen.psnr > follows.psnr + 0.5  # 21.0 and 20.1 dB


def test_shapes_of_generated_and_real_heads(generator: Generator, reference: RealStatistics, data: Path) -> None:
    fakes = GeneratedHeads(
        generator, torch.from_numpy(reference.dataset.labels), SamplingProtocol(seed=0, resolution=RESOLUTION)
    )
    made = generated_shapes(fakes, 10)
    assert made.areas.min() > 0.05
    assert bool(((made.depths > 2.2) & (made.depths < 3.0)).all()), "heads stand around the origin"
    with HeadDataset.open(data, RESOLUTION) as dataset:
        true = true_shapes(dataset, data, 10)
    # Discs of radius 0.4 of the side.
    torch.testing.assert_close(true.areas, torch.full((10,), math.pi * 0.16), rtol=0.05, atol=0)
    assert not bool(true.depths.isfinite().any()), "these data have no depth"
    assert math.isnan(gap(made.depths, true.depths))
    assert gap(true.areas, true.areas + 0.1) == pytest.approx(0.1)


@pytest.mark.slow
def test_depth_of_rendered_people_is_read_and_compared(
    generator: Generator, detector: Detector, tmp_path: Path
) -> None:
    path = tmp_path / "heads.zip"
    generate(path, 6, Sitting(32, seed=0, depth=True), workers=1)
    with HeadDataset.open(path, 32) as dataset:
        true = true_shapes(dataset, path, 6)
        reference = measure_real_statistics(path, dataset, 1.0, detector, tmp_path)
        report = evaluate(
            generator, Path("m"), reference, EvaluationSettings(num_images=6, suite="3d"), tmp_path / "parts"
        ).report
        nothing_wrong = shape_measures(true, true)
    assert bool(((true.depths > 2.5) & (true.depths < 2.75)).all()), "between the nose at 2.5 and the middle at 2.7"
    assert bool(((true.reliefs > 0.15) & (true.reliefs < 0.6)).all())
    values = {measure.name: measure.value for measure in report.measures}
    assert 0 < values["depth gap"] < 0.3, "heads of an untrained model stand where heads stand"
    assert 0 < values["relief gap"] < 0.3
    assert {measure.value for measure in nothing_wrong if not math.isnan(measure.value)} == {0.0}


def test_relief_is_between_the_quantiles() -> None:
    mean, relief = depth_statistics(torch.linspace(2, 3, 101))
    assert (mean, relief) == (pytest.approx(2.5), pytest.approx(0.9))
    assert all(math.isnan(value) for value in depth_statistics(torch.empty(0)))


@pytest.mark.parametrize(("yaws", "last"), [([0.0, 20.0, -40.0], "30-45"), ([0.0, -60.0, 170.0], "90-180")])
def test_bins_reach_as_far_round_as_the_data(yaws: list[float], last: str) -> None:
    shapes = Shapes(torch.tensor(yaws), *torch.full((3, 3), 0.5))
    names = [measure.name for measure in shape_measures(shapes, shapes)]
    areas = [name for name in names if name.startswith("silhouette")]
    assert areas[-1].endswith(last)
    assert areas[0] == "silhouette area gap"
