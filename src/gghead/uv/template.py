"""The mesh that a head is modelled on: the built-in one or a user's OBJ with texture coordinates."""

import warnings
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from gghead.uv.obj import read_obj
from gghead.uv.orientation import describe, is_mirrored, turned_by

SIDE_RANGE = (0.4, 2.0)
"""Range of the longest side of a head's box: the built-in has 0.79, a face alone 0.6, a bust 1.6, metres give 0.3."""
MAX_CENTER_OFFSET = 0.5
"""How far the middle of its box may be from the origin: a face alone 0.15, a bust 0.3."""
UV_SLACK = 1e-4
"""How far texture coordinates may leave [0, 1] by rounding; they are clipped."""


class MirroredTemplateWarning(UserWarning):
    """A template's texture chart is a mirror image of its surface."""


@dataclass(frozen=True)
class HeadTemplate:
    """A triangle mesh in the canonical head space with one texture coordinate a vertex (seams are split).

    Attributes:
        vertices: positions, world units (x right, y up, z towards the camera; a head is 0.55 high from chin to crown).
        faces: vertex indices of the triangles.
        uvs: texture coordinates in [0, 1], u to the right, v up, as in OBJ files.
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    uvs: Float[np.ndarray, "V 2"]

    def __post_init__(self) -> None:
        if not (np.isfinite(self.vertices).all() and np.isfinite(self.uvs).all()):
            raise ValueError("the template has coordinates that are not finite; repair the mesh")
        if not len(self.faces):
            raise ValueError("the template has no faces; export it with its triangles or quads")
        if self.uvs.min() < -UV_SLACK or self.uvs.max() > 1 + UV_SLACK:
            raise ValueError(
                f"the template's texture coordinates run from {self.uvs.min():.4g} to {self.uvs.max():.4g}; expected "
                "one chart inside [0, 1]: pack the UV islands of the mesh into the unit square"
            )
        used = self.vertices[self.faces]
        longest, middle = float(np.ptp(used, axis=(0, 1)).max()), (used.min(axis=(0, 1)) + used.max(axis=(0, 1))) / 2
        if not SIDE_RANGE[0] <= longest <= SIDE_RANGE[1]:
            fact = f"longest side is {longest:.4g} units, about {longest / 0.8:.2g} times what it should be"
        elif np.linalg.norm(middle) > MAX_CENTER_OFFSET:
            fact = f"middle is at ({middle[0]:.2f}, {middle[1]:.2f}, {middle[2]:.2f})"
        else:
            return
        raise ValueError(
            f"the template's {fact}; expected a head 0.8 units high around the origin, facing +z with y up: scale and "
            "move the mesh (nose tip at 0, 0.02, 0.20; top of the skull at y 0.40)"
        )

    @classmethod
    def builtin(cls) -> "HeadTemplate":
        """The head that comes with gghead, public domain (CC0): 6,936 triangles whose chart fills the unit square."""
        with (files("gghead") / "assets" / "head_template.npz").open("rb") as file, np.load(file) as data:
            return cls(data["vertices"], data["faces"], data["uvs"])

    @classmethod
    def from_obj(cls, path: Path) -> "HeadTemplate":
        """Reads a Wavefront OBJ; quads and larger polygons become triangles.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: no texture coordinates, a face without them, an index out of range, a number that is none, a
                mesh that is no template, or a head that lies, looks backwards or stands on its crown; the message names
                the file and, where there is one, the line.

        Warns:
            MirroredTemplateWarning: its texture chart is a mirror image of the surface.
        """
        mesh = read_obj(path)
        pairs, corner = np.unique(mesh.corners.reshape(-1, 2), axis=0, return_inverse=True)
        try:
            template = cls(
                mesh.positions[pairs[:, 0]].astype(np.float32),
                corner.reshape(-1, 3).astype(np.int32),
                mesh.uvs[pairs[:, 1]].astype(np.float32),
            )
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        head, mirrored = cls.builtin(), is_mirrored(template.vertices, template.faces, template.uvs)
        rotation = turned_by(template.vertices, template.faces, head.vertices, head.faces)
        if rotation is not None:
            raise ValueError(f"{path} is a head that is turned: {describe(rotation, mirrored)} (face +z, crown +y)")
        if mirrored:
            warnings.warn(
                f"the texture chart of {path} is a mirror image of its surface: the mesh was mirrored (one axis "
                "negated, or two exchanged), or its chart was. A head whose left and right differ is then exchanged; "
                "export it without mirroring, or flip u of the chart if the mesh is right",
                MirroredTemplateWarning,
                stacklevel=2,
            )
        return template
