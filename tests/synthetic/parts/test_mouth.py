from dataclasses import replace

import numpy as np
import pytest

from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.anatomy.head_model import Chart, HeadModel
from gghead.synthetic.parts.mouth import Mouth
from gghead.synthetic.parts.teeth import COUNT, arch, paint_teeth, random_teeth
from gghead.synthetic.render.lighting import random_lighting
from gghead.synthetic.render.mesh_rasterizer import vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Scene, View, render

LAUGH = {f"{u}{s}": 0.7 for u in ("mouthSmile", "mouthUpperUp") for s in ("Left", "Right")} | {"jawOpen": 0.3}


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


def mouth_of(model: HeadModel, **units: float) -> tuple[Mesh, np.ndarray]:
    weights = np.zeros(model.target_count, np.float32)
    neutral = model.morph(weights)
    for unit, value in units.items():
        weights[model.row[f"unit/{unit}"]] = value
    posed, teeth = model.morph(weights), random_teeth(30, 0.2, np.random.default_rng(0))
    return Mouth(model).mesh(neutral, weights, posed, teeth, model.to_canonical(neutral)), posed


def seen(model: HeadModel, **units: float) -> View:
    mouth, posed = mouth_of(model, **units)
    place, skin = model.to_canonical(model.morph(np.zeros(model.target_count, np.float32))), model.skin(posed)
    head = Mesh(
        points=place.points(skin),
        normals=place.directions(vertex_normals(skin, model.triangles)),
        triangles=model.triangles,
        uvs=model.uvs,
        materials=np.where(model.chart == Chart.MOUTH, Material.MOUTH, Material.SKIN_HEAD).astype(np.int32),
        reach=np.ones(len(skin), np.float32),
    )
    scene = Scene(Mesh.joined([head, mouth]), Mesh.empty(), ())
    return render(scene, posed_label(0.0, 0.0), 128, random_lighting(np.random.default_rng(0)), 2)


def test_teeth_are_seen_in_open_mouths_only(model: HeadModel) -> None:
    shut, laughing = seen(model, mouthPressLeft=0.5, mouthPressRight=0.5), seen(model, **LAUGH)
    assert (shut.material == Material.TEETH + 1).sum() < 5
    assert (laughing.material == Material.TEETH + 1).sum() > 60, "of 128 x 128 pixels"
    rows = np.flatnonzero((laughing.material == Material.TEETH + 1).any(1))
    lips = np.flatnonzero((laughing.material == Material.MOUTH + 1).any(1))
    assert lips.min() - 6 < rows.min(), "teeth do not come through the skin"
    assert rows.max() < lips.max() + 6


@pytest.mark.parametrize("unit", ["jawOpen", "mouthFunnel", "mouthShrugUpper", "cheekPuff", "jawForward", "mouthLeft"])
def test_teeth_stay_behind_the_lips(model: HeadModel, unit: str) -> None:
    material = seen(model, **{unit: 0.8}).material
    y, x = np.nonzero(material == Material.TEETH + 1)
    open_y, _ = np.nonzero((material == Material.MOUTH + 1) | (material == Material.TONGUE + 1))
    if len(y):
        assert len(open_y) or np.ptp(y) <= 6
        assert np.ptp(x) < 40
        assert y.min() >= min(open_y, default=y.min()) - 5
        assert y.max() <= max(open_y, default=y.max()) + 5


def test_a_tongue_can_be_stuck_out(model: HeadModel) -> None:
    inside, out = (mouth_of(model, jawOpen=0.4, tongueOut=v)[0] for v in (0.0, 1.0))
    kinds = (Material.TEETH, Material.TONGUE)
    front = [[m.points[m.triangles[m.materials == k]][..., 2].max() for k in kinds] for m in (inside, out)]
    assert front[0][1] < front[0][0]
    assert front[1][1] > front[1][0] + 0.03


def test_the_mouth_grows_dark_inwards(model: HeadModel) -> None:
    mouth, _ = mouth_of(model, **LAUGH)
    depth = mouth.points[:, 2]
    front, back = depth > np.quantile(depth, 0.9), depth < np.quantile(depth, 0.2)
    assert mouth.reach[front].mean() > 2.5 * mouth.reach[back].mean()


def test_teeth_are_single_and_differ_between_people() -> None:
    first, again, other = (random_teeth(30, 0.2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(arch(first, 0)[0], arch(again, 0)[0])
    assert np.abs(arch(first, 0)[0] - arch(other, 0)[0]).max() > 0.003
    assert first.tone.std(1).max() > 0.005, "no two teeth of one tone"
    fewer = replace(first, missing=first.missing | (np.arange(2 * COUNT) == COUNT))
    assert len(arch(fewer, 0)[2]) < len(arch(first, 0)[2])
    points, uvs, triangles = arch(first, 1)
    assert triangles.max() < len(points) == len(uvs)
    assert ((uvs >= 0) & (uvs <= 1)).all()


def test_teeth_yellow_with_age_and_are_never_blue() -> None:
    rng = np.random.default_rng
    young, old = (np.mean([random_teeth(years, 0.2, rng(s)).tone for s in range(40)], (0, 1, 2)) for years in (20, 80))
    assert old[2] / old[0] < young[2] / young[0] - 0.03
    for seed in range(10):
        image = paint_teeth(random_teeth(25, 0.5, rng(seed)), rng(seed)).astype(float)
        assert (image[20:, :, 0].mean() > image[20:, :, 2].mean()).all()


def test_front_teeth_of_children_fall_out() -> None:
    def gaps(years: float) -> int:
        return sum(int(random_teeth(years, 0.2, np.random.default_rng(s)).missing.sum()) for s in range(40))

    assert gaps(7) > 5
    assert gaps(30) == 0
