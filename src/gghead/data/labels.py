"""Camera labels of pictures: reading dataset.json, what a valid label is, and the label of a mirrored picture."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from gghead.config.model import LABEL_SIZE
from gghead.config.printable import shown
from gghead.data.archive import LABELS_NAME, canonical_name
from gghead.data.intrinsics import intrinsics_faults
from gghead.data.problems import summarize

ROTATION_TOLERANCE = 1e-3
"""Largest deviation of an entry of R R^T from the identity: float32 poses stay below 1e-6, 4 digits below this."""


@dataclass(frozen=True)
class Labels:
    """Which picture was seen by which camera.

    Attributes:
        names: names of the pictures, sorted, no two alike.
        values: row-major 4 x 4 camera-to-world (OpenCV axes), then row-major 3 x 3 intrinsics in units of the side.
    """

    names: tuple[str, ...]
    values: Float32[np.ndarray, "M 25"]


@dataclass(frozen=True)
class LabelFile:
    """A dataset.json as it is: 25 numbers for each name, which need not be a camera, and what could not be read.

    Attributes:
        names: names of the pictures, sorted, no two alike.
        values: the numbers; some may be infinite or NaN.
        problems: a sentence for each entry that is not a name with 25 numbers.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "M 25"]
    problems: tuple[str, ...]


def parse_labels(text: bytes, source: Path | str) -> Labels:
    """Labels from the content of a dataset.json: {"labels": [["00000/img00000000.png", [25 floats]], ...]}.

    The labels may be an object with names as keys, too. Names are spelled as `archive.canonical_name` does.

    Raises:
        ValueError: it is not such a file, or some label is not that of a camera; says which and how many.
    """
    file = read_label_file(text, source)
    problems = [*file.problems, *label_problems(file.names, file.values)]
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(file.names) + len(file.problems)} labels in {LABELS_NAME} of {source} cannot be "
            f"used; correct or remove them (`gghead data check` tells wrong conventions):\n{summarize(problems)}"
        )
    values = file.values.astype(np.float32)
    values[:, [17, 19]] = 0  # what was found small enough to be rounding; cameras with skew can't be drawn
    return Labels(file.names, values)


def read_label_file(text: bytes, source: Path | str) -> LabelFile:
    """Reads a dataset.json without asking whether its labels are cameras; arguments as of `parse_labels`.

    Raises:
        ValueError: it is no JSON, or holds no labels at all.
    """
    try:
        content = json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{LABELS_NAME} of {source} is not JSON ({error})") from error
    entries = content.get("labels") if isinstance(content, dict) else None
    if isinstance(entries, dict):
        entries = [list(item) for item in entries.items()]
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f'{LABELS_NAME} of {source} holds no labels; expected {{"labels": [["picture.png", [25 numbers]], ...]}}: '
            "GGHead cannot learn from pictures without cameras"
        )
    found: dict[str, list[float]] = {}
    problems = []
    for position, entry in enumerate(entries):
        problem = _entry_problem(entry)
        if problem is not None:
            problems.append(f"entry {position}: {problem}")
            continue
        name = canonical_name(entry[0])
        if name in found:
            problems.append(f"entry {position}: {name} has two labels")
            continue
        found[name] = [float(number) for number in entry[1]]
    names = tuple(sorted(found))
    values = np.array([found[name] for name in names], np.float64).reshape(-1, LABEL_SIZE)
    return LabelFile(names, values, tuple(problems))


def write_labels(names: Sequence[str], values: Float[np.ndarray, "M 25"]) -> bytes:
    """Content of a dataset.json; the numbers are read back as the same float32."""
    rows = zip(names, values.astype(np.float32).tolist(), strict=True)
    return json.dumps({"labels": [[name, row] for name, row in rows]}).encode()


def label_problems(names: tuple[str, ...], values: np.ndarray) -> list[str]:
    """What is wrong with labels [M, 25], a sentence each; empty where all of them are cameras."""
    return [f"{names[row]} has {fault}" for row, fault in label_faults(values).items()]


def label_faults(values: np.ndarray) -> dict[int, str]:
    """Rows of labels [M, 25] that are no cameras, and what they have instead."""
    largest = np.abs(values).max(axis=1)
    finite = largest < np.finfo(np.float32).max  # false for NaN, too
    safe = np.where(finite[:, None], values, 0)
    poses, intrinsics = safe[:, :16].reshape(-1, 4, 4), safe[:, 16:].reshape(-1, 3, 3)
    rotations = poses[:, :3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        drift = np.abs(rotations @ rotations.swapaxes(1, 2) - np.eye(3)).max(axis=(1, 2))
        rotated = (drift <= ROTATION_TOLERANCE) & (np.linalg.det(rotations) > 0)
    rigid = np.abs(poses[:, 3] - [0, 0, 0, 1]).max(axis=1) <= ROTATION_TOLERANCE
    unfit = intrinsics_faults(intrinsics)
    faults = {}
    for row in sorted({*np.flatnonzero(~(finite & rotated & rigid)).tolist(), *unfit}):
        if not finite[row]:
            fact = "numbers that are not finite"
        elif not rotated[row]:
            fact = f"a pose that is no rotation (R R^T is off by {drift[row]:.3g}, or mirrored)"
        elif not rigid[row]:
            fact = "a pose whose last row is not 0 0 0 1"
        else:
            fact = unfit[row]
        faults[row] = fact
    return faults


def mirror_labels(labels: Float[np.ndarray, "*M 25"]) -> Float[np.ndarray, "*M 25"]:
    """Labels of the pictures seen in a mirror, x -> 1 - x.

    With F = diag(-1, 1, 1) the world and the camera are both mirrored: R' = F R F and t' = F t, so R' is a rotation
    again; the image axis turns round, so skew' = -skew and cx' = 1 - cx. Doing it twice changes nothing.
    """
    mirrored = labels.copy()
    poses = mirrored[..., :16].reshape(*labels.shape[:-1], 4, 4)
    flip = np.array([-1, 1, 1, 1], labels.dtype)
    mirrored[..., :16] = (flip[:, None] * poses * flip).reshape(*labels.shape[:-1], 16)
    mirrored[..., 17] = -labels[..., 17]
    mirrored[..., 18] = 1 - labels[..., 18]
    return mirrored


def _distinct(entries: list[tuple[str, object]]) -> dict[str, object]:
    """An object of a JSON file, of which Python would keep the last of two entries of one name."""
    found = dict(entries)
    if len(found) < len(entries):
        twice = next(name for name, count in Counter(name for name, _ in entries).items() if count > 1)
        raise ValueError(f"{shown(twice)} is there twice; remove one of them")
    return found


def _entry_problem(entry: object) -> str | None:
    if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)):
        return "expected [name of a picture, label]"
    name, label = entry
    if not isinstance(label, list):
        return f"{name} has no label"
    if len(label) != LABEL_SIZE:
        return f"{name} has a label of {len(label)} numbers; expected {LABEL_SIZE}"
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in label):
        return f"{name} has a label that is not made of numbers"
    if any(isinstance(number, int) and abs(number) > 1e30 for number in label):
        return f"{name} has numbers that are not finite"
    return None
