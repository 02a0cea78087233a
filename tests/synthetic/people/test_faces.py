import itertools
from dataclasses import replace

import numpy as np
import pytest

from gghead.synthetic.anatomy.face_chart import HeadChart, chart_head
from gghead.synthetic.anatomy.head_model import HeadModel
from gghead.synthetic.anatomy.identities import Person, random_person
from gghead.synthetic.anatomy.skin_regions import CREASE_HEIGHTS, Noise, Region, SkinMaps, map_skin
from gghead.synthetic.hair.beards import CHANCES, LONG_STEPS, Beard, BeardGrower, random_beard
from gghead.synthetic.hair.brows import HIGHEST, LOWEST, BrowPatches, brow_color
from gghead.synthetic.hair.hairline import random_hair_line
from gghead.synthetic.hair.lashes import Lashes
from gghead.synthetic.hair.strokes import draw_hairs
from gghead.synthetic.parts.makeup import NO_MAKEUP, random_makeup
from gghead.synthetic.parts.skin import Face, SkinTextures, paint_skin, skin_color
from gghead.synthetic.parts.skin_relief import Lines, face_lines
from gghead.synthetic.render.mesh_rasterizer import vertex_normals

DETAIL = 0.35
MILLIMETERS = 112
"""In a decimetre of the neutral head, which is smaller than people are."""
LUMINANCE = np.array([0.3, 0.55, 0.15])
UNLINED = Lines(np.zeros(len(Region)))


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


@pytest.fixture(scope="module")
def chart(model: HeadModel) -> HeadChart:
    return chart_head(model, DETAIL)


@pytest.fixture(scope="module")
def maps(chart: HeadChart) -> SkinMaps:
    return map_skin(chart)


@pytest.fixture(scope="module")
def person(model: HeadModel) -> Person:
    return replace(random_person(model, np.random.default_rng(0)), years=25.0, sex="male", melanin=0.3)


def bare(person: Person, lines: Lines = UNLINED) -> Face:
    line = random_hair_line(person, 0.0, np.random.default_rng(2))
    return Face(line, 0.9, np.zeros(3), NO_MAKEUP, lines)


def painted(chart: HeadChart, maps: SkinMaps, person: Person, face: Face, seed: int = 5) -> SkinTextures:
    return paint_skin(
        chart, maps, person, skin_color(person, np.random.default_rng(4)), face, np.random.default_rng(seed)
    )


def expressed(model: HeadModel, **units: float) -> np.ndarray:
    weights = np.zeros(model.target_count, np.float32)
    for unit, value in units.items():
        weights[model.row[f"unit/{unit}"]] = value
    return model.morph(weights)


def test_regions_lie_where_they_are_on_a_face(chart: HeadChart, maps: SkinMaps) -> None:
    centers = {}
    for region in Region:
        weights = np.clip(maps.regions[region], 0, None)
        centers[region] = ((chart.height * weights).sum() / weights.sum(), (chart.side * weights).sum() / weights.sum())
    order = [Region.FOREHEAD_LINES, Region.LID_CREASE, Region.EYE_BAGS, Region.NOSE, Region.MOUSTACHE, Region.LIPS]
    heights = [centers[region][0] for region in [*order, Region.GOATEE]]
    assert heights == sorted(heights, reverse=True)
    assert centers[Region.CROWS_FEET][1] > centers[Region.SOCKETS][1] > centers[Region.INNER_EYES][1]


def test_darker_skin_is_darker_and_always_reddish(person: Person) -> None:
    shades = [
        np.mean([skin_color(replace(person, melanin=m), np.random.default_rng(seed)) for seed in range(40)], axis=0)
        for m in np.linspace(0, 1, 9)
    ]
    luminance = [shade @ LUMINANCE for shade in shades]
    assert luminance == sorted(luminance, reverse=True)
    assert all(red > green > blue for red, green, blue in shades)
    assert np.abs(np.diff(luminance)).max() < 0.15, "no jump"


def test_the_head_meets_the_neck_in_one_colour(chart: HeadChart, maps: SkinMaps, person: Person) -> None:
    textures = painted(chart, maps, person, bare(person))
    seam = (chart.inside < 0.01) & (chart.height < 6.5) & (chart.position[..., 2] > 0.5)
    assert seam.sum() > 20
    assert np.abs(textures.head[seam].astype(int) - textures.body[0, 0]).max() <= 2


