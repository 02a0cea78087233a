"""What is known of each picture with its mask, and what is wrong with or odd about many of them."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from gghead.data.masks import BLACK, WHITE
from gghead.data.picture_files import PictureFiles, StoredPicture
from gghead.media.encoded import BAND_PIXELS

CORNER = 1 / 16
"""Side of the corners of a mask that are compared with its middle, in units of the side."""
EMPTY, FULL = 0.02, 0.995
"""Mask coverage below which there is hardly a person, and above which there is hardly a background."""
MAX_SOFT_SHARE = 0.25
"""Share of values between black and white above which a mask is a photograph, a trimap or a map of depth."""
SEMITRANSPARENT = 50
"""Pixels at an edge that tell whether colours were multiplied by the opacity."""


@dataclass(frozen=True)
class PictureFacts:
    """What is known of one picture.

    Attributes:
        name: of the picture.
        kind: format and mode, "PNG RGB" say.
        side: pixels; 0 if it can't be used.
        coverage: mean of the mask, 0 to 1.
        smallest, largest: values of the mask, 0 to 255.
        softness: share of the mask's pixels that are neither black nor white.
        corners: mean of the mask in the four corners, 0 to 1.
        middle: mean of the mask in the middle, 0 to 1.
        mask_kind: format, mode and what says where the person is, "PNG RGBA by alpha" say; empty without a file.
        turned: whether EXIF data of the picture or mask would have it turned.
        frames: most pictures in either file.
        profiled: whether the picture has a colour profile that does not call itself sRGB.
        transparent: whether the picture has an alpha of its own.
        multiplied: whether its colours seem to be multiplied by its opacity.
        fingerprint: of the pixels.
        mirrored: fingerprint that the mirror image has.
        problem: why it can't be used, or None.
    """

    name: str
    kind: str = ""
    side: int = 0
    coverage: float = 0.0
    smallest: int = 0
    largest: int = 0
    softness: float = 0.0
    corners: float = 0.0
    middle: float = 0.0
    mask_kind: str = ""
    turned: bool = False
    frames: int = 1
    profiled: bool = False
    transparent: bool = False
    multiplied: bool = False
    fingerprint: int = 0
    mirrored: int = 0
    problem: str | None = None


def look_at(files: PictureFiles, resolution: int, name: str) -> PictureFacts:
    """Facts of a picture, or why training at a resolution could not use it."""
    try:
        with files.decoded(name, resolution) as stored:
            return _facts(name, stored)
    except (ValueError, FileNotFoundError) as error:
        return PictureFacts(name, problem=str(error))


def findings(facts: list[PictureFacts], with_masks: bool) -> tuple[list[str], list[str]]:
    """What is to be said of usable pictures; odd masks are a problem where more than half of them are odd.

    Args:
        facts: of all usable pictures.
        with_masks: whether their masks are files of their own.

    Returns:
        A sentence for each thing because of which training learns nonsense, and for each that a person should know.
    """
    problems: list[str] = []
    notes = _file_notes(facts)
    masks = facts if with_masks else [result for result in facts if result.transparent]
    whole = [result for result in facts if result.coverage > FULL]
    if with_masks:
        _tell(notes, whole, "masks are white all over, so that nothing is cut out")
        _tell(notes, [r for r in facts if r.transparent], "pictures are transparent, which is ignored beside masks")
    elif whole and len(whole) == len(facts):
        notes.append("there are no masks: backgrounds would become a part of the heads")
    elif whole:
        notes.append(
            f"{len(facts) - len(whole)} of {len(facts)} pictures are cut out by their alpha, the other "
            f"{len(whole)} are opaque ({whole[0].name} for one): their backgrounds would become a part of the heads"
        )
    some = [result for result in masks if EMPTY <= result.coverage <= FULL]
    suspicions: list[tuple[Callable[[PictureFacts], bool], list[PictureFacts], str]] = [
        (lambda r: r.coverage < EMPTY and (r.largest >= WHITE or r.largest == 0), masks, "are all but empty"),
        (
            lambda r: r.corners > 0.5 > r.middle,
            masks,
            "cover the corners and not the middle: they seem to be inside out",
        ),
        (lambda r: 0 < r.largest < WHITE, masks, "never reach white (255), so that the person would be translucent"),
        (lambda r: r.smallest > BLACK, some, "never reach black (0), so that the background would shine through"),
        (
            lambda r: r.softness > MAX_SOFT_SHARE and r.largest >= WHITE and r.smallest <= BLACK,
            some,
            f"are neither black nor white in more than {MAX_SOFT_SHARE:.0%} of their pixels, as photographs, trimaps, "
            "and maps of depth are",
        ),
    ]
    for is_odd, among, what in suspicions:
        odd = [result for result in among if is_odd(result)]
        _tell(problems if len(odd) > len(masks) / 2 else notes, odd, f"masks {what}", _values)
    return problems, notes


def _file_notes(facts: list[PictureFacts]) -> list[str]:
    notes: list[str] = []
    turned = (
        "pictures or masks have an EXIF orientation other than 1 and are used as they are stored, not turned: labels "
        "and masks must belong to the stored pixels"
    )
    profiled = "pictures have a colour profile other than sRGB, which is not applied: convert them where colours matter"
    multiplied = (
        "pictures seem to have colours multiplied by their opacity: edges would be dark; export with straight alpha"
    )
    _tell(notes, [r for r in facts if r.turned], turned)
    _tell(notes, [r for r in facts if r.frames > 1], "files hold several pictures (an animation); the first is used")
    _tell(notes, [r for r in facts if r.profiled], profiled)
    _tell(notes, [r for r in facts if r.multiplied], multiplied)
    return notes


def _tell(
    to: list[str],
    concerned: list[PictureFacts],
    what: str,
    detail: Callable[[PictureFacts], str] = lambda facts: facts.name,
) -> None:
    if concerned:
        to.append(f"{len(concerned)} {what}; {detail(concerned[0])} for one")


def _values(facts: PictureFacts) -> str:
    return f"that of {facts.name} ({facts.smallest} to {facts.largest})"


def _facts(name: str, stored: StoredPicture) -> PictureFacts:
    pixels, mask, picture, mask_file = stored.pixels, stored.mask, stored.picture, stored.mask_file
    side = len(mask)
    edge = max(1, round(side * CORNER))
    ends = np.r_[:edge, side - edge : side]
    middle = mask[side * 3 // 8 : side * 5 // 8 + 1, side * 3 // 8 : side * 5 // 8 + 1]
    bands = np.array_split(mask, 1 + mask.size // BAND_PIXELS)
    counts = np.sum([np.bincount(band.ravel(), minlength=256) for band in bands], axis=0)
    present = np.flatnonzero(counts)
    # Sums over rows and columns know a picture well enough, and the mirror image's follow from them.
    rows, columns = pixels.sum(axis=1, dtype=np.uint32), pixels.sum(axis=0, dtype=np.uint32)
    start = zlib.crc32(rows.data)
    traits = [picture.traits] if mask_file is None else [picture.traits, mask_file.traits]
    return PictureFacts(
        name,
        kind=picture.traits.kind,
        side=side,
        coverage=float(mask.mean() / 255),
        smallest=int(present[0]),
        largest=int(present[-1]),
        softness=float(counts[BLACK + 1 : WHITE].sum() / mask.size),
        corners=float(mask[np.ix_(ends, ends)].mean() / 255),
        middle=float(middle.mean() / 255),
        mask_kind="" if mask_file is None else f"{mask_file.traits.kind} by {mask_file.said_by}",
        turned=any(trait.orientation != 1 for trait in traits),
        frames=max(trait.frames for trait in traits),
        profiled=picture.traits.profiled,
        transparent=picture.opacity is not None,
        multiplied=mask_file is None and picture.opacity is not None and _is_multiplied(pixels, mask),
        fingerprint=zlib.crc32(columns.data, start),
        mirrored=zlib.crc32(np.ascontiguousarray(columns[::-1]).data, start),
    )


def _is_multiplied(pixels: UInt8[np.ndarray, "H H 3"], opacity: UInt8[np.ndarray, "H H"]) -> bool:
    """Whether no pixel at the edge is brighter than it could be if colours were multiplied by the opacity."""
    edge = (opacity > 0) & (opacity < 255)
    known = opacity[edge]
    if len(known) < SEMITRANSPARENT or known.min() > 127:
        return False
    return bool((pixels[edge].max(axis=1) <= known.astype(int) + 1).all())
