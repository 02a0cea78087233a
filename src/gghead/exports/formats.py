"""The formats that heads are exported in, told by the end of a file's name. Answers without torch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        suffix: end of the file's name.
        what: a few words for people.
        framed: whether another frame can be asked for.
    """

    suffix: str
    what: str
    framed: bool = True


FORMATS = (
    Format(".ply", "3D Gaussian Splatting"),
    Format(".splat", "Gaussians for web viewers"),
    Format(".spz", "Gaussians, a tenth of the size"),
    Format(".html", "a page that shows the head", framed=False),
    Format(".ellipsoids.glb", "an ellipsoid a Gaussian"),  # before .glb, whose suffix it ends in
    Format(".glb", "a textured mesh in metres"),
)
"""Every format there is."""
COMPRESSED = ".compressed.ply"
"""What other programs call a PLY of another layout."""


def format_of(path: Path | str) -> Format:
    """The format that a file's name asks for.

    Raises:
        ValueError: its end is no format's, in capitals or not.
    """
    name = Path(path).name.lower()
    if name.endswith(COMPRESSED):
        raise ValueError(f"{path} would be a compressed PLY, which is read, not written; take .spz, or a plain .ply")
    for kind in FORMATS:
        if name.endswith(kind.suffix):
            return kind
    known = ", ".join(f"{kind.suffix} ({kind.what})" for kind in FORMATS)
    raise ValueError(f"{path} has no format that heads can be written in; expected a name ending in {known}")


def require_frame(kind: Format, up: str | None, scale: float | None, center: bool) -> None:
    """Raises ValueError if a frame is asked for that a format does not have."""
    if not kind.framed and (up is not None or scale is not None or center):
        raise ValueError(f"a {kind.suffix} has its own frame and camera; leave out up, scale and center")
