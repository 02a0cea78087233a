"""Paths through styles: ends, closure, smoothness."""

import pytest
import torch
from hypothesis import given, strategies as st

from gghead.inference.paths import interpolate, loop


def test_a_line_starts_and_ends_where_it_should_and_is_even() -> None:
    start, end = torch.randn(5, 3), torch.randn(5, 3)
    path = interpolate(start, end, frames=7)
    torch.testing.assert_close(path[0], start)
    torch.testing.assert_close(path[-1], end)
    torch.testing.assert_close(path[3], (start + end) / 2)


@given(keys=st.integers(2, 6), per_key=st.integers(1, 9))
def test_a_loop_passes_its_keys_and_closes(keys: int, per_key: int) -> None:
    styles = torch.randn(keys, 2, 4, generator=torch.Generator().manual_seed(keys))
    path = loop(styles, frames=keys * per_key)
    torch.testing.assert_close(path[::per_key], styles, rtol=1e-5, atol=1e-5)


def test_a_loop_is_smooth_over_its_end() -> None:
    path = loop(torch.randn(4, 1, 2, generator=torch.Generator().manual_seed(0)), frames=400)
    steps = path.roll(-1, dims=0) - path
    bends = (steps - steps.roll(1, dims=0)).abs().amax(dim=(1, 2))
    assert float(bends[[0, 399]].max()) < 3 * float(bends.median()) + 1e-3


@pytest.mark.usefixtures("unchecked_shapes")
def test_paths_that_can_not_be_are_refused() -> None:
    style = torch.zeros(1, 1)
    for frames in (0, 1, 2.5, True, "3"):
        with pytest.raises(ValueError, match=r"the number of frames is .* expected a whole number from 2 up"):
            interpolate(style, style, frames)
    with pytest.raises(ValueError, match=r"from \[1, 1\] .*on cpu.* to \[2, 1\] .*expected two styles of one shape"):
        interpolate(style, torch.zeros(2, 1), 3)
    with pytest.raises(ValueError, match="expected at least 2 heads"):
        loop(torch.zeros(1, 1, 1), 4)
    with pytest.raises(ValueError, match="the number of frames is 0"):
        loop(torch.zeros(2, 1, 1), 0)


@pytest.mark.parametrize("style", [None, [0.0], torch.zeros(2, 3).int(), torch.zeros(2, 3, device="meta")])
def test_what_is_no_style_has_no_path(style: object, unchecked_shapes: None) -> None:
    for path in (lambda: loop(style, 4), lambda: interpolate(style, style, 4)):
        with pytest.raises(ValueError, match=r"styles are .*expected a floating-point tensor"):
            path()


def test_paths_keep_the_precision_of_their_styles() -> None:
    for dtype in (torch.float16, torch.float64):
        keys = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
        assert loop(keys, 6).dtype == interpolate(keys[0], keys[1], 6).dtype == dtype
    with pytest.raises(ValueError, match="expected two styles of one shape and type"):
        interpolate(keys[0], keys[1].float(), 6)
