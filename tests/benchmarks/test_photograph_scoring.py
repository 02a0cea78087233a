import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.photographs.scoring import ELSEWHERE, score_folder, write_details
from benchmarks.photographs.truth import Truth, mask_path, picture_path, truth_path
from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.heads import Head
from gghead.photos.refusal import Reason, Refused

ROLL = 0.2
CROP = Crop((260.0, 240.0), 200.0, ROLL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photograph, all of whose right half is the person."""
    label = posed_label(0.4, 0.1).astype(np.float64)
    cam2world = label[:16].reshape(4, 4)
    cos, sin = math.cos(ROLL), math.sin(ROLL)
    cam2world[:3, :3] = cam2world[:3, :3] @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    K = np.array([[FFHQ_FOCAL * CROP.side, 0, CROP.center[0]], [0, FFHQ_FOCAL * CROP.side, CROP.center[1]], [0, 0, 1]])
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (68, 3))
    seen = (points - cam2world[:3, 3]) @ cam2world[:3, :3] @ K.T
    landmarks = seen[:, :2] / seen[:, 2:]
    truth = Truth(0, "textured", 1, 23.0, 6.0, 11.0, 500, 400, K, cam2world, landmarks, np.ones(68, bool), points)
    for path in (picture_path, mask_path, truth_path):
        path(tmp_path, 0).parent.mkdir()
    mask = np.zeros((400, 500), np.uint8)
    mask[:, 250:] = 255
    Image.fromarray(mask).save(mask_path(tmp_path, 0))
    Image.fromarray(mask).convert("RGB").save(picture_path(tmp_path, 0))
    truth_path(tmp_path, 0).write_text(truth.to_json(), encoding="utf-8")
    return tmp_path


def head_in(crop: Crop, pixels: np.ndarray) -> Head:
    """A head that says that the camera of FFHQ sees the crop."""
    image, inside = cut(pixels, crop, 64)
    return Head(image, image[..., 0] / 255, inside, posed_label(0.4, 0.1), crop, np.zeros((468, 3)), crop, 1.0)


def test_a_perfect_head_scores_zero(folder: Path, tmp_path: Path) -> None:
    elsewhere = Crop((40.0, 40.0), 60.0, 0.0)
    (score,) = score_folder(folder, lambda pixels: [head_in(elsewhere, pixels), head_in(CROP, pixels)])
    assert score.refused is None
    assert score.others == 1
    assert score.camera is not None
    assert vars(score.camera) == pytest.approx(dict.fromkeys(vars(score.camera), 0), abs=1e-5)
    assert score.mask is not None
    assert score.mask.iou > 0.99, "JPEG is not exact"
    assert score.mask.edge < 0.02
    write_details(tmp_path / "details.jsonl", folder, [score])
    assert json.loads((tmp_path / "details.jsonl").read_text(encoding="utf-8"))["camera"]["rotation"] < 1e-5


def test_why_there_is_no_head_is_kept(folder: Path) -> None:
    (score,) = score_folder(folder, lambda pixels: [Refused(Reason.NO_FACE, "there is no face")])
    assert (score.refused, score.camera) == ("no face", None)
    (score,) = score_folder(folder, lambda pixels: [head_in(Crop((40.0, 40.0), 60.0, 0.0), pixels)])
    assert (score.refused, score.others) == (ELSEWHERE, 1)
    with pytest.raises(FileNotFoundError, match="draw photographs into it"):
        score_folder(folder / "pictures", lambda pixels: [])
