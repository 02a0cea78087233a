import os
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes

from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.anatomy.build_assets import build_pack
from gghead.synthetic.anatomy.identities import random_person
from gghead.synthetic.hair.shells import ARCH, ARCH_FOOT, FACE_DEPTH, swept_aside
from gghead.synthetic.parts.mouth import Jaw
from gghead.synthetic.parts.painted_skin import SkinReader
from gghead.synthetic.parts.skin import SKIN
from gghead.synthetic.people.textured_heads import TexturedHeads
from gghead.synthetic.people.textured_looks import SHAVED, Look, random_look
from gghead.synthetic.render.lighting import random_lighting
from gghead.synthetic.render.renderer import Material, View, render
from tiny_assets import write_source

SIDE = 64
PACK_VARIABLE = "GGHEAD_TEST_ASSETS"


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> TexturedHeads:
    """From a pack in miniature, or from the one that GGHEAD_TEST_ASSETS names."""
    if PACK_VARIABLE in os.environ:
        return TexturedHeads(Path(os.environ[PACK_VARIABLE]), SIDE)
    folder = tmp_path_factory.mktemp("textured")
    build_pack(write_source(folder / "source"), folder / "pack")
    return TexturedHeads(folder / "pack", SIDE)


def view_of(heads: TexturedHeads, seed: int, yaw: float = 0.0) -> View:
    rng = np.random.default_rng(seed)
    lighting = random_lighting(rng)
    return render(heads.draw(rng).scene, posed_label(yaw, 0.0), SIDE, lighting, supersampling=2)


@pytest.mark.slow
def test_a_person_follows_from_the_seed(heads: TexturedHeads) -> None:
    first, again, other = view_of(heads, 3), view_of(heads, 3), view_of(heads, 4)
    assert np.array_equal(first.color, again.color)
    assert np.array_equal(first.coverage, again.coverage)
    assert np.abs(first.color - other.color).mean() > 0.02


@pytest.mark.parametrize("yaw", [0.0, 0.7, -1.4, 3.0])
def test_heads_are_whole_from_every_side(heads: TexturedHeads, yaw: float) -> None:
    view = view_of(heads, 1, yaw)
    assert np.isfinite(view.color).all()
    covered = view.coverage[SIDE // 4 : SIDE // 2] > 0.5
    assert covered.mean() > 0.25
    gaps = binary_fill_holes(covered) & ~covered
    assert gaps.sum() <= 3, "no holes in the head but a gap beside a strand of hair"
    present = set(np.unique(view.material)) - {0}
    assert present & {Material.SKIN_HEAD + 1, Material.HAIR + 1}
    assert (Material.EYE + 1 in present) == (abs(yaw) < 1.5)


def test_people_wear_hair_and_clothes_of_the_pack_or_shave(heads: TexturedHeads) -> None:
    drawn = [heads.draw(np.random.default_rng([2, seed])) for seed in range(30)]
    styles = {head.style for head in drawn}
    assert SHAVED in styles
    assert len(styles) > 1
    for head in drawn:
        materials = set(np.unique(head.scene.sheer.materials))
        assert (Material.HAIR in materials) == (head.style != SHAVED)
        assert {Material.BROW, Material.LASH} <= materials
        assert Material.CLOTH in head.scene.solid.materials
    mouths = [Material.TEETH in head.scene.solid.materials for head in drawn]
    assert any(mouths)
    assert not all(mouths), "shut mouths need no teeth"


def test_skin_has_the_colour_of_the_person_whatever_picture_it_is_painted_with(heads: TexturedHeads) -> None:
    chart = heads._chart
    cheek = chart.near((0.40, 6.93, 1.28), (0.15, 0.12, 0.2)) > 0.6
    for seed in range(12):
        rng = np.random.default_rng([3, seed])
        head = heads.draw(rng)
        look = random_look_again(heads, [3, seed])
        if look.makeup.any or look.beard.stubble.max() > 0 or look.freckles > 0:
            continue
        texture = next(s for s in head.scene.surfaces if s.material == Material.SKIN_HEAD).texture[..., :3]
        assert np.abs(np.median(texture[cheek], 0) / 255 - look.color).max() < 0.08
        assert (look.color <= SKIN.max(0) * 1.1).all()


def random_look_again(heads: TexturedHeads, seed: list[int]) -> Look:
    rng = np.random.default_rng(seed)
    return random_look(random_person(heads.model, rng), heads._pack, rng)


def test_painted_light_is_softened_around_the_colour_of_the_face(heads: TexturedHeads) -> None:
    rng = np.random.default_rng(0)
    picture = np.full((448, 240, 4), 255, np.uint8)
    picture[..., :3] = np.clip(120 * np.exp(0.6 * rng.standard_normal((448, 240, 1))), 8, 255)
    skin = SkinReader(heads._chart).read(picture, picture[:64, :64])
    assert np.allclose(skin.color, 120 / 255, atol=0.06)
    assert np.log(skin.head[skin.head > 0] / 120).std() < 0.3


def test_hair_leaves_the_eyes_free(heads: TexturedHeads) -> None:
    rng = np.random.default_rng(5)
    skin = heads.model.neutral
    fringe = np.stack([rng.uniform(-0.7, 0.7, 300), rng.uniform(6.9, 7.9, 300), np.full(300, 1.6)], 1).astype(
        np.float32
    )
    moved = swept_aside(fringe, skin)
    across = np.hypot(moved[:, 0] / ARCH[0], np.maximum(moved[:, 1] - ARCH_FOOT, 0) / ARCH[1])
    assert across.min() > 0.98
    behind = fringe - np.array([0, 0, 1.6 - FACE_DEPTH + 0.1], np.float32)
    assert np.array_equal(swept_aside(behind, skin), behind)


def test_lower_teeth_turn_with_the_jaw(heads: TexturedHeads) -> None:
    model, jaw = heads.model, Jaw(heads.model)
    weights = np.zeros(model.target_count, np.float32)
    neutral = model.morph(weights)
    weights[model.row["unit/jawOpen"]] = 0.8
    teeth = np.array([[0.0, 6.57, 1.42], [0.2, 6.6, 1.1]], np.float32)
    np.testing.assert_allclose(jaw.moved(neutral, neutral, teeth), teeth, atol=1e-6)
    opened = jaw.moved(neutral, model.morph(weights), teeth)
    assert (opened[:, 1] < teeth[:, 1] - 0.08).all()
    assert opened[0, 1] - teeth[0, 1] < opened[1, 1] - teeth[1, 1], "front teeth move more"
    apart = [np.linalg.norm(pair[0] - pair[1]) for pair in (teeth, opened)]
    assert apart[0] == pytest.approx(apart[1], rel=1e-4), "the jaw is rigid"