def test_lips_are_redder_than_cheeks(chart: HeadChart, maps: SkinMaps, person: Person) -> None:
    for melanin in (0.05, 0.4):
        own = replace(person, melanin=melanin)
        head = painted(chart, maps, own, bare(own)).head.astype(float)
        lips, chin = head[maps.regions[Region.LIPS] > 0.9].mean(0), head[maps.regions[Region.CHIN] > 0.8].mean(0)
        assert lips[0] / lips[1] > 1.1 * chin[0] / chin[1]


def test_blood_and_roots_of_a_beard_color_a_shaved_face(chart: HeadChart, maps: SkinMaps, person: Person) -> None:
    light = replace(person, melanin=0.1, hair_color=np.full(3, 0.01))
    heads = {
        sex: np.mean([painted(chart, maps, replace(light, sex=sex), bare(light), s).head for s in range(6)], axis=0)
        for sex in ("male", "female")
    }

    def mean(sex: str, region: Region) -> np.ndarray:
        return heads[sex][maps.regions[region] > 0.6].mean(0)

    cheek, forehead = mean("female", Region.CHEEKS), mean("female", Region.FOREHEAD)
    assert cheek[0] / cheek[1] > 1.04 * forehead[0] / forehead[1]
    shaved, smooth = mean("male", Region.BEARD), mean("female", Region.BEARD)
    assert shaved.mean() < 0.96 * smooth.mean()
    assert shaved[0] / shaved[2] < smooth[0] / smooth[2], "greyer, too"


def test_skin_is_uneven_without_seams(chart: HeadChart, maps: SkinMaps, person: Person) -> None:
    for field in maps.noise[[Noise.PATCHES, Noise.BLOTCHES]]:
        for across in (field, field.T):
            inner = np.abs(np.diff(across, axis=0)).mean(1)
            assert np.abs(across[0] - across[-1]).mean() < 1.5 * inner.max()
    textures = painted(chart, maps, person, bare(person))
    cut = (chart.azimuth > 3.13) & (chart.height < 7.2)
    assert cut.any()
    assert maps.inside[cut].max() < 0.05
    cheek = chart.near((0.40, 6.93, 1.28), (0.15, 0.12, 0.2)) > 0.5
    assert np.std(textures.head[cheek].astype(float), axis=0).min() > 3, "of 255"


def test_lids_have_creases_and_few_asian_ones_deep(
    model: HeadModel, chart: HeadChart, maps: SkinMaps, person: Person
) -> None:
    depths = {}
    for row, ancestry in enumerate(("african", "asian", "caucasian")):
        own = replace(person, ancestry=np.eye(3)[row], weights=person.neutral)
        drawn = [face_lines(model, own, np.random.default_rng(seed)) for seed in range(60)]
        creases = np.array([lines.depth[list(CREASE_HEIGHTS)] for lines in drawn])
        assert ((creases > 0).sum(1) == 1).all()
        depths[ancestry] = creases.sum(1)
    assert np.mean(depths["asian"] < 0.2) > 0.25
    assert min(depths["african"].min(), depths["caucasian"].min()) > 0.4
    for crease in CREASE_HEIGHTS:
        creased = UNLINED.depth.copy()
        creased[crease] = 1.0
        smooth, folded = (
            painted(chart, maps, person, bare(person, Lines(depth))) for depth in (UNLINED.depth, creased)
        )
        line = maps.regions[crease] > 0.5
        assert folded.head[line].mean() < 0.9 * smooth.head[line].mean()
        assert folded.detail[line, 1].mean() < smooth.detail[line, 1].mean() - 10, "levels"


def test_age_deepens_lines(model: HeadModel, chart: HeadChart, maps: SkinMaps, person: Person) -> None:
    line, beside = maps.regions[Region.FOLDS] > 0.3, maps.regions[Region.FOLDS] < -0.08
    contrast = {}
    for age, years in (("child", 9.0), ("young", 33.0), ("middleage", 50.0), ("old", 78.0)):
        own = replace(person, years=years, weights=person.neutral)
        faces = [bare(own, face_lines(model, own, np.random.default_rng(s))) for s in range(4)]
        skins = [painted(chart, maps, own, face, s) for s, face in enumerate(faces)]
        dark = np.mean([skin.head[beside].mean() - skin.head[line].mean() for skin in skins])
        deep = np.mean([skin.detail[beside, 1].mean() - skin.detail[line, 1].mean() for skin in skins])
        contrast[age] = dark, deep
    ages = list(contrast)
    for younger, older in itertools.pairwise(ages):
        assert contrast[younger][0] < contrast[older][0], "darker"
        assert contrast[younger][1] < contrast[older][1], "deeper"


