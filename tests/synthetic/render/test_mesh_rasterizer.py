import numpy as np

from gghead.synthetic.render.mesh_rasterizer import FAR, add_targets, rasterize, vertex_normals
from tolerances import EXACT_FLOAT32


def triangle(*corners: tuple[float, float, float]) -> np.ndarray:
    return np.array(corners, np.float32)


def test_pixels_belong_to_a_triangle_by_their_centres() -> None:
    depth, hit, _ = rasterize(triangle((0, 0, 2), (4, 0, 2), (0, 4, 2)), np.array([[0, 1, 2]], np.int32), 4, 4)
    expected = np.add.outer(np.arange(4) + 0.5, np.arange(4) + 0.5) <= 4
    assert np.array_equal(hit == 0, expected)
    assert (depth[expected] == 2).all()
    assert (depth[~expected] == np.float32(FAR)).all()
    assert (hit[~expected] == -1).all()


def test_barycentrics_are_perspective_correct() -> None:
    corners = triangle((-3, -2, 1.5), (9, 1, 4), (1, 11, 2.5))
    depth, hit, first_two = rasterize(corners, np.array([[0, 1, 2]], np.int32), 6, 6)
    y, x = np.nonzero(hit == 0)
    weights = np.append(first_two[y, x], 1 - first_two[y, x].sum(1, keepdims=True), 1)
    # In front of a pinhole of focal length 1: weights of the points in space give the pixel and its depth.
    space = np.concatenate([corners[:, :2] * corners[:, 2:], corners[:, 2:]], 1)
    points = weights @ space
    np.testing.assert_allclose(points[:, 2], depth[y, x], rtol=1e-5)
    np.testing.assert_allclose(points[:, 0] / points[:, 2], x + 0.5, rtol=1e-4)
    np.testing.assert_allclose(points[:, 1] / points[:, 2], y + 0.5, rtol=1e-4)


def test_the_nearest_triangle_wins_in_any_order_and_nothing_behind_the_camera_is_drawn() -> None:
    near, far = triangle((0, 0, 1), (9, 0, 1), (0, 9, 1)), triangle((0, 0, 3), (9, 0, 3), (0, 9, 3))
    behind = triangle((0, 0, -1), (9, 0, -1), (0, 9, -1))
    points = np.concatenate([near, far, behind])
    triangles = np.arange(9, dtype=np.int32).reshape(3, 3)
    for order in ([0, 1, 2], [2, 1, 0]):
        depth, hit, _ = rasterize(points, triangles[order], 4, 4)
        assert (depth == 1).all()
        assert (hit == order.index(0)).all()


def test_normals_point_out_of_counter_clockwise_triangles() -> None:
    normals = vertex_normals(triangle((0, 0, 0), (2, 0, 0), (0, 1, 0)), np.array([[0, 1, 2]], np.int32))
    np.testing.assert_allclose(normals, np.tile([0, 0, 1], (3, 1)), **EXACT_FLOAT32._asdict())


def test_targets_are_added_by_their_weights() -> None:
    vertices = np.ones(3, np.float32)
    targets = np.array([[1, 2, 3], [100, 100, 100], [10, 20, 30]], np.int16)
    add_targets(vertices, targets, np.array([0, 2]), np.array([2.0, 0.5]))
    assert vertices.tolist() == [8, 15, 22]
