"""What the tests of evaluations share."""

from pathlib import Path

import pytest

from evaluation.tiny_evaluation import write_detector
from gghead.evaluation.models import Candidate
from tiny_run import write_tiny_dataset
from viewer.tiny_models import write_model


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten real pictures."""
    return write_tiny_dataset(tmp_path_factory.mktemp("blobs") / "blobs.zip")


@pytest.fixture(scope="session")
def averages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector without weights."""
    return write_detector(tmp_path_factory.mktemp("detector") / "averages.pt")


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    """An untrained model that was meant for pictures of 16 x 16."""
    return Candidate(write_model(tmp_path / "tiny.safetensors"), tmp_path / "evaluations" / "tiny.json", 16, 1.0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache of its own."""
    monkeypatch.setenv("GGHEAD_CACHE_PATH", str(tmp_path / "cache"))
    return tmp_path / "cache"
