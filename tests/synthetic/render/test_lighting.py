import numpy as np
import pytest

from gghead.synthetic.render.lighting import EXPOSURE, KIND_CHANCES, LightKind, random_lighting


@pytest.mark.parametrize("seed", range(20))
def test_lights_are_exposed_for_a_face_that_looks_at_the_viewer(seed: int) -> None:
    lighting = random_lighting(np.random.default_rng(seed))
    np.testing.assert_allclose(np.linalg.norm(lighting.directions, axis=1), 1, rtol=1e-9)
    assert 1 <= len(lighting.directions) <= 4
    for light in (lighting.colors, lighting.ambient_down, lighting.ambient_up):
        assert (light >= 0).all()
    on_face = (lighting.colors.mean(1) * np.maximum(lighting.directions[:, 2], 0)).sum()
    on_face += (lighting.ambient_down + lighting.ambient_up).mean() / 2
    assert EXPOSURE[0] - 1e-9 <= on_face <= EXPOSURE[1] + 1e-9


def test_light_comes_from_many_sides_and_in_many_colours() -> None:
    drawn = [random_lighting(np.random.default_rng([1, seed])) for seed in range(200)]
    keys = np.stack([lighting.directions[0] for lighting in drawn])
    assert (keys[:, 0] > 0.3).sum() > 40
    assert (keys[:, 0] < -0.3).sum() > 40
    assert (keys[:, 2] > 0).all() or (keys[:, 2] > 0).mean() > 0.9, "the light that casts the shadow is in front"
    warmth = np.array([lighting.colors[0, 0] / lighting.colors[0, 2] for lighting in drawn])
    assert warmth.max() > 1.2
    assert warmth.min() < 0.85
    counts = {len(lighting.directions) for lighting in drawn}
    assert counts == {1, 2, 3}
    assert len(KIND_CHANCES) == len(LightKind)
    assert sum(KIND_CHANCES) == pytest.approx(1)
