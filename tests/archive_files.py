"""Files of a tiny archive, good ones, for tests to break."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gghead.media.images import encode_png
from tiny_archive import COUNT, SIDE, frontal_label, labels_json, picture_name, write_zip


@pytest.fixture
def files() -> dict[str, bytes]:
    """Pictures of random pixels and their dataset.json."""
    rng = np.random.default_rng(0)
    pictures = {picture_name(i): encode_png(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)) for i in range(COUNT)}
    return pictures | {"dataset.json": labels_json([[picture_name(i), frontal_label()] for i in range(COUNT)])}


@pytest.fixture
def masks() -> dict[str, bytes]:
    """Masks whose left half is person."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, : SIDE // 2] = 255
    return {picture_name(i): encode_png(mask) for i in range(COUNT)}


@pytest.fixture
def write_set(tmp_path: Path, masks: dict[str, bytes]) -> Callable[[dict[str, bytes]], Path]:
    """Writes an archive from files, with the good masks beside it."""

    def write(files: dict[str, bytes]) -> Path:
        write_zip(tmp_path / "heads_masks_modnet.zip", masks)
        return write_zip(tmp_path / "heads.zip", files)

    return write
