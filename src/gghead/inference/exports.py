"""Heads for other programs: one file each, its format told by the end of its name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gghead.checkpoint.atomic import write_file
from gghead.gaussians.ellipsoids import ellipsoids
from gghead.gaussians.html import encode_html
from gghead.gaussians.placement import METRES_PER_UNIT, Placement, Up, origin_of, place, place_points
from gghead.gaussians.ply import encode_ply
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.gaussians.splat import encode_splat
from gghead.gaussians.spz import encode_spz, fit_harmonics
from gghead.geometry.cameras import Cameras
from gghead.inference.baking import paint
from gghead.media.meshes import encode_glb
from gghead.model.generator import Generator
from gghead.model.mesh import head_mesh


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        suffix: end of the file's name.
        what: a few words for people.
        encode: makes the file's content of a single head, the generator that made it if it is known, the frame, and a
            name.
        up: axis that points up in such files.
        scale: factor from world units to the unit of such files.
        framed: whether another frame can be asked for.
    """

    suffix: str
    what: str
    encode: Callable[[Gaussians, Generator | None, Placement, str], bytes]
    up: Up = "y"
    scale: float = 1.0
    framed: bool = True


def _ply(head: Gaussians, _generator: Generator | None, placement: Placement, _name: str) -> bytes:
    return encode_ply(place(head, placement))


def _splat(head: Gaussians, _generator: Generator | None, placement: Placement, _name: str) -> bytes:
    return encode_splat(place(freeze_colors(head, Cameras.frontal(1, head.means.device)), placement))


def _spz(head: Gaussians, _generator: Generator | None, placement: Placement, _name: str) -> bytes:
    return encode_spz(place(fit_harmonics(head, Cameras.frontal(1)), placement))


def _html(head: Gaussians, _generator: Generator | None, _placement: Placement, name: str) -> bytes:
    return encode_html(head, name)


def _mesh(head: Gaussians, generator: Generator | None, placement: Placement, name: str) -> bytes:
    if generator is None:
        raise ValueError("a textured mesh needs the generator that made the head: export(path, head, generator)")
    mesh = paint(head_mesh(head, generator), head)
    vertices = place_points(torch.from_numpy(mesh.vertices), placement, origin_of(head, placement))
    normals = place_points(torch.from_numpy(mesh.normals), Placement(placement.up), torch.zeros(3))
    return encode_glb(replace(mesh, vertices=vertices.numpy(), normals=normals.numpy()), name)


def _ellipsoids(head: Gaussians, _generator: Generator | None, placement: Placement, name: str) -> bytes:
    return encode_glb(ellipsoids(place(head, placement)), name)


FORMATS = (
    Format(".ply", "3D Gaussian Splatting", _ply, up="-y"),
    Format(".splat", "Gaussians for web viewers", _splat, up="-y"),
    Format(".spz", "Gaussians, a tenth of the size", _spz),
    Format(".html", "a page that shows the head", _html, framed=False),
    # Before .glb, whose suffix it ends in.
    Format(".ellipsoids.glb", "an ellipsoid a Gaussian", _ellipsoids, scale=METRES_PER_UNIT),
    Format(".glb", "a textured mesh in metres", _mesh, scale=METRES_PER_UNIT),
)
"""Every format there is."""


def format_of(path: Path | str) -> Format:
    """The format that a file's name asks for.

    Raises:
        ValueError: its end is no format's.
    """
    for kind in FORMATS:
        if Path(path).name.endswith(kind.suffix):
            return kind
    known = ", ".join(f"{kind.suffix} ({kind.what})" for kind in FORMATS)
    raise ValueError(f"{path} has no format that heads can be written in; expected a name ending in {known}")


@torch.no_grad()
def export(
    path: Path | str,
    head: Gaussians,
    generator: Generator | None = None,
    *,
    up: Up | None = None,
    scale: float | None = None,
    center: bool = False,
) -> None:
    """Writes a head for other programs; replaces an existing file, whole or not at all.

    Args:
        path: file to write; the end of its name is the format: .ply, .splat, .spz, .glb, .ellipsoids.glb or .html.
        head: a single head in the head space: heads[0]; files hold what float32 keeps of it.
        generator: that made it; only .glb needs it.
        up: axis of the file that points up; None for what programs expect of the format.
        scale: factor from the head space (a head is .55 high) to the file's unit; None for 1, in .glb metres.
        center: whether the middle of the head becomes the origin.

    Raises:
        ValueError: an unknown format, several heads, a textured mesh without generator, or another frame for a page.

    Example:
        >>> export("head.spz", Gaussians(torch.zeros(1, 3), torch.eye(4)[:1], torch.full((1, 3), 0.1), torch.ones(1),
        ...                              torch.zeros(1, 1, 3)))
    """
    kind = format_of(path)
    if not kind.framed and (up is not None or scale is not None or center):
        raise ValueError(f"a {kind.suffix} has its own frame and camera; leave out up, scale and center")
    placement = Placement(up or kind.up, kind.scale if scale is None else scale, center)
    head = head.detach().map(lambda tensor: tensor.to("cpu", torch.float32))
    content = kind.encode(head, generator, placement, Path(path).name.removesuffix(kind.suffix))
    write_file(Path(path), lambda temporary: temporary.write_bytes(content))
