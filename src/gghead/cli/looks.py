"""Options of how heads are seen: from where, how much of them, and on what."""

import math
from functools import partial
from pathlib import Path

import click

from gghead.cli.options import Reading, device_option, force_option, stacked
from gghead.geometry.canonical_head import FFHQ_FOV, HEAD_MIDDLE, PORTRAIT_FOV
from gghead.media.colors import parse_color

MAX_ANGLES = 100
"""Directions of one command."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
VIDEOS = (".mp4", ".gif", ".webp")
"""Endings of files that stand still and that move; a .webp does either."""
TRANSPARENT = (".png", ".webp")
"""Endings of files that can have no background."""


def read_angles(most: float, text: str) -> tuple[float, ...]:
    """Degrees up to so many, one or several: `-60,0,60`."""
    parts = text.split(",")
    if len(parts) > MAX_ANGLES:
        raise ValueError(f"these are {len(parts)} angles; expected at most {MAX_ANGLES}")
    for part in parts:
        if not -most <= _number(part) <= most:
            reach = f"from -{most:g} to {most:g}"
            raise ValueError(f"{part!r} is no angle; expected degrees {reach}, one or several: -60,0,60")
    return tuple(map(float, parts))


def read_fov(text: str) -> float | None:
    """Degrees; None for `ffhq`, what FFHQ's pictures show."""
    if text != "ffhq" and not 1 <= _number(text) <= 150:
        raise ValueError(f"{text!r} is no field of view; expected degrees from 1 to 150, or ffhq")
    return None if text == "ffhq" else float(text)


def read_background(text: str) -> tuple[float, float, float] | None:
    """Red, green and blue of a colour; None for `transparent`."""
    try:
        return None if text == "transparent" else parse_color(text)
    except ValueError as error:
        expected = "white, black, another name, #rrggbb or transparent"
        raise ValueError(f"{text!r} is no colour; expected {expected}") from error


def _number(text: str) -> float:
    """A number; NaN, which is within no bounds, for another text."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def radians_of(fov: float | None) -> float:
    """The field of view that an option asked for, radians."""
    return FFHQ_FOV if fov is None else math.radians(fov)


def target_of(fov: float | None) -> tuple[float, float, float]:
    """What the camera looks at under a field of view: FFHQ's look at the origin."""
    return (0.0, 0.0, 0.0) if fov is None else HEAD_MIDDLE


def check_backdrop(out: Path, background: tuple[float, float, float] | None) -> None:
    """Fails where a file can't be transparent."""
    suffix = out.suffix.lower()
    if background is None and suffix and suffix not in TRANSPARENT:
        raise click.UsageError(f"a {suffix} can't be transparent; expected {' or '.join(TRANSPARENT)}, or a colour")


fov_option = click.option(
    "--fov",
    type=Reading("degrees", read_fov),
    default=math.degrees(PORTRAIT_FOV),
    show_default=True,
    help="Field of view, degrees: 18 shows the whole head, ffhq (13.4) what FFHQ's pictures show, without the crown.",
)
YAW, PITCH = (Reading("degrees", partial(read_angles, most)) for most in (360, 90))
rendering_options = stacked(
    fov_option,
    click.option(
        "--background",
        type=Reading("colour", read_background),
        default="white",
        show_default=True,
        help="white, black, another colour's name, #rrggbb, or transparent (.png, .webp).",
    ),
    click.option(
        "--resolution",
        type=click.IntRange(1, 8192),
        default=512,
        show_default=True,
        help="Side of each picture in pixels.",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Where the result goes; default: into GGHEAD_RENDERINGS_PATH/MODEL.",
    ),
    force_option,
    device_option,
)