def test_expressions_deepen_the_lines_that_they_make(model: HeadModel, person: Person) -> None:
    def depth(region: Region, years: float, **units: float) -> float:
        weights = person.neutral.copy()
        for unit, value in units.items():
            weights[model.row[f"unit/{unit}"]] = value
        own = replace(person, weights=weights, years=years)
        return float(face_lines(model, own, np.random.default_rng(1)).depth[region])

    smile = {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "cheekSquintLeft": 0.6, "cheekSquintRight": 0.6}
    raised = {"browInnerUp": 0.9, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8}
    for region, units in ((Region.CROWS_FEET, smile), (Region.FOLDS, smile), (Region.FOREHEAD_LINES, raised)):
        assert depth(region, 40, **units) > depth(region, 40) + 0.15
        assert depth(region, 70, **units) > depth(region, 40, **units) > depth(region, 10, **units)
    assert depth(Region.FOREHEAD_LINES, 40, **smile) == depth(Region.FOREHEAD_LINES, 40)


def test_lips_are_glossier_than_skin_and_beards_are_not(chart: HeadChart, maps: SkinMaps, person: Person) -> None:
    plain = painted(chart, maps, person, bare(person))
    wet = painted(chart, maps, person, replace(bare(person), makeup=replace(NO_MAKEUP, lips=1.0, gloss=1.0)))
    lips, chin = maps.regions[Region.LIPS] > 0.9, maps.regions[Region.BEARD] > 0.9
    assert plain.detail[lips, 0].mean() > plain.detail[chin, 0].mean() + 40
    assert wet.detail[lips, 0].mean() > plain.detail[lips, 0].mean() + 20
    np.testing.assert_array_equal(wet.detail[..., 1], plain.detail[..., 1])


def test_beards_have_no_edge(maps: SkinMaps) -> None:
    for region in (Region.BEARD, Region.GOATEE, Region.MOUSTACHE):
        area = maps.regions[region]
        steps = np.maximum(np.abs(np.diff(area, axis=0))[:, :-1], np.abs(np.diff(area, axis=1))[:-1])
        assert steps.max() < 0.65, region


def test_who_wears_makeup_and_beards(person: Person) -> None:
    everyone = [np.random.default_rng(seed) for seed in range(60)]
    woman, boy = replace(person, sex="female"), replace(person, years=9.0)
    assert all(random_beard(own, rng).length == 0 for own in (woman, boy) for rng in everyone)
    assert {random_beard(person, np.random.default_rng(seed)).style for seed in range(200)} == set(CHANCES)
    light = np.array([0.8, 0.6, 0.5])
    assert not any(random_makeup(own, light, rng).any for own in (person, boy) for rng in everyone)
    worn = [random_makeup(woman, light, np.random.default_rng(seed)) for seed in range(60)]
    assert 15 < sum(makeup.any for makeup in worn) < 45
    assert np.std([makeup.lip_color for makeup in worn if makeup.any], 0).max() > 0.08, "not all of one colour"


@pytest.mark.parametrize(("style", "higher"), [("full", 6.95), ("goatee", 6.9), ("moustache", 6.9)])
def test_beards_grow_around_the_mouth(
    model: HeadModel, chart: HeadChart, maps: SkinMaps, person: Person, style: str, higher: float
) -> None:
    beard = next(b for seed in range(400) if (b := random_beard(person, np.random.default_rng(seed))).style == style)
    normals = vertex_normals(model.neutral, model.triangles)
    place = model.to_canonical(expressed(model))
    mesh = BeardGrower(model, chart, maps).grow(beard, model.neutral, normals, place, np.random.default_rng(1))
    local = (mesh.points - place.shift) @ np.linalg.inv(place.linear).T
    assert len(mesh.triangles) > 100
    if style != "full":
        assert local[:, 1].max() < higher
    assert local[:, 2].min() > 0.4, "in front of the ears"
    assert (local[:, 1].min() < 6.5) == (style != "moustache")


def test_a_beard_thins_out_towards_its_border(
    model: HeadModel, chart: HeadChart, maps: SkinMaps, person: Person
) -> None:
    beard = Beard("full", np.zeros(3), 0.2)
    normals, place = vertex_normals(model.neutral, model.triangles), model.to_canonical(expressed(model))
    mesh = BeardGrower(model, chart, maps).grow(beard, model.neutral, normals, place, np.random.default_rng(1))
    local = (mesh.points - place.shift) @ np.linalg.inv(place.linear).T
    roots = slice(0, None, 2 * (LONG_STEPS + 1))
    assert mesh.alpha is not None
    opacity, height, side = mesh.alpha[roots], local[roots, 1], np.abs(local[roots, 0])
    cheek, chin = (side > 0.45) & (height > 6.85), (side < 0.2) & (height < 6.55)
    assert cheek.sum() > 20
    edge = height[cheek] > np.quantile(height[cheek], 0.9)
    assert opacity[cheek][edge].mean() < 0.6 * opacity[chin].mean()
    long = np.linalg.norm(local[2 * LONG_STEPS :: 2 * (LONG_STEPS + 1)] - local[roots], axis=1)
    assert long[cheek][edge].mean() < 0.75 * long[chin].mean()


