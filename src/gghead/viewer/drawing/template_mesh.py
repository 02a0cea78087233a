"""The template as a mesh, found again from the texels that a model carries, and its lines in a picture."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

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
        edges: vertex indices of each line once, and the two faces beside it (the same twice at a border).
    """

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    edges: Int[np.ndarray, "E 4"]


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
        return TemplateMesh(np.zeros((0, 3), np.float32), faces, np.zeros((0, 4), np.int64))
    corners = positions[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    faces = faces[longest < MAX_EDGE * np.median(longest)]
    used, packed = np.unique(faces, return_inverse=True)
    vertices, faces = positions[used], outward(positions[used], packed.reshape(-1, 3))
    return TemplateMesh(vertices, faces, edges_of(faces))


def outward(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, "F 3"]:
    """Turns all faces round if most look towards the middle of the mesh: a chart may be mirrored."""
    corners = vertices[faces]
    away = corners.mean(axis=1) - vertices.mean(axis=0)
    return faces if (face_normals(corners) * away).sum() > 0 else faces[:, ::-1]


def face_normals(corners: Float[np.ndarray, "F 3 3"]) -> Float[np.ndarray, "F 3"]:
    """Normals of triangles, as long as twice their areas."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def edges_of(faces: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, "E 4"]:
    """Each line once with the faces beside it."""
    lines = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    owner = np.repeat(np.arange(len(faces)), 3)
    unique, first, which = np.unique(lines, axis=0, return_index=True, return_inverse=True)
    last = np.zeros(len(unique), int)
    last[which.reshape(-1)] = owner
    return np.column_stack([unique, owner[first], last])


def draw_mesh(picture: UInt8[np.ndarray, "H W 3"], mesh: TemplateMesh, camera: Cameras) -> UInt8[np.ndarray, "H W 3"]:
    """A picture with those of the mesh's lines over it that border a face turned towards the camera, batch [1]."""
    if not len(mesh.faces):
        return picture
    corners = mesh.vertices[mesh.faces]
    towards = (face_normals(corners) * (camera.centers()[0].cpu().numpy() - corners.mean(axis=1))).sum(axis=1) > 0
    pixels, depth = (part[0].numpy() for part in camera.to("cpu").project(torch.from_numpy(mesh.vertices)))
    shown = towards[mesh.edges[:, 2:]].any(axis=1) & (depth[mesh.edges[:, :2], 0] > MIN_DEPTH).all(axis=1)
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for start, end in pixels[mesh.edges[shown, :2]]:
        pen.line([tuple(start), tuple(end)], fill=LINE_COLOR)
    return np.array(image)
