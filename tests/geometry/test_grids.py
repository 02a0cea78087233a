"""Points and cells of grids, against what they are by hand."""

import torch

from gghead.geometry.grids import cell_corners, grid_of, grid_places, pixel_centers, unit_grid


def test_pixel_centers_are_columns_then_rows() -> None:
    centers = pixel_centers(2, 3, torch.empty(0, dtype=torch.float64))
    assert centers.tolist() == [[[0.5, 0.5], [1.5, 0.5], [2.5, 0.5]], [[0.5, 1.5], [1.5, 1.5], [2.5, 1.5]]]
    assert centers.dtype == torch.float64


def test_points_of_a_grid_are_found_again() -> None:
    grid = unit_grid(5)
    assert grid[0, -1].tolist() == [1, -1]
    columns, rows = grid_places(grid.flatten(0, 1), 5)
    assert columns.reshape(5, 5)[2].tolist() == rows.reshape(5, 5)[:, 2].tolist() == [0, 1, 2, 3, 4]


def test_cells_of_rings_close() -> None:
    a, b, c, d = cell_corners(grid_of(2, 3, closed=True))
    assert (a.tolist(), b.tolist(), c.tolist(), d.tolist()) == ([0, 1, 2], [1, 2, 0], [3, 4, 5], [4, 5, 3])
