"""The template as a mesh, found again from the texels that a model carries, and its lines in a picture."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

from gghead.exports.mesh import signed_volume
from gghead.geometry.cameras import Cameras
from gghead.geometry.grids import cell_corners

MESH_SIDE = 40
"""Texels of a row and of a column that become vertices: enough for the form, few enough for lines."""
MAX_EDGE = 4.0
"""Faces with an edge longer than this many times the median edge bridge two parts of the chart and are left out."""
MIN_DEPTH = 1e-3
"""Lines of which an end is nearer to the camera are left out, world units."""
LINE_COLOR = (40, 120, 255)


@dataclass(frozen=True)
class TemplateMesh:
    """Triangles between texels.

    Attributes:
        vertices: points of the template, world units.
        faces: vertex indices, counter-clockwise from outside.
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]


def build_mesh(uvs: Float[np.ndarray, "N 2"], positions: Float[np.ndarray, "N 3"]) -> TemplateMesh:
    """Joins neighbouring points of the texel grid; every second or further one where the grid is finer than MESH_SIDE.

    Args:
        uvs: grid points, linspace(-1, 1, n) along both axes, those inside of the chart only.
        positions: the template there.
    """
    axis = np.unique(uvs.round(5))
    side = len(axis)
    index = np.full((side, side), -1)
    columns, rows = (np.searchsorted(axis, uvs.round(5)[:, k]) for k in (0, 1))
    index[rows, columns] = np.arange(len(uvs))
    step = max(1, side // MESH_SIDE)
    grid = index[::step, ::step]
    a, b, c, d = cell_corners(grid)
    faces = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    faces = faces[(faces >= 0).all(axis=1)]
    if not len(faces):
        return TemplateMesh(np.zeros((0, 3), np.float32), faces)
    corners = positions[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    faces = faces[longest < MAX_EDGE * np.median(longest)]
    used, packed = np.unique(faces, return_inverse=True)
    vertices, faces = positions[used], packed.reshape(-1, 3)
    # A UV map may be mirrored, so that all faces look inwards.
    return TemplateMesh(vertices, faces if signed_volume(vertices, faces) > 0 else faces[:, ::-1])


def face_normals(corners: Float[np.ndarray, "F 3 3"]) -> Float[np.ndarray, "F 3"]:
    """Normals of triangles, as long as twice their areas."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def edges_of(faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, "E 2"]:
    """Each line between two vertices once."""
    return np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)


def draw_mesh(picture: UInt8[np.ndarray, "H W 3"], mesh: TemplateMesh, camera: Cameras) -> UInt8[np.ndarray, "H W 3"]:
    """A picture with those of the mesh's lines over it that border a face turned towards the camera, batch [1]."""
    if not len(mesh.faces):
        return picture
    corners = mesh.vertices[mesh.faces]
    towards = (face_normals(corners) * (camera.centers()[0].cpu().numpy() - corners.mean(axis=1))).sum(axis=1) > 0
    pixels, depth = (part[0].numpy() for part in camera.to("cpu").project(torch.from_numpy(mesh.vertices)))
    lines = edges_of(mesh.faces[towards])
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for start, end in pixels[lines[(depth[lines, 0] > MIN_DEPTH).all(axis=1)]]:
        pen.line([tuple(start), tuple(end)], fill=LINE_COLOR)
    return np.array(image)
