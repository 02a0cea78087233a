"""One page of text on what is in a dataset."""

import numpy as np
from jaxtyping import Float

from gghead.config.printable import printable
from gghead.data.check.inspection import Inspection
from gghead.data.problems import MAX_CHARACTERS

BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII_BLOCKS = " .:-=+*%#"
"""For pipes and terminals that have no others."""
BINS = 36
YAW_REACH, ALL_ROUND, PITCH_REACH = 90.0, 180.0, 45.0
"""Half of the range of the plots, degrees; yaw's is all round where a camera stands behind a head. Cameras beyond are
counted in the last bin."""


def page(inspection: Inspection, encoding: str = "utf-8") -> str:
    """Count, sizes, cameras, masks, convention, notes and every problem, ready to be printed.

    Args:
        inspection: what was found.
        encoding: of the terminal or file; says which characters histograms are drawn with.
    """
    usable = sum(not facts.problem for facts in inspection.pictures)
    lines = [f"{inspection.path}: {len(inspection.names)} labels, {usable} usable pictures"]
    if inspection.sides:
        lines.append(_row("sizes", ", ".join(f"{side} x {side}: {count}" for side, count in inspection.sides.items())))
        lines.append(_row("formats", ", ".join(f"{kind}: {count}" for kind, count in inspection.kinds.items())))
        lines.append(_row("masks", _masks(inspection)))
        lines.append(_row("copies", f"{inspection.mirrored_pairs} mirror images, {inspection.duplicates} duplicates"))
    cameras = inspection.cameras
    if len(cameras):
        lines += _cameras(cameras, blocks_of(encoding))
    if inspection.verdict is not None:
        better = " or ".join(str(convention) for convention in inspection.verdict.better)
        verdict = f"{inspection.verdict.fitting:.0%} of the cameras see a head at the origin, upright, from the front"
        lines.append(_row("convention", verdict + (f"; as {better} nearly all would" if better else "")))
    lines += [f"note: {printable(note, MAX_CHARACTERS)}" for note in inspection.notes]
    lines += [f"problem: {printable(problem, MAX_CHARACTERS)}" for problem in inspection.problems]
    count = len(inspection.problems)
    lines.append(
        f"{count} problem{'' if count == 1 else 's'}" + ("; training would fail or be in vain" if count else "")
    )
    return "\n".join(lines)


def blocks_of(encoding: str) -> str:
    """The characters of a histogram, from nothing to the highest, that an encoding has."""
    try:
        BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII_BLOCKS
    return BLOCKS


def histogram(values: Float[np.ndarray, " M"], reach: float, blocks: str = BLOCKS) -> str:
    """A line of blocks from -reach to reach, each as high as its share of the largest."""
    counts, _ = np.histogram(values.clip(-reach, reach), BINS, (-reach, reach))
    heights = np.ceil(counts / counts.max() * (len(blocks) - 1)).astype(int)
    return "".join(blocks[height] for height in heights)


def _masks(inspection: Inspection) -> str:
    coverages = inspection.coverages
    if inspection.masks is None and coverages.min() == 1:
        return "none"
    where = "alpha of the pictures" if inspection.masks is None else inspection.masks.name
    kinds = "".join(f"; {kind}: {count}" for kind, count in inspection.mask_kinds.items())
    return f"{where}, covering {_spread(100 * coverages, '.0f')} % of a picture{kinds}"


def _cameras(cameras: Float[np.ndarray, "M 25"], blocks: str) -> list[str]:
    centers = cameras[:, [3, 7, 11]]
    distances = np.linalg.norm(centers, axis=1)
    yaw = np.degrees(np.arctan2(centers[:, 0], centers[:, 2]))
    pitch = np.degrees(np.arcsin((centers[:, 1] / np.maximum(distances, 1e-12)).clip(-1, 1)))
    lines = [
        _row("distance", f"{_spread(distances, '.2f')} (FFHQ: 2.70)"),
        _row("focal", f"{_spread(cameras[:, 16], '.2f')} sides of a picture (FFHQ: 4.26)"),
    ]
    yaw_reach = YAW_REACH if np.abs(yaw).max() <= YAW_REACH else ALL_ROUND
    for name, angles, reach in (("yaw", yaw, yaw_reach), ("pitch", pitch, PITCH_REACH)):
        lines.append(_row(name, f"{_spread(angles, '.0f')} degrees, sd {angles.std():.0f}"))
        lines.append(_row("", f"{-reach:.0f} |{histogram(angles, reach, blocks)}| {reach:.0f}"))
    return lines


def _spread(values: np.ndarray, form: str) -> str:
    """Mean and range."""
    return f"{values.mean():{form}} on average, {values.min():{form}} to {values.max():{form}}"


def _row(name: str, text: str) -> str:
    return f"  {name:11}{text}"
