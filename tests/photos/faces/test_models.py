"""Where the face models are found, and what is said where they are not, or are others."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from face_models import WHEELS, face_models
from gghead.photos.faces.models import LANDMARKER, MODEL_FILES, SEGMENTER, FaceModels, default_place

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert, of the extra `photos`, is not installed")


def test_a_folder_without_them_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no face models in .*pip download .*mediapipe==0.10.21 --dest"):
        FaceModels(tmp_path)


def test_without_a_folder_the_own_cache_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gghead.photos.faces.models.user_cache_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr("gghead.photos.faces.models._installed", list)
    with pytest.raises(FileNotFoundError, match=f"not on this machine .*--dest {tmp_path / 'mediapipe'}"):
        FaceModels()
    assert default_place() == tmp_path / "mediapipe"


def test_other_files_of_their_names_are_refused(tmp_path: Path) -> None:
    for file in MODEL_FILES:
        (tmp_path / file.name).write_bytes(b"another version")
    with pytest.raises(
        ValueError, match=r"face_detection_short_range.tflite .*\(another SHA-256\); remove it: .*pip download"
    ):
        FaceModels(tmp_path)


def test_a_part_of_them_is_not_enough(tmp_path: Path) -> None:
    (tmp_path / LANDMARKER.name).write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"holds no face_detection_short_range.tflite, .*selfie_segmentation"):
        FaceModels(tmp_path)


def test_a_wheel_that_was_cut_off_is_told(tmp_path: Path) -> None:
    (tmp_path / "mediapipe-0.10.21-py3-none-any.whl").write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=r"is no whole wheel .*fetch it again"):
        FaceModels(tmp_path)


def test_loose_files_serve_as_the_wheel_does(tmp_path: Path) -> None:
    models = face_models()
    with zipfile.ZipFile(next(WHEELS.glob("mediapipe-*.whl"))) as wheel:
        for member in wheel.namelist():
            if Path(member).name in {file.name for file in MODEL_FILES}:
                (tmp_path / Path(member).name).write_bytes(wheel.read(member))
    pixels = np.random.default_rng(0).integers(0, 256, (SEGMENTER.side, SEGMENTER.side, 3), np.uint8)
    assert np.array_equal(FaceModels(tmp_path).segment(pixels), models.segment(pixels))
