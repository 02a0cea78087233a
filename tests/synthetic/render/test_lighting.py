from dataclasses import replace

import numpy as np
import pytest

from gghead.synthetic.anatomy.identities import HAIR_COLORS
from gghead.synthetic.render.environment import environments
from gghead.synthetic.render.lighting import (
    EXPOSURE,
    KIND_CHANCES,
    MAP_PREFIX,
    MOST_DIRECT,
    REAL_CHANCE,
    LightKind,
    _on_face,
    metered,
    random_lighting,
)
from gghead.synthetic.render.tone import tone_map

PLACES = {f"{MAP_PREFIX}{name}" for name in environments()}
FAIR = [4, 5]
"""Rows of the fair colors of hair."""
KINDS = {kind.name.lower() for kind in LightKind}


@pytest.mark.parametrize("seed", range(20))
def test_lights_are_exposed_for_a_face_that_looks_at_the_viewer(seed: int) -> None:
    lighting = random_lighting(np.random.default_rng(seed))
    np.testing.assert_allclose(np.linalg.norm(lighting.directions, axis=1), 1, rtol=1e-6)
    assert len(lighting.directions) == len(lighting.colors) == len(lighting.radii) <= 4
    assert (lighting.colors >= 0).all()
    assert (lighting.reflections >= 0).all()
    assert _on_face(lighting) == pytest.approx(lighting.exposure)
    assert EXPOSURE[0] <= lighting.exposure <= EXPOSURE[1]


def test_light_comes_from_many_places_and_sides_and_in_many_colors() -> None:
    drawn = [random_lighting(np.random.default_rng([1, seed])) for seed in range(400)]
    real = [lighting for lighting in drawn if lighting.kind in PLACES]
    assert len(real) / len(drawn) == pytest.approx(REAL_CHANCE, abs=0.08)
    assert {lighting.kind for lighting in real} == PLACES
    assert {lighting.kind for lighting in drawn} - PLACES == KINDS
    keys = np.stack([lighting.directions[0] for lighting in drawn if len(lighting.directions)])
    assert (keys[:, 0] > 0.3).mean() > 0.2
    assert (keys[:, 0] < -0.3).mean() > 0.2
    assert (keys[:, 2] > 0).mean() > 0.6, "photographers put people into the light"
    face = np.array([[0.0, 0.0, 1.0]])
    warmth = np.array([lighting.on(face)[0, 0] / lighting.on(face)[0, 2] for lighting in drawn])
    assert 1.15 < np.quantile(warmth, 0.98) < 2.5
    assert 0.5 < np.quantile(warmth, 0.02) < 0.9
    assert len(KIND_CHANCES) == len(LightKind)
    assert sum(KIND_CHANCES) == pytest.approx(1)


def test_no_face_is_half_black_in_a_real_place() -> None:
    for seed in range(100):
        lighting = random_lighting(np.random.default_rng([2, seed]))
        if lighting.kind in PLACES:
            normals = np.array([[0.0, 0.1, 1.0], [0.6, 0.1, 0.8], [-0.6, 0.1, 0.8], [0.0, 0.6, 0.8]])
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            direct = (np.maximum(normals @ lighting.directions.T, 0) @ lighting.colors).mean()
            assert direct <= (MOST_DIRECT + 0.05) * lighting.on(normals).mean()


def test_fair_hair_is_not_olive_in_the_shade_of_any_place() -> None:
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(40, 3)) * [1, 0.5, 1]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    hues: dict[str, list[np.ndarray]] = {}
    for seed in range(200):
        lighting = random_lighting(np.random.default_rng([3, seed]))
        shade = replace(lighting, colors=0 * lighting.colors).on(normals)
        red, green, blue = tone_map((0.3 * shade[:, None] * HAIR_COLORS[FAIR]).astype(np.float32)).reshape(-1, 3).T
        least = np.minimum(red, blue)
        hues.setdefault(lighting.kind, []).append(60 * (green - least) / np.maximum(red - least, 1e-3))
    assert {kind: round(hue) for kind, drawn in hues.items() if (hue := np.median(np.concatenate(drawn))) > 40} == {}


def test_dark_skin_is_exposed_longer() -> None:
    lighting = random_lighting(np.random.default_rng(0))
    dark, light = metered(lighting, 1.0), metered(lighting, 0.0)
    assert dark.exposure / light.exposure == pytest.approx(np.sqrt(2))
    face = np.array([[0.0, 0.0, 1.0]])
    np.testing.assert_allclose(dark.on(face) / light.on(face), np.sqrt(2), rtol=1e-9)
