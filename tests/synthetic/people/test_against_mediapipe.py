"""Synthetic heads as seen by models that learned from photographs: are they faces, do cameras and masks agree?"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from face_models import IBUG_68, face_models, head_pose
from gghead.data.archive import open_archive
from gghead.data.dataset import masks_path
from gghead.data.labels import parse_labels
from gghead.media.encoded import decode_picture
from gghead.media.images import resize
from gghead.photos import FaceModels
from gghead.photos.faces.finding import find_faces
from gghead.synthetic import Sitting, generate
from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.landmarks import landmarks
from tolerances import MEDIAPIPE

COUNT, RESOLUTION, FRONTAL = 100, 256, np.radians(30)
ASSETS = "GGHEAD_TEST_ASSETS"


@dataclass(frozen=True)
class Measured:
    """What the models say of a dataset.

    Attributes:
        found: share of the pictures in which a face was found.
        yaw, estimated_yaw: of the cameras and of those that the landmarks tell, radians, where a face was found.
        overlap: mean intersection over union of our mask and the segmenter's.
    """

    found: float
    yaw: np.ndarray
    estimated_yaw: np.ndarray
    overlap: float


def measure(archive: Path, models: FaceModels) -> Measured:
    """Measures the frontal-ish pictures of a dataset."""
    model = HeadModel()
    average = model.morph(model.average_adult)
    canonical = landmarks(model, average, model.to_canonical(average))
    yaws, estimates, overlaps, looked_at = [], [], [], 0
    with open_archive(archive) as pictures, open_archive(masks_path(archive)) as masks:
        labels = parse_labels(pictures.read("dataset.json"), archive)
        for name, label in zip(labels.names, labels.values, strict=True):
            pose = label[:16].reshape(4, 4)
            yaw = np.arctan2(pose[0, 3], pose[2, 3])
            if abs(yaw) > FRONTAL:
                continue
            looked_at += 1
            pixels, mask = decode_picture(pictures.read(name)).rgb, decode_picture(masks.read(name)).rgb[..., 0] > 127
            person = models.segment(resize(pixels, 256)) > 0.5
            mask = resize(mask.astype(np.uint8) * 255, len(person)) > 127
            overlaps.append((person & mask).sum() / (person | mask).sum())
            faces = find_faces(pixels, models)
            if not faces:
                continue
            turn = head_pose(canonical, faces[0].landmarks[IBUG_68, :2], label[16], len(pixels)).as_matrix()
            towards_camera = -turn[2]  # the camera looks along the third row; a camera in front of the face sees -z
            yaws.append(yaw)
            estimates.append(np.arctan2(towards_camera[0], towards_camera[2]))
    return Measured(len(yaws) / looked_at, np.array(yaws), np.array(estimates), float(np.mean(overlaps)))


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["procedural", "textured"])
def test_people_are_seen_where_and_how_they_are(variant: str, tmp_path: Path) -> None:
    models = face_models()
    assets = None
    if variant == "textured":
        if ASSETS not in os.environ:
            pytest.skip(f"{ASSETS} names no MakeHuman asset pack: textured heads are not drawn")
        assets = Path(os.environ[ASSETS])
    generate(tmp_path / "heads.zip", COUNT, Sitting(RESOLUTION, seed=1000, assets=assets))
    measured = measure(tmp_path / "heads.zip", models)
    error = np.degrees(measured.estimated_yaw - measured.yaw)
    print(
        f"\n{variant}: found {measured.found:.3f}, yaw off by {error.mean():.2f} +- {error.std():.2f} degrees, "
        f"IoU of masks {measured.overlap:.3f}"
    )
    assert measured.found >= MEDIAPIPE.found
    assert error.std() < MEDIAPIPE.yaw_degrees
    turned = np.abs(measured.yaw) > np.radians(10)
    assert (np.sign(measured.yaw) == np.sign(measured.estimated_yaw))[turned].all(), "left is left"
    assert measured.overlap > MEDIAPIPE.overlap
