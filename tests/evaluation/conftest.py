"""What the tests of evaluations share: blobs, a model of a few Gaussians, a detector that averages colours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gghead.data.dataset import HeadDataset
from gghead.evaluation import suite
from gghead.evaluation.real_statistics import RealStatistics, measure_real_statistics
from gghead.metrics.detectors import Detector, load_detector
from gghead.model.generator import Generator, build_generator
from tiny_run import MODEL, RESOLUTION, write_tiny_dataset


class Coarse(nn.Module):
    """Colours of two by two cells as features."""

    def forward(self, pictures: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(pictures.float() / 255, [2, 2]).flatten(1)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty real pictures."""
    return write_tiny_dataset(tmp_path_factory.mktemp("blobs") / "blobs.zip", count=30)


@pytest.fixture(scope="session")
def detector_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector without weights, as TorchScript."""
    path = tmp_path_factory.mktemp("detector") / "coarse.pt"
    torch.jit.script(Coarse()).save(str(path))
    return path


@pytest.fixture(scope="session")
def detector(detector_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """The same, loaded."""
    return load_detector(str(detector_file), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def generator() -> Generator:
    """An untrained model that a test may change."""
    return build_generator(MODEL.generator, seed=0).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def reference(data: Path, detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStatistics]:
    """The real pictures, measured."""
    with HeadDataset.open(data, RESOLUTION) as dataset:
        yield measure_real_statistics(data, dataset, 1.0, detector, tmp_path_factory.mktemp("features"))


@pytest.fixture(autouse=True)
def quick_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few views and no network looking at them: each takes a tenth of a second a view; tests/cli has EfficientNet."""
    monkeypatch.setitem(suite.CONSISTENCY_HEADS, "cpu", 2)
    monkeypatch.setattr("gghead.evaluation.suite.perceptual_network", lambda detector: None)
    monkeypatch.setattr("gghead.evaluation.suite.load_recognizer", lambda: None)
