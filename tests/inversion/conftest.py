"""A model and pictures small enough for fits of a few steps."""

from pathlib import Path

import pytest
import torch

from gghead.inversion.fitting import Stage
from gghead.inversion.qualities import QUALITIES
from gghead.inversion.targets import Picture, archive_names, read_archive
from gghead.model.generator import Generator, build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL, write_tiny_dataset

SIDE = 16


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model whose positions depend on its maps."""
    generator = build_generator(MODEL.generator, seed=0)
    with torch.no_grad():
        generator.position_weight += 0.3 * torch.eye(3)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_generator(path, generator)
    return path


@pytest.fixture(scope="session")
def generator(model_file: Path) -> Generator:
    from gghead.inference.loading import load

    return load(model_file)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two discs of two colours, as if they were one person."""
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "discs.zip", count=2, resolution=SIDE)


@pytest.fixture(scope="session")
def pictures(archive: Path) -> list[Picture]:
    return read_archive(archive, archive_names(archive, [], SIDE), SIDE)


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quality of a few steps, without the network, which looks at 224 x 224 pixels."""
    monkeypatch.setitem(QUALITIES, "fast", (Stage(4, details=False), Stage(4, details=True)))

    def missing() -> None:
        raise FileNotFoundError

    monkeypatch.setattr("gghead.inversion.inversion.load_efficientnet", missing)
