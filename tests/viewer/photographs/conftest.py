"""Photographs whose face is found at once, and fits of a few steps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gghead.geometry.cameras import Cameras
from gghead.inversion.fitting import Stage
from gghead.inversion.qualities import QUALITIES
from gghead.photos import Photo
from tiny_run import png

SIDE = 16
PORTRAIT = png(np.full((SIDE, SIDE, 3), 200, np.uint8))
"""A file that can be read; its face is the one of `disc`."""


def disc() -> Photo:
    """A disc before a grey wall, as if it were a person."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    alpha = (np.hypot(rows, columns) < 0.4 * SIDE).astype(np.float32)
    image = np.where(alpha[..., None] > 0, np.array([200, 120, 80]), 90).astype(np.uint8)
    return Photo(
        image=image,
        alpha=alpha,
        inside=np.ones((SIDE, SIDE), bool),
        camera=Cameras.at(0.2, resolution=SIDE),
        landmarks=np.zeros((468, 3)),
        score=1.0,
    )


@pytest.fixture
def prepares(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Photo]], None]:
    """Has photographs prepared by a function, without face models; each fit has eight steps."""

    def missing() -> None:
        raise FileNotFoundError

    monkeypatch.setitem(QUALITIES, "fast", (Stage(4, details=False), Stage(4, details=True)))
    monkeypatch.setattr("gghead.inversion.inversion.load_efficientnet", missing)
    monkeypatch.setattr("gghead.viewer.photographs.fitter.FaceModels", lambda place: place)

    def use(prepare: Callable[[], Photo]) -> None:
        monkeypatch.setattr("gghead.viewer.photographs.fitter.prepare", lambda *arguments: prepare())

    use(disc)
    return use


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where everything that is written without a path goes: temporary files, and those of no folder."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.chdir(folder)
    return folder


def files_in(folder: Path) -> list[Path]:
    """Files at any depth; torch makes a folder that stays empty."""
    return [path for path in folder.rglob("*") if path.is_file()]
