"""Points and cells of regular grids: pixels of pictures, places on UV maps, quadrilaterals of meshes."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def pixel_centers(height: int, width: int, like: Float[Tensor, "..."]) -> Float[Tensor, "H W 2"]:
    """Centres (x, y) of the pixels of a picture, rows from the top, in pixels; type and device are those of `like`."""
    return _crossed(*(torch.arange(count, dtype=like.dtype, device=like.device) + 0.5 for count in (width, height)))


def unit_grid(side: int) -> Float[Tensor, "n n 2"]:
    """Points (x, y) of a grid over a UV map from -1 to 1, ends included, row by row."""
    axis = torch.linspace(-1, 1, side)
    return _crossed(axis, axis)


def grid_places(uvs: Float[Tensor, "N 2"], side: int) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
    """Columns and rows of points of `unit_grid(side)`."""
    columns, rows = ((uvs + 1) / 2 * (side - 1)).round().long().unbind(-1)
    return columns, rows


def _crossed(x: Float[Tensor, " W"], y: Float[Tensor, " H"]) -> Float[Tensor, "H W 2"]:
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def cell_corners(vertices: Int[np.ndarray, "R C"]) -> Int[np.ndarray, "4 cells"]:
    """Vertices at the corners of the cells of a grid, row by row: top left, top right, bottom left, bottom right.

    Example:
        >>> cell_corners(np.arange(6).reshape(2, 3)).tolist()
        [[0, 1], [1, 2], [3, 4], [4, 5]]
    """
    top, bottom = vertices[:-1], vertices[1:]
    return np.stack([part.ravel() for part in (top[:, :-1], top[:, 1:], bottom[:, :-1], bottom[:, 1:])])


def grid_of(rows: int, columns: int, *, closed: bool = False) -> Int[np.ndarray, "R C"]:
    """Numbers of the vertices of a mesh, counted row by row; closed rows are rings, whose first vertex comes again."""
    numbers = np.arange(rows * columns).reshape(rows, columns)
    return np.pad(numbers, ((0, 0), (0, 1)), mode="wrap") if closed else numbers
