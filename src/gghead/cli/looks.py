"""Options of how heads are seen: from where, how much of them, and on what."""

import math
from pathlib import Path

import click

from gghead.cli.options import device_option, force_option, stacked
from gghead.config.numbers import require_finite
from gghead.geometry.canonical_head import FFHQ_FOV, HEAD_MIDDLE, PORTRAIT_FOV
from gghead.media.colors import parse_color

MAX_ANGLES = 100
"""Directions of one command."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
VIDEOS = (".mp4", ".gif", ".webp")
"""Endings of files that stand still and that move; a .webp does either."""
TRANSPARENT = (".png", ".webp")
"""Endings of files that can have no background."""


class Angles(click.ParamType):
    """Degrees, one or several: `-60,0,60`."""

    name = "degrees"

    def __init__(self, most: float) -> None:
        self.most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Reads the text; fails with what was expected."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        if len(parts) > MAX_ANGLES:
            self.fail(f"these are {len(parts)} angles; expected at most {MAX_ANGLES}", param, ctx)
        return tuple(self._angle(part, param, ctx) for part in parts)

    def _angle(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return require_finite("an angle", float(text), -self.most, self.most, "")
        except ValueError:
            reach = f"from -{self.most:g} to {self.most:g}"
            self.fail(f"{text!r} is no angle; expected degrees {reach}, one or several: -60,0,60", param, ctx)


class FieldOfView(click.ParamType):
    """Degrees, or `ffhq`."""

    name = "degrees"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Degrees; None for what FFHQ's pictures show."""
        if value == "ffhq":
            return None
        try:
            return require_finite("fov", float(str(value)), 1, 150, "")
        except ValueError:
            self.fail(f"{value!r} is no field of view; expected degrees from 1 to 150, or ffhq", param, ctx)


class Backdrop(click.ParamType):
    """A colour, or `transparent`."""

    name = "colour"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float] | None:
        """Red, green and blue; None for no background."""
        if isinstance(value, tuple):
            return value
        if value == "transparent":
            return None
        try:
            return parse_color(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is no colour; expected white, black, another name, #rrggbb or transparent", param, ctx
            )


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
    type=FieldOfView(),
    default=math.degrees(PORTRAIT_FOV),
    show_default=True,
    help="Field of view, degrees: 18 shows the whole head, ffhq (13.4) what FFHQ's pictures show, without the crown.",
)
rendering_options = stacked(
    fov_option,
    click.option(
        "--background",
        type=Backdrop(),
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
