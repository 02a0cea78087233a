"""Looks at all of a dataset and reports everything that is wrong with it; `HeadDataset.open` stops at the first."""

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from gghead.data.archive import Archive, open_archive
from gghead.data.check.picture_facts import PictureFacts, findings, look_at
from gghead.data.conventions import RIGHT, Verdict, head_offsets, recognize
from gghead.data.dataset import HeadDataset
from gghead.data.labels import LABELS_NAME, LabelFile, label_faults, label_problems, mirror_labels, read_label_file
from gghead.data.parallel import in_order
from gghead.data.picture_files import PictureFiles, find_masks, open_masks, read_labels_file, unmatched_files
from gghead.geometry.canonical_head import FFHQ_DISTANCE, FFHQ_FOCAL

MAX_SIZE_RATIO = 1.6
"""How much larger or smaller than in FFHQ heads may be before it is worth a word."""
MIRRORED_LABEL_TOLERANCE = 1e-3
MASKS_OF_A_RUN = 32
"""Masks that a run looks at before it decodes all: more than half of them have to be odd (512 x 512: 0.6 s)."""


@dataclass(frozen=True)
class Inspection:
    """Everything that was found.

    Attributes:
        path: of the dataset.
        masks: where its masks are, or None.
        labels: the camera labels that can be read, of the names below.
        names: labelled pictures.
        pictures: facts of each labelled picture that exists.
        verdict: on the convention of the labels; None without labels.
        mirrored_pairs: pictures that are there a second time as their mirror image.
        duplicates: pictures that are there a second time as they are.
        problems: a sentence for each thing because of which training fails or learns nonsense.
        notes: a sentence for each thing that a person should know.
    """

    path: Path
    masks: Path | None = None
    names: tuple[str, ...] = ()
    labels: Float[np.ndarray, "M 25"] = field(default_factory=lambda: np.empty((0, 25)))
    pictures: tuple[PictureFacts, ...] = ()
    verdict: Verdict | None = None
    mirrored_pairs: int = 0
    duplicates: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sides(self) -> dict[int, int]:
        """Number of usable pictures of each size, by side."""
        return dict(sorted(Counter(facts.side for facts in self.pictures if not facts.problem).items()))

    @property
    def kinds(self) -> dict[str, int]:
        """Number of usable pictures of each format and mode, the most frequent first."""
        return dict(Counter(facts.kind for facts in self.pictures if not facts.problem).most_common())

    @property
    def mask_kinds(self) -> dict[str, int]:
        """Number of files of masks of each format, mode and meaning, the most frequent first."""
        return dict(Counter(facts.mask_kind for facts in self.pictures if facts.mask_kind).most_common())

    @property
    def coverages(self) -> Float[np.ndarray, " M"]:
        """Mask coverage of the usable pictures, 0 to 1."""
        return np.array([facts.coverage for facts in self.pictures if not facts.problem])

    @property
    def cameras(self) -> Float[np.ndarray, "M 25"]:
        """The labels that describe a pinhole camera, whatever it looks at."""
        return np.delete(self.labels, list(label_faults(self.labels)), axis=0)


Progress = Callable[[int, int], None]


def inspect(
    path: Path, resolution: int, masks: Path | None = None, on_progress: Progress = lambda done, total: None
) -> Inspection:
    """Reads every label, picture and mask.

    Args:
        path: zip or folder.
        resolution: side of the pictures that training would ask for, pixels.
        masks: where masks are; by default beside `path`.
        on_progress: called with the numbers of pictures looked at and of all.

    Raises:
        FileNotFoundError: there is no such archive at all, or some of its shards are missing.
    """
    try:
        pictures = open_archive(path)
    except ValueError as error:
        return Inspection(path, problems=(" ".join(str(error).splitlines()),))
    with pictures:
        problems: list[str] = []
        try:
            file = read_label_file(read_labels_file(pictures), path)
        except ValueError as error:
            problems.append(str(error))
            file = LabelFile((), np.empty((0, 25)), ())
        invalid = label_problems(file.names, file.values)
        problems += [*file.problems, *invalid]
        finite = np.isfinite(file.values).all(axis=1)
        verdict = recognize(file.values[finite]) if finite.any() else None
        missing, unlabelled = unmatched_files(file.names, pictures)
        problems += missing + unlabelled
        files, mask_problems = _with_masks(path, pictures, file.names, masks)
        problems += mask_problems
        stored = frozenset(pictures.names() if files.masks is None else files.mask_names)
        usable = [name for name in file.names if name in stored]
        facts = []
        for result in in_order(partial(look_at, files, resolution), usable):
            facts.append(result)
            on_progress(len(facts), len(usable))
        if files.masks is not None:
            files.masks.close()
    problems += [result.problem for result in facts if result.problem]
    good = [result for result in facts if not result.problem]
    pairs, duplicates, mirror_notes = _mirror_images(good, dict(zip(file.names, file.values, strict=True)))
    odd, odd_notes = findings(good, with_masks=files.masks is not None)
    problems = [*_convention_problems(path, verdict), *_center_problems(file.values), *odd, *problems]
    notes = [*_convention_notes(verdict), *_size_notes(file.values), *odd_notes, *mirror_notes]
    return Inspection(
        path,
        None if files.masks is None else files.masks.path,
        file.names,
        file.values,
        tuple(facts),
        verdict,
        pairs,
        duplicates,
        tuple(problems),
        tuple(notes),
    )


