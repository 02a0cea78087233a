"""The mesh that a head is modelled on: the built-in one or a user's OBJ with texture coordinates."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from gghead.uv.obj import read_obj

LARGEST_COORDINATE = (0.1, 1.5)
"""Range of a head's largest coordinate in the canonical space; others are in the wrong unit. The built-in has .42."""
UV_SLACK = 1e-4
"""How far texture coordinates may leave [0, 1] by rounding; they are clipped."""


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
        largest = float(np.abs(self.vertices[self.faces]).max())
        if not LARGEST_COORDINATE[0] <= largest <= LARGEST_COORDINATE[1]:
            raise ValueError(
                f"the template's largest coordinate is {largest:.4g}; expected a head .8 units high around the origin, "
                "facing +z with y up: scale and move the mesh (nose tip at 0, .02, .20; top of the skull at y .40)"
            )

    @classmethod
    def builtin(cls) -> "HeadTemplate":
        """The head that comes with gghead, public domain (CC0): 6,936 triangles whose chart fills the unit square."""
        with (files("gghead") / "assets" / "head_template.npz").open("rb") as file, np.load(file) as data:
            return cls(data["vertices"], data["faces"], data["uvs"])

    @classmethod
    def from_obj(cls, path: Path) -> "HeadTemplate":
        """Reads a Wavefront OBJ; quads and larger polygons become fans of triangles.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: no texture coordinates, a face without them, an index out of range, a number that is none, or a
                mesh that is no template; the message names the file and, where there is one, the line.
        """
        mesh = read_obj(path)
        pairs, corner = np.unique(mesh.corners.reshape(-1, 2), axis=0, return_inverse=True)
        try:
            return cls(
                mesh.positions[pairs[:, 0]].astype(np.float32),
                corner.reshape(-1, 3).astype(np.int32),
                mesh.uvs[pairs[:, 1]].astype(np.float32),
            )
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
