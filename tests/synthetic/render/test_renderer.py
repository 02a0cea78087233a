from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FFHQ_DISTANCE
from gghead.synthetic.render.lighting import hemisphere_lighting
from gghead.synthetic.render.renderer import Material, Mesh, Scene, Surface, View, project, render
from gghead.synthetic.render.sheer_layers import LAYERS, in_view
from gghead.synthetic.render.tone import tone_map
from tolerances import EXACT_FLOAT32, TONE_TABLE

SIDE = 16
LABEL = posed_label(0.0, 0.0)
NOWHERE = (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
EVEN = replace(hemisphere_lighting("even", *NOWHERE, (np.ones(3), np.ones(3))), gain=np.zeros(3))
"""White light from everywhere without reflections: a surface shows its albedo."""
COLORS = {Material.LASH: (0.5, 0.1, 0.1), Material.BROW: (0.1, 0.5, 0.1), Material.TEETH: (0.1, 0.1, 0.5)}
"""Of materials that cast no shadow."""
SURFACES = tuple(Surface.plain(material, np.array(color)) for material, color in COLORS.items())


def square(z: float, material: Material, alpha: float = 1.0, half: float = 0.5, x: float = 0.0) -> Mesh:
    """Two triangles that face the viewer in front of `LABEL`; half a unit is more than the picture shows."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    points = (corners * [half, half, 0] + [x, 0, z]).astype(np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    flat, ones = np.tile(np.array([0, 0, 1], np.float32), (4, 1)), np.ones(4, np.float32)
    uvs = (corners[triangles][..., :2] / 2 + 0.5).astype(np.float32)
    return Mesh(points, flat, triangles, uvs, np.full(2, material, np.int32), ones, ones * np.float32(alpha))


def view_of(
    solid: list[Mesh], sheer: list[Mesh], surfaces: tuple[Surface, ...] = SURFACES, supersampling: int = 2
) -> View:
    joined = [Mesh.joined(parts) if parts else Mesh.empty() for parts in (solid, sheer)]
    return render(Scene(joined[0], joined[1], surfaces), LABEL, SIDE, EVEN, supersampling)


def shown(*parts: tuple[Material, float]) -> tuple[np.ndarray, float]:
    """Display colour and coverage of materials with their alphas, from the front to the back."""
    through, color = 1.0, np.zeros(3)
    for material, alpha in parts:
        color += through * alpha * np.array(COLORS[material])
        through *= 1 - alpha
    return tone_map(color / (1 - through)), 1 - through


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(list(COLORS)), st.floats(0.05, 0.95)), min_size=1, max_size=LAYERS, unique=True),
    st.permutations(range(LAYERS)),
    st.booleans(),
)
def test_layers_are_blended_in_the_order_of_their_depth(
    layers: list[tuple[Material, float]], order: list[int], over_solid: bool
) -> None:
    meshes = [square(0.3 - 0.01 * i, material, alpha) for i, (material, alpha) in enumerate(layers)]
    drawn = [meshes[i] for i in order if i < len(meshes)]
    view = view_of([square(0.0, Material.TEETH)] if over_solid else [], drawn)
    color, coverage = shown(*layers, *([(Material.TEETH, 1.0)] if over_solid else []))
    np.testing.assert_allclose(view.coverage, coverage, **TONE_TABLE._asdict())
    np.testing.assert_allclose(view.color, np.broadcast_to(color, view.color.shape), **TONE_TABLE._asdict())


def test_what_is_behind_a_solid_surface_is_hidden() -> None:
    view = view_of([square(0.1, Material.TEETH)], [square(0.0, Material.LASH, 0.5)])
    np.testing.assert_allclose(view.color[3, 3], shown((Material.TEETH, 1.0))[0], **TONE_TABLE._asdict())


def test_opaque_sheer_surfaces_look_like_solid_ones() -> None:
    tilted = square(0.1, Material.LASH, half=0.17)
    tilted.points[:] += tilted.points[:, :1] * np.array([0, 0.3, 0.5], np.float32)
    solid, sheer = view_of([tilted], []), view_of([], [tilted])
    assert np.array_equal(solid.coverage, sheer.coverage)
    assert np.array_equal(solid.material, sheer.material)
    np.testing.assert_allclose(solid.depth, sheer.depth, **EXACT_FLOAT32._asdict())
    seen = solid.coverage > 0
    np.testing.assert_allclose(solid.color[seen], sheer.color[seen], **TONE_TABLE._asdict())


def test_triangles_that_share_an_edge_share_no_sample() -> None:
    # A fan around the picture's middle: all its edges meet on a sample, and four of them run through many.
    turns = np.arange(8) * np.pi / 4
    ring = np.stack([0.6 * np.cos(turns), 0.6 * np.sin(turns), 0 * turns], 1)
    points = np.concatenate([np.zeros((1, 3)), ring]).astype(np.float32)
    rim = np.arange(8)
    triangles = np.stack([0 * rim, rim + 1, (rim + 1) % 8 + 1], 1).astype(np.int32)
    ones, flat = np.ones(9, np.float32), np.tile(np.array([0, 0, 1], np.float32), (9, 1))
    fan = Mesh(points, flat, triangles, np.zeros((8, 3, 2), np.float32), np.full(8, 5, np.int32), ones, 0.25 * ones)
    for supersampling in (1, 3):
        joined = Scene(Mesh.empty(), fan, SURFACES)
        view = render(joined, LABEL, SIDE + 1, EVEN, supersampling)
        np.testing.assert_allclose(view.coverage, 0.25, **EXACT_FLOAT32._asdict())


def test_the_nearest_layers_are_kept_when_there_are_too_many() -> None:
    back = [square(0.1 - 0.001 * i, Material.TEETH, 0.4) for i in range(2 * LAYERS)]
    front = [square(0.3 - 0.01 * i, Material.LASH, 0.4) for i in range(4)]
    view = view_of([], [*back, *front])
    color, _ = shown(*[(Material.LASH, 0.4)] * 4, *[(Material.TEETH, 0.4)] * (LAYERS - 4))
    np.testing.assert_allclose(view.color[5, 5], color, **TONE_TABLE._asdict())


def test_alpha_is_that_of_the_texture_times_that_of_the_vertices() -> None:
    texture = np.zeros((2, 2, 4), np.uint8)
    texture[..., :3] = 255
    texture[0, :, 3] = 204
    texture[:, :, 0][1] = 0  # clear texels have another colour, which must not bleed
    view = view_of([], [square(0.0, Material.EYE, 0.5)], (Surface.painted(Material.EYE, texture),))
    assert view.coverage[0, 0] == pytest.approx(0.4, abs=1e-5)
    assert view.coverage[-1, 0] == 0
    partly = (view.coverage > 0) & (view.coverage < 0.39)
    assert partly.any()
    np.testing.assert_allclose(
        view.color[partly],
        np.broadcast_to(tone_map(np.ones(3, np.float32)), view.color[partly].shape),
        **TONE_TABLE._asdict(),
    )


def test_a_half_covered_pixel_has_half_of_the_coverage_and_all_of_the_colour() -> None:
    edge = FFHQ_DISTANCE / (2 * LABEL[16] * SIDE)  # half a pixel at z = 0
    view = view_of([], [square(0.0, Material.LASH, 0.5, half=0.5, x=0.5 + edge)])
    column = SIDE // 2
    assert view.coverage[4, column] == pytest.approx(0.25, abs=1e-6)
    np.testing.assert_allclose(view.color[4, column], view.color[4, column + 2], **EXACT_FLOAT32._asdict())
    assert view.coverage[4, column - 1] == 0


def test_depth_and_material_are_those_of_the_surface_that_most_samples_see() -> None:
    view = view_of([square(0.0, Material.TEETH, half=0.15)], [square(0.2, Material.LASH, 0.6, x=0.5)])
    left, right = view.depth[8, 7], view.depth[8, 9]
    assert left == pytest.approx(FFHQ_DISTANCE, abs=1e-4)
    assert right == pytest.approx(FFHQ_DISTANCE - 0.2, abs=1e-4)
    assert view.material[8, 7] == Material.TEETH + 1
    assert view.material[8, 9] == Material.LASH + 1
    assert view.material[0, 0] == view.depth[0, 0] == 0
    thin = view_of([square(0.0, Material.TEETH)], [square(0.2, Material.LASH, 0.4)])
    assert (thin.material == Material.TEETH + 1).all(), "what is seen through less than half is not hidden"
    clear = view_of([], [square(0.2, Material.LASH, 0.4)])
    assert not clear.material.any()
    assert not clear.depth.any()


def test_a_recoloured_texture_keeps_only_its_luminance() -> None:
    texture = np.full((1, 1, 3), 130, np.uint8)
    texture[..., 2] = 0
    color = np.array([0.2, 0.1, 0.05])
    view = view_of([square(0.0, Material.LASH)], [], (Surface.dyed(Material.LASH, texture, color),))
    expected = tone_map((color * (0.12 + 3.9 * (0.85 * (130 / 255) ** 2.2))).astype(np.float32))
    np.testing.assert_allclose(view.color[2, 2], expected, **TONE_TABLE._asdict())


def test_hair_shades_what_is_behind_it_where_its_texture_has_alpha() -> None:
    sun = (np.array([[-0.6, 0.0, 0.8]]), np.ones((1, 3)), np.array([0.01]))
    sunny = hemisphere_lighting("sun", *sun, (np.zeros(3), np.zeros(3)))
    texture = np.full((1, 2, 4), 255, np.uint8)
    texture[0, 0, 3] = 0
    surfaces = (Surface.painted(Material.HAIR, texture), Surface.plain(Material.CLOTH, np.full(3, 0.5)))
    scene = Scene(square(0.0, Material.CLOTH), square(0.3, Material.HAIR, half=0.1), surfaces)
    view = render(scene, posed_label(0.0, 0.0), 64, sunny, 2)
    # The curtain spans x = -0.1 .. 0.1 at z = 0.3, clear on the left: its shadow falls 0.3 * 0.6 / 0.8 further right.
    behind = np.array([[0.175, 0, 0], [0.275, 0, 0]], np.float32)
    (bright, _, _), (dark, _, _) = project(behind, posed_label(0.0, 0.0), 64).astype(int)
    assert view.material[32, bright] == view.material[32, dark] == Material.CLOTH + 1
    assert view.color[32, bright, 0] > 1.5 * view.color[32, dark, 0]


def test_points_are_projected_as_the_library_does_it() -> None:
    points = np.array([[0, 0, 0.2], [0.1, -0.2, 0.1]], np.float32)
    pixels = project(points, posed_label(0.0, 0.0), 100)
    np.testing.assert_allclose(pixels[0], [50, 50, FFHQ_DISTANCE - 0.2], rtol=1e-3)
    assert pixels[1, 0] > 50, "+x is on the right"
    assert pixels[1, 1] > 50, "-y is below"


def test_only_what_is_before_the_solid_surface_and_in_the_picture_is_looked_at() -> None:
    depth = np.full((40, 40), 5, np.float32)
    depth[20:, 20:] = 9
    corners = np.array([[1, 1], [4, 1], [1, 4]], np.float32)
    places = [(2, 2, 4), (2, 2, 6), (34, 34, 6), (60, 2, 4), (2, -9, 4)]
    screen = np.concatenate([np.column_stack([corners + place[:2], np.full(3, place[2])]) for place in places])
    triangles = np.arange(len(screen), dtype=np.int32).reshape(-1, 3)
    assert in_view(screen.astype(np.float32), triangles, depth).tolist() == [True, False, True, False, False]
