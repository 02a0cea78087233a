"""A window shows a view whole, wherever its panel is; the view stays what it is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
from gghead.viewer.direction_strips import SIDE, STEPS
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.panels.pad import SIDE as PLATE, corner_in
from gghead.viewer.state import NUM_DIRECTIONS, Viewpoint
from gghead.viewer.viewpoints import PANEL_SHARE, Framing, camera_of, framing_of
from viewer.tiny_models import write_model

HEAD = np.array([[-0.27, 0.1, 0.0], [0.27, 0.1, 0.0], [0.0, 0.33, 0.0], [0.0, -0.25, 0.0]])
"""Ears, crown and chin."""


def seen(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pixels of points in a window."""
    camera = camera_of(framing_of(width, height).frame(Viewpoint()), width, height)
    viewmat = camera.viewmats[0].numpy()
    pixels = (points @ viewmat[:3, :3].T + viewmat[:3, 3]) @ camera.Ks[0].numpy().T
    return pixels[:, :2] / pixels[:, 2:]


@pytest.mark.parametrize(("width", "height"), [(1080, 900), (580, 700), (480, 400), (400, 800), (360, 780)])
def test_the_head_is_in_the_window_and_above_a_phones_panel(width: int, height: int) -> None:
    pixels = seen(HEAD, width, height)
    free = height * (1 - PANEL_SHARE) if width < 0.6 * height else height
    assert (pixels >= 0).all()
    assert (pixels <= [width, free]).all()


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.floats(2, 60), st.integers(300, 2000), st.integers(300, 2000))
def test_a_framed_view_is_found_again(eye: tuple[float, float, float], fov: float, width: int, height: int) -> None:
    view = Viewpoint(eye, (0.0, 5.0, 0.0), fov)
    framing = framing_of(width, height)
    again = framing.unframe(framing.frame(view))
    np.testing.assert_allclose([*again.eye, again.fov], [*eye, fov], atol=1e-6)


def test_wide_windows_show_the_view_as_it_is() -> None:
    assert framing_of(1080, 900) == Framing()
    assert Framing().frame(Viewpoint()) == Viewpoint()


@pytest.mark.parametrize(("width", "height"), [(1600, 900), (1080, 900), (580, 700), (400, 800)])
def test_the_pad_is_in_the_window(width: int, height: int) -> None:
    fov = framing_of(width, height).frame(Viewpoint()).fov
    left, top = corner_in(width, height, fov)
    points = np.array([[left, top, 0.25], [left + PLATE, top - PLATE, 0.25]])
    pixels = seen(points, width, height)
    assert (pixels >= 0).all()
    assert (pixels <= [width, height]).all()


def test_a_strip_shows_what_each_direction_does_and_is_made_once(service: HeadsService, model_file: Path) -> None:
    strips = service.direction_strips(model_file, lambda: False)
    assert [strip.shape for strip in strips] == [(SIDE, SIDE * len(STEPS), 3)] * NUM_DIRECTIONS
    for strip in strips:
        first, middle, last = (strip[:, SIDE * i : SIDE * (i + 1)].astype(int) for i in (0, 2, 4))
        assert np.abs(first - middle).mean() > 0.1
        assert np.abs(last - middle).mean() > 0.1
    assert service.direction_strips(model_file, lambda: True)[0] is strips[0]


def test_strips_are_not_made_for_who_left(service: HeadsService, tmp_path: Path) -> None:
    path = write_model(tmp_path / "other.safetensors", seed=3)
    assert service.direction_strips(path, lambda: True) == []


def test_strips_of_a_head_that_is_forgotten_meanwhile_are_none(service: HeadsService) -> None:
    with pytest.raises(FileNotFoundError, match="is gone"):
        service.direction_strips(Path("photograph"), lambda: False)
    assert service.direction_strips(Path("photograph"), lambda: True) == []
