"""One head and its pictures for all tests of exports."""

import pytest
import torch

from exports.painted_head import around, painted_head, small_generator
from gghead.gaussians.scene import Gaussians
from gghead.model.generator import Generator
from gghead.rasterizer import render


@pytest.fixture(scope="session")
def generator() -> Generator:
    return small_generator()


@pytest.fixture(scope="session")
def head(generator: Generator) -> Gaussians:
    return painted_head(generator)


@pytest.fixture(scope="session")
def pictures(head: Gaussians) -> torch.Tensor:
    return render(head, around()).rgb
