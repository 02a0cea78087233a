"""Networks that are written in the official form."""

import pytest

from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator, build_generator
from model.official.official_import import CONFIG
from official_writer import Content, official_content
from tiny_run import MODEL


@pytest.fixture(scope="session")
def generator() -> Generator:
    return build_generator(CONFIG, seed=0)


@pytest.fixture(scope="session")
def discriminator() -> Discriminator:
    return Discriminator(MODEL.discriminator, seed=0)


@pytest.fixture
def content(generator: Generator, discriminator: Discriminator) -> Content:
    return official_content(generator, discriminator)


@pytest.fixture
def sampled(content: Content) -> Content:
    """A checkpoint without the generator in training."""
    return content | {"G": None}
