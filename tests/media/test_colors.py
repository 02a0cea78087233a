"""Colours as people write them."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from gghead.media.colors import parse_color


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("white", (1, 1, 1)),
        (" Black ", (0, 0, 0)),
        ("#f00", (1, 0, 0)),
        ("#FF0080", (1, 0, 128 / 255)),
        ("skyblue", (135 / 255, 206 / 255, 235 / 255)),
        (0, (0, 0, 0)),
        (0.25, (0.25, 0.25, 0.25)),
        ((0, 0, 0), (0, 0, 0)),
        ([1, 0.5, 0], (1, 0.5, 0)),
        (np.array([1, 0, 0]), (1, 0, 0)),
        (np.float32(1), (1, 1, 1)),
    ],
)
def test_colours(color: object, expected: tuple[float, float, float]) -> None:
    assert parse_color(color) == pytest.approx(expected)


@pytest.mark.parametrize(
    "color",
    [
        "",
        "nocolor",
        "#ff",
        "#ff00800",
        "rgb(300,0,0)",
        255.0,
        -0.1,
        float("nan"),
        None,
        True,
        (0, 0),
        (0, 0, 255),
        (0, 0, 0, 0),
        ("1", "0", "0"),
        (),
        {},
        object(),
    ],
)
def test_what_is_no_colour(color: object) -> None:
    with pytest.raises(ValueError, match="colour"):
        parse_color(color)


@given(st.one_of(st.text(max_size=12), st.lists(st.floats(), max_size=4), st.floats(), st.integers()))
def test_anything_is_a_colour_or_refused(color: object) -> None:
    try:
        values = parse_color(color)
    except ValueError:
        return
    assert all(0 <= value <= 1 for value in values)
