"""Scenes anywhere are brought into the head space by the lines of sight through the middles of their pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from gghead.conversion.alignment import align_cameras, lines_of_sight
from gghead.conversion.conversion import convert
from gghead.data.conventions import Convention, sees_head
from gghead.data.labels import write_labels
from head_cameras import head_labels
from tiny_archive import frontal_label
from tolerances import EXACT_FLOAT32

FACE = np.array([0, 0, 0.2])


def close(a: object, b: object) -> None:
    np.testing.assert_allclose(a, b, **EXACT_FLOAT32._asdict())


def cameras_around(target: np.ndarray, distance: float = 2.5) -> np.ndarray:
    """Cameras on a part of a sphere around a point that they look at, level and from the front on average."""
    yaw, pitch = np.meshgrid(np.linspace(-0.8, 0.8, 7), [-0.3, 0, 0.3])
    labels = np.concatenate([head_labels(0, 1, yaw=0, pitch=0)] * yaw.size)
    for row, (a, b) in zip(labels, zip(yaw.flat, pitch.flat, strict=True), strict=True):
        back = np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
        right = np.cross([0, 1, 0], back) / np.cos(b)
        pose = np.stack([right, -np.cross(back, right), -back, distance * back + target], 1)
        row[:12] = pose.reshape(-1)
    return labels


def moved(labels: np.ndarray, seed: int) -> np.ndarray:
    """The cameras of the same scene elsewhere, turned, in another unit."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    others = labels.copy()
    poses = others[:, :16].reshape(-1, 4, 4)
    poses[:, :3, :3] = rotation @ poses[:, :3, :3]
    poses[:, :3, 3] = rng.uniform(0.1, 50) * poses[:, :3, 3] @ rotation.T + rng.normal(0, 10, 3)
    others[:, :16] = poses.reshape(-1, 16)
    return others


def turned_and_cropped(labels: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """Cameras of the same centers that look beside the target; crops have it in the middle again."""
    rng = np.random.default_rng(seed)
    others = labels.copy()
    for row in others:
        pose = row[:16].reshape(4, 4)
        turn = rng.uniform(-0.25, 0.25)
        tilt = rng.uniform(-0.25, 0.25)
        yaw = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
        pitch = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
        pose[:3, :3] = pose[:3, :3] @ yaw @ pitch
        face = pose[:3, :3].T @ (target - pose[:3, 3])
        row[[18, 21]] = 0.5 - row[[16, 20]] * face[:2] / face[2]
    return others


@pytest.mark.parametrize("seed", range(4))
def test_alignment_undoes_any_similarity(seed: int, tmp_path: Path) -> None:
    labels = cameras_around(FACE)
    assert sees_head(labels).all()
    elsewhere = moved(labels, seed)
    close(align_cameras(elsewhere), labels)
    (tmp_path / "dataset.json").write_bytes(write_labels([f"{i:02d}.png" for i in range(len(labels))], elsewhere))
    convert(tmp_path / "dataset.json", tmp_path / "new.json", Convention(), align=True)
    rows = json.loads((tmp_path / "new.json").read_text())["labels"]
    assert sees_head(np.array([row for _, row in rows])).all()


@pytest.mark.parametrize("seed", range(4))
def test_crops_are_aligned_by_what_is_in_their_middle(seed: int) -> None:
    labels = turned_and_cropped(cameras_around(FACE), FACE, seed)
    assert np.abs(labels[:, [18, 21]] - 0.5).max() > 0.5, "some principal points lie outside of their picture"
    aligned = align_cameras(moved(labels, seed))
    centers, sights = aligned[:, [3, 7, 11]], lines_of_sight(aligned)
    along = ((FACE - centers) * sights).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(centers + along * sights, np.tile(FACE, (len(aligned), 1)), atol=1e-9)
    # Cameras turned to and fro are as upright and frontal as those that look straight at the face, on average.
    np.testing.assert_allclose(centers, labels[:, [3, 7, 11]], atol=0.02)
    np.testing.assert_array_equal(aligned[:, 16:], labels[:, 16:])


def test_what_cannot_be_aligned_is_refused() -> None:
    with pytest.raises(ValueError, match="same direction"):
        align_cameras(np.array([frontal_label()] * 3))
    nearly = cameras_around(FACE)[8:13]
    nearly[:, :16] = nearly[2, :16]
    nearly[:, 3] += np.linspace(-0.5, 0.5, 5)
    nearly[:, 18] += np.linspace(-0.02, 0.02, 5)
    with pytest.raises(ValueError, match="same direction"):
        align_cameras(nearly)
    outward = cameras_around(FACE)
    outward[:, :11] = (outward[:, :16].reshape(-1, 4, 4) @ np.diag([-1.0, 1, -1, 1])).reshape(-1, 16)[:, :11]
    with pytest.raises(ValueError, match="100% of the cameras look away"):
        align_cameras(outward)
    rng = np.random.default_rng(0)
    anywhere = cameras_around(FACE)
    anywhere[:, [18, 21]] += rng.normal(0, 3, (len(anywhere), 2)).clip(-4, 4)
    with pytest.raises(ValueError, match="do not meet"):
        align_cameras(anywhere)
