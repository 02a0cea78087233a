"""Heads for other programs: one file each, its format told by the end of its name."""

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.config.numbers import shortened
from gghead.exports.baking import paint
from gghead.exports.formats import format_of, require_frame
from gghead.exports.mesh import head_mesh
from gghead.gaussians.checks import REASON, drawable, keep, keep_drawable, require_single
from gghead.gaussians.ellipsoids import MIN_OPACITY, ellipsoids
from gghead.gaussians.formats import splat, spz
from gghead.gaussians.formats.html import encode_html
from gghead.gaussians.formats.ply import encode_ply
from gghead.gaussians.placement import (
    METERS_PER_UNIT,
    MIN_VISIBLE_OPACITY,
    UP_IN_FILES,
    Placement,
    Up,
    origin_of,
    place,
    place_points,
)
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.observation import observe
from gghead.media.meshes import Mesh, encode_glb
from gghead.model.generator import Generator

log = logging.getLogger(__name__)

MAX_CLIPPED_SHARE = 0.01
"""Share of Gaussians whose values a format may cut without a word; the model that comes with gghead stays below."""


@dataclass(frozen=True)
class Frame:
    """What programs expect of a format's files.

    Attributes:
        up: axis that points up.
        scale: factor from world units to the unit of such files.
        least_opacity: fainter Gaussians are left out; None if the head must stay whole.
    """

    up: Up = "y"
    scale: float = 1.0
    least_opacity: float | None = MIN_VISIBLE_OPACITY


FRAMES = {
    ".ply": Frame(UP_IN_FILES[".ply"], least_opacity=-math.inf),
    ".splat": Frame(UP_IN_FILES[".splat"]),
    ".spz": Frame(UP_IN_FILES[".spz"]),
    ".html": Frame(),
    ".ellipsoids.glb": Frame(UP_IN_FILES[".glb"], METERS_PER_UNIT, MIN_OPACITY),
    ".glb": Frame(UP_IN_FILES[".glb"], METERS_PER_UNIT, least_opacity=None),
}
"""One for each of `formats.FORMATS`."""


def export(
    path: Path | str,
    head: Gaussians,
    generator: Generator | None = None,
    *,
    up: Up | None = None,
    scale: float | None = None,
    center: bool = False,
    title: str | None = None,
    overwrite: bool = True,
) -> None:
    """Writes a head for other programs, whole or not at all.

    `load_ply`, `load_splat` and `load_spz` give the same Gaussians back, to what the format can hold.

    Args:
        path: file to write; the end of its name is the format: .ply, .splat, .spz, .glb, .ellipsoids.glb or .html.
        head: a single head in the head space: heads[0]; files hold what float32 keeps of it. Gaussians with non-finite
            values, zero quaternions or negative scales are left out, and their number is logged as a warning; all
            formats but .ply also leave out what is too faint to be seen (opacity below 1/255; in .ellipsoids.glb 0.1).
        generator: that made it. With it files hold the head whole, however near a program shows it: with the blur
            that its Gaussians have in pictures of the size that the generator learned from, and with closed gaps; but
            .ellipsoids.glb holds them as made. Without it any file holds the Gaussians as they are; .glb needs it.
        up: axis of the file that points up; None for what programs expect of the format.
        scale: factor from the head space (a head is 0.55 high) to the file's unit; None for 1, in .glb metres.
        center: whether the middle of the head becomes the origin.
        title: of an .html, shown by the browser's tab; None for the file's name.
        overwrite: whether what stands there is replaced.

    Raises:
        FileExistsError: something stands there and shall stay; says where the file is kept.
        ValueError: an unknown format, several heads, no Gaussian that can be drawn, a textured mesh without generator
            or of a broken head, a head with other Gaussians than the generator's, or another frame for a page.

    Example:
        >>> import gghead
        >>> generator = gghead.load()
        >>> gghead.export("head.spz", generator.sample(seeds=[0])[0], generator)
    """
    content = encode(Path(path).name, head, generator, up=up, scale=scale, center=center, title=title)
    write_file(Path(path), lambda temporary: temporary.write_bytes(content), overwrite)


@torch.no_grad()
def encode(
    name: str,
    head: Gaussians,
    generator: Generator | None = None,
    *,
    up: Up | None = None,
    scale: float | None = None,
    center: bool = False,
    title: str | None = None,
) -> bytes:
    """Content of the file that `export` writes under a name; the same arguments and errors."""
    kind = format_of(name)
    if generator is not None and not isinstance(generator, Generator):
        raise ValueError(f"the generator is {shortened(generator)}; expected the one that made the head, or None")
    if title is not None and not isinstance(title, str):
        raise ValueError(f"the title is {shortened(title)}; expected a text")
    require_frame(kind, up, scale, center)
    frame = FRAMES[kind.suffix]
    placement = Placement(frame.up if up is None else up, frame.scale if scale is None else scale, center)
    require_single(head)
    head = head.detach().map(lambda tensor: tensor.to("cpu", torch.float32))
    if generator is not None and kind.suffix != ".ellipsoids.glb":  # which shows the shapes themselves
        head = observe(generator.config, None).apply_smoothing_filter(head, generator)
    if frame.least_opacity is not None:
        head = keep_drawable(head, name)
        reason = f"their opacity is below {frame.least_opacity:.2g}, too faint to be seen"
        head = keep(head, head.opacities >= frame.least_opacity, name, reason, logging.INFO)
    stem = name[: -len(kind.suffix)]
    match kind.suffix:
        case ".ply":
            return encode_ply(place(head, placement))
        case ".splat":
            frozen = freeze_colors(head, Cameras.frontal(1))
            _tell_cuts(splat.out_of_range(frozen), name)
            return splat.encode_splat(place(frozen, placement))
        case ".spz":
            _tell_cuts(spz.out_of_range(place(head, placement)), name)
            return spz.encode_spz(place(spz.fit_harmonics(head, Cameras.frontal(1)), placement))
        case ".html":
            return encode_html(head, stem if title is None else title)
        case ".ellipsoids.glb":
            return encode_glb(ellipsoids(place(head, placement)), stem)
    return encode_glb(_placed_mesh(head, generator, placement, name), stem)


def _placed_mesh(head: Gaussians, generator: Generator | None, placement: Placement, name: str) -> Mesh:
    """The head's textured mesh in the file's frame."""
    if generator is None:
        raise ValueError("a textured mesh needs the generator that made the head: export(path, head, generator)")
    broken = int((~drawable(head)).sum())
    if broken:
        raise ValueError(
            f"{name}: a mesh needs all {head.num_gaussians:,} Gaussians of the head, and {broken:,} can't be drawn: "
            f"{REASON}; a .ply leaves them out"
        )
    mesh = paint(head_mesh(head, generator), head)
    vertices = place_points(torch.from_numpy(mesh.vertices), placement, origin_of(head, placement))
    normals = place_points(torch.from_numpy(mesh.normals), Placement(placement.up), torch.zeros(3))
    return replace(mesh, vertices=vertices.numpy(), normals=normals.numpy())


def _tell_cuts(cut: Bool[Tensor, " N"], name: str) -> None:
    """Says so if a format cuts values of more than a few Gaussians."""
    if float(cut.double().mean()) > MAX_CLIPPED_SHARE:
        log.warning(
            "%s: colours or scales of %s of %s Gaussians are beyond what the format holds, and cut; .ply keeps them",
            name,
            f"{int(cut.sum()):,}",
            f"{len(cut):,}",
        )
