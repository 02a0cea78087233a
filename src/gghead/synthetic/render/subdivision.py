"""Catmull-Clark subdivision of quad meshes, as one sparse matrix that serves every shape of a mesh.

Source: Catmull and Clark 1978, "Recursively generated B-spline surfaces on arbitrary topological meshes"; border rule
of cubic B-spline curves.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Subdivision:
    """One step for a mesh of n vertices and m quads.

    Attributes:
        matrix: float32 [n', n]; new vertices = matrix @ vertices, in the order vertices, edges, faces.
        quads: the new quads.
    """

    matrix: sp.csr_matrix
    quads: Int[np.ndarray, "m4 4"]


@dataclass(frozen=True)
class _Edges:
    """The e different edges of m quads: their ends [e, 2], the edges of each quad [m, 4], which are borders [e]."""

    ends: np.ndarray
    of_quads: np.ndarray
    border: np.ndarray


def subdivide(quads: Int[np.ndarray, "m 4"], vertex_count: int) -> Subdivision:
    """One Catmull-Clark step of a mesh."""
    m, edges = len(quads), _edges(quads)
    count = len(edges.ends)
    rows = np.repeat(np.arange(m), 4)
    to_faces = _sparse(np.full(m * 4, 0.25), rows, quads.ravel(), (m, vertex_count))
    to_edges = _sparse(
        np.full(count * 2, 0.5), np.repeat(np.arange(count), 2), edges.ends.ravel(), (count, vertex_count)
    )
    edge_faces = _sparse(np.ones(m * 4), edges.of_quads.ravel(), rows, (count, m))
    edge_points = sp.diags(np.where(edges.border, 1.0, 0.5)) @ to_edges
    edge_points = edge_points + sp.diags(np.where(edges.border, 0.0, 0.25)) @ (edge_faces @ to_faces)
    around_faces = _sparse(np.ones(m * 4), quads.ravel(), rows, (vertex_count, m))
    around_edges = _sparse(
        np.ones(count * 2), edges.ends.ravel(), np.repeat(np.arange(count), 2), (vertex_count, count)
    )
    valence = _row_sums(around_edges)
    inner = sp.diags((valence - 3) / valence)
    inner = inner + sp.diags(2 / valence**2) @ around_edges @ to_edges
    inner = inner + sp.diags(1 / (valence * _row_sums(around_faces))) @ around_faces @ to_faces
    border_edges = around_edges @ sp.diags(edges.border.astype(float))
    on_border = np.asarray(border_edges.sum(1)).ravel() > 0
    outer = 0.5 * sp.eye(vertex_count) + sp.diags(0.5 / _row_sums(border_edges)) @ border_edges @ to_edges
    vertex_points = sp.diags((~on_border).astype(float)) @ inner + sp.diags(on_border.astype(float)) @ outer
    matrix = sp.csr_matrix(sp.vstack([vertex_points, edge_points, to_faces]).tocsr().astype(np.float32))
    return Subdivision(matrix, _split(quads, edges.of_quads + vertex_count, vertex_count + count))


def subdivide_uvs(
    uvs: Float[np.ndarray, "n 2"], quads: Int[np.ndarray, "m 4"]
) -> tuple[Float[np.ndarray, "n4 2"], Int[np.ndarray, "m4 4"]]:
    """The linear counterpart for texture coordinates: new uvs, and quads in the same order as those of `subdivide`."""
    edges = _edges(quads)
    new = np.concatenate([uvs, uvs[edges.ends].mean(1), uvs[quads].mean(1)])
    return new, _split(quads, edges.of_quads + len(uvs), len(uvs) + len(edges.ends))


def to_triangles(quads: Int[np.ndarray, "m 4"]) -> Int[np.ndarray, "m2 3"]:
    """Two triangles of each quad: all the first ones, then all the second ones."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _edges(quads: np.ndarray) -> _Edges:
    every = np.sort(np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)]), axis=1)
    ends, inverse = np.unique(every, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    border = np.bincount(inverse, minlength=len(ends)) == 1
    return _Edges(ends, inverse.reshape(4, len(quads)).T, border)


def _split(quads: np.ndarray, edge_points: np.ndarray, first_face_point: int) -> np.ndarray:
    center = np.arange(len(quads)) + first_face_point
    corners = [
        np.stack([quads[:, k], edge_points[:, k], center, edge_points[:, (k + 3) % 4]], axis=1) for k in range(4)
    ]
    return np.concatenate(corners)


def _sparse(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    return sp.csr_matrix((values, (rows, columns)), shape)


def _row_sums(matrix: sp.csr_matrix) -> np.ndarray:
    return np.maximum(np.asarray(matrix.sum(1)).ravel(), 1)
