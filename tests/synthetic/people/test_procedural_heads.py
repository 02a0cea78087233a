import numpy as np
import pytest
import torch

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.people.portraits import Portrait, Sitting, draw_head
from gghead.synthetic.people.procedural_heads import ProceduralHeads
from gghead.synthetic.render.lighting import random_lighting
from gghead.synthetic.render.renderer import Material, View, render

SIDE = 128
POSES = [(0.0, 0.0), (0.5, 0.0), (-0.5, 0.1), (0.2, -0.3)]
LANDMARKS = np.array(
    [[0, 0.02, 0.2], [0, -0.07, 0.155], [0, -0.15, 0.12], [0, 0.12, 0.13], [0.085, 0.11, 0.09], [-0.085, 0.11, 0.09]]
)
"""Nose tip, mouth, a little above the chin, nose bridge, eyes, where FFHQ's cameras have them."""


def pixels(label: np.ndarray, points: np.ndarray) -> np.ndarray:
    camera = Cameras.from_labels(torch.from_numpy(label).double(), SIDE)
    local = torch.from_numpy(points).double() @ camera.viewmats[:3, :3].T + camera.viewmats[:3, 3]
    image = local @ camera.Ks.T
    return (image[:, :2] / image[:, 2:]).numpy()


def portrait(heads: ProceduralHeads, seed: int, label: np.ndarray) -> View:
    rng = np.random.default_rng(seed)
    return render(heads.draw(rng).scene, label, SIDE, random_lighting(rng), supersampling=2)


@pytest.mark.parametrize(("yaw", "pitch"), POSES)
def test_eyes_are_drawn_where_the_label_projects_them(heads: ProceduralHeads, yaw: float, pitch: float) -> None:
    label, rng = posed_label(yaw, pitch), np.random.default_rng(11)
    head = heads.draw(rng)
    view = render(head.scene, label, SIDE, random_lighting(rng), supersampling=2)
    balls = heads.model.eyeballs(heads.model.morph(head.person.weights))
    fronts = np.concatenate([head.place.points((ball.center + np.array([0, 0, ball.radius]))[None]) for ball in balls])
    expected = pixels(label, fronts)
    y, x = np.nonzero(view.material == Material.EYE + 1)
    owner = np.abs(x[:, None] + 0.5 - expected[:, 0]).argmin(1)
    for eye in range(2):
        drawn = np.array([x[owner == eye].mean() + 0.5, y[owner == eye].mean() + 0.5])
        assert np.abs(drawn - expected[eye]).max() < 3, "more than 3 of 128 pixels"
    left_is_right_of_right = expected[0, 0] > expected[1, 0]
    assert left_is_right_of_right, "the person's left eye is on the viewer's right"


@pytest.mark.parametrize(("yaw", "pitch"), POSES)
@pytest.mark.parametrize("seed", range(3))
def test_the_mask_covers_the_landmarks(heads: ProceduralHeads, seed: int, yaw: float, pitch: float) -> None:
    label = posed_label(yaw, pitch)
    coverage = portrait(heads, seed, label).coverage
    x, y = np.floor(pixels(label, LANDMARKS)).astype(int).T
    assert (coverage[y, x] == 1).all()
    assert 0.2 < coverage.mean() < 0.98


def test_a_view_is_a_picture_with_its_coverage(heads: ProceduralHeads) -> None:
    view = portrait(heads, 0, posed_label(0.0, 0.0))
    assert view.color.shape == (SIDE, SIDE, 3)
    assert np.isfinite(view.color).all()
    assert view.color.min() >= 0
    assert view.color.max() <= 1.0001
    assert view.coverage.min() == 0
    assert view.coverage.max() == 1
    present = set(np.unique(view.material)) - {0}
    assert {Material.SKIN_HEAD + 1, Material.SKIN_BODY + 1, Material.CLOTH + 1, Material.EYE + 1} <= present
    face = view.color[SIDE // 2 - 8 : SIDE // 2 + 8, SIDE // 2 - 8 : SIDE // 2 + 8].mean((0, 1))
    assert face[0] > face[1] > face[2], "skin of any shade is reddish"


def first_portrait(heads: ProceduralHeads, number: int) -> Portrait:
    return draw_head(heads, Sitting(SIDE, seed=5), number)[1][0]


def test_a_portrait_is_its_colours_over_its_background_by_its_mask(heads: ProceduralHeads) -> None:
    first, again = first_portrait(heads, 2), first_portrait(heads, 2)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.pixels.dtype == first.mask.dtype == np.uint8
    other = first_portrait(heads, 3)
    assert np.abs(first.pixels.astype(int) - other.pixels).mean() > 5
    assert {0, 255} <= set(np.unique(first.mask))
    outside = first.pixels[first.mask == 0].astype(float)
    assert outside.std(0).max() < 60, "backgrounds are smooth"


def test_a_person_follows_from_the_generator(heads: ProceduralHeads) -> None:
    first, again = (heads.draw(np.random.default_rng(8)) for _ in range(2))
    assert first.style == again.style
    for ours, theirs in ((first.scene.solid, again.scene.solid), (first.scene.sheer, again.scene.sheer)):
        for name in ("points", "normals", "triangles", "uvs", "materials", "reach", "alpha", "tangents"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    for ours, theirs in zip(first.scene.surfaces, again.scene.surfaces, strict=True):
        assert np.array_equal(ours.texture, theirs.texture)
        assert np.array_equal(ours.tint, theirs.tint)


def test_people_differ_in_hair_skin_and_beards(heads: ProceduralHeads) -> None:
    drawn = [heads.draw(np.random.default_rng([1, seed])) for seed in range(24)]
    assert len({head.style for head in drawn}) >= 6
    skin = [head.scene.surfaces[Material.SKIN_BODY].texture[0, 0, :3].astype(float) for head in drawn]
    assert np.ptp([color.mean() for color in skin]) > 80, "of 255"
    assert all(red > green > blue for red, green, blue in skin)


@pytest.mark.slow
def test_hair_leaves_the_face_free(heads: ProceduralHeads) -> None:
    """Seen from in front, nobody's eyes, nose and mouth are behind hair; beards are around the mouth."""
    label = posed_label(0.0, 0.0)
    for seed in range(20):
        rng = np.random.default_rng([2, seed])
        head = heads.draw(rng)
        view = render(head.scene, label, SIDE, random_lighting(rng), supersampling=1)
        balls = heads.model.eyeballs(heads.model.morph(head.person.weights))
        eyes = [head.place.points((ball.center + np.array([0, 0, ball.radius]))[None])[0] for ball in balls]
        x, y = np.floor(pixels(label, np.stack([*eyes, LANDMARKS[0]]))).astype(int).T
        for row, column in zip(y, x, strict=True):
            seen = view.material[row - 3 : row + 4, column - 3 : column + 4]
            assert (seen != Material.HAIR + 1).all(), (seed, head.style)
