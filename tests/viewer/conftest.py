"""A model, and the service that shows it."""

from pathlib import Path

import pytest

from gghead.viewer.heads_service import HeadsService
from viewer.tiny_models import write_model


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared; tests that change or remove a model write their own."""
    return write_model(tmp_path_factory.mktemp("viewer") / "tiny.safetensors")


@pytest.fixture(scope="session")
def service() -> HeadsService:
    """Draws on the CPU."""
    return HeadsService("cpu")
