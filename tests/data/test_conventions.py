"""Labels in other conventions: turned into EG3D's, and recognised by what their cameras would see."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gghead.data.conventions import MEANINGS, MIRRORED_WORLDS, Convention, recognize, sees_head
from head_cameras import TO_OTHER_CAMERA, TO_OTHER_WORLD, head_labels, written_as
from tolerances import EXACT_FLOAT64

FLAGS = ("transposed", "pixels", "world-to-camera")


def names(*axes: str | None) -> tuple[str, ...]:
    return tuple(axis for axis in axes if axis)


CONVENTIONS = [
    (*flags, *names(camera, world))
    for flags in [(), *((flag,) for flag in FLAGS), FLAGS]
    for camera, world in product([None, *TO_OTHER_CAMERA], [None, *TO_OTHER_WORLD])
]
RECOGNIZED = [
    words
    for words in CONVENTIONS
    if words and not (set(words) & set(TO_OTHER_CAMERA) - {"opengl"} and set(words) & set(TO_OTHER_WORLD))
    if not ("opengl" in words and set(words) & set(MIRRORED_WORLDS))
]
"""A flipped camera in a turned world is a mirror image of a simpler mistake; labels can't tell the two."""


@pytest.mark.parametrize("words", CONVENTIONS, ids="+".join)
def test_every_convention_is_undone(words: tuple[str, ...]) -> None:
    labels = head_labels(seed=3, count=7)
    converted = Convention.parse("+".join(words)).to_eg3d(written_as(labels, words))
    np.testing.assert_allclose(converted, labels, **EXACT_FLOAT64._asdict())


def test_the_camera_at_rest_in_opengl_by_hand() -> None:
    # Blender's default: identity, looking along -z.
    at_rest = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2.7, 0, 0, 0, 1, 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]
    expected = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]
    assert Convention(("opengl",)).to_eg3d(np.array([at_rest])).tolist() == [expected]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RECOGNIZED), st.integers(0, 10**6), st.floats(0.35, 1.5), st.floats(0.1, 0.43))
def test_every_other_convention_is_recognised(words: tuple[str, ...], seed: int, yaw: float, pitch: float) -> None:
    verdict = recognize(written_as(head_labels(seed, 40, yaw, pitch), words))
    assert verdict.certain
    assert set(words) in [set(convention.words) for convention in verdict.better]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(0, 1.57), st.floats(0, 0.43))
def test_right_labels_are_not_accused(seed: int, count: int, yaw: float, pitch: float) -> None:
    labels = head_labels(seed, count, yaw, pitch)
    assert sees_head(labels).all()
    verdict = recognize(labels)
    assert verdict.fitting == 1
    assert not verdict.better


@pytest.mark.parametrize("seed", range(5))
def test_a_set_seen_from_all_sides_is_not_accused(seed: int) -> None:
    verdict = recognize(head_labels(seed, 200, yaw=np.pi, pitch=0.4))
    assert not verdict.better
    assert not verdict.certain


def test_few_wrong_labels_are_outvoted_and_few_labels_accuse_nobody() -> None:
    labels = head_labels(0, 50)
    labels[:4] = written_as(labels[:4], ("opengl",))
    assert not recognize(labels).better
    half = head_labels(0, 50)
    half[:20] = written_as(half[:20], ("world-to-camera",))
    assert not recognize(half).certain
    assert not recognize(written_as(head_labels(0, 4), ("opengl",))).certain


def test_frontal_cameras_are_no_proof() -> None:
    """Straight from the front a pose is its own inverse."""
    frontal = head_labels(1, 40, yaw=0.03, pitch=0.03)
    assert not recognize(written_as(frontal, ("world-to-camera",))).certain


def test_nonsense_is_no_convention() -> None:
    rng = np.random.default_rng(0)
    for scale in (1.0, 1e300):
        verdict = recognize(rng.normal(size=(30, 25)) * scale)
        assert verdict.fitting == 0
        assert not verdict.better


def test_cameras_of_which_none_sees_a_head_are_wrong_whatever_they_mean() -> None:
    labels = head_labels(2, 30)
    far, corner = labels.copy(), labels.copy()
    far[:, [3, 7, 11]] *= 1000
    corner[:, [18, 21]] = 0
    for wrong in (far, corner):
        assert recognize(wrong).certain
        assert not recognize(wrong).better
        assert not recognize(wrong[:3]).certain
    assert not recognize(np.concatenate([labels[:3], far])).certain


def test_row_vectors_may_come_with_the_intrinsics_of_column_vectors() -> None:
    labels = head_labels(3, 30)
    rows = labels.copy()
    rows[:, :16] = labels[:, :16].reshape(-1, 4, 4).swapaxes(1, 2).reshape(-1, 16)
    assert recognize(rows).better == (Convention(("transposed",)),)
    np.testing.assert_array_equal(Convention(("transposed",)).to_eg3d(rows), labels)


def test_words_are_checked() -> None:
    assert Convention.parse("eg3d").words == ()
    assert Convention.parse("NeRF+z-up").words == ("opengl", "z-up")
    assert Convention.parse("colmap").words == ("world-to-camera",)
    assert str(Convention.parse("opengl+z-up")) == "opengl+z-up"
    assert all(Convention((word,)).describe() == meaning for word, meaning in MEANINGS.items())
    with pytest.raises(ValueError, match="no convention 'openg'; known are eg3d, transposed"):
        Convention.parse("openg")
    with pytest.raises(ValueError, match="opengl and flipped-x contradict"):
        Convention.parse("opengl+flipped-x")
