"""The bundled model: there, small enough, one head from all sides, and heads of people."""

import math

import numpy as np
import pytest
import torch

from face_models import face_models
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.inference.loading import load
from gghead.media.images import to_uint8
from gghead.model.generator import Generator
from gghead.photos.faces.finding import find_faces
from gghead.rasterizer import render
from gghead.runs.places import BUNDLED_MODEL
from tolerances import BUNDLED_FACES

MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def generator() -> Generator:
    return load()


def test_it_ships_and_is_small(generator: Generator) -> None:
    assert BUNDLED_MODEL.stat().st_size <= 24 * MEBIBYTE
    assert (BUNDLED_MODEL.parent / "README.md").is_file()
    assert not generator.config.camera_conditioned
    assert generator.config.sh_degree == 0


@torch.no_grad()
def test_heads_differ_and_fill_the_picture(generator: Generator) -> None:
    heads = render(generator.sample(range(4), truncation=0.7), Cameras.frontal(64))
    coverage = heads.alpha.mean(dim=(1, 2, 3, 4))
    assert ((coverage > 0.35) & (coverage < 0.95)).all(), f"{coverage}: a hat over long hair covers 0.89"
    assert torch.pdist(heads.rgb.flatten(1)).min() > 1, "two seeds, two people"


@pytest.mark.slow
@torch.no_grad()
def test_people_find_faces_in_them(generator: Generator) -> None:
    models = face_models()
    labels = torch.tensor(np.stack([posed_label(math.radians(yaw), 0.0) for yaw in (-40, 0, 40)]))
    cameras = Cameras.from_labels(labels, resolution=256)
    found = [
        len(find_faces(to_uint8(picture), models)) == 1
        for seed in range(12)
        for picture in render(generator.sample([seed], truncation=1.0), cameras).rgb[0]
    ]
    assert np.mean(found) >= BUNDLED_FACES
