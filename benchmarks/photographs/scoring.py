"""What `gghead data photos` finds in photographs of synthetic people, against the truth."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from PIL import Image

from benchmarks.photographs.scores import Camera, score_camera, score_mask
from benchmarks.photographs.table import Score
from benchmarks.photographs.truth import Truth, mask_path, picture_path, read_truths
from gghead.data.parallel import in_order
from gghead.photos.cutting import cut
from gghead.photos.heads import FindHeads, Head
from gghead.photos.refusal import Refused

ELSEWHERE = "elsewhere"
"""Beside the reasons of refusals: heads were found, but none where the person is."""


def score_folder(folder: Path, find_heads: FindHeads) -> list[Score]:
    """A score for each photograph of a folder, by one thread a core.

    The template whose landmarks are drawn through the label is the mean of the folder's people in head space.

    Raises:
        FileNotFoundError: the folder has no complete photograph.
    """
    truths = read_truths(folder)
    if not truths:
        raise FileNotFoundError(f"{folder} holds no truth/*.json; draw photographs into it with the command draw")
    template = np.mean([truth.landmarks_3d for truth in truths], axis=0)
    return list(in_order(lambda truth: score_photograph(folder, truth, template, find_heads), truths))


def score_photograph(folder: Path, truth: Truth, template: Float64[np.ndarray, "68 3"], find_heads: FindHeads) -> Score:
    """The score of one photograph: of the head whose crop has the true one nearest to its middle, if any has it."""
    with Image.open(picture_path(folder, truth.number)) as picture:
        found = list(find_heads(np.asarray(picture.convert("RGB"))))
    middle = truth.K @ (truth.cam2world[:3, :3].T @ -truth.cam2world[:3, 3])
    heads = [head for head in found if isinstance(head, Head)]
    away = [float(np.abs(head.crop.from_photograph(middle[:2] / middle[2]) - 0.5).max()) for head in heads]
    if not heads or min(away) > 0.5:
        reasons = [str(refusal.reason) for refusal in found if isinstance(refusal, Refused)]
        reason = ELSEWHERE if heads else reasons[0]
        return Score(truth.number, truth.yaw, truth.pitch, reason, len(heads), camera=None, mask=None, floor=None)
    head = heads[int(np.argmin(away))]
    camera, landmarks = Camera.of_crop(truth.K, truth.cam2world, head.crop), head.crop.from_photograph(truth.landmarks)
    with Image.open(mask_path(folder, truth.number)) as picture:
        mask, inside = cut(np.repeat(np.asarray(picture)[..., None], 3, axis=2), head.crop, len(head.alpha))
    return Score(
        number=truth.number,
        yaw=truth.yaw,
        pitch=truth.pitch,
        refused=None,
        others=len(heads) - 1,
        camera=score_camera(Camera.of_label(head.label), camera, template, landmarks, truth.visible),
        mask=score_mask(head.alpha, mask[..., 0] / 255, inside),
        floor=score_camera(camera, camera, template, landmarks, truth.visible).reprojection,
    )


def write_details(path: Path, folder: Path, scores: Sequence[Score]) -> None:
    """Adds a line of JSON for each photograph, for whoever looks for the worst."""
    with path.open("a", encoding="utf-8") as file:
        for score in scores:
            file.write(json.dumps({"folder": folder.name} | asdict(score)) + "\n")