def test_brows_are_above_the_eyes_and_rise_with_the_skin(model: HeadModel, person: Person) -> None:
    patches, place = BrowPatches(model, DETAIL), model.to_canonical(expressed(model))

    def points(vertices: np.ndarray) -> np.ndarray:
        skin = model.skin(vertices)
        return patches.mesh(skin, vertex_normals(skin, model.triangles), place).points

    still, raised = points(expressed(model)), points(expressed(model, browInnerUp=1))
    eyes = place.points(np.stack([ball.center for ball in model.neutral_eyes]))
    assert still[:, 1].mean() > eyes[:, 1].max() + 0.02
    assert (raised - still)[:, 1].max() > 0.01
    density = patches.paint(person, np.random.default_rng(3))[..., 3].astype(float)
    assert density[:, : density.shape[1] // 20].max() < 80, "nothing between the brows"
    assert density.max() > 150


def test_brows_are_never_lighter_than_the_skin(person: Person) -> None:
    for hair in ([0.6, 0.46, 0.28], [0.012, 0.009, 0.008], [0.28, 0.085, 0.03]):
        color = brow_color(replace(person, hair_color=np.array(hair)), np.array([0.5, 0.35, 0.27]))
        assert color.max() < 0.5**2.2
        np.testing.assert_allclose(np.argsort(color), np.argsort(hair), err_msg="the hue stays")


def test_lashes_follow_the_lids(model: HeadModel) -> None:
    lashes, place = Lashes(model, DETAIL), model.to_canonical(expressed(model))

    def points(vertices: np.ndarray) -> np.ndarray:
        return lashes.mesh(model.skin(vertices), model.eyeballs(vertices), 0.07, place).points

    opened, closed = points(expressed(model)), points(expressed(model, eyeBlinkLeft=1, eyeBlinkRight=1))
    eyes = place.points(np.stack([ball.center for ball in model.neutral_eyes]))
    assert np.linalg.norm(opened[:, None] - eyes[None], axis=2).min(1).max() < 0.12
    assert (opened - closed)[:, 1].max() > 0.01, "upper lashes go down"
    assert (opened[:, 2] > eyes[0, 2]).all(), "in front of the eyeballs' centres"


def test_hairs_are_drawn_where_their_curves_run() -> None:
    curve = np.array([[[4.0, 16.0], [16.0, 16.0], [28.0, 16.0]]])
    alpha = draw_hairs(32, 32, curve, np.array([2.0]))
    assert alpha[14:18, 5:12].max(0).min() > 0.7
    assert alpha[14:18, 5:26].max(0).min() > 0.05
    assert alpha[:10].max() == alpha[22:].max() == 0
    assert alpha[:, 6].sum() > alpha[:, 26].sum(), "thinner towards the tip"
    assert draw_hairs(8, 8, np.zeros((0, 3, 2)), np.zeros(0)).max() == 0


def test_brows_are_as_high_as_peoples_and_have_soft_rims(model: HeadModel, person: Person) -> None:
    patches, heights, rims = BrowPatches(model, 1.5), [], []
    for seed in range(40):
        drawn = patches.paint(replace(person, grayness=0.0), np.random.default_rng(seed)).astype(float) / 255
        profile = drawn[:, 100:130, 3].mean(1)
        heights.append((profile > 0.5 * profile.max()).sum() * MILLIMETERS * (HIGHEST - LOWEST) / len(profile))
        rims.append(np.abs(np.diff(profile)).max() / profile.max())
    assert 6 < np.median(heights) < 11
    assert np.ptp(heights) > 3, "thin and thick ones"
    assert np.median(rims) < 0.3, "no line around them"


def test_half_gray_brows_have_strands_of_many_tones(model: HeadModel, person: Person) -> None:
    def spread(grayness: float) -> float:
        drawn = BrowPatches(model, 1.5).paint(replace(person, grayness=grayness), np.random.default_rng(1))
        return float(drawn[drawn[..., 3] > 100][:, 0].std())

    assert spread(0.5) > 1.5 * spread(0.0) > 0
