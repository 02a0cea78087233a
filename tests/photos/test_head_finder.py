"""Heads of rendered photographs are found where they are, and what can't be used is refused with its reason."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import gghead.photos
from benchmarks.photographs.drawing import Photograph, draw_photograph
from benchmarks.photographs.scores import Camera, score_camera
from face_models import face_models
from gghead.photos import FaceModels, Photo, PhotoSettings, Reason, Refused
from gghead.photos.faces.template import face_template
from gghead.photos.head_finder import HeadFinder
from gghead.photos.heads import Head
from gghead.photos.reading import read_photograph
from gghead.synthetic.people.portraits import Sitting, head_maker
from tolerances import MIRRORED_POSE, PHOTOGRAPHED_POSE

pytestmark = pytest.mark.slow
SETTINGS = PhotoSettings(resolution=128)


@pytest.fixture(scope="module")
def models() -> FaceModels:
    return face_models()


@pytest.fixture(scope="module")
def photograph(models: FaceModels) -> Photograph:
    maker = head_maker(Sitting(256, seed=0))
    drawn = (draw_photograph(maker, "procedural", 7, number, [], sides=(420, 480)) for number in range(1, 40))
    return next(one for one in drawn if abs(one.truth.yaw) < 30)


@pytest.fixture(scope="module")
def pixels(photograph: Photograph) -> np.ndarray:
    return read_photograph(photograph.jpeg)


@pytest.fixture(scope="module")
def head(pixels: np.ndarray, models: FaceModels) -> Head:
    (found,) = HeadFinder(SETTINGS, models)(pixels)
    assert isinstance(found, Head), found
    return found


def test_the_label_is_the_true_camera_of_the_crop(photograph: Photograph, head: Head) -> None:
    truth = photograph.truth
    camera = Camera.of_crop(np.array(truth.K), np.array(truth.cam2world), head.crop)
    template = face_template().points[:68]  # what is reprojected does not count here
    seen = np.zeros((68, 2)), np.ones(68, bool)
    score = score_camera(Camera.of_label(head.label), camera, template, *seen)
    assert score.rotation < PHOTOGRAPHED_POSE.degrees
    assert score.center < PHOTOGRAPHED_POSE.center
    assert abs(score.scale) < PHOTOGRAPHED_POSE.scale
    assert head.score > 0.3


def test_a_mirrored_photograph_has_a_mirrored_pose(pixels: np.ndarray, head: Head, models: FaceModels) -> None:
    (mirrored,) = HeadFinder(SETTINGS, models)(np.ascontiguousarray(pixels[:, ::-1]))
    assert isinstance(mirrored, Head)
    there, here = mirrored.label[:16].reshape(4, 4)[:3, 3], head.label[:16].reshape(4, 4)[:3, 3]
    angle = np.degrees(np.linalg.norm(there * [-1, 1, 1] - here) / np.linalg.norm(here))
    assert angle < MIRRORED_POSE
    assert abs(mirrored.crop.center[0] + head.crop.center[0] - pixels.shape[1]) < 0.02 * head.crop.side


def test_a_wide_crop_is_the_same_view_of_more(pixels: np.ndarray, head: Head, models: FaceModels) -> None:
    (wide,) = HeadFinder(replace(SETTINGS, framing="wide"), models)(pixels)
    assert isinstance(wide, Head)
    assert np.array_equal(wide.label[:16], head.label[:16])
    assert wide.crop.side * wide.label[16] == pytest.approx(head.crop.side * head.label[16])


def test_one_photograph_has_a_picture_a_mask_and_a_camera(
    photograph: Photograph, pixels: np.ndarray, head: Head, models: FaceModels, tmp_path: Path
) -> None:
    (tmp_path / "portrait.jpg").write_bytes(photograph.jpeg)
    given = (tmp_path / "portrait.jpg", str(tmp_path / "portrait.jpg"), pixels, Image.fromarray(pixels))
    photos = [gghead.photos.prepare(image, SETTINGS, models) for image in given]
    for photo in photos:
        assert isinstance(photo, Photo)
        assert np.array_equal(photo.image, head.image)
        assert np.array_equal(photo.alpha, head.alpha)
    photo = photos[0]
    assert photo.camera.width == 128
    assert np.allclose(photo.camera.labels().numpy(), head.label, atol=1e-5)
    assert photo.alpha[64, 64] > 0.9, "the middle shows the face"
    assert (np.abs(photo.landmarks[:, :2].mean(axis=0) - 64) < 20).all(), "and there the landmarks are"


def _blurred(pixels: np.ndarray, head: Head) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(head.box.side / 30)))


def _dark(pixels: np.ndarray, head: Head) -> np.ndarray:
    return (pixels * 0.06).astype(np.uint8)


def _small(pixels: np.ndarray, head: Head) -> np.ndarray:
    share = 50 / head.box.side
    size = round(pixels.shape[1] * share), round(pixels.shape[0] * share)
    return np.asarray(Image.fromarray(pixels).resize(size))


def _twice(pixels: np.ndarray, head: Head) -> np.ndarray:
    return np.concatenate([pixels, pixels], axis=1)


def _cut(pixels: np.ndarray, head: Head) -> np.ndarray:
    return np.ascontiguousarray(pixels[round(head.box.center[1] - 0.45 * head.box.side) :])


def _empty(pixels: np.ndarray, head: Head) -> np.ndarray:
    return np.full_like(pixels, 90)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_blurred, Reason.BLURRED),
        (_small, Reason.SMALL),
        (_dark, Reason.FAINT),
        (_twice, Reason.SEVERAL_FACES),
        (_cut, Reason.CUT),
        (_empty, Reason.NO_FACE),
    ],
)
def test_what_cannot_be_used_is_refused(
    change: Callable[[np.ndarray, Head], np.ndarray], reason: Reason, pixels: np.ndarray, head: Head, models: FaceModels
) -> None:
    (refused,) = HeadFinder(SETTINGS, models)(change(pixels, head))
    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert "expected" in str(refused) or "--faces" in str(refused)
    with pytest.raises(Refused, match=str(refused)[:20]):
        gghead.photos.prepare(change(pixels, head), SETTINGS, models)


def test_a_head_turned_farther_than_asked_is_refused(pixels: np.ndarray, head: Head, models: FaceModels) -> None:
    eye = head.label[:16].reshape(4, 4)[:3, 3]
    yaw = abs(math.degrees(math.atan2(eye[0], eye[2])))
    (refused,) = HeadFinder(replace(SETTINGS, max_yaw=max(1.0, yaw - 1)), models)(pixels)
    assert isinstance(refused, Refused)
    assert refused.reason == Reason.TURNED


def test_a_photograph_upside_down_is_turned(pixels: np.ndarray, head: Head, models: FaceModels) -> None:
    (turned,) = HeadFinder(SETTINGS, models)(np.ascontiguousarray(pixels[::-1, ::-1]))
    assert isinstance(turned, Head)
    assert math.cos(turned.crop.roll - head.crop.roll) < -0.98
    assert np.abs(turned.label - head.label).max() < PHOTOGRAPHED_POSE.center * 2.7


def test_what_fits_worse_than_asked_is_refused(
    pixels: np.ndarray, models: FaceModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gghead.photos.head_finder.USUAL_MISFIT", 0.01)  # landmarks never lie so close
    (refused,) = HeadFinder(SETTINGS, models)(pixels)
    assert isinstance(refused, Refused)
    assert refused.reason == Reason.DOUBTFUL
    (taken,) = HeadFinder(replace(SETTINGS, min_score=0.0), models)(pixels)
    assert isinstance(taken, Head)
    assert taken.score < SETTINGS.min_score


def test_every_face_is_taken_on_request(pixels: np.ndarray, head: Head, models: FaceModels) -> None:
    found = HeadFinder(replace(SETTINGS, faces="all"), models)(_twice(pixels, head))
    assert len([one for one in found if isinstance(one, Head)]) == 2


@pytest.mark.parametrize(("name", "value"), [("resolution", 8), ("max_yaw", 0.0), ("min_face", math.nan)])
def test_settings_that_cannot_be_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*expected"):
        PhotoSettings(**{name: value})  # pyright: ignore[reportArgumentType]
