"""A view is a value: it refuses nonsense and survives being written down."""

import re

import pytest
from hypothesis import given, strategies as st

from gghead.viewer.state import HeadChoice, Look, Renderer, Show, View, Viewpoint, format_view, parse_view

seeds = st.integers(0, 2**32 - 1)
unit = st.floats(0, 1)
coordinates = st.tuples(*[st.floats(-100, 100)] * 3)
heads = st.builds(
    HeadChoice,
    seed=seeds,
    truncation=st.floats(-2, 2),
    corners=st.one_of(st.just(()), st.tuples(seeds, seeds), st.tuples(seeds, seeds, seeds, seeds)),
    pad=st.tuples(unit, unit),
    coarse=st.none() | seeds,
    fine=st.none() | seeds,
    walk=st.lists(st.floats(-10, 10), max_size=8).map(tuple),
    following=st.booleans(),
)
looks = st.builds(
    Look,
    show=st.sampled_from(list(Show)),
    mesh=st.booleans(),
    size=st.floats(0.01, 10),
    opacity=st.floats(0, 100),
    background=st.tuples(*[st.integers(0, 255)] * 3),
    side=st.integers(16, 2048),
)
viewpoints = st.builds(Viewpoint, eye=coordinates, target=st.just((200.0, 0.0, 0.0)), fov=st.floats(1, 120))


@given(heads, looks, viewpoints, st.sampled_from(list(Renderer)))
def test_a_view_survives_being_written_down(head: HeadChoice, look: Look, viewpoint: Viewpoint, who: Renderer) -> None:
    view = View(head, look, viewpoint, who)
    assert parse_view(format_view(view), who) == view


def test_what_is_usual_is_not_written_down() -> None:
    assert format_view(View()) == ""
    assert format_view(View(HeadChoice(seed=7), Look(show=Show.DEPTH))) == "seed=7 show=depth"


@given(st.text(max_size=40))
def test_wild_text_is_refused_or_read(text: str) -> None:
    try:
        view = parse_view(text)
    except ValueError:
        return
    assert parse_view(format_view(view)) == view


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds=3", "no part of a view"),
        ("seed=-3", "whole number"),
        ("seed=5000000000", "no seed"),
        ("corners=1,2,3", "expected 2, 4, or none"),
        ("show=dept", "expected one of colour, depth"),
        ("mesh=1", "expected yes or no"),
        ("eye=1,2", "expected 3 numbers"),
        ("eye=nan,0,0", "camera is nan"),
        ("eye=0,0,0", "stands at the point"),
        ("side=100000", "side is 100000"),
        ("background=0,0,300", "background is 300"),
    ],
)
def test_refusals_say_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_view(text)


def test_a_browser_draws_only_what_splats_can_show() -> None:
    streamed = {show for show in Show if View(look=Look(show=show), renderer=Renderer.SPLATS).streams}
    assert streamed == {Show.DEPTH, Show.NORMALS, Show.ALPHA, Show.ELLIPSOIDS}
    assert View(renderer=Renderer.EXACT).streams