def in_vain(dataset: HeadDataset) -> tuple[str, ...]:
    """What `inspect` would call a problem of cameras and masks that can be trained on; of masks some are looked at."""
    labels, path = dataset.labels.astype(np.float64), dataset.files.pictures.path
    step = -(-len(dataset) // MASKS_OF_A_RUN)
    facts = [look_at(dataset.files, dataset.resolution, name) for name in dataset.names[::step]]
    usable = [result for result in facts if not result.problem]
    odd, _ = findings(usable, dataset.has_masks)
    return (*_convention_problems(path, recognize(labels)), *_center_problems(labels), *odd)


def _with_masks(
    path: Path, pictures: Archive, names: tuple[str, ...], given: Path | None
) -> tuple[PictureFiles, list[str]]:
    try:
        masks = open_masks(path, given)
    except (ValueError, FileNotFoundError) as error:
        return PictureFiles(pictures, None, {}), [str(error)]
    if masks is None:
        return PictureFiles(pictures, None, {}), []
    found = find_masks(names, masks)
    problems = [f"{name} has no mask" for name in names if name not in found]
    return PictureFiles(pictures, masks, found), problems


def _convention_problems(path: Path, verdict: Verdict | None) -> list[str]:
    if verdict is None or not verdict.certain:
        return []
    if not verdict.better:
        return [
            f"{1 - verdict.fitting:.0%} of the cameras of {LABELS_NAME} do not see a head at the origin, upright and "
            "from the front, and no known convention explains it; look at the contact sheet: gghead data check "
            f"{shlex.quote(str(path))} --out sheet.png (`gghead data convert --align` moves scenes into place)"
        ]
    meanings = "; or they are ".join(convention.describe() for convention in verdict.better)
    words = " or ".join(f"--from {convention}" for convention in verdict.better)
    return [
        f"{LABELS_NAME} is in another convention: {1 - verdict.fitting:.0%} of its cameras do not see a head at the "
        f"origin, and nearly all would if they were {meanings}. "
        f"Mend it: gghead data convert {shlex.quote(str(path))} {words} --out NEW.zip"
    ]


def _convention_notes(verdict: Verdict | None) -> list[str]:
    if verdict is None or verdict.certain or verdict.fitting >= RIGHT:
        return []
    if verdict.better:
        names = " or ".join(str(convention) for convention in verdict.better)
        return [
            f"{1 - verdict.fitting:.0%} of the cameras do not look at a head at the origin; in the convention {names} "
            "nearly all would. Not certain: look at the contact sheet (--out)"
        ]
    return [
        f"{1 - verdict.fitting:.0%} of the cameras do not look upright and from the front at a head at the origin, and "
        "no known convention explains it; right for sets seen from all sides, else look at the contact sheet (--out)"
    ]


def _center_problems(labels: np.ndarray) -> list[str]:
    """Principal points outside of the picture: of a crop, if what the picture shows is a head, else of nothing."""
    cameras = np.delete(labels, list(label_faults(labels)), axis=0)
    outside = (np.abs(cameras[:, [18, 21]] - 0.5) > 0.5).any(axis=1)
    blind = cameras[outside & (head_offsets(cameras) > 0.5)]
    if not len(blind):
        return []
    return [
        f"{len(blind)} cameras have their principal point outside of the picture, ({blind[0, 18]:.3g}, "
        f"{blind[0, 21]:.3g}) for one, and no head at the origin in it; expected units of the side, 0.5 in the "
        "middle, moved by what was cut off where pictures were cropped"
    ]


def _size_notes(labels: np.ndarray) -> list[str]:
    """Whether heads are as large in the pictures as in FFHQ, for which template and settings are made."""
    cameras = np.delete(labels, list(label_faults(labels)), axis=0)
    if not len(cameras):
        return []
    with np.errstate(all="ignore"):
        sizes = cameras[:, 16] / np.linalg.norm(cameras[:, [3, 7, 11]], axis=1)
    size = float(np.median(sizes)) / (FFHQ_FOCAL / FFHQ_DISTANCE)
    if 1 / MAX_SIZE_RATIO <= size <= MAX_SIZE_RATIO:
        return []
    return [
        f"the template's head would be seen {size:.2g} times as large as in FFHQ: right for pictures that show more or "
        "less than FFHQ's (`gghead data photos --crop wide`), else distance and focal length are wrong; look at the "
        "contact sheet (--out), `gghead data convert --align` may help"
    ]


def _mirror_images(facts: list[PictureFacts], labels: dict[str, np.ndarray]) -> tuple[int, int, list[str]]:
    """Pairs of mirror images, duplicates, and what to say of them."""
    first: dict[int, str] = {}
    duplicates, pairs, contradictions = 0, 0, []
    for result in facts:
        twin = first.get(result.mirrored)
        if twin is not None and result.mirrored != result.fingerprint:
            pairs += 1
            expected = mirror_labels(labels[twin])
            if np.abs(labels[result.name] - expected).max() > MIRRORED_LABEL_TOLERANCE:
                contradictions.append(result.name)
        duplicates += result.fingerprint in first
        first.setdefault(result.fingerprint, result.name)
    notes = []
    if pairs:
        notes.append(
            f"{pairs} pictures are mirror images of others, as in EG3D's FFHQ: mirroring in training adds nothing"
        )
    if contradictions:
        notes.append(
            f"{len(contradictions)} of them have no mirrored label, so picture and camera contradict each other: "
            f"{contradictions[0]} for one"
        )
    if duplicates:
        notes.append(f"{duplicates} pictures are there twice")
    return pairs, duplicates, notes
