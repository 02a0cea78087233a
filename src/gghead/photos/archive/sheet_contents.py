"""Which heads and which refusals a contact sheet shows, and their pixels."""

import zipfile
from collections import Counter
from collections.abc import Sequence
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np

from gghead.media.encoded import decode_picture
from gghead.media.images import encode_picture
from gghead.photos.archive.records import LeftOut, PhotoRecord, TakenHead
from gghead.photos.archive.sheet import ShownHead, ShownRefusal, draw_sheet
from gghead.photos.faces.template import face_template
from gghead.photos.refusal import Reason

MAX_HEADS, MAX_REFUSALS = 100, 60
"""That are shown: a file of a few megabytes."""
JPEG_QUALITY = 85
"""Of 100: thin lines stay clear, and the file is half as large as with 95."""


def sheet_of(title: str, records: Sequence[PhotoRecord], pictures: Path, masks: Path, thumbnails: Path) -> bytes:
    """The contact sheet of photographs as a JPEG.

    Args:
        title: first word of the header.
        records: of all photographs.
        pictures: archive with the heads' pictures.
        masks: archive with their masks, under the same names.
        thumbnails: archive with photographs that were left out.
    """
    heads = [head for record in records for head in record.heads]
    left = [(record, refusal) for record in records for refusal in record.refusals]
    counts = Counter(refusal.reason for _, refusal in left)
    # Duplicates are counted only: they look like what they are duplicates of.
    different = [(record, refusal) for record, refusal in left if refusal.reason != Reason.DUPLICATE]
    shown, refused = worst(heads), some_of_each_reason(different)
    header = [f"{title}: {len(heads)} heads of {len(records)} photographs", f"left out: {counted(counts) or 'none'}"]
    if len(shown) < len(heads):
        header.append(f"shown are the {len(shown)} heads with the lowest scores")
    below = "Left out" if len(refused) == len(different) else f"Left out, {len(refused)} of {len(different)}"
    with zipfile.ZipFile(pictures) as picture_file, zipfile.ZipFile(masks) as mask_file:
        crops = [_stored(head, picture_file, mask_file) for head in shown]
    with zipfile.ZipFile(thumbnails) as file:
        known = set(file.namelist())
        small = []
        for record, refusal in refused:
            name = thumbnail_name(record.name)
            pixels = decode_picture(file.read(name)).rgb if name in known else None
            small.append(ShownRefusal(record.shown, refusal.reason, pixels))
    return encode_picture(draw_sheet(header, crops, below, small, face_template()), ".jpg", JPEG_QUALITY)


def thumbnail_name(name: str) -> str:
    """A photograph's name in the archive of those that were left out."""
    return f"{name}.jpg"


def counted(counts: Counter[Reason]) -> str:
    """How many were left out for which reason, the most frequent first."""
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def worst(heads: Sequence[TakenHead]) -> list[TakenHead]:
    """Heads with the lowest scores, the lowest first: what there is to find fault with."""
    return sorted(heads, key=lambda head: head.score)[:MAX_HEADS]


def some_of_each_reason(left: Sequence[tuple[PhotoRecord, LeftOut]]) -> list[tuple[PhotoRecord, LeftOut]]:
    """Refusals in their order; where there are too many for a sheet, the first of each reason."""
    by_reason: dict[Reason, list[int]] = {}
    for place, (_, refusal) in enumerate(left):
        by_reason.setdefault(refusal.reason, []).append(place)
    turns = (place for turn in zip_longest(*by_reason.values()) for place in turn if place is not None)
    return [left[place] for place in sorted(islice(turns, MAX_REFUSALS))]


def _stored(head: TakenHead, pictures: zipfile.ZipFile, masks: zipfile.ZipFile) -> ShownHead:
    image = decode_picture(pictures.read(head.picture)).rgb
    mask = decode_picture(masks.read(head.picture)).rgb[..., 0]
    return ShownHead(head.picture, image, mask, np.array(head.label), head.score)
