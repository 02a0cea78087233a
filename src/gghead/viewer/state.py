"""What one visitor sees, as a value: the head, how it is shown, and where it is seen from."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

from gghead.geometry.canonical_head import FFHQ_DISTANCE

Option = TypeVar("Option")
NUM_DIRECTIONS = 8
"""Principal directions with a slider."""
WHOLE_HEAD_FOV = 18.0
"""Vertical field of view that holds a head with its crown, degrees; the FFHQ cameras' 13.4 cut it off."""
MAX_SIDE = 2048
"""Largest picture that a visitor may ask for, pixels."""


class Show(StrEnum):
    """What is drawn of a head."""

    COLOR = "colour"
    DEPTH = "depth"
    NORMALS = "normals"
    ALPHA = "alpha"
    UV = "uv"
    ELLIPSOIDS = "ellipsoids"


class Renderer(StrEnum):
    """Who draws: the visitor's browser, or the server with the exact rasterizer."""

    SPLATS = "splats"
    EXACT = "exact"


@dataclass(frozen=True)
class HeadChoice:
    """Which head of a model.

    Attributes:
        seed: of the latent, 0 to 2^32 - 1; not used while the pad has corners.
        truncation: 0 for the average head, 1 for all variety.
        corners: seeds of the pad: none, two (left, right), or four (top left, top right, bottom left, bottom right).
        pad: place on the pad, x to the right and y down, 0 to 1.
        coarse: seed whose coarse styles are used instead, or None; middle and fine likewise.
        walk: steps along the principal directions, in standard deviations.
        following: whether a camera-conditioned model is told the visitor's camera; else the frontal one.
    """

    seed: int = 0
    truncation: float = 0.7
    corners: tuple[int, ...] = ()
    pad: tuple[float, float] = (0.5, 0.5)
    coarse: int | None = None
    middle: int | None = None
    fine: int | None = None
    walk: tuple[float, ...] = ()
    following: bool = False

    def __post_init__(self) -> None:
        for seed in (self.seed, *self.corners, *(s for s in (self.coarse, self.middle, self.fine) if s is not None)):
            if not 0 <= seed < 2**32:
                raise ValueError(f"{seed} is no seed; expected a whole number from 0 to {2**32 - 1}")
        if len(self.corners) not in (0, 2, 4):
            raise ValueError(f"the pad has {len(self.corners)} seeds; expected 2, 4, or none to switch it off")
        if len(self.walk) > NUM_DIRECTIONS:
            raise ValueError(f"a walk along {len(self.walk)} directions; expected at most {NUM_DIRECTIONS}")
        require(-2, self.truncation, 2, "truncation")
        for place in self.pad:
            require(0, place, 1, "pad")
        for step in self.walk:
            require(-10, step, 10, "walk")


@dataclass(frozen=True)
class Look:
    """How a head is shown.

    Attributes:
        show: what is drawn.
        mesh: whether the template's mesh is drawn over it.
        size: factor of the Gaussians' standard deviations.
        opacity: factor of their opacities, which stay below 1.
        background: display rgb, 0 to 255.
        side: height of a streamed picture, and both sides of a saved one, pixels.
    """

    show: Show = Show.COLOR
    mesh: bool = False
    size: float = 1.0
    opacity: float = 1.0
    background: tuple[int, int, int] = (255, 255, 255)
    side: int = 512

    def __post_init__(self) -> None:
        require(0.01, self.size, 10, "size")
        require(0, self.opacity, 100, "opacity")
        require(16, self.side, MAX_SIDE, "side")
        if len(self.background) != 3:
            raise ValueError(f"the background has {len(self.background)} channels; expected red, green and blue")
        for channel in self.background:
            require(0, channel, 255, "background")


@dataclass(frozen=True)
class Viewpoint:
    """Where the head is seen from; world units, y is up.

    Attributes:
        eye: position of the camera.
        target: the point that it looks at.
        fov: vertical field of view, degrees.
    """

    eye: tuple[float, float, float] = (0.0, 0.0, FFHQ_DISTANCE)
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fov: float = WHOLE_HEAD_FOV

    def __post_init__(self) -> None:
        require(1, self.fov, 120, "fov")
        for value in (*self.eye, *self.target):
            require(-1000, value, 1000, "camera")
        if math.dist(self.eye, self.target) < 1e-3:
            raise ValueError("the camera stands at the point that it looks at; move it away")


@dataclass(frozen=True)
class View:
    """All that a visitor sees of a model."""

    head: HeadChoice = field(default_factory=HeadChoice)
    look: Look = field(default_factory=Look)
    viewpoint: Viewpoint = field(default_factory=Viewpoint)
    renderer: Renderer = Renderer.EXACT

    @property
    def streams(self) -> bool:
        """Whether the server draws: always, but for what splats in the browser can show."""
        return self.renderer == Renderer.EXACT or self.look.show not in (Show.COLOR, Show.UV)


def pick(options: Mapping[str, Option], name: str) -> Option:
    """What an option of a widget stands for; raises ValueError for one that it lacks, for a browser may send any."""
    if name not in options:
        raise ValueError(f"{name!r} is no option; expected one of {', '.join(options)}")
    return options[name]


def require(low: float, value: float, high: float, name: str) -> None:
    """Raises ValueError unless low <= value <= high; NaN is never between."""
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:g}; expected a value from {low:g} to {high:g}")


PARTS = {"head": HeadChoice, "look": Look, "viewpoint": Viewpoint}
"""Parts of a view that have words; all of their fields have plain defaults."""


def format_view(view: View) -> str:
    """A view as text, `seed=3 truncation=0.5 show=depth`; only what differs from the defaults."""
    words = []
    for part, kind in PARTS.items():
        for item in fields(kind):
            current = getattr(getattr(view, part), item.name)
            if current != item.default:
                words.append(f"{item.name}={_format(current)}")
    return " ".join(words)


def parse_view(text: str, renderer: Renderer = Renderer.EXACT) -> View:
    """Reads what `format_view` wrote.

    Raises:
        ValueError: an unknown word or a value that is none.
    """
    kinds = {item.name: (part, item.default) for part, kind in PARTS.items() for item in fields(kind)}
    chosen: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for word in text.split():
        name, mark, value = word.partition("=")
        if not mark or name not in kinds:
            raise ValueError(f"{word!r} is no part of a view; expected words like seed=3, of {', '.join(kinds)}")
        part, default = kinds[name]
        try:
            chosen[part][name] = _parse(name, value, default)
        except ValueError as error:
            raise ValueError(f"{word!r}: {error}") from error
    return View(HeadChoice(**chosen["head"]), Look(**chosen["look"]), Viewpoint(**chosen["viewpoint"]), renderer)


def _format(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_format, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, float) else str(value)


def _parse(name: str, text: str, default: Any) -> object:
    if isinstance(default, Show):
        if text not in list(Show):
            raise ValueError(f"expected one of {', '.join(Show)}")
        return Show(text)
    if isinstance(default, bool):
        if text not in ("yes", "no"):
            raise ValueError("expected yes or no")
        return text == "yes"
    if default is None or isinstance(default, int):
        return _whole(text)
    if isinstance(default, float):
        return float(text)
    number = _whole if name in ("corners", "background") else float
    values = tuple(number(piece) for piece in text.split(",")) if text else ()
    if default and len(values) != len(default):
        raise ValueError(f"expected {len(default)} numbers with commas between them")
    return values


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise ValueError("expected a whole number")
    return int(text)
