import numpy as np

from gghead.synthetic.render.subdivision import subdivide, subdivide_uvs, to_triangles


def cube() -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    return corners, quads


def test_a_cube_becomes_what_the_paper_says() -> None:
    corners, quads = cube()
    step = subdivide(quads, 8)
    points = step.matrix @ corners
    assert points.shape == (8 + 12 + 6, 3)
    assert step.quads.shape == (24, 4)
    # (F + 2 R + (n - 3) P) / n with F = 1/3, R = 2/3, n = 3
    np.testing.assert_allclose(points[:8], corners * 5 / 9, rtol=1e-6)
    np.testing.assert_allclose(np.sort(np.abs(points[8:20]), 1), np.tile([0, 0.75, 0.75], (12, 1)), rtol=1e-6)
    np.testing.assert_allclose(np.sort(np.abs(points[20:]), 1), np.tile([0, 0, 1], (6, 1)), atol=1e-6)


def test_a_border_is_a_cubic_curve_of_its_own() -> None:
    corners = np.array([[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]], np.float32)
    points = subdivide(np.array([[0, 1, 2, 3]]), 4).matrix @ corners
    np.testing.assert_allclose(points[0], [0.5, 0.5, 0])
    assert {tuple(point) for point in points[4:8]} == {(2, 0, 0), (4, 2, 0), (2, 4, 0), (0, 2, 0)}
    np.testing.assert_allclose(points[8], [2, 2, 0])


def test_textures_follow_the_same_order() -> None:
    corners, quads = cube()
    uvs, uv_quads = subdivide_uvs(corners[:, :2].astype(np.float64), quads)
    new = subdivide(quads, 8)
    assert np.array_equal(uv_quads, new.quads)
    assert np.array_equal(uvs[:8], corners[:, :2])
    assert len(to_triangles(uv_quads)) == 48
