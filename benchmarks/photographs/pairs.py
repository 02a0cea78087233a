"""Two datasets of the same photographs: as `gghead.photos` prepares them, and with true cameras, crops and masks."""

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from benchmarks.photographs.truth import Truth, mask_path, picture_path, read_truths
from gghead.data.dataset import masks_path
from gghead.data.labels import LABELS_NAME, write_labels
from gghead.data.parallel import in_order
from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.media.images import encode_png
from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.heads import FindHeads, Head


@dataclass(frozen=True, eq=False)
class Entry:
    """One head of a dataset."""

    picture: UInt8[np.ndarray, "R R 3"]
    mask: UInt8[np.ndarray, "R R"]
    label: Float[np.ndarray, "25"]


def write_pairs(folders: Sequence[Path], out: Path, find_heads: FindHeads, resolution: int) -> int:
    """Writes OUT_prepared.zip and OUT_true.zip with their masks; both hold the photographs in which a head was found.

    Returns:
        How many these are.
    """
    tasks = [(folder, truth) for folder in folders for truth in read_truths(folder)]
    found = in_order(lambda task: _pair(*task, find_heads, resolution), tasks)
    pairs = [pair for pair in found if pair is not None]
    for kind, entries in zip(("prepared", "true"), zip(*pairs, strict=True), strict=True):
        _write(out.with_name(f"{out.name}_{kind}.zip"), entries)
    return len(pairs)


def _pair(folder: Path, truth: Truth, find_heads: FindHeads, resolution: int) -> tuple[Entry, Entry] | None:
    with Image.open(picture_path(folder, truth.number)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    heads = [head for head in find_heads(pixels) if isinstance(head, Head)]
    if not heads:
        return None
    with Image.open(mask_path(folder, truth.number)) as picture:
        mask = np.repeat(np.asarray(picture)[..., None], 3, axis=2)
    crop = Crop((truth.K[0, 2], truth.K[1, 2]), truth.K[0, 0] / FFHQ_FOCAL, math.radians(truth.roll))
    cut_out, inside = cut(pixels, crop, resolution)
    cut_mask = cut(mask, crop, resolution)[0][..., 0] * inside
    label = posed_label(math.radians(truth.yaw), math.radians(truth.pitch))
    found_mask = (heads[0].alpha * 255).round().astype(np.uint8)
    return Entry(heads[0].image, found_mask, heads[0].label), Entry(cut_out, cut_mask, label)


def _write(path: Path, entries: Sequence[Entry]) -> None:
    names = [f"{number:06d}.png" for number in range(len(entries))]
    with zipfile.ZipFile(path, "w") as pictures, zipfile.ZipFile(masks_path(path), "w") as masks:
        for name, entry in zip(names, entries, strict=True):
            pictures.writestr(name, encode_png(entry.picture))
            masks.writestr(name, encode_png(entry.mask))
        pictures.writestr(LABELS_NAME, write_labels(names, np.stack([entry.label for entry in entries])))
