import numpy as np
import pytest

from gghead.synthetic.render.environment import (
    LEVEL_SIDES,
    LEVEL_STARTS,
    TEXELS,
    environments,
    gradient_form,
    gradient_reflections,
    harmonic_basis,
    irradiance_form,
    octahedral_directions,
    turned_directions,
)
from gghead.synthetic.render.lighting import Lighting, hemisphere_lighting
from gghead.synthetic.render.reflectance import environment_at
from gghead.synthetic.render.renderer import _lights
from gghead.synthetic.render.visibility import around
from studies.environment_maps import harmonics, pack, reflections, sphere, split_sources
from tolerances import SAMPLED_LIGHT

NORMALS = around(40)


def shown(ambient: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """What white surfaces show."""
    none = np.zeros((0, 3))
    reflections = np.zeros((TEXELS, 3), np.float32)
    return Lighting("", 0.0, 1.0, none, none, np.zeros(0), ambient, reflections, np.ones(3)).on(normals)


def sky_with_sun() -> np.ndarray:
    """A gradient from the floor to the zenith with one small bright disc."""
    grid = sphere(128)
    image = (0.5 + 0.4 * grid.directions[..., 1:2]) * np.array([0.8, 1.0, 1.3])
    sun = np.array([0.6, 0.5, 0.62])
    image[np.arccos(grid.directions @ (sun / np.linalg.norm(sun))) < 0.05] = 400.0
    return image


def test_irradiance_of_a_constant_map_is_pi_times_its_radiance() -> None:
    radiance = np.array([0.2, 1.0, 3.0])
    form = irradiance_form(harmonics(np.broadcast_to(radiance, (64, 128, 3))))
    np.testing.assert_allclose(
        np.pi * shown(form, NORMALS), np.tile(np.pi * radiance, (40, 1)), **SAMPLED_LIGHT._asdict()
    )


def test_irradiance_is_the_integral_of_cosine_times_radiance() -> None:
    grid = sphere(64)
    coefficients = np.random.default_rng(0).normal(0, 0.3, (9, 3)) + np.eye(9, 3) * 3
    image = (harmonic_basis(grid.directions.reshape(-1, 3)) @ coefficients).reshape(64, 128, 3)
    cosines = np.maximum(NORMALS @ grid.directions.reshape(-1, 3).T, 0) * grid.areas.ravel()
    integral = cosines @ image.reshape(-1, 3) / np.pi
    np.testing.assert_allclose(shown(irradiance_form(harmonics(image)), NORMALS), integral, **SAMPLED_LIGHT._asdict())


def test_a_source_is_taken_out_of_the_map_and_counted_once() -> None:
    image = sky_with_sun()
    rest, sources = split_sources(image)
    assert len(sources.radii) == 1
    assert rest.max() < 5, "no trace of the sun is left"
    grid = sphere(128)
    flux = [(part * grid.areas[..., None]).sum((0, 1)) for part in (image, rest)]
    np.testing.assert_allclose(flux[1] + np.pi * sources.colors[0], flux[0], **SAMPLED_LIGHT._asdict())
    cosines = np.maximum(NORMALS @ grid.directions.reshape(-1, 3).T, 0) * grid.areas.ravel() / np.pi
    lit = np.maximum(NORMALS @ sources.directions.T, 0) @ sources.colors
    np.testing.assert_allclose(
        cosines @ rest.reshape(-1, 3) + lit, cosines @ image.reshape(-1, 3), rtol=0.02, atol=0.02
    )
    assert sources.radii[0] == pytest.approx(0.05, rel=0.2)


def test_a_map_without_a_source_stays_as_it_is() -> None:
    image = np.broadcast_to(np.linspace(0.5, 1, 64)[:, None, None], (64, 128, 3)).copy()
    rest, sources = split_sources(image)
    assert np.array_equal(rest, image)
    assert len(sources.radii) == 0


def test_reflections_of_a_constant_map_are_constant_on_all_levels() -> None:
    levels = reflections(np.full((64, 128, 3), 0.7))
    assert levels.shape == (TEXELS, 3)
    assert tuple(np.cumsum([0, *(side * side for side in LEVEL_SIDES[:-1])])) == LEVEL_STARTS
    np.testing.assert_allclose(levels, 0.7, **SAMPLED_LIGHT._asdict())


def test_the_packaged_maps_are_as_bright_as_one_on_average() -> None:
    known = environments()
    assert len(known) == 18
    for name, place in known.items():
        spread = shown(place.ambient, np.concatenate([NORMALS, -NORMALS])).mean()
        compact = place.sources.colors.mean(1).sum() / 4 if len(place.sources.radii) else 0.0
        assert spread + compact == pytest.approx(1, abs=0.06), name
        np.testing.assert_allclose(np.linalg.norm(place.sources.directions, axis=1), 1, rtol=1e-5)
        assert (place.reflections >= 0).all()


def test_packing_keeps_what_a_map_has() -> None:
    arrays = pack({"sunny": sky_with_sun(), "even": np.ones((64, 128, 3))})
    assert list(arrays["names"]) == ["sunny", "even"]
    assert (arrays["source_radii"] > 0).sum(1).tolist() == [1, 0]
    assert arrays["harmonics"][1, 0].mean() == pytest.approx(np.sqrt(4 * np.pi), rel=1e-3)


def test_lookups_hit_the_texels_that_the_map_was_made_from() -> None:
    even = hemisphere_lighting("", np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), (np.ones(3), np.ones(3)))
    lights = list(_lights(even, np.zeros(3)))
    lights[2] = np.concatenate([octahedral_directions(side) for side in LEVEL_SIDES]).astype(np.float32)
    for direction in around(60):
        seen = np.array(environment_at(tuple(lights), 0, *direction))
        assert seen @ direction / np.linalg.norm(seen) > 0.998


@pytest.mark.parametrize("angle", [0.7, -2.5])
def test_turning_the_light_is_turning_the_head(angle: float) -> None:
    place = environments()["studio"]
    sources = (place.sources.directions, place.sources.colors, place.sources.radii)
    still = Lighting("studio", 0.2, 1.0, *sources, place.ambient, place.reflections, np.ones(3))
    turned, moved = still.turned(angle), turned_directions(NORMALS, angle)
    np.testing.assert_allclose(turned.on(moved), still.on(NORMALS), rtol=1e-9)
    before, after = _lights(still, np.zeros(3)), _lights(turned, np.zeros(3))
    for old, new in zip(NORMALS, moved, strict=True):
        np.testing.assert_allclose(environment_at(after, 1, *new), environment_at(before, 1, *old), rtol=1e-6)


def test_a_gradient_lights_by_its_form_as_by_its_reflections() -> None:
    down, up = np.array([0.4, 0.3, 0.2]), np.array([1.0, 1.1, 1.2])
    form = gradient_form(down, up)
    np.testing.assert_allclose(shown(form, np.array([[0, -1.0, 0], [0, 1, 0]])), [down, up], rtol=1e-9)
    radiance = gradient_reflections(down, up)[: LEVEL_SIDES[0] ** 2]
    directions = octahedral_directions(LEVEL_SIDES[0])
    cosine = np.maximum(directions[:, 1], 0)
    areas = np.abs(directions).sum(1) ** 3  # solid angles of the texels of an octahedral map
    seen = (radiance * (cosine * areas)[:, None]).sum(0) / (cosine * areas).sum()
    np.testing.assert_allclose(seen, up, rtol=0.02)
